"""Record forward passes in every execution mode: traces, timings and manifests.

`record` runs, checks, times and traces the modes; `MODES` names them; `Branch`
is one independent part of a forward pass, `Target` a function that makes them;
`profiler` is for one's own loop. torch is imported at first use.
"""

from profiling.branches import Branch
from profiling.modes import MODES
from profiling.own_loop import profiler
from profiling.recorder import record
from profiling.target import Target

__all__ = ["MODES", "Branch", "Target", "profiler", "record"]

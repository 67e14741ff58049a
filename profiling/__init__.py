"""Record forward passes in every execution mode: traces, timings and manifests.

`record` runs, checks, times and traces the modes; `MODES` names them; `Branch`
is one independent part of a forward pass. torch is imported at first use.
"""

from profiling.branches import Branch
from profiling.modes import MODES
from profiling.recorder import record
from profiling.target import Target

__all__ = ["MODES", "Branch", "Target", "record"]

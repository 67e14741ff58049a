"""The execution modes. A new one costs a file here and a line in `MODES`."""

from typing import Final

from profiling.modes.base import Mode, Run
from profiling.modes.bidirectional import Bidirectional
from profiling.modes.compile import Compile
from profiling.modes.compile_reduce_overhead import CompileReduceOverhead
from profiling.modes.cuda_graph import CudaGraph
from profiling.modes.cuda_graph_streams import CudaGraphStreams
from profiling.modes.inference_mode import InferenceMode
from profiling.modes.jit_fork import JitFork
from profiling.modes.no_grad import NoGrad
from profiling.modes.processes import Processes
from profiling.modes.script_fork import ScriptFork
from profiling.modes.sequential import Sequential
from profiling.modes.stacked import Stacked
from profiling.modes.streams import Streams
from profiling.modes.streams_mistaken import StreamsMistaken
from profiling.modes.streams_priority import StreamsPriority
from profiling.modes.threads import Threads
from profiling.modes.vmap import Vmap

__all__ = ["BASELINE", "MODES", "Mode", "Run"]

BASELINE: Final = "sequential"

MODES: dict[str, Mode] = {
    BASELINE: Sequential(),
    "no_grad": NoGrad(),
    "inference_mode": InferenceMode(),
    "threads": Threads(),
    "processes": Processes(),
    "jit_fork": JitFork(),
    "script_fork": ScriptFork(),
    "stacked": Stacked(),
    "vmap": Vmap(),
    "compile": Compile(),
    "compile_reduce_overhead": CompileReduceOverhead(),
    "streams": Streams(),
    "streams_priority": StreamsPriority(),
    "streams_mistaken": StreamsMistaken(),
    "cuda_graph": CudaGraph(),
    "cuda_graph_streams": CudaGraphStreams(),
    "bidirectional": Bidirectional(),
}

"""torch.compile with CUDA graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from profiling._torch import torch
from profiling.errors import UnprovenError
from profiling.modes.compile import Compile
from profiling.modes.cuda_graph import LAUNCHES

if TYPE_CHECKING:
    from collections.abc import Callable

    from profiling.evidence import Evidence


class CompileReduceOverhead(Compile):
    """torch.compile(mode="reduce-overhead"): the compiled kernels replayed as a CUDA graph.

    Expect what compile gives, and less idle time where launching is what the GPU waits for. On
    a CPU the option changes nothing, since it means CUDA graphs alone.
    """

    devices: ClassVar[frozenset[str]] = frozenset({"cuda"})
    proven: ClassVar[frozenset[str]] = frozenset()
    mode: ClassVar[str | None] = "reduce-overhead"
    # Eager, then recorded, then replayed.
    first_steps: ClassVar[int] = 3

    def unavailable(self, device: str) -> str | None:
        """A CPU has no graphs to replay."""
        if device == "cpu":
            return "reduce-overhead means CUDA graphs; on a CPU it is compile"
        return super().unavailable(device)

    def step(self, compiled: Callable[[Any], Any], inputs: Any) -> Any:
        """Say that the outputs of the step before may be overwritten, then run."""
        mark: Any = torch.compiler.cudagraph_mark_step_begin
        mark()
        return compiled(inputs)

    def prove(self, evidence: Evidence) -> str:
        """A graph launched in each step, beside what compile shows."""
        for number, step in enumerate(evidence.step_ranges()):
            names = {event.name for event in evidence.during(step)}
            if not names & LAUNCHES:
                raise UnprovenError(
                    f"step {number} launched no CUDA graph; torch skips them where inputs change, "
                    "or a kernel cannot be captured"
                )
        return f"a CUDA graph replayed in each step; {super().prove(evidence)}"

"""torch.compile."""

from __future__ import annotations

import os
import shutil
import sysconfig
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from profiling._torch import quiet_jit, torch
from profiling.errors import UnprovenError
from profiling.modes.base import Mode, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from profiling.branches import Branch
    from profiling.evidence import Evidence

_REGION = "Torch-Compiled Region"


class Compile(Mode):
    """torch.compile of all branches as one graph: fused kernels, less Python, one thread.

    Expect less work and less idle time; overlap only by what a kernel does inside.
    """

    proven: ClassVar[frozenset[str]] = frozenset({"cpu"})
    # A range inside the graph would break it, or be compiled away.
    branch_ranges: ClassVar[bool] = False
    mode: ClassVar[str | None] = None
    first_steps: ClassVar[int] = 1

    def unavailable(self, device: str) -> str | None:
        """Inductor writes C++ for a CPU and Triton for a GPU."""
        if not torch._dynamo.eval_frame.is_dynamo_supported():  # noqa: SLF001 - torch's own question
            return f"torch {torch.__version__} cannot compile on this Python"
        if device == "cuda":
            return None if torch.utils._triton.has_triton() else "needs Triton, which is missing"  # noqa: SLF001
        compiler = os.environ.get("CXX", "g++")
        if shutil.which(compiler) is None:
            return f"needs a C++ compiler; {compiler} is not on the PATH"
        header = Path(sysconfig.get_path("include"), "Python.h")
        return None if header.is_file() else f"needs Python's headers; {header} is missing"

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:  # noqa: ARG002
        """Compile the whole step. On exit torch forgets all that was compiled.

        Dynamo leaves recurrent modules to eager code unless `allow_rnn` is set; a graph
        break is an error, and the setting is put back once the graph exists.
        """
        targets = [branch.target for branch in branches]
        inputs = [branch.inputs for branch in branches]

        def step(inputs: Sequence[Sequence[Any]]) -> list[Any]:
            return [target(*given) for target, given in zip(targets, inputs, strict=True)]

        compiled = torch.compile(step, fullgraph=True, mode=self.mode)
        try:
            with torch._dynamo.config.patch(allow_rnn=True), quiet_jit():  # noqa: SLF001
                for _ in range(self.first_steps):
                    self.step(compiled, inputs)

            def run() -> Any:
                return self.step(compiled, inputs)

            yield run
        finally:
            torch.compiler.reset()

    def step(self, compiled: Callable[[Any], Any], inputs: Any) -> Any:
        """Run what was compiled."""
        return compiled(inputs)

    def prove(self, evidence: Evidence) -> str:
        """One compiled region per step, always the same, and no operator outside it."""
        regions = set()
        for step in evidence.step_ranges():
            found = [event for event in evidence.during(step) if event.name.startswith(_REGION)]
            if len(found) != 1:
                raise UnprovenError(f"a step ran {len(found)} compiled graphs; expected 1")
            (region,) = found
            outside = [
                operator.name
                for operator in evidence.operators(step)
                if not region.start <= operator.start < region.end
            ]
            if outside:
                raise UnprovenError(f"{outside[0]} ran outside the compiled graph; expected none")
            regions.add(region.name)
        if len(regions) != 1:
            raise UnprovenError(f"the steps ran {len(regions)} different graphs; expected 1")
        return f"1 compiled graph and no graph break in each of {evidence.steps} steps"

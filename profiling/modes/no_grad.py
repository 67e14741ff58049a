"""Without the autograd graph."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from profiling._torch import torch
from profiling.branches import calls
from profiling.errors import UnprovenError
from profiling.modes.base import Mode, Run, prove_one_thread

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from profiling.branches import Branch
    from profiling.evidence import Evidence


class NoGrad(Mode):
    """Sequential under torch.no_grad(): less work per operator, no parallelism.

    Expect a speed-up that is less work alone; overlap stays where it was.
    """

    proven: ClassVar[frozenset[str]] = frozenset({"cpu"})
    no_backward: ClassVar[str | None] = "records no gradients, so that no backward pass can follow"
    needs_grad: ClassVar[str | None] = "gradients are off in every mode; sequential is the same"

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:  # noqa: ARG002
        """Call the branches in order, each step under no_grad."""
        todo = calls(branches, ranges=ranges)
        no_grad = torch.no_grad

        def run() -> list[Any]:
            with no_grad():
                return [call() for call in todo]

        yield run

    def prove(self, evidence: Evidence) -> str:
        """No output knows how it came about."""
        if any(tensor.requires_grad for tensor in evidence.outputs):
            raise UnprovenError("an output carries a grad_fn; expected none under no_grad")
        return f"no output has a grad_fn; {prove_one_thread(evidence)}"

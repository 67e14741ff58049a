"""Without autograd's bookkeeping at all."""

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


class InferenceMode(Mode):
    """Sequential under torch.inference_mode(): no version counters either, no parallelism.

    Expect a little less work than under no_grad, and as little overlap.
    """

    proven: ClassVar[frozenset[str]] = frozenset({"cpu"})
    no_backward: ClassVar[str | None] = "records no gradients, so that no backward pass can follow"

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:  # noqa: ARG002
        """Call the branches in order, each step under inference_mode."""
        todo = calls(branches, ranges=ranges)
        inference_mode = torch.inference_mode

        def run() -> list[Any]:
            with inference_mode():
                return [call() for call in todo]

        yield run

    def prove(self, evidence: Evidence) -> str:
        """Every output is an inference tensor."""
        if not all(tensor.is_inference() for tensor in evidence.outputs):
            raise UnprovenError("an output is no inference tensor; expected all to be")
        return f"all outputs are inference tensors; {prove_one_thread(evidence)}"

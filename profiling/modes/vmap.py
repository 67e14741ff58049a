"""torch.func.vmap over the branches' stacked weights."""

from __future__ import annotations

import copy
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from profiling._torch import torch
from profiling.errors import UnavailableError, UnprovenError
from profiling.evidence import Evidence, read_events
from profiling.modes.base import Mode, OwnWeights, require_two
from profiling.outputs import flatten
from profiling.tracing import Detail, trace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from profiling.branches import Branch
    from profiling.evidence import Event
    from profiling.modes.base import Run

# Taking the outputs apart makes a view per branch, which is no work.
_VIEWS: Final = frozenset({"aten::select", "aten::as_strided", "aten::unsqueeze"})


class Vmap(Mode):
    """torch.func.vmap over stacked weights: each operator runs once for all branches.

    Expect what stacked shows, for any module whose operators have a batching rule: less work
    and fewer launches, on one lane. Branches must be modules of one class and equal shapes. The
    fused recurrent operators (torch.nn.GRU, LSTM, RNN) have no batching rule.
    """

    proven: ClassVar[frozenset[str]] = frozenset({"cpu"})
    branch_ranges: ClassVar[bool] = False

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:  # noqa: ARG002
        """Stack the weights once; inputs are stacked and outputs taken apart in each step."""
        require_two(branches)
        yield _batched(branches)

    def prove(self, evidence: Evidence) -> str:
        """As many operators for the branches as for twice as many: a loop would run more."""
        expected = _operators(_batched([*evidence.branches, *evidence.branches]))
        several = len(evidence.branches)
        for step in evidence.step_ranges():
            count = _count(evidence, step)
            if count != expected:
                raise UnprovenError(
                    f"a step ran {count} operators for {several} branches, and {expected} for "
                    f"{2 * several}; expected as many"
                )
        return (
            f"{expected} operators in each of {evidence.steps} steps for {several} branches, as "
            f"many as for {2 * several}"
        )


def _batched(branches: Sequence[Branch]) -> OwnWeights:
    modules: list[Any] = [branch.target for branch in branches]
    for index, module in enumerate(modules):
        if not isinstance(module, torch.nn.Module):
            raise UnavailableError(
                f"branch {index} is a {type(module).__name__}; vmap needs a torch.nn.Module, "
                "whose weights it can stack"
            )
    inputs = [branch.inputs for branch in branches]
    try:
        weights, buffers = torch.func.stack_module_state(modules)
        skeleton = copy.deepcopy(modules[0]).to("meta")

        def one(weights: Any, buffers: Any, given: Sequence[Tensor]) -> Any:
            return torch.func.functional_call(skeleton, (weights, buffers), tuple(given))

        mapped = torch.func.vmap(one)

        def run() -> list[tuple[Tensor, ...]]:
            together = tuple(torch.stack(each) for each in zip(*inputs, strict=True))
            outputs = flatten(mapped(weights, buffers, together))
            return list(zip(*(output.unbind(0) for output in outputs), strict=True))

        with _no_fallback():
            run()
    except Exception as error:  # what cannot be stacked or batched raises all kinds
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UnavailableError(f"vmap cannot batch the branches: {lines[0]}") from error

    names = [name for name, parameter in modules[0].named_parameters() if parameter.requires_grad]

    def split(gradients: Sequence[Tensor]) -> list[Tensor]:
        return [gradient[index] for index in range(len(branches)) for gradient in gradients]

    return OwnWeights(run, [weights[name] for name in names], split)


@contextmanager
def _no_fallback() -> Iterator[None]:
    """Make an operator without a batching rule an error; vmap would loop over the branches."""
    functorch: Any = torch._C._functorch  # noqa: SLF001 - its only name
    before = functorch._is_vmap_fallback_enabled()  # noqa: SLF001
    functorch._set_vmap_fallback_enabled(False)  # noqa: SLF001
    try:
        yield
    finally:
        functorch._set_vmap_fallback_enabled(before)  # noqa: SLF001


def _operators(run: Run) -> int:
    """How many operators a step runs, views left out, as its own trace counts them."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "step.json.gz")
        trace(run, path, steps=1, device="cpu", detail=Detail())
        alone = Evidence([], [], read_events(path), steps=1)
    (step,) = alone.step_ranges()
    return _count(alone, step)


def _count(evidence: Evidence, step: Event) -> int:
    return sum(operator.name not in _VIEWS for operator in evidence.operators(step))

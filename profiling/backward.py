"""A backward pass after the forward one, and the gradients it has to come to."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from profiling._torch import torch
from profiling.branches import BACKWARD_RANGE
from profiling.errors import UnavailableError
from profiling.modes.base import OwnWeights
from profiling.outputs import flatten, in_float64, reference_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from profiling.branches import Branch
    from profiling.modes.base import Run
    from profiling.outputs import Reference

_SEED: Final = 0


@dataclass(frozen=True)
class Start:
    """Where a backward pass starts.

    Attributes:
        places: which of the flattened outputs, by index: those that have gradients.
        gradients: the gradient of an imagined loss by each of them, of its shape and dtype.
    """

    places: Sequence[int]
    gradients: Sequence[Tensor]


def parameters(targets: Sequence[Any]) -> list[Tensor]:
    """The parameters that have gradients, in order; a target that is no module has none.

    Those that two modules share come twice.
    """
    return [
        parameter
        for target in targets
        if isinstance(target, torch.nn.Module)
        for parameter in target.parameters()
        if parameter.requires_grad
    ]


def start(branches: Sequence[Branch]) -> Start:
    """Run the branches once, and choose a gradient for each output that has one.

    They are random, not ones: the gradient of a sum is 0 behind a softmax or a norm, and then
    nothing would be compared.

    Raises:
        UnavailableError: no output, or no parameter, has gradients.
    """
    outputs = flatten([branch() for branch in branches])
    places = [place for place, output in enumerate(outputs) if output.requires_grad]
    if not places or not parameters([branch.target for branch in branches]):
        raise UnavailableError(
            "no branch has a parameter with gradients, so that no backward pass can be run"
        )
    generator = torch.Generator().manual_seed(_SEED)
    shapes = [outputs[place].shape for place in places]
    made = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    return Start(
        places, [each.to(outputs[place]) for each, place in zip(made, places, strict=True)]
    )


def gradients(outputs: Any, by: Sequence[Tensor], begin: Start) -> list[Tensor]:
    """One backward pass from all outputs: the gradients by some tensors.

    Where a parameter has no part in the outputs there is none, and it is left out.
    """
    tensors = flatten(outputs)
    found: Sequence[Tensor | None] = torch.autograd.grad(
        [tensors[place] for place in begin.places],
        by,
        [
            each.to(tensors[place])
            for place, each in zip(begin.places, begin.gradients, strict=True)
        ],
        allow_unused=True,
    )
    return [gradient for gradient in found if gradient is not None]


def gradient_reference(branches: Sequence[Branch], begin: Start) -> Reference:
    """The gradients in float64, where the branches can be copied to that."""
    exact = in_float64(branches)

    def of(ran: Sequence[Branch]) -> list[Tensor]:
        by = parameters([branch.target for branch in ran])
        return gradients([branch() for branch in ran], by, begin)

    own = of(branches)
    return reference_of(own if exact is None else of(exact), own, exact=exact is not None)


def with_backward(run: Run, branches: Sequence[Branch], begin: Start, *, ranges: bool) -> Run:
    """The step, then one backward pass from all its outputs, on the calling thread.

    So a training step does it whose loss needs every branch. Which thread, stream or kernel
    serves an operator backward is up to autograd: on a CPU the calling thread alone; on a GPU a
    thread of the device, on the stream of the forward operator.

    Args:
        run: the forward pass of a mode.
        branches: whose parameters get gradients.
        begin: what the pass starts from.
        ranges: mark the backward pass in the trace.

    Returns:
        A step that returns the outputs and the gradients.
    """
    own = run if isinstance(run, OwnWeights) else None
    by = own.weights if own else parameters([branch.target for branch in branches])
    record_function = torch.profiler.record_function

    def step() -> list[Any]:
        outputs = run()
        with record_function(BACKWARD_RANGE) if ranges else nullcontext():
            found = gradients(outputs, by, begin)
        return [outputs, own.split(found) if own else found]

    return step

"""What a forward pass returned, against the same pass in float64."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from profiling._torch import torch
from profiling.branches import Branch
from profiling.errors import WrongOutputError

if TYPE_CHECKING:
    from torch import Tensor

# Greatest difference allowed per unit of the reference's magnitude: some thousand
# units in the last place, since each time step of a GRU feeds on the rounding of
# the one before. A wrong weight or a wrong input is far beyond it.
_TOLERANCES = {"float64": 1e-11, "float32": 1e-4, "bfloat16": 6e-2, "float16": 8e-3}


@dataclass(frozen=True)
class Reference:
    """What the branches return when they run one after another in float64.

    Attributes:
        outputs: tensors, in the order in which `flatten` finds them.
        tolerance: greatest absolute difference that rounding explains.
        description: how it was computed.
    """

    outputs: list[Tensor]
    tolerance: float
    description: str


def flatten(output: Any) -> list[Tensor]:
    """The tensors of a nested output, in order.

    Raises:
        WrongOutputError: it holds something else than tensors in tuples, lists
            and dicts.
    """
    if isinstance(output, torch.Tensor):
        return [output]
    if output is None:
        return []
    parts: Iterable[Any]
    if isinstance(output, Mapping):
        parts = output.values()
    elif isinstance(output, (tuple, list)):
        parts = output
    else:
        raise WrongOutputError(
            f"a branch returned a {type(output).__name__}; "
            "expected tensors, or tuples, lists and dicts of tensors"
        )
    return [tensor for part in parts for tensor in flatten(part)]


def compute_reference(branches: Sequence[Branch]) -> Reference:
    """Run every branch once in float64, with the same weights and inputs.

    A target that is no module cannot be copied to float64, and then all branches
    run in the dtype they have.
    """
    exact = in_float64(branches)
    with torch.no_grad():
        own = flatten([branch() for branch in branches])
        outputs = own if exact is None else flatten([branch() for branch in exact])
    return reference_of(outputs, own, exact=exact is not None)


def reference_of(tensors: Sequence[Tensor], own: Sequence[Tensor], *, exact: bool) -> Reference:
    """Make a reference of tensors.

    Args:
        tensors: as they should be.
        own: as the branches compute them in their own dtypes, which say how exactly they can.
        exact: they are float64, whatever the branches are.
    """
    magnitude = max((each.abs().max().item() for each in tensors if each.numel()), default=0)
    return Reference(
        outputs=list(tensors),
        tolerance=max(map(_tolerance, own), default=0.0) * max(1.0, magnitude),
        description="float64 sequential" if exact else "sequential",
    )


def greatest_difference(output: Any, reference: Reference, *, what: str = "outputs") -> float:
    """The greatest absolute difference of any element from the reference.

    Args:
        output: what to compare.
        reference: what with.
        what: what to call it in an error.

    Raises:
        WrongOutputError: number or shapes of the tensors differ, or the difference
            is beyond the tolerance (NaN is beyond any).
    """
    tensors = flatten(output)
    shapes = [tuple(tensor.shape) for tensor in tensors]
    expected = [tuple(tensor.shape) for tensor in reference.outputs]
    if shapes != expected:
        raise WrongOutputError(f"the {what} have shapes {shapes}; expected {expected}")
    greatest = 0.0
    with torch.no_grad():
        for tensor, right in zip(tensors, reference.outputs, strict=True):
            if not tensor.numel():
                continue
            difference = (tensor.double() - right.double()).abs().max().item()
            if not difference <= reference.tolerance:
                raise WrongOutputError(
                    f"the {what} differ by {difference:.3g} from the {reference.description} "
                    f"reference; rounding explains {reference.tolerance:.3g}. Dropout and other "
                    "random parts must be off: call .eval() on the module"
                )
            greatest = max(greatest, difference)
    return greatest


def in_float64(branches: Sequence[Branch]) -> list[Branch] | None:
    """The same branches in float64; None where a target is no module.

    What modules share, their copies share too.
    """
    modules: list[Any] = [branch.target for branch in branches]
    if not all(isinstance(module, torch.nn.Module) for module in modules):
        return None
    return [
        Branch(
            module.double(),
            [each.double() if each.is_floating_point() else each for each in branch.inputs],
        )
        for module, branch in zip(copy.deepcopy(modules), branches, strict=True)
    ]


def _tolerance(tensor: Tensor) -> float:
    return _TOLERANCES.get(str(tensor.dtype).removeprefix("torch."), 0.0)

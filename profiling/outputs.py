"""What a forward pass returned, against the same pass in float64."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from profiling._torch import torch
from profiling.errors import WrongOutputError

if TYPE_CHECKING:
    from torch import Tensor

    from profiling.branches import Branch

# Greatest difference allowed per unit of the reference's magnitude: some thousand
# units in the last place, since each time step of a GRU feeds on the rounding of
# the one before. A wrong weight or a wrong input is far beyond it.
_TOLERANCES = {"float64": 1e-11, "float32": 1e-4, "bfloat16": 6e-2, "float16": 8e-3}
# cuDNN runs float32 GRUs on TF32 units unless told otherwise: 10 bits of mantissa.
_TF32_TOLERANCE = 8e-3


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
    modules = [b.target for b in branches if isinstance(b.target, torch.nn.Module)]
    convertible = len(modules) == len(branches)
    with torch.no_grad():
        own = flatten([branch() for branch in branches])
        outputs = (
            flatten([_in_float64(*pair) for pair in zip(modules, branches, strict=True)])
            if convertible
            else own
        )
    magnitude = max((tensor.abs().max().item() for tensor in outputs if tensor.numel()), default=0)
    return Reference(
        outputs=outputs,
        tolerance=max(map(_tolerance, own), default=0.0) * max(1.0, magnitude),
        description="float64 sequential" if convertible else "sequential",
    )


def greatest_difference(output: Any, reference: Reference) -> float:
    """The greatest absolute difference of any element from the reference.

    Raises:
        WrongOutputError: number or shapes of the tensors differ, or the difference
            is beyond the tolerance (NaN is beyond any).
    """
    tensors = flatten(output)
    shapes = [tuple(tensor.shape) for tensor in tensors]
    expected = [tuple(tensor.shape) for tensor in reference.outputs]
    if shapes != expected:
        raise WrongOutputError(f"the outputs have shapes {shapes}; expected {expected}")
    greatest = 0.0
    with torch.no_grad():
        for tensor, right in zip(tensors, reference.outputs, strict=True):
            if not tensor.numel():
                continue
            difference = (tensor.double() - right.double()).abs().max().item()
            if not difference <= reference.tolerance:
                raise WrongOutputError(
                    f"the outputs differ by {difference:.3g} from the {reference.description} "
                    f"reference; rounding explains {reference.tolerance:.3g}. Dropout and other "
                    "random parts must be off: call .eval() on the module"
                )
            greatest = max(greatest, difference)
    return greatest


def _in_float64(module: torch.nn.Module, branch: Branch) -> Any:
    inputs = [tensor.double() if tensor.is_floating_point() else tensor for tensor in branch.inputs]
    return copy.deepcopy(module).double()(*inputs)


def _tolerance(tensor: Tensor) -> float:
    name = str(tensor.dtype).removeprefix("torch.")
    if name == "float32" and tensor.is_cuda and torch.backends.cudnn.allow_tf32:
        return _TF32_TOLERANCE
    return _TOLERANCES.get(name, 0.0)

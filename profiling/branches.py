"""What is run: independent branches of one forward pass."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from profiling._torch import torch
from profiling.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

STEP_RANGE: Final = "overlap.step"
BRANCH_RANGE: Final = "overlap.branch {index}"
BACKWARD_RANGE: Final = "overlap.backward"

DTYPES: Final = ("float32", "float64", "bfloat16", "float16")


class Branch:
    """One part of a forward pass that depends on no other part.

    Args:
        target: a module, or any callable that returns tensors (one, or nested in
            tuples, lists and dicts).
        inputs: the tensor, or the tensors in order, that it is called with.
    """

    __slots__ = ("inputs", "target")

    def __init__(self, target: Callable[..., Any], inputs: Tensor | Sequence[Tensor]) -> None:
        self.target = target
        self.inputs: tuple[Tensor, ...] = (
            (inputs,) if isinstance(inputs, torch.Tensor) else tuple(inputs)
        )

    def __call__(self) -> Any:
        """Run the branch once and return what its target returns."""
        return self.target(*self.inputs)


def calls(branches: Sequence[Branch], *, ranges: bool) -> list[Callable[[], Any]]:
    """One call without arguments per branch.

    Args:
        branches: what the calls run.
        ranges: mark each call in the trace, on the thread that runs it, as
            `overlap.branch N`. Costs some microseconds; timed runs go without.
    """
    if not ranges:
        return list(branches)
    return [_marked(branch, index) for index, branch in enumerate(branches)]


def _marked(branch: Branch, index: int) -> Callable[[], Any]:
    name = BRANCH_RANGE.format(index=index)
    record_function = torch.profiler.record_function

    def call() -> Any:
        with record_function(name):
            return branch()

    return call


@dataclass(frozen=True)
class Workload:
    """Independent GRUs, each on its own random input.

    Attributes:
        branches: how many GRUs.
        input_size: features of the input.
        hidden_size: features of the hidden state.
        batch: sequences in a batch.
        seq_length: time steps of a sequence.
        layers: stacked layers of a GRU.
        dtype: of weights and inputs, one of `DTYPES`.
        seed: of weights and inputs, which are the same on every device.

    Raises:
        UsageError: a size is below 1, or the dtype is not known.
    """

    branches: int = 2
    input_size: int = 10
    hidden_size: int = 20
    batch: int = 32
    seq_length: int = 5
    layers: int = 1
    dtype: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in {"dtype", "seed"} and value < 1:
                raise UsageError(f"{field.name} is {value}; expected 1 or more")
        if self.dtype not in DTYPES:
            raise UsageError(f"dtype is {self.dtype!r}; expected one of {', '.join(DTYPES)}")

    def build(self, device: str) -> list[Branch]:
        """Make the modules and their inputs.

        The global random state is left as it was.
        """
        dtype = getattr(torch, self.dtype)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            modules = [
                torch.nn.GRU(self.input_size, self.hidden_size, self.layers, batch_first=True)
                for _ in range(self.branches)
            ]
            inputs = [
                torch.randn(self.batch, self.seq_length, self.input_size)
                for _ in range(self.branches)
            ]
        return [
            Branch(module.to(device, dtype), tensor.to(device, dtype))
            for module, tensor in zip(modules, inputs, strict=True)
        ]


PRESETS: Final = {
    "post": Workload(),
    "small": Workload(input_size=64, hidden_size=64, batch=32, seq_length=16),
    "medium": Workload(input_size=256, hidden_size=256, batch=64, seq_length=32),
    "large": Workload(input_size=1024, hidden_size=1024, batch=256, seq_length=64),
    "wide": Workload(branches=16),
}
CUSTOM: Final = "custom"


def preset_name(workload: Workload | None) -> str:
    """The name of the preset that equals the workload, or `custom`."""
    return next((name for name, preset in PRESETS.items() if preset == workload), CUSTOM)

"""Two GRUs as the two directions of one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

from profiling._torch import torch
from profiling.errors import UnavailableError, UnprovenError
from profiling.modes.base import Mode, OwnWeights
from profiling.modes.stacked import equal_grus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor
    from torch.nn import GRU

    from profiling.branches import Branch
    from profiling.evidence import Evidence
    from profiling.modes.base import Run

_CALLS: Final = frozenset({"aten::_cudnn_rnn", "aten::miopen_rnn"})
_NAMES: Final = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


class Bidirectional(Mode):
    """Two GRUs as the directions of one bidirectional GRU: cuDNN runs them side by side.

    Expect one library call for both branches, and inside it kernels of both directions at once,
    on streams of cuDNN's own. The second branch goes in and comes out reversed in time, and as
    the directions share their input, each multiplies the other's part by zeros: twice the work
    in the products with the input. Two GRUs of one layer and equal shapes alone fit.
    """

    devices: ClassVar[frozenset[str]] = frozenset({"cuda"})
    branch_ranges: ClassVar[bool] = False

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:  # noqa: ARG002
        """Make the bidirectional GRU once; the input is put together in each step."""
        yield _joined(branches)

    def prove(self, evidence: Evidence) -> str:
        """One call of the library in each step."""
        streams: set[int | None] = set()
        for step in evidence.step_ranges():
            names = [event.name for event in evidence.operators(step)]
            count = sum(name in _CALLS for name in names)
            if count != 1:
                raise UnprovenError(f"a step called the library {count} times; expected 1")
            streams |= {kernel.stream for kernel in evidence.launched_in(step)}
        return (
            f"1 library call for both branches in each of {evidence.steps} steps; its kernels ran "
            f"on {len(streams)} streams"
        )


def _joined(branches: Sequence[Branch]) -> OwnWeights:
    if len(branches) != 2:
        raise UnavailableError(f"a GRU has 2 directions; got {len(branches)} branches")
    first, second = equal_grus(branches)
    if first.num_layers != 1:
        raise UnavailableError(
            f"the GRUs have {first.num_layers} layers; the second layer of a bidirectional GRU "
            "takes both directions as its input, so that only one layer fits"
        )
    (forth,), (back,) = (branch.inputs for branch in branches)
    time_dim = 1 if first.batch_first else 0
    joined = _join(first, second)
    size, hidden = first.input_size, first.hidden_size

    def run() -> list[tuple[Tensor, Tensor]]:
        sequence, final = joined(torch.cat([forth, back.flip(time_dim)], dim=-1))
        return [
            (sequence[..., :hidden], final[:1]),
            (sequence[..., hidden:].flip(time_dim), final[1:]),
        ]

    def split(gradients: Sequence[Tensor]) -> list[Tensor]:
        """Leave out the gradients of the zeros."""
        forward, reverse = gradients[: len(_NAMES)], gradients[len(_NAMES) :]
        return [forward[0][:, :size], *forward[1:], reverse[0][:, size:], *reverse[1:]]

    weights = [getattr(joined, name + end) for end in ("", "_reverse") for name in _NAMES]
    return OwnWeights(run, weights, split)


def _join(first: GRU, second: GRU) -> GRU:
    """Make a bidirectional GRU.

    It runs `first` forth on the first half of its input's features, `second` back on the other.
    """
    weight: Any = first.weight_ih_l0
    joined: Any = torch.nn.GRU(
        2 * first.input_size,
        first.hidden_size,
        batch_first=first.batch_first,
        bidirectional=True,
        device=weight.device,
        dtype=weight.dtype,
    )
    zeros: Any = torch.zeros_like(weight)
    other: Any = second.weight_ih_l0
    with torch.no_grad():
        for gru, end, parts in (
            (first, "", [weight, zeros]),
            (second, "_reverse", [zeros, other]),
        ):
            getattr(joined, f"weight_ih_l0{end}").copy_(torch.cat(parts, dim=1))
            for name in _NAMES[1:]:
                getattr(joined, name + end).copy_(getattr(gru, name))
    made: GRU = joined.train(first.training).requires_grad_(weight.requires_grad)
    return made

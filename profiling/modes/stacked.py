"""All branches as one batched computation."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from profiling._torch import torch
from profiling.errors import UnavailableError, UnprovenError
from profiling.modes.base import Mode, OwnWeights, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor
    from torch.nn import GRU

    from profiling.branches import Branch
    from profiling.evidence import Evidence

_PRODUCT = "aten::baddbmm"


class Stacked(Mode):
    """All branches as one batched GRU: one bmm does what each branch did by itself.

    Expect a speed-up by less work and fewer launches, on one lane: the parallelism is inside
    the operators. Branches must have equal shapes.
    """

    proven: ClassVar[frozenset[str]] = frozenset({"cpu"})
    branch_ranges: ClassVar[bool] = False

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:  # noqa: ARG002
        """Stack the weights once. Inputs are stacked and outputs taken apart in each step."""
        grus = equal_grus(branches)
        layers = [_Layer.of(grus, number) for number in range(grus[0].num_layers)]
        inputs = [branch.inputs[0] for branch in branches]
        time_dim = 1 if grus[0].batch_first else 0

        def run() -> list[tuple[Tensor, Tensor]]:
            # (branches, time, batch, features): a time step of one branch is contiguous.
            sequence = torch.stack(inputs).transpose(1, 1 + time_dim)
            finals = []
            for layer in layers:
                sequence, final = layer.run(sequence)
                finals.append(final)
            outputs = sequence.transpose(1, 1 + time_dim).unbind(0)
            return list(zip(outputs, torch.stack(finals, dim=1).unbind(0), strict=True))

        yield OwnWeights(
            run, [weight for layer in layers for weight in layer.weights()], _unstacked
        )

    def prove(self, evidence: Evidence) -> str:
        """As many products as one branch alone needs, and no GRU beside them."""
        gru = equal_grus(evidence.branches)[0]
        time_steps = evidence.branches[0].inputs[0].shape[1 if gru.batch_first else 0]
        expected = gru.num_layers * (1 + time_steps)
        for step in evidence.step_ranges():
            names = [event.name for event in evidence.operators(step)]
            products = names.count(_PRODUCT)
            others = {name for name in names if name in {"aten::gru", "aten::addmm", "aten::mm"}}
            if products != expected or others:
                raise UnprovenError(
                    f"a step ran {products} batched products and {sorted(others)}; "
                    f"expected {expected} products for all branches together and no others"
                )
        return (
            f"{expected} batched products in each of {evidence.steps} steps "
            f"for all {len(evidence.branches)} branches together"
        )


@dataclass(frozen=True)
class _Layer:
    """One layer of every branch. H is the hidden size; gates are in torch's order r, z, n.

    Attributes:
        input_weight: (branches, input, 3H).
        hidden_weight: (branches, H, 3H).
        input_bias: (branches, 1, 3H).
        hidden_bias: (branches, 1, 3H).
    """

    input_weight: Tensor
    hidden_weight: Tensor
    input_bias: Tensor
    hidden_bias: Tensor

    @classmethod
    def of(cls, grus: Sequence[GRU], number: int) -> _Layer:
        """Stack the weights of layer `number`."""

        def stack(name: str) -> Tensor:
            weights = [getattr(gru, f"{name}_l{number}") for gru in grus]
            stacked = torch.stack([weight.detach() for weight in weights])
            stacked = stacked.unsqueeze(1) if stacked.dim() == 2 else stacked.transpose(1, 2)
            return stacked.contiguous().requires_grad_(weights[0].requires_grad)

        return cls(stack("weight_ih"), stack("weight_hh"), stack("bias_ih"), stack("bias_hh"))

    def weights(self) -> list[Tensor]:
        """In the order of a GRU's own parameters."""
        return [self.input_weight, self.hidden_weight, self.input_bias, self.hidden_bias]

    def run(self, sequence: Tensor) -> tuple[Tensor, Tensor]:
        """Run (branches, time, batch, features) through the layer.

        Returns:
            The hidden state after each time step, (branches, time, batch, H), and after
            the last, (branches, batch, H).
        """
        count, time_steps, batch, features = sequence.shape
        width = self.hidden_weight.shape[1]
        # No time step waits for another here, so one product serves them all.
        from_input = torch.baddbmm(
            self.input_bias, sequence.reshape(count, -1, features), self.input_weight
        ).view(count, time_steps, batch, 3 * width)
        hidden = sequence.new_zeros(count, batch, width)
        states = []
        for gates in from_input.unbind(1):
            from_hidden = torch.baddbmm(self.hidden_bias, hidden, self.hidden_weight)
            reset, update = torch.sigmoid(
                gates[..., : 2 * width] + from_hidden[..., : 2 * width]
            ).chunk(2, dim=-1)
            new = torch.tanh(gates[..., 2 * width :] + reset * from_hidden[..., 2 * width :])
            hidden = new + update * (hidden - new)
            states.append(hidden)
        return torch.stack(states, dim=1), hidden


def _unstacked(gradients: Sequence[Tensor]) -> list[Tensor]:
    """Gradients of stacked weights as those of each GRU's own: two weights, two biases a layer."""
    return [
        gradient[index].T if place % 4 < 2 else gradient[index].squeeze(0)
        for index in range(gradients[0].shape[0])
        for place, gradient in enumerate(gradients)
    ]


def equal_grus(branches: Sequence[Branch]) -> list[GRU]:
    """The GRUs under the branches.

    Raises:
        UnavailableError: one is no plain GRU, or they differ in shape.
    """
    grus = []
    for index, branch in enumerate(branches):
        gru = branch.target
        if not isinstance(gru, torch.nn.GRU):
            raise UnavailableError(
                f"branch {index} is a {type(gru).__name__}; stacking is written for torch.nn.GRU"
            )
        if gru.bidirectional or not gru.bias or (gru.dropout and gru.training):
            raise UnavailableError(
                f"the GRU of branch {index} is bidirectional, without bias or drops out; "
                "stacking is written for none of these"
            )
        if len(branch.inputs) != 1 or branch.inputs[0].dim() != 3:
            raise UnavailableError(
                f"branch {index} has inputs of {[tuple(t.shape) for t in branch.inputs]}; "
                "stacking takes one of three dimensions"
            )
        grus.append(gru)
    shapes = {
        (gru.hidden_size, gru.num_layers, gru.batch_first, tuple(branch.inputs[0].shape))
        for gru, branch in zip(grus, branches, strict=True)
    }
    if len(shapes) != 1:
        raise UnavailableError("the branches differ in shape; only equal ones can be stacked")
    return grus

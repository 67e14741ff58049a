"""Differences from the float64 reference, against plain loops."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from profiling.branches import Branch, Workload
from profiling.errors import WrongOutputError
from profiling.outputs import compute_reference, flatten, greatest_difference


def test_flatten_keeps_the_order() -> None:
    a, b, c = (torch.tensor([float(n)]) for n in range(3))
    assert flatten([(a, None), {"x": b, "y": [c]}]) == [a, b, c]


def test_reference_is_the_gru_equation_in_float64() -> None:
    (branch,) = Workload(branches=1, input_size=2, hidden_size=3, batch=1, seq_length=4).build(
        "cpu"
    )
    reference = compute_reference([branch])
    weights = {name: value.double() for name, value in branch.target.named_parameters()}  # type: ignore[attr-defined]
    h = torch.zeros(3, dtype=torch.float64)
    states = []
    for x in branch.inputs[0][0].double():
        from_x = weights["weight_ih_l0"] @ x + weights["bias_ih_l0"]
        from_h = weights["weight_hh_l0"] @ h + weights["bias_hh_l0"]
        r = torch.sigmoid(from_x[:3] + from_h[:3])
        z = torch.sigmoid(from_x[3:6] + from_h[3:6])
        n = torch.tanh(from_x[6:] + r * from_h[6:])
        h = (1 - z) * n + z * h
        states.append(h)
    assert reference.description == "float64 sequential"
    torch.testing.assert_close(reference.outputs[0][0], torch.stack(states), atol=1e-14, rtol=0)
    assert reference.outputs[0].dtype == torch.float64
    assert branch.target(branch.inputs[0])[0].dtype == torch.float32


def test_greatest_difference_is_that_of_a_plain_loop() -> None:
    branches = [Branch(nn.Linear(3, 2), torch.randn(4, 3)) for _ in range(2)]
    reference = compute_reference(branches)
    output = [branch().detach() + 1e-6 * torch.randn(4, 2) for branch in branches]
    expected = max(
        abs(float(left) - float(right))
        for tensor, other in zip(output, reference.outputs, strict=True)
        for left, right in zip(tensor.flatten(), other.flatten(), strict=True)
    )
    assert greatest_difference(output, reference) == expected > 1e-7


def test_tolerance_grows_with_the_values() -> None:
    reference = compute_reference([Branch(nn.Identity(), torch.tensor([200.0, -500.0]))])
    assert reference.tolerance == pytest.approx(500 * 1e-4)
    with pytest.raises(WrongOutputError, match=r"differ by 0\.06"):
        greatest_difference([torch.tensor([200.0, -500.06])], reference)


def test_empty_and_integer_outputs_are_compared() -> None:
    branches = [Branch(nn.Identity(), torch.empty(0)), Branch(nn.Identity(), torch.tensor([7]))]
    reference = compute_reference(branches)
    assert greatest_difference([torch.empty(0), torch.tensor([7])], reference) == 0
    with pytest.raises(WrongOutputError, match="differ by 1 "):
        greatest_difference([torch.empty(0), torch.tensor([8])], reference)


def test_the_seed_makes_the_workload_and_leaves_the_random_state() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again, other = (Workload(seed=seed).build("cpu") for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first[0].inputs[0], again[0].inputs[0])
    assert torch.equal(first[1]()[0], again[1]()[0])
    assert not torch.equal(first[0].inputs[0], other[0].inputs[0])
    assert not torch.equal(first[0].inputs[0], first[1].inputs[0])

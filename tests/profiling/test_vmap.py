"""vmap: what it batches, what it says of the rest, and what proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from profiling import MODES, Branch, record
from profiling.branches import Workload
from profiling.errors import UnavailableError, UnprovenError
from profiling.evidence import Event, Evidence

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def perceptrons(count: int = 3) -> list[Branch]:
    torch.manual_seed(0)
    return [
        Branch(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4)), torch.randn(5, 6))
        for _ in range(count)
    ]


def convolutions() -> list[Branch]:
    torch.manual_seed(0)
    return [Branch(nn.Conv2d(2, 3, 3), torch.randn(2, 2, 8, 8)) for _ in range(2)]


@pytest.mark.parametrize("make", [perceptrons, convolutions])
@pytest.mark.parametrize("backward", [False, True])
def test_equal_modules_are_batched(
    make: Callable[[], list[Branch]],
    backward: bool,
    tmp_path: Path,
) -> None:
    recording = record(
        make(),
        ["vmap"],
        tmp_path,
        warmup=1,
        steps=3,
        rounds=2,
        isolate=False,
        device="cpu",
        backward=backward,
    )
    assert recording.failures == {}
    (manifest,) = recording.manifests
    assert ", as many as for" in manifest["proof"]
    gradients = manifest["gradients"]
    assert (gradients is not None) is backward
    if gradients is not None:
        assert 0 < gradients["max_abs_difference"] < gradients["tolerance"]


class Histogram(nn.Module):
    """Its operator has no batching rule; vmap would loop over the branches."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.histc(x, 4)


def other_sizes() -> list[Branch]:
    return [Branch(nn.Linear(3, size), torch.ones(2, 3)) for size in (4, 5)]


def other_kinds() -> list[Branch]:
    return [Branch(module, torch.ones(2, 3)) for module in (nn.Linear(3, 3), nn.Tanh())]


@pytest.mark.parametrize(
    ("branches", "message"),
    [
        (Workload().build("cpu"), "Batching rule not implemented for aten::gru"),
        ([Branch(Histogram(), torch.randn(5)) for _ in range(2)], "aten::histc"),
        (other_sizes(), "vmap cannot batch the branches"),
        (other_kinds(), "vmap cannot batch the branches"),
        ([Branch(torch.tanh, torch.ones(1))] * 2, "branch 0 is a builtin_function_or_method"),
    ],
)
def test_what_cannot_be_batched_is_said(branches: list[Branch], message: str) -> None:
    with (
        pytest.raises(UnavailableError, match=message),
        MODES["vmap"].prepare(branches, "cpu", ranges=False),
    ):
        pass
    # The fall-back, which is for others to use, is as it was.
    functorch: Any = torch._C._functorch
    assert functorch._is_vmap_fallback_enabled()


def test_a_loop_over_the_branches_is_no_proof() -> None:
    step = Event("overlap.step", "user_annotation", (1, 1), 0, 1000)
    linear = Event("aten::linear", "cpu_op", (1, 1), 1, 2)
    evidence = Evidence(perceptrons(), [], [step, *[linear] * 500], steps=1)
    with pytest.raises(
        UnprovenError, match=r"ran 500 operators for 3 branches, and \d+ for 6; exp"
    ):
        MODES["vmap"].prove(evidence)

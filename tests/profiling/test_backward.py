"""A backward pass after the forward one, in each mode that has one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from profiling import MODES, Branch, record
from profiling.backward import gradient_reference, gradients, parameters, start
from profiling.branches import Workload
from profiling.errors import UnavailableError, UnprovenError, UsageError, WrongOutputError
from profiling.manifest import PASSES
from profiling.modes.sequential import Sequential
from tests.profiling.test_modes import Changed

if TYPE_CHECKING:
    from pathlib import Path

    from profiling.recorder import Recording

LONG = Workload(input_size=3, hidden_size=128, batch=128, seq_length=3, layers=2)
WITHOUT = {"no_grad", "inference_mode", "processes"}


def small(modes: list[str] | None, out: Path, branches: Any = LONG, **options: Any) -> Recording:
    return record(
        branches,
        modes,
        out,
        warmup=2,
        steps=3,
        rounds=2,
        isolate=False,
        device="cpu",
        **options,
    )


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return small(None, tmp_path_factory.mktemp("traces"), backward=True)


def test_each_mode_runs_backward_or_says_why_not(recording: Recording) -> None:
    assert recording.failures == {}
    recorded = {manifest["mode"] for manifest in recording.manifests}
    on_cpu = {name for name, mode in MODES.items() if "cpu" in mode.devices} - {"vmap"}
    assert recorded == on_cpu - WITHOUT
    for mode in WITHOUT:
        assert "backward pass" in recording.skipped[mode]


def test_gradients_are_compared_and_written_down(recording: Recording) -> None:
    for manifest in recording.manifests:
        assert manifest["pass"] == PASSES[1]
        found = manifest["gradients"]
        assert found is not None
        assert found["reference"] == "float64 sequential"
        assert 0 < found["max_abs_difference"] < found["tolerance"]
        path = recording.folder / f"cpu-custom-backward-{manifest['mode']}.manifest.json"
        assert json.loads(path.read_text()) == manifest


def test_gradients_are_those_of_plain_calls() -> None:
    """The reference, against `backward()` on a loss by hand, in float64."""
    branches = Workload(hidden_size=3, batch=2, dtype="float64").build("cpu")
    begin = start(branches)
    found = gradient_reference(branches, begin)
    outputs = [tensor for branch in branches for tensor in branch()]
    loss = sum((o * g).sum() for o, g in zip(outputs, begin.gradients, strict=True))
    assert isinstance(loss, torch.Tensor)
    loss.backward()  # type: ignore[no-untyped-call]
    by_hand = [p.grad for branch in branches for p in branch.target.parameters()]  # type: ignore[attr-defined]
    torch.testing.assert_close(found.outputs, by_hand, atol=1e-12, rtol=1e-12)


class Frozen(nn.Module):
    """One parameter has no gradient, one no part in the output; one output is of integers."""

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Parameter(torch.ones(3))
        self.fixed = nn.Parameter(torch.ones(3), requires_grad=False)
        self.idle = nn.Parameter(torch.ones(3))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x * self.used + self.fixed, torch.arange(3)


def test_what_has_no_gradient_is_left_out() -> None:
    branches = [Branch(Frozen(), torch.full((3,), 2.0))]
    begin = start(branches)
    assert list(begin.places) == [0]
    by = parameters([branch.target for branch in branches])
    (found,) = gradients([branches[0]()], by, begin)
    torch.testing.assert_close(found, 2 * begin.gradients[0])


@pytest.mark.parametrize("target", [torch.tanh, nn.Tanh()])
def test_nothing_to_differentiate(target: Any, tmp_path: Path) -> None:
    branches = [Branch(target, torch.ones(2)) for _ in range(2)]
    recording = small(["sequential"], tmp_path, branches, backward=True)
    assert isinstance(recording.failures["sequential"], UnavailableError)
    assert "no branch has a parameter with gradients" in str(recording.failures["sequential"])


def test_a_wrong_gradient_is_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right outputs whose graph leads elsewhere: each tensor is made from itself twice over."""

    def doubled(outputs: list[Any]) -> list[Any]:
        return [[2 * tensor - tensor.detach() for tensor in pair] for pair in outputs]

    monkeypatch.setitem(MODES, "sequential", Changed(doubled))
    recording = small(["sequential"], tmp_path, backward=True)
    assert isinstance(recording.failures["sequential"], WrongOutputError)
    assert "the gradients differ by" in str(recording.failures["sequential"])
    assert not list(tmp_path.glob("*.manifest.json"))


def test_without_gradients_in_every_mode(tmp_path: Path) -> None:
    modes = ["sequential", "no_grad", "inference_mode", "threads", "stacked"]
    recording = small(modes, tmp_path, grad=False)
    assert [m["mode"] for m in recording.manifests] == [
        "sequential",
        "inference_mode",
        "threads",
        "stacked",
    ]
    assert {m["grad"] for m in recording.manifests} == {False}
    assert "sequential is the same" in str(recording.failures["no_grad"])
    assert (tmp_path / "cpu-custom-without_grad-threads.manifest.json").exists()
    assert torch.is_grad_enabled()


def test_a_mode_that_turns_gradients_on_is_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Insists(Sequential):
        def prepare(self, branches: Any, device: str, *, ranges: bool) -> Any:
            def on(branch: Branch) -> Branch:
                return Branch(torch.enable_grad()(branch.target), branch.inputs)

            return super().prepare([on(branch) for branch in branches], device, ranges=ranges)

    monkeypatch.setitem(MODES, "sequential", Insists())
    recording = small(["sequential"], tmp_path, grad=False)
    assert isinstance(recording.failures["sequential"], UnprovenError)
    assert "carries a grad_fn" in str(recording.failures["sequential"])


def test_a_backward_pass_needs_gradients(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a backward pass needs gradients"):
        small(None, tmp_path, grad=False, backward=True)

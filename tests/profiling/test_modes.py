"""What a mode must not get away with."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from profiling import MODES, Branch, record
from profiling.branches import Workload, calls
from profiling.errors import (
    BrokenModeError,
    UnavailableError,
    UnprovenError,
    UsageError,
    WrongOutputError,
)
from profiling.evidence import Event, Evidence
from profiling.modes.sequential import Sequential

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from profiling.modes.base import Mode, Run
    from profiling.recorder import Recording
from profiling.session import LocalSession

TINY = Workload(input_size=3, hidden_size=4, batch=2, seq_length=3, layers=2)


def small(modes: Sequence[str], out: Path, branches: Any) -> Recording:
    return record(branches, modes, out, warmup=3, steps=4, rounds=2, isolate=False, device="cpu")


class Changed(Sequential):
    """Sequential, with something done to each step."""

    def __init__(self, change: Callable[[list[Any]], Any]) -> None:
        self.change = change

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:
        with super().prepare(branches, device, ranges=ranges) as run:
            yield lambda: self.change(run())


def posing_as(claimed: Mode, real: Mode) -> Mode:
    """A mode that claims to be one and runs as another."""

    class Liar(type(claimed)):  # type: ignore[misc]
        branch_ranges = real.branch_ranges

        def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Any:
            return real.prepare(branches, device, ranges=ranges)

    liar: Mode = Liar()
    return liar


@pytest.mark.parametrize(
    ("claimed", "real", "message"),
    [
        ("sequential", "threads", "operators ran on 2 threads"),
        ("no_grad", "sequential", "carries a grad_fn"),
        ("no_grad", "threads", "carries a grad_fn"),
        ("inference_mode", "no_grad", "no inference tensor"),
        ("threads", "sequential", "ran on 1 threads, the calling one among them"),
        ("threads", "jit_fork", "expected 2 started ones"),
        ("jit_fork", "script_fork", "expected the calling thread alone"),
        ("script_fork", "jit_fork", "no step of 10 ran operators on two threads"),
        ("stacked", "sequential", "ran 0 batched products and ['aten::addmm'"),
        ("compile", "sequential", "ran 0 compiled graphs"),
    ],
)
def test_a_mode_that_is_another_is_no_row(
    claimed: str,
    real: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(MODES, claimed, posing_as(MODES[claimed], MODES[real]))
    recording = small([claimed], tmp_path, TINY)
    assert recording.manifests == []
    assert isinstance(recording.failures[claimed], UnprovenError)
    assert message in str(recording.failures[claimed])
    # The journal alone, which says why.
    assert [each.name for each in tmp_path.iterdir()] == ["cpu-custom.run.json"]


def test_a_stack_of_one_branch_at_a_time_is_no_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacked = MODES["stacked"]

    class OneByOne(type(stacked)):  # type: ignore[misc]
        @contextmanager
        def prepare(
            self, branches: Sequence[Branch], device: str, *, ranges: bool
        ) -> Iterator[Run]:
            with (
                stacked.prepare(branches[:1], device, ranges=ranges) as first,
                stacked.prepare(branches[1:], device, ranges=ranges) as second,
            ):
                yield lambda: [*first(), *second()]

    monkeypatch.setitem(MODES, "stacked", OneByOne())
    recording = small(["stacked"], tmp_path, TINY)
    assert "ran 16 batched products" in str(recording.failures["stacked"])
    assert "expected 8" in str(recording.failures["stacked"])


def plus(amount: float) -> Callable[[list[Any]], Any]:
    return lambda outputs: [(sequence + amount, last) for sequence, last in outputs]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (plus(0.01), "the outputs differ by 0.01"),
        (plus(float("nan")), "the outputs differ by nan"),
        (lambda outputs: outputs[:1], "the outputs have shapes"),
        (lambda outputs: outputs[::-1], "the outputs differ by"),
        (lambda _: ["done"], "a branch returned a str"),
    ],
)
def test_a_wrong_output_is_no_row(
    change: Callable[[list[Any]], Any],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(MODES, "no_grad", Changed(change))
    recording = small(["no_grad"], tmp_path, TINY)
    assert isinstance(recording.failures["no_grad"], WrongOutputError)
    assert message in str(recording.failures["no_grad"])
    # The journal alone, which says why.
    assert [each.name for each in tmp_path.iterdir()] == ["cpu-custom.run.json"]


@pytest.mark.parametrize("begun", ["prepare", "sample", "write"])
def test_a_mode_that_breaks_does_not_stop_the_others(
    begun: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = []
    original = getattr(LocalSession, begun)

    def begin(session: LocalSession) -> object:
        if session.name == "no_grad":
            broken.append(session)
        return original(session)

    def breaking(outputs: list[Any]) -> list[Any]:
        if broken:
            raise ZeroDivisionError("no more\nsecond line")
        return outputs

    monkeypatch.setattr(LocalSession, begun, begin)
    monkeypatch.setitem(MODES, "no_grad", Changed(breaking))
    recording = small(["sequential", "no_grad", "jit_fork"], tmp_path, TINY)
    assert [manifest["mode"] for manifest in recording.manifests] == ["sequential", "jit_fork"]
    assert set(recording.failures) == {"no_grad"}
    assert isinstance(recording.failures["no_grad"], BrokenModeError)
    assert str(recording.failures["no_grad"]) == "ZeroDivisionError: no more"


def test_an_unavailable_mode_is_skipped_unless_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Elsewhere(Sequential):
        def unavailable(self, device: str) -> str | None:
            return f"not on a {device}"

    # From the last on: they are put back the other way round, and so in their order.
    for name in [*MODES][:0:-1]:
        monkeypatch.delitem(MODES, name)
    monkeypatch.setitem(MODES, "elsewhere", Elsewhere())
    everything = record(TINY, out=tmp_path, warmup=0, steps=1, rounds=1, isolate=False)
    assert everything.skipped == {"elsewhere": "not on a cpu"}
    assert everything.failures == {}
    asked = small(["elsewhere"], tmp_path, TINY)
    assert asked.skipped == {}
    assert isinstance(asked.failures["elsewhere"], UnavailableError)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
def test_other_dtypes(dtype: str, tmp_path: Path) -> None:
    workload = Workload(input_size=3, hidden_size=4, batch=2, seq_length=3, dtype=dtype)
    recording = small(["sequential", "stacked"], tmp_path, workload)
    assert recording.failures == {}
    tolerance = {"float64": 1e-11, "bfloat16": 6e-2, "float16": 8e-3}[dtype]
    for manifest in recording.manifests:
        assert manifest["outputs"]["tolerance"] == pytest.approx(tolerance, rel=1)
        assert manifest["workload"]["dtype"] == dtype


def test_stacked_takes_time_major_branches(tmp_path: Path) -> None:
    torch.manual_seed(1)
    branches = [Branch(nn.GRU(3, 4, num_layers=2), torch.randn(5, 2, 3)) for _ in range(3)]
    recording = small(["stacked"], tmp_path, branches)
    assert recording.failures == {}
    assert recording.manifests[0]["preset"] == "custom"
    assert recording.manifests[0]["workload"] == {
        "branches": 3,
        "input_size": None,
        "hidden_size": None,
        "batch": None,
        "seq_length": None,
        "layers": None,
        "dtype": None,
        "seed": None,
    }
    assert "12 batched products" in recording.manifests[0]["proof"]


class TwoInputs(nn.Module):
    """Returns a nested output of two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"sum": self.linear(left) + right}


def test_own_branches_of_different_kinds(tmp_path: Path) -> None:
    branches = [
        Branch(nn.GRU(3, 128), torch.randn(20, 64, 3)),
        Branch(TwoInputs(), [torch.randn(4, 3), torch.randn(4, 3)]),
    ]
    recording = small(["sequential", "threads", "script_fork", "stacked"], tmp_path, branches)
    assert [m["mode"] for m in recording.manifests] == ["sequential", "threads", "script_fork"]
    assert isinstance(recording.failures["stacked"], UnavailableError)
    assert str(recording.failures["stacked"]).startswith("branch 1 is a TwoInputs")


def test_plain_functions_are_compared_with_themselves(tmp_path: Path) -> None:
    branches = [Branch(torch.tanh, torch.randn(4)), Branch(lambda x: x * 2, torch.randn(4))]
    recording = small(["sequential", "script_fork"], tmp_path, branches)
    (manifest,) = recording.manifests
    assert manifest["outputs"]["reference"] == "sequential"
    assert "TorchScript needs a torch.nn.Module" in str(recording.failures["script_fork"])


class NotScriptable(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + len({*()})


def test_what_torchscript_cannot_compile_is_said(tmp_path: Path) -> None:
    branches = [Branch(NotScriptable(), torch.randn(4)) for _ in range(2)]
    recording = small(["script_fork"], tmp_path, branches)
    assert isinstance(recording.failures["script_fork"], UnavailableError)
    assert str(recording.failures["script_fork"]).startswith("TorchScript cannot compile a branch")


@pytest.mark.parametrize("mode", ["threads", "script_fork"])
def test_one_branch_has_nothing_to_run_beside(mode: str, tmp_path: Path) -> None:
    recording = small([mode], tmp_path, Workload(branches=1, batch=2, seq_length=2))
    assert "needs 2 or more branches" in str(recording.failures[mode])


def test_dropout_is_named_as_a_cause(tmp_path: Path) -> None:
    branches = [Branch(nn.Dropout(0.5), torch.ones(64))]
    recording = small(["sequential"], tmp_path, branches)
    assert "call .eval()" in str(recording.failures["sequential"])


@pytest.mark.parametrize("bad", [[], "no_grad", ["no_such_mode"]])
def test_unknown_modes(bad: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a list of some of sequential, no_grad"):
        record(TINY, bad, tmp_path)


@pytest.mark.parametrize("bad", [[], [torch.tanh]])
def test_no_branches(bad: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a list of Branch"):
        record(bad, out=tmp_path)


@pytest.mark.parametrize("caller", [torch.no_grad, torch.inference_mode])
def test_gradients_are_on_whatever_the_caller_set(
    caller: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[bool] = set()

    def look(outputs: list[Any]) -> list[Any]:
        seen.update(sequence.requires_grad for sequence, _ in outputs)
        return outputs

    monkeypatch.setitem(MODES, "sequential", Changed(look))
    with caller():
        recording = small(["sequential"], tmp_path, TINY)
        assert not torch.is_grad_enabled()
    assert recording.failures == {}
    assert seen == {True}


def test_a_started_thread_beside_the_calling_one_is_not_a_thread_per_branch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class HalfInline(type(MODES["threads"])):  # type: ignore[misc]
        @contextmanager
        def prepare(
            self, branches: Sequence[Branch], _device: str, *, ranges: bool
        ) -> Iterator[Run]:
            first, second = calls(branches, ranges=ranges)
            with ThreadPoolExecutor(1) as pool:
                yield lambda: [first(), pool.submit(second).result()]

    monkeypatch.setitem(MODES, "threads", HalfInline())
    recording = small(["threads"], tmp_path, TINY)
    assert "ran on 2 threads, the calling one among them" in str(recording.failures["threads"])


def test_a_mode_that_does_not_mark_its_branches_is_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unmarked(Sequential):
        def prepare(self, branches: Sequence[Branch], device: str, **_: bool) -> Any:
            return super().prepare(branches, device, ranges=False)

    monkeypatch.setitem(MODES, "sequential", Unmarked())
    recording = small(["sequential"], tmp_path, TINY)
    assert "expected one range for each of 2 branches" in str(recording.failures["sequential"])


@pytest.mark.parametrize(("attempts", "recorded"), [(1, False), (2, False), (3, True)])
def test_what_is_up_to_the_scheduler_may_be_tried_again(
    attempts: int, recorded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lucky(Sequential):
        tries = 0

        def prove(self, _evidence: Evidence) -> str:
            Lucky.tries += 1
            if Lucky.tries % 3:
                raise UnprovenError("not this time")
            return "at last"

    Lucky.attempts = attempts
    monkeypatch.setitem(MODES, "sequential", Lucky())
    recording = small(["sequential"], tmp_path, TINY)
    assert [manifest["proof"] for manifest in recording.manifests] == ["at last"] * recorded
    assert Lucky.tries == (6 if recorded else attempts)


STEP = Event("overlap.step", "user_annotation", (1, 1), 0, 10)
REGION = Event("Torch-Compiled Region: 0/0", "cpu_op", (1, 1), 1, 8)
OTHER_REGION = Event("Torch-Compiled Region: 0/1", "cpu_op", (1, 1), 21, 28)
NEXT_STEP = Event("overlap.step", "user_annotation", (1, 1), 20, 30)
INSIDE = Event("aten::mm", "cpu_op", (1, 1), 2, 3)
OUTSIDE = Event("aten::gru", "cpu_op", (1, 1), 8, 9)


def test_one_compiled_graph_is_proof() -> None:
    evidence = Evidence([], [], [STEP, REGION, INSIDE], steps=1)
    assert MODES["compile"].prove(evidence).startswith("1 compiled graph and no graph break")


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([STEP, INSIDE], "ran 0 compiled graphs"),
        ([STEP, REGION, REGION], "ran 2 compiled graphs"),
        ([STEP, REGION, INSIDE, OUTSIDE], "aten::gru ran outside the compiled graph"),
        ([STEP, REGION, NEXT_STEP, OTHER_REGION], "the steps ran 2 different graphs"),
    ],
)
def test_a_broken_graph_is_no_proof(events: list[Event], message: str) -> None:
    with pytest.raises(UnprovenError, match=message):
        MODES["compile"].prove(Evidence([], [], events, steps=1))

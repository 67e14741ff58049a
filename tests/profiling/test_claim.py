"""The post's claim, run step by step: what is timed in which order, and what is left of a break."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Any, cast

import pytest
import torch

from profiling import cli, tracing
from profiling.branches import Workload
from profiling.claim import claim, run, tasks, variants
from profiling.claim.table import busy, readings
from profiling.claim.tasks import Describe, Measure, Record
from profiling.claim.variants import NO_GRAD, VARIANTS, WITH_GRAD
from profiling.errors import BrokenModeError, OutputError, UnprovenError, UsageError
from profiling.evidence import read_events
from profiling.files import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from profiling.branches import Branch
    from profiling.claim.manifest import ClaimManifest
    from profiling.claim.tasks import Task

TINY = Workload(input_size=3, hidden_size=4, batch=2, seq_length=3)


def here(task: Task) -> Any:
    """Do a task in this process: quicker than a fresh one."""
    return task.run()


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_fresh", here)


def measured(folder: Path, **options: Any) -> ClaimManifest:
    given: dict[str, Any] = {"processes": 2, "warmup": 1, "rounds": 3, "steps": 2}
    return claim(folder, workload=TINY, device="cpu", **given | options)


@pytest.mark.usefixtures("in_this_process")
def test_every_variant_is_measured_and_both_passes_are_traced(tmp_path: Path) -> None:
    manifest = measured(tmp_path)
    on_disk = json.loads((tmp_path / "cpu-custom-claim.manifest.json").read_text())
    assert on_disk == manifest
    assert manifest["complete"]
    assert manifest["failures"] == []
    assert list(manifest["variants"]) == list(VARIANTS)
    for name, facts in manifest["variants"].items():
        assert sorted(each["process"] for each in facts["runs"]) == [0, 1]
        samples = 3 if name == "repeated" else 1
        for each in facts["runs"]:
            assert len(each["with_grad_ns"]) == len(each["no_grad_ns"]) == samples
    assert {(t["kind"], t["part"], t["process"]) for t in manifest["traces"]} == {
        (kind, part, process)
        for kind in ("cold", "warm")
        for part in (WITH_GRAD, NO_GRAD)
        for process in (0, 1)
    }
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {t["trace"] for t in manifest["traces"]} | {"cpu-custom-claim.manifest.json"}
    for trace in manifest["traces"]:
        assert sha256_of(tmp_path / trace["trace"]) == trace["sha256"]
        steps = [e for e in read_events(tmp_path / trace["trace"]) if e.name == "overlap.step"]
        assert len(steps) == trace["steps"] == (1 if trace["kind"] == "cold" else 2)
        assert ("no output has a grad_fn" in trace["proof"]) == (trace["part"] == NO_GRAD)


class Log(list[str]):
    """What happened, in order."""

    def note(self, word: str) -> Any:
        return lambda *_: self.append(word)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """Stands in for passes, device and clock; each notes when it is used."""
    log = Log()

    @contextmanager
    def passes(*_: object, **__: object) -> Iterator[tuple[Sequence[Branch], dict[str, Any]]]:
        yield [], {WITH_GRAD: log.note("grad"), NO_GRAD: log.note("no")}

    def clock() -> float:
        log.append("clock")
        return float(len(log))

    monkeypatch.setattr(tasks, "_passes", passes)
    monkeypatch.setattr(tasks, "synchronizer", lambda _device: log.note("sync"))
    monkeypatch.setattr(tasks, "_check", lambda *_: None)
    monkeypatch.setattr(time, "time", clock)
    return log


def timing(variant: str) -> Measure:
    return Measure(TINY, "cpu", variant, warmup=2, rounds=1, seed=0)


@pytest.mark.parametrize(
    ("variant", "order"),
    [
        ("as_printed", "clock grad clock clock no clock"),
        ("swapped", "clock no clock clock grad clock"),
        ("synchronized", "sync clock grad sync clock sync clock no sync clock"),
        ("warmed", "grad no grad no sync clock grad clock clock no clock"),
        (
            "warmed_synchronized",
            "grad no grad no sync sync clock grad sync clock sync clock no sync clock",
        ),
    ],
)
def test_the_clock_is_read_in_the_order_of_the_variant(log: Log, variant: str, order: str) -> None:
    samples = timing(variant).run()
    expected = order.split()
    assert log[: len(expected)] == expected
    # What follows is the check, of which nothing is timed.
    assert set(log[len(expected) :]) <= {"grad", "no"}
    assert set(samples.elapsed_ns) == {WITH_GRAD, NO_GRAD}


def test_a_cold_trace_is_of_the_first_call_and_as_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    original = tracing.trace

    def spy(run: Any, path: Path, **options: Any) -> Any:
        calls.append((path.name, options["warmup"], options["synchronized"], options["steps"]))
        return original(run, path, **options)

    monkeypatch.setattr(tasks, "trace", spy)
    paths = {
        (kind, part): tmp_path / f"{kind}-{part}.json.gz"
        for kind in tasks.KINDS
        for part in variants.PASSES
    }
    proofs = Record(TINY, "cpu", warmup=1, steps=2, paths=paths).run()
    assert set(proofs) == set(paths)
    assert calls == [
        ("cold-with_grad.json.gz", 0, False, 1),
        ("cold-no_grad.json.gz", 0, False, 1),
        ("warm-with_grad.json.gz", 3, True, 2),
        ("warm-no_grad.json.gz", 3, True, 2),
    ]


def test_a_clock_that_was_set_back_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 12.0)
    with pytest.raises(BrokenModeError, match=r"time\.time\(\) showed 0 ns for with_grad"):
        timing("as_printed").run()


def test_repeated_passes_take_turns_and_their_samples_are_equally_long() -> None:
    samples = Measure(TINY, "cpu", "repeated", warmup=1, rounds=4, seed=0).run()
    assert len(samples.elapsed_ns[WITH_GRAD]) == len(samples.elapsed_ns[NO_GRAD]) == 4
    assert samples.inner_steps >= 1


def test_a_pass_without_gradients_where_they_belong_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(variants.PASSES, WITH_GRAD, "no_grad")
    with pytest.raises(UnprovenError, match="with_grad: gradients were off"):
        timing("as_printed").run()


def test_what_breaks_is_noted_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking(task: Task) -> Any:
        if isinstance(task, Measure) and task.variant == "swapped" and task.seed == 1:
            raise BrokenModeError("the process of the claim was ended by SIGKILL")
        if isinstance(task, Record):
            next(iter(task.paths.values())).write_bytes(b"half a tra")
            raise UnprovenError("the trace holds 0 steps; expected 1")
        return task.run()

    monkeypatch.setattr(run, "_fresh", breaking)
    manifest = measured(tmp_path)
    assert manifest["complete"]
    assert sorted((f["what"], f["process"], f["reason"]) for f in manifest["failures"]) == [
        ("swapped", 1, "the process of the claim was ended by SIGKILL"),
        ("traces", 0, "the trace holds 0 steps; expected 1"),
        ("traces", 1, "the trace holds 0 steps; expected 1"),
    ]
    assert [each["process"] for each in manifest["variants"]["swapped"]["runs"]] == [0]
    assert manifest["traces"] == []
    assert [path.name for path in tmp_path.iterdir()] == ["cpu-custom-claim.manifest.json"]


@pytest.mark.parametrize("after", [1, 3, 9])
def test_an_interrupted_claim_leaves_complete_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    left = [after]

    def interrupted(task: Task) -> Any:
        if isinstance(task, Record):
            next(iter(task.paths.values())).write_bytes(b"half a tra")
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return task.run()

    monkeypatch.setattr(run, "_fresh", interrupted)
    with pytest.raises(KeyboardInterrupt):
        measured(tmp_path)
    manifests = list(tmp_path.glob("*.manifest.json"))
    if after == 1:
        assert list(tmp_path.iterdir()) == []  # nothing but the machine was looked at
        return
    manifest = json.loads(manifests[0].read_text())
    assert not manifest["complete"]
    runs = sum(len(each["runs"]) for each in manifest["variants"].values())
    assert runs + len(manifest["traces"]) // 4 == after - 1
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {t["trace"] for t in manifest["traces"]} | {manifests[0].name}


def test_a_process_is_fresh_and_its_errors_come_back() -> None:
    samples = run._fresh(timing("as_printed"))
    assert all(value > 0 for (value,) in samples.elapsed_ns.values())
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="finds no GPU here"):
            run._fresh(Describe(TINY, "cuda", None))


def test_each_round_holds_every_variant_and_the_traces_once() -> None:
    plan = run._plan(3)
    names = [*VARIANTS, run.TRACES]
    rounds = [plan[at : at + len(names)] for at in range(0, len(plan), len(names))]
    assert [sorted(p.name for p in each) for each in rounds] == [sorted(names)] * 3
    assert [{p.number for p in each} for each in rounds] == [{0}, {1}, {2}]
    assert len({tuple(p.name for p in each) for each in rounds}) == 3


@pytest.mark.parametrize("wrong", [{"processes": 0}, {"rounds": 0}, {"steps": 0}])
def test_nothing_is_run_where_a_number_makes_no_sense(
    tmp_path: Path, wrong: dict[str, int]
) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(wrong))} is 0"):
        measured(tmp_path / "none", **wrong)
    assert not (tmp_path / "none").exists()


def test_a_folder_that_is_a_file_is_refused_first(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write into"):
        measured(tmp_path / "file")


@pytest.mark.usefixtures("in_this_process")
def test_the_command_prints_what_the_clock_showed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--processes", "1", "--rounds", "2", "--steps", "1", "--device", "cpu"]
    with pytest.raises(SystemExit) as ended:
        cli.main(["claim", *arguments, "--warmup", "1", "--out", str(tmp_path)])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert "post on cpu" in told
    assert f"analyze claim {tmp_path}" in told
    manifest = json.loads((tmp_path / "cpu-post-claim.manifest.json").read_text())
    assert readings(manifest) in told
    row = next(line for line in told.splitlines() if line.startswith("as_printed"))
    (only,) = manifest["variants"]["as_printed"]["runs"]
    ratio = median(only["with_grad_ns"]) / median(only["no_grad_ns"])
    assert f"{ratio:.2f}x" in row.split()


@pytest.mark.parametrize(("others", "said"), [([0.1, 0.5, 0.6], True), ([0.1, 0.1, 2.0], False)])
def test_a_machine_that_is_busy_half_of_the_time_is_said(others: list[float], said: bool) -> None:
    runs = [{"other_cores": each} for each in (*others, None)]
    facts: dict[str, Any] = {
        "variants": {"as_printed": {"runs": runs}},
        "environment": {"cpu_count": 2},
    }
    found = busy(cast("ClaimManifest", facts))
    words = "busy     other programs used 0.5 of 2 cores meanwhile: they disturb the timings"
    assert found == ([words] if said else [])


def test_a_failed_process_is_said_and_is_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaking(task: Task) -> Any:
        if isinstance(task, Describe):
            return task.run()
        raise BrokenModeError("it broke")

    monkeypatch.setattr(run, "_fresh", breaking)
    with pytest.raises(SystemExit) as ended:
        cli.main(["claim", "--processes", "1", "--device", "cpu", "--out", str(tmp_path)])
    assert ended.value.code == 1
    assert "failed   as_printed, process 0: it broke" in capsys.readouterr().out

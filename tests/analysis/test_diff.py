"""Two recordings side by side: what moved is found, and what did not is called noise."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import analysis
from analysis.compose import diff_page as compose_diff_page
from analysis.compose.diff import compose
from analysis.diff import compare
from analysis.diff.changes import FIGURES, LEVEL, verdict
from analysis.diff.matching import match
from analysis.diff.recording import Recording
from analysis.document import Table
from analysis.errors import SelectionError, TraceError
from analysis.render import as_json, html, markdown, schema
from analysis.statistics import rank_test
from tests.builders import (
    annotation,
    cpu_op,
    in_microseconds,
    kernel,
    launch,
    python,
    write_trace,
)
from tests.shared import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from analysis.diff import Change, DeviceDiff, Diff, TraceDiff
    from tests.builders import Event

    Record = Callable[..., Path]
    Compare = Callable[[list[Event], list[Event]], DeviceDiff]

VALIDATOR = Draft202012Validator(schema("compare"))
JITTER = (0, 3, 1, 4, 2, 5)
"""us that the steps of one trace lie apart."""


def steps(
    *,
    jitter: Sequence[int] = JITTER,
    gemm: int = 100,
    pause: int = 0,
    beside: bool = False,
    gemms: int = 1,
) -> list[Event]:
    """Steps of an accelerator, in us: a relu, then gemms; the host pauses in Python before them.

    Args:
        jitter: what each step's relu takes longer.
        gemm: how long each gemm takes.
        pause: how much later the host launches the gemms.
        beside: whether these run on a stream of their own, launched at once.
        gemms: how many.
    """
    events: list[Event] = []
    for step, late in enumerate(jitter):
        t = 10_000 * step
        correlation = 100 * step + 1
        relu = (t + 10, t + 60 + late)
        called = t + 5 if beside else relu[1] + 20 + pause
        events += [
            # It holds all launches, so that the step lasts until its last kernel.
            annotation(f"ProfilerStep#{step}", t, called + 4 * gemms),
            cpu_op("aten::relu", t, t + 4),
            launch(t + 1, t + 3, correlation=correlation),
            kernel("relu", *relu, stream=7, correlation=correlation),
            python("wait", t + 4, called),
        ]
        begin = called + 10
        for i in range(gemms):
            inner = correlation + 1 + i
            events += [
                cpu_op("aten::mm", called + 4 * i, called + 4 * i + 3),
                launch(called + 4 * i, called + 4 * i + 2, correlation=inner),
                kernel("gemm", begin, begin + gemm, stream=8 if beside else 7, correlation=inner),
            ]
            begin += gemm
    return in_microseconds(events)


@pytest.fixture
def diff(tmp_path: Path) -> Callable[[list[Event], list[Event]], DeviceDiff]:
    """Compares two lists of events; they have one device."""

    def found(before: list[Event], after: list[Event]) -> DeviceDiff:
        paths = (write_trace(tmp_path / "a.json", before), write_trace(tmp_path / "b.json", after))
        (pair,) = compare(*paths).pairs
        (device,) = pair.devices
        return device

    return found


def moved(changes: Sequence[Change]) -> dict[str, float]:
    return {each.name: each.change_ns for each in changes if each.verdict == "moved"}


# --- what moved -----------------------------------------------------------------------


def test_a_trace_and_itself(diff: Compare) -> None:
    found = diff(steps(), steps())
    assert found.verdict == "same"
    assert found.factors is not None
    assert found.factors.speed_up == 1
    assert found.speed_up is not None
    assert found.speed_up.value == 1
    for changes in (found.figures, found.states, found.names, found.operators):
        assert changes
        assert {(each.verdict, each.change_ns) for each in changes} == {("same", 0)}


def test_a_slower_kernel_is_found_by_name_by_operator_and_by_state(diff: Compare) -> None:
    found = diff(steps(gemm=100), steps(gemm=150))
    assert found.verdict == "moved"
    assert moved(found.names) == {"gemm": 50_000}
    assert moved(found.operators) == {"aten::mm": 50_000}
    assert moved(found.states) == {"one_nothing_queued": 50_000}
    assert moved(found.figures) == {"wall": 50_000, "work": 50_000, "busy": 50_000}
    # 10 to the relu, 50 + 2.5 for it, 30 to the gemm: 92.5 + 100 and + 150 us.
    assert found.factors is not None
    assert found.factors.less_work == Fraction(1525, 2025)
    assert found.factors.more_overlap == 1
    assert found.factors.speed_up == Fraction(1925, 2425)
    (change,) = (each for each in found.names if each.name == "gemm")
    assert (change.before, change.after) == ((100_000,) * 3, (150_000,) * 3)
    assert (change.before_count, change.after_count) == (1, 1)
    assert change.before_share == pytest.approx(100 / 192.5)
    assert change.after_share == pytest.approx(150 / 242.5)


def test_a_slower_host_is_found_as_idle_time(diff: Compare) -> None:
    found = diff(steps(), steps(pause=80))
    assert moved(found.states) == {"idle_host_python": 80_000}
    assert moved(found.figures) == {"wall": 80_000, "idle": 80_000}
    assert not moved(found.names)
    assert found.less_idle is not None
    assert found.less_idle.value == pytest.approx(192.5 / 272.5)
    assert found.speed_up is not None
    assert found.speed_up.value == pytest.approx(192.5 / 272.5)


def test_a_second_stream_is_found_as_overlap(diff: Compare) -> None:
    found = diff(steps(), steps(beside=True))
    shifts = moved(found.states)
    assert max(shifts, key=shifts.__getitem__) == "overlapped"
    assert found.less_work is not None
    assert found.more_overlap is not None
    assert found.less_work.value == 1
    assert found.more_overlap.value > 1.3
    assert moved(found.figures)["overlap"] > 0


def test_more_of_the_same_kernel(diff: Compare) -> None:
    found = diff(steps(), steps(gemms=3))
    (gemm,) = (each for each in found.names if each.name == "gemm")
    assert (gemm.before_count, gemm.after_count, gemm.change_ns) == (1, 3, 200_000)


def test_a_kernel_of_one_side_alone(diff: Compare) -> None:
    other = [
        dataclasses.replace(each, name="fused") if each.name == "gemm" else each for each in steps()
    ]
    found = diff(steps(), other)
    assert moved(found.names) == {"gemm": -100_000, "fused": 100_000}
    assert found.verdict == "same"


def test_the_spread_of_the_steps_is_noise(diff: Compare) -> None:
    found = diff(steps(jitter=(0, 9, 4, 7, 2, 5)), steps(jitter=(5, 8, 1, 9, 3, 6)))
    assert found.verdict == "noise"
    relu = found.names[0]
    assert (relu.name, relu.verdict) == ("relu", "noise")
    assert relu.change_ns > 0
    assert not moved((*found.figures, *found.states, *found.names, *found.operators))


def test_an_outlier_is_noise(diff: Compare) -> None:
    found = diff(steps(jitter=(1, 2, 3, 4, 5, 6)), steps(jitter=(0, 1, 2, 3, 4, 900)))
    assert found.figure("wall").change_ns > 100_000
    assert found.verdict == "noise"


@pytest.mark.parametrize("count", [1, 4])
def test_few_steps_cannot_tell(diff: Compare, count: int) -> None:
    found = diff(steps(), steps(gemm=500, jitter=JITTER[:count]))
    assert (found.steps_before, found.steps_after) == (len(JITTER), count)
    assert found.verdict == "untold"
    assert found.speed_up is not None
    assert (found.speed_up.low, found.speed_up.high) == (None, None)
    assert not moved(found.names)
    assert found.names[0].name == "gemm"


def test_one_slow_step_does_not_turn_faster_into_slower() -> None:
    before, after = list(range(100, 112)), [*range(80, 91), 100_000]
    assert rank_test(before, after) < LEVEL
    assert verdict(before, after, 1) == "noise"
    assert verdict(before, after[:-1], 1) == "moved"


def test_differences_that_the_clock_cannot_tell_are_noise() -> None:
    before, after = [1000, 1000, 1000, 1000, 1000], [2000, 2000, 2000, 2000, 2000]
    assert verdict(before, after, 1) == "moved"
    assert verdict(before, after, 1000) == "noise"
    assert verdict(before, [3000] * 5, 1000) == "moved"


def test_windows_are_compared_where_no_steps_are_marked(diff: Compare, tmp_path: Path) -> None:
    unmarked = [each for each in steps(gemm=150) if each.category != "user_annotation"]
    found = diff(steps(), unmarked)
    assert (found.steps_before, found.steps_after) == (0, 0)
    assert found.verdict == "untold"
    (pair,) = compare(tmp_path / "a.json", tmp_path / "b.json").pairs
    assert any("no steps are marked after" in note for note in pair.notes)


def test_on_a_cpu_operators_count_without_those_that_they_call(
    diff: Compare, tmp_path: Path
) -> None:
    def trace(inner: int) -> list[Event]:
        events = []
        for step in range(5):
            t = 1_000 * step
            events += [
                annotation("overlap.step", t, t + 300 + inner),
                cpu_op("aten::linear", t, t + 200 + inner),
                cpu_op("aten::addmm", t + 50, t + 150 + inner),
                annotation("overlap.branch 0", t + 160 + inner, t + 190 + inner),
                cpu_op("aten::relu", t + 170 + inner, t + 180 + inner),
            ]
        return in_microseconds(events)

    found = diff(trace(0), trace(40))
    assert moved(found.names) == {"aten::linear": 40_000}
    assert moved(found.operators) == {"aten::addmm": 40_000}
    own = {each.name: each.before.mean for each in found.operators}
    assert own == {"aten::linear": 90_000, "aten::addmm": 100_000, "aten::relu": 10_000}
    assert found.kind == "cpu"


# --- properties -----------------------------------------------------------------------

lengths = st.lists(st.integers(1, 400), min_size=1, max_size=6)
recordings = st.builds(
    steps,
    jitter=lengths,
    gemm=st.integers(1, 300),
    pause=st.integers(0, 200),
    beside=st.booleans(),
    gemms=st.integers(1, 3),
)


@settings(max_examples=25)
@given(recordings, recordings)
def test_factors_multiply_and_swapping_inverts(
    tmp_path_factory: pytest.TempPathFactory, before: list[Event], after: list[Event]
) -> None:
    folder = tmp_path_factory.mktemp("swapped")
    a, b = (
        analysis.load(write_trace(folder / name, events))
        for name, events in (("a.json", before), ("b.json", after))
    )
    (there,) = compare(a, b).pairs[0].devices
    (back,) = compare(b, a).pairs[0].devices
    assert there.factors is not None
    assert back.factors is not None
    walls = [there.figure("wall").before.mean, there.figure("wall").after.mean]
    assert float(there.factors.speed_up) == pytest.approx(walls[0] / walls[1], rel=1e-12)
    parts = (there.less_work, there.more_overlap, there.less_idle)
    values = [part.value for part in parts if part]
    assert there.speed_up is not None
    assert math.prod(values) == pytest.approx(there.speed_up.value, rel=1e-12)
    for name in ("speed_up", "less_work", "more_overlap", "less_idle"):
        assert getattr(there.factors, name) * getattr(back.factors, name) == 1
    for kind in ("figures", "states", "names", "operators"):
        forth = {c.name: (c.change_ns, c.verdict) for c in getattr(there, kind)}
        assert forth == {c.name: (-c.change_ns, c.verdict) for c in getattr(back, kind)}
    # The states, and what is idle or busy, account for all of the wall time's change.
    wall = there.figure("wall").change_ns
    assert sum(each.change_ns for each in there.states) == pytest.approx(wall, abs=1e-3)
    parts_of_wall = there.figure("busy").change_ns + there.figure("idle").change_ns
    assert parts_of_wall == pytest.approx(wall, abs=1e-3)
    # One stream or two, never two activities on one lane: names add up to the work.
    work = there.figure("work").change_ns
    assert sum(each.change_ns for each in there.names) == pytest.approx(work, abs=1e-3)
    assert sum(each.change_ns for each in there.operators) == pytest.approx(work, abs=1e-3)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12))
def test_no_order_of_the_same_values_moves(values: list[int]) -> None:
    assert verdict(values, values[::-1], 1) == "same"


@given(
    st.lists(st.integers(0, 1000), min_size=5, max_size=30),
    st.lists(st.integers(0, 1000), min_size=5, max_size=30),
)
def test_verdicts_know_no_side(before: list[int], after: list[int]) -> None:
    assert verdict(before, after, 1) == verdict(after, before, 1)


def test_one_in_a_hundred_is_said_to_have_moved_by_chance() -> None:
    values = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    verdicts = [
        verdict(chosen, [each for each in values if each not in chosen], 1)
        for chosen in itertools.combinations(values, 5)
    ]
    assert 0 < verdicts.count("moved") / len(verdicts) <= 0.01


# --- which with which -----------------------------------------------------------------

STEP = in_microseconds([annotation("overlap.step", 0, 1_000), cpu_op("aten::mm", 0, 800)])


def test_directories_by_mode(record: Record, tmp_path: Path) -> None:
    for mode in ("sequential", "threads"):
        record(mode, STEP, [1_000_000.0] * 5)
    later = tmp_path / "later"
    later.mkdir()
    for mode in ("threads", "stacked"):
        for file in tmp_path.glob("cpu-post-threads*"):
            (later / file.name.replace("threads", mode)).write_bytes(file.read_bytes())
    manifest = later / "cpu-post-stacked.manifest.json"
    manifest.write_text(manifest.read_text().replace("threads", "stacked"))
    found = compare(tmp_path, later)
    assert [pair.label for pair in found.pairs] == ["threads"]
    (before,), (after,) = found.only_before, found.only_after
    assert before.startswith("sequential: ")
    assert before.endswith("(none there of that mode and rank)")
    assert after.startswith("stacked: ")
    document = markdown.render(compose(found))
    assert "- Only before: sequential: " in document
    assert "- Only after: stacked: " in document


def recording(label: str, rank: int | None = None, path: str = "") -> Recording:
    return Recording(path or f"{label}.json", label, rank, 1, (), None, {}, ())


def test_ranks_tell_files_apart_whose_names_hold_hosts_and_times() -> None:
    before = [recording(f"host_{i}.1", rank=i) for i in range(3)]
    after = [recording(f"other_{i}.2", rank=i) for i in (2, 0)]
    found = match(before, after)
    assert [(a.rank, b.rank) for a, b in found.pairs] == [(2, 2), (0, 0)]
    assert found.only_before == [
        "host_1.1 (rank 1): host_1.1.json (none there of that mode and rank)"
    ]
    assert not found.only_after


def test_what_is_there_twice_is_not_guessed() -> None:
    before = [recording("a", path="1"), recording("a", path="2"), recording("b")]
    found = match(before, [recording("a"), recording("b")])
    assert [(a.label, b.label) for a, b in found.pairs] == [("b", "b")]
    assert len(found.only_before) == 2
    assert found.only_after == ["a: a.json (several there could be its counterpart)"]


def test_one_on_each_side_needs_no_common_name() -> None:
    assert len(match([recording("a")], [recording("b")]).pairs) == 1


def test_nothing_in_common_is_an_error(tmp_path: Path) -> None:
    folders = []
    for names in ("ab", "cd"):
        folder = tmp_path / names
        folder.mkdir()
        for name in names:
            write_trace(folder / f"{name}.json", steps())
        folders.append(folder)
    with pytest.raises(SelectionError, match="No trace of one side belongs") as raised:
        compare(*folders)
    for name in "abcd":
        assert f"{name}.json" in str(raised.value)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for side in ("x", "y"):
        (tmp_path / side).mkdir()
        write_trace(tmp_path / side / "a.json", steps())
    (tmp_path / "y" / "b.json").write_text("<html>")
    found = compare(tmp_path / "x", tmp_path / "y")
    assert [failure.path for failure in found.failures] == [str(tmp_path / "y" / "b.json")]
    with pytest.raises(TraceError):
        compare(tmp_path / "x", tmp_path / "y" / "b.json")


def test_devices_pair_by_id_and_processes_by_order(tmp_path: Path) -> None:
    def trace(name: str, *events: Event) -> Path:
        return write_trace(tmp_path / name, events)

    gpus = [kernel("k", 0, 100, device=i) for i in (0, 1, 3)]
    a = trace("a.json", *gpus)
    b = trace("b.json", gpus[0], gpus[2], kernel("k", 0, 100, device=5))
    (pair,) = compare(a, b).pairs
    assert [(each.before, each.after) for each in pair.devices] == [
        ("0", "0"),
        ("3", "3"),
        ("1", "5"),
    ]
    a = trace("a.json", cpu_op("aten::mm", 0, 9, pid=10), cpu_op("aten::mm", 0, 9, pid=11))
    b = trace("b.json", cpu_op("aten::mm", 0, 9, pid=11))
    (pair,) = compare(a, b).pairs
    assert [(each.before, each.after) for each in pair.devices] == [("10", "11")]
    assert "Before: device 11 has no counterpart" in pair.notes


# --- what else differs ----------------------------------------------------------------


def test_circumstances_are_said_first(record: Record, tmp_path: Path) -> None:
    environment = {"torch": "2.13.0", "cpu_count": 2, "load_average": 0.1, "env": {"OMP": None}}
    before = record("threads", STEP, [2_000_000.0] * 5, name="a", environment=environment)
    environment |= {"torch": "2.14.0", "load_average": 0.9, "env": {"OMP": "1"}}
    after = record(
        "threads",
        STEP,
        [1_000_000.0] * 5,
        name="b",
        run="run-2",
        environment=environment,
        workload={"branches": 4},
    )
    found = compare(before, after)
    (pair,) = found.pairs
    assert [tuple(each) for each in pair.differing] == [
        ("workload: branches", "2", "4"),
        ("torch", "2.13.0", "2.14.0"),
        ("env: OMP", "none", "1"),
    ]
    assert pair.untraced_speed_up is not None
    assert pair.untraced_speed_up.value == 2
    document = compose(found)
    assert [section.title for section in document.summary[:3]] == [
        "What changed",
        "Before comparing",
        "Speed-up and its factors",
    ]


def test_an_accelerator_against_a_cpu(diff: Compare, tmp_path: Path) -> None:
    diff(steps(), [each for each in steps() if each.category in ("cpu_op", "user_annotation")])
    (pair,) = compare(tmp_path / "a.json", tmp_path / "b.json").pairs
    assert ("kind of device", "accelerator", "cpu") in {tuple(each) for each in pair.differing}
    assert any("No manifest" in note for note in pair.notes)


# --- formats --------------------------------------------------------------------------


def examples() -> Diff:
    folder = REPOSITORY / "traces/examples"
    return compare(
        folder / "cpu-post-sequential.pt.trace.json.gz",
        folder / "cpu-post-threads.pt.trace.json.gz",
    )


def test_json_keeps_to_its_schema(tmp_path: Path) -> None:
    found = json.loads(as_json.encode(examples().to_json(), "compare"))
    VALIDATOR.validate(found)
    (pair,) = found["pairs"]
    assert "factors" not in pair["devices"][0]
    assert (pair["label"], len(pair["devices"][0]["figures"])) == ("threads", len(FIGURES))
    # The schema names every key that there is.
    declared = schema("compare")["$defs"]
    assert set(pair) == set(declared["pair"]["properties"])
    assert set(pair["devices"][0]) == set(declared["device"]["properties"])
    assert set(pair["devices"][0]["names"][0]) == set(declared["change"]["properties"])
    empty = write_trace(tmp_path / "e.json", [cpu_op("aten::mm", 0, 0)])
    VALIDATOR.validate(json.loads(as_json.encode(compare(empty, empty).to_json(), "compare")))


def test_the_rest_is_summed_so_that_columns_add_up() -> None:
    found = examples()
    device = found.pairs[0].devices[0]
    (section,) = compose(found, top=3).summary[3:]
    table = section.blocks[-1]
    assert isinstance(table, Table)
    assert len(table.rows) == 4
    assert table.rows[-1][0] == f"({len(device.operators) - 3:,} more)"
    changes = [row[5] for row in table.rows]
    assert sum(each for each in changes if isinstance(each, float)) == pytest.approx(
        sum(each.change_ns for each in device.operators)
    )


def test_the_page_holds_every_name_as_text(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>"
    before = [dataclasses.replace(each, name=name) for each in steps() if each.name == "gemm"]
    found = compare(
        analysis.load(write_trace(tmp_path / "a.json", [*steps(), *before])),
        analysis.load(write_trace(tmp_path / "b.json", steps(gemm=150))),
    )
    shown = html.render(
        msgspec.structs.replace(compose(found), page=compose_diff_page.page(found)),
    )
    assert name not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    for title in ("What changed", "Before comparing", "Speed-up and its factors", "What moved: "):
        assert title in shown


def test_the_page_names_several_traces_by_their_number() -> None:
    whole = compare(REPOSITORY / "traces/examples", REPOSITORY / "traces/examples")
    assert compose_diff_page.page(whole).finding == (
        "8 traces compared: 0 of 8 devices took another time per step."
    )


def test_frames_hold_a_row_per_change() -> None:
    found = examples()
    frame = found.to_frame()
    device = found.pairs[0].devices[0]
    states = frame[frame["kind"] == "states"]
    assert sorted(states["name"]) == sorted(each.name for each in device.states)
    assert states["change_ns"].sum() == pytest.approx(device.figure("wall").change_ns)
    assert set(frame["kind"]) == {"figures", "states", "names", "operators"}


def test_real_contention_is_named() -> None:
    found: TraceDiff = examples().pairs[0]
    (device,) = found.devices
    assert device.less_work is not None
    assert device.more_overlap is not None
    assert device.less_work.value < 0.5
    assert device.more_overlap.value > 1.5
    assert device.operators[0].name == "aten::addmm"
    assert device.states[0].name == "overlapped"

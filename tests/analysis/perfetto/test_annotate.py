"""The annotated file: the original's events untouched, and tracks that say what was measured."""

import gzip
import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import analysis
from analysis.errors import DamagedTraceError, OutputError, SelectionError, TraceError
from analysis.perfetto import Annotated, annotate
from analysis.pipeline import analyze
from analysis.reporting import report
from analysis.trace import Reading
from tests import strategies
from tests.analysis.raw import document, event
from tests.annotated import Process, check, check_figures, launched_by_graphs, parsed, text_of
from tests.builders import (
    Event,
    annotation,
    chrome_trace,
    cpu_op,
    graph_launch,
    kernel,
    launch,
    shifted,
    write_trace,
)
from tests.shared import REPOSITORY, real_traces

Annotate = Callable[[Path], list[Process]]
EXAMPLES = sorted((REPOSITORY / "traces/examples").glob("*.trace.json.gz"))


def annotated(path: Path, target: Path) -> list[Process]:
    """Annotate a trace, and hold what was written against it and against its report."""
    annotate(path, target)
    processes = check(text_of(path), text_of(target))
    (measured,) = report([path], gaps=200).traces
    check_figures(processes, measured.to_json()["devices"])
    return processes


@pytest.mark.parametrize("path", [*EXAMPLES, *real_traces()], ids=lambda path: path.name)
def test_real_traces(tmp_path: Path, path: Path) -> None:
    processes = annotated(path, tmp_path / "out.json")
    text = text_of(path)
    if text.count(b"GraphLaunch"):
        found = Counter(
            (each.name, each.begin, each.end, each.args["stream"])
            for process in processes
            for track in process.of("graph replays")
            for each in track
        )
        assert found == Counter(launched_by_graphs(text))


def test_there_are_replays_in_real_traces() -> None:
    if not real_traces():
        pytest.skip("needs the real traces")
    assert sum(len(list(launched_by_graphs(text_of(path)))) > 10 for path in real_traces()) > 0


@given(
    events=st.one_of(strategies.accelerator_traces(), strategies.cpu_traces()),
    late=st.sampled_from([0, -500_000, 4_398_046_511_104_053]),
)
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_trace(tmp_path: Path, events: list[Event], late: int) -> None:
    path = write_trace(tmp_path / "t.json", shifted(events, late), mixed=True)
    trace = analysis.load(path)
    annotate(path, tmp_path / "out.json")
    processes = check(text_of(path), text_of(tmp_path / "out.json"))
    check_figures(processes, analyze(trace, gaps=1000).to_json()["devices"])


# --- one trace, by hand -----------------------------------------------------------------

BY_HAND = [
    cpu_op("aten::mm", 0, 120),
    launch(10, 20, correlation=1),
    kernel("first", 30, 100, stream=7, correlation=1),
    launch(40, 60, correlation=2),
    kernel("second", 70, 150, stream=9, correlation=2),
    launch(180, 190, correlation=3),
    kernel("third", 200, 240, stream=7, correlation=3),
]


def test_by_hand(tmp_path: Path) -> None:
    (process,) = annotated(write_trace(tmp_path / "t.json", BY_HAND), tmp_path / "out.json")
    assert process.name == "overlap of device 0"
    states = [(each.name, each.begin, each.end) for each in process.tracks["states"]]
    assert states == [
        ("one_nothing_queued", 30, 40),
        ("one_launching", 40, 60),
        ("one_start_latency", 60, 70),
        ("overlapped", 70, 100),
        ("one_nothing_queued", 100, 150),
        ("idle_host_untraced", 150, 180),
        ("idle_launching", 180, 190),
        ("idle_start_latency", 190, 200),
        ("one_nothing_queued", 200, 240),
    ]
    (gap,) = process.tracks["idle gaps"]
    assert (gap.name, gap.begin, gap.end, gap.arrows) == ("idle_host_untraced", 150, 200, [180])
    assert gap.args == {
        "meaning": "idle; the host did nothing that is recorded",
        "duration_ns": 50,
        "states_ns": {"idle_host_untraced": 30, "idle_launching": 10, "idle_start_latency": 10},
        "before": "second",
        "after": "third",
        "launch": "cudaLaunchKernel",
        "others waiting": 0,
    }
    assert process.counters == {
        "lanes running": [(30, 1), (70, 2), (100, 1), (150, 0), (200, 1), (240, 0)],
        # The wait of the first began before the window.
        "launched and not started": [(30, 0), (40, 1), (70, 0), (180, 1), (200, 0), (240, 0)],
        "launched and not started, lane 7": [(30, 0), (180, 1), (200, 0), (240, 0)],
        "launched and not started, lane 9": [(30, 0), (40, 1), (70, 0), (240, 0)],
    }


def test_replays_on_as_few_lanes_as_needed(tmp_path: Path) -> None:
    """Four streams of the recorder, never more than two at once."""
    events = [
        graph_launch(0, 10, correlation=1),
        kernel("a", 20, 40, stream=101, correlation=1),
        kernel("b", 30, 60, stream=102, correlation=1),
        kernel("c", 40, 50, stream=103, correlation=1),
        graph_launch(100, 110, correlation=2),
        kernel("a", 120, 140, stream=104, correlation=2),
        launch(150, 160, correlation=3),
        kernel("of no graph", 170, 180, stream=7, correlation=3),
    ]
    (process,) = annotated(write_trace(tmp_path / "t.json", events), tmp_path / "out.json")
    lanes = [
        [(each.name, each.args["stream"], each.args["replay"]) for each in track]
        for track in process.of("graph replays")
    ]
    assert lanes == [[("a", "101", 1), ("c", "103", 1), ("a", "104", 2)], [("b", "102", 1)]]


def test_missed_overlap(tmp_path: Path) -> None:
    """Of the example's two independent GRUs one after the other."""
    (path,) = (path for path in EXAMPLES if "sequential" in path.name)
    (process,) = annotated(path, tmp_path / "out.json")
    slices = [each for track in process.of("missed overlap") for each in track]
    assert len(slices) > 5
    assert {each.args["reason"] for each in slices} == {"same_lane"}
    assert {each.args["branch"] for each in slices} >= {"overlap.branch 1"}


def test_an_arrow_needs_a_launch_before_the_end(tmp_path: Path) -> None:
    events = [
        kernel("a", 0, 10),
        kernel("no launch", 50, 60),
        launch(105, 120, correlation=1),  # by a clock that is apart
        kernel("b", 100, 110, correlation=1),
    ]
    (process,) = annotated(write_trace(tmp_path / "t.json", events), tmp_path / "out.json")
    assert [gap.arrows for gap in process.tracks["idle gaps"]] == [[], []]


def test_devices_have_a_process_each_and_ids_are_free(tmp_path: Path) -> None:
    first = 1_000_000_000
    events = [
        kernel("a", 0, 10, device=0),
        kernel("b", 0, 10, device=1),
        cpu_op("in our way", 0, 5, pid=first, tid=str(first + 1)),
        cpu_op("in our way, to a reader of 32 bits", 6, 7, pid=2**32 + first + 2, tid=first + 3),
    ]
    path = write_trace(tmp_path / "t.json", events)
    first_pass = annotated(path, tmp_path / "out.json")
    assert [each.name for each in first_pass] == ["overlap of device 0", "overlap of device 1"]
    added = parsed(text_of(tmp_path / "out.json"))["traceEvents"][len(events) :]
    numbers = {each["pid"] for each in added} | {each["tid"] for each in added}
    assert not numbers & {first, first + 1, first + 2, first + 3}
    # An annotated trace is a trace like any other.
    annotate(tmp_path / "out.json", tmp_path / "again.json")
    assert len(check(text_of(tmp_path / "out.json"), text_of(tmp_path / "again.json"))) == 2


def test_arrows_have_numbers_of_their_own(tmp_path: Path) -> None:
    text = chrome_trace(BY_HAND)
    taken = b'{"ph":"s","id":77,"pid":1,"tid":1,"ts":1,"cat":"ac2g","name":"ac2g"},'
    path = tmp_path / "t.json"
    path.write_bytes(text.replace(b'"traceEvents":[', b'"traceEvents":[' + taken))
    annotate(path, tmp_path / "out.json")
    arrows = [
        each["id"]
        for each in parsed(text_of(tmp_path / "out.json"))["traceEvents"]
        if each["ph"] == "s"
    ]
    assert arrows == [77, 78]


# --- hostile names, and damage ----------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    'quote " backslash \\ newline \n tab \t',
    '"},{"ph":"X","name":"forged',
    "]}",
    "\u2028\u202e\x7f\x00",
    "n" * 10_000_000,
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names(tmp_path: Path, name: str) -> None:
    events = [
        launch(0, 5, correlation=1, name=name[:2000]),
        kernel(name, 10, 20, correlation=1),
        cpu_op(name[:2000], 0, 9),
        kernel(name, 30, 40),
    ]
    path = write_trace(tmp_path / "t.json", events)
    (process,) = annotated(path, tmp_path / "out.json")
    (gap,) = process.tracks["idle gaps"]
    assert gap.args["before"][:999] == name[:999]
    assert len(gap.args["before"]) <= 1000
    extra = (tmp_path / "out.json").stat().st_size - path.stat().st_size
    assert extra < 20_000


def test_ids_that_are_text(tmp_path: Path) -> None:
    events = [
        launch(0, 5, correlation=1, pid='p"<b>', tid="0123"),
        kernel("a", 10, 20, correlation=1),
        launch(21, 22, correlation=2, pid='p"<b>', tid="0123"),
        kernel("b", 30, 40, correlation=2),
    ]
    (process,) = annotated(write_trace(tmp_path / "t.json", events), tmp_path / "out.json")
    assert [gap.arrows for gap in process.tracks["idle gaps"]] == [[21]]


def test_halves_of_surrogate_pairs_stay(tmp_path: Path) -> None:
    text = document(event(ts="10"), event(name='"half \\ud800 a pair"', ts="20"), event(ts="40"))
    path = tmp_path / "t.json"
    path.write_bytes(text)
    made = annotate(path, tmp_path / "out.json")
    assert made.recorded == 3
    (process,) = check(text, text_of(tmp_path / "out.json"))
    assert len(process.tracks["idle gaps"]) == 2


@pytest.mark.parametrize("cut", [30, 200, 1000])
def test_a_trace_that_breaks_off_is_closed_and_said(tmp_path: Path, cut: int) -> None:
    text = chrome_trace(BY_HAND * 20, header={"distributedInfo": {"rank": 1}}, pretty=True)
    path = tmp_path / "t.json"
    path.write_bytes(text[:-cut])
    made = annotate(path, tmp_path / "out.json")
    assert any("ends early" in loss for loss in made.losses)
    found = parsed(text_of(tmp_path / "out.json"))["traceEvents"]
    whole = parsed(text)["traceEvents"]
    number = made.recorded - 1  # the one that breaks off is counted, and left out
    assert number > 50
    assert found[:number] == whole[:number]
    assert found[number]["name"] == "process_name"
    assert made.added == len(found) - number


def test_what_cannot_be_read_does_not_stop_the_rest(tmp_path: Path) -> None:
    text = document(event(ts="10"), event(dur="NaN"), b'{"ph":"X","ts":}', event(ts="40"))
    path = tmp_path / "t.json"
    path.write_bytes(text)
    made = annotate(path, tmp_path / "out.json")
    assert len(made.losses) >= 2
    found = parsed(text_of(tmp_path / "out.json"))["traceEvents"]
    assert [each.get("dur") for each in found[:3]] == [2, None, 2]
    with pytest.raises(DamagedTraceError):
        annotate(path, tmp_path / "strict.json", reading=Reading(strict=True))
    assert not (tmp_path / "strict.json").exists()


def test_a_list_alone(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "t.json", BY_HAND, bare=True)
    assert len(annotated(path, tmp_path / "out.json")) == 1


# --- files ------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_trace(tmp_path / "t.json", BY_HAND)


@pytest.mark.parametrize("suffix", [".json", ".json.gz", ".json.zst", ""])
def test_compressed_by_suffix(tmp_path: Path, path: Path, suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    annotate(path, target)
    stored = target.read_bytes()
    assert stored.startswith(
        {".json.gz": b"\x1f\x8b", ".json.zst": b"\x28\xb5\x2f\xfd"}.get(suffix, b"{")
    )
    # Our own reader unpacks it, and finds the same activities.
    before, after = analysis.load(path), analysis.load(target)
    assert after.events.start.tolist() == before.events.start.tolist()
    assert analyze(after).to_json()["devices"] == analyze(before).to_json()["devices"]


def test_from_a_compressed_trace(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "t.json.gz", BY_HAND)
    annotated(path, tmp_path / "out.json.gz")


def refused(path: Path, target: Path, kind: type[Exception], words: str) -> None:
    before = {each: each.read_bytes() for each in path.parent.iterdir() if each.is_file()}
    with pytest.raises(kind, match=words):
        annotate(path, target)
    after = {each: each.read_bytes() for each in path.parent.iterdir() if each.is_file()}
    assert after == before


def test_the_trace_itself_is_never_overwritten(tmp_path: Path, path: Path) -> None:
    refused(path, path, OutputError, "is the trace itself")
    (tmp_path / "link.json").symlink_to(path)
    refused(path, tmp_path / "link.json", OutputError, "is the trace itself")


def test_targets_that_cannot_be_written(tmp_path: Path, path: Path) -> None:
    refused(path, tmp_path, OutputError, "is a directory")
    refused(path, tmp_path / "none" / "out.json", OutputError, "does not exist")
    refused(path, tmp_path / "out.zip", OutputError, "name of an archive")


def test_what_cannot_be_annotated(tmp_path: Path, path: Path) -> None:
    refused(tmp_path / "missing.json", tmp_path / "out.json", TraceError, "no such file")
    refused(Path("-"), tmp_path / "out.json", SelectionError, "cannot be read twice")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", tmp_path / "out.json", SelectionError, "cannot be read twice")
    empty = write_trace(tmp_path / "empty.json", [annotation("a", 0, 5)])
    refused(empty, tmp_path / "out.json", TraceError, "nothing to measure")
    (tmp_path / "page.json").write_text("<html>")
    refused(tmp_path / "page.json", tmp_path / "out.json", TraceError, "web page")
    refused(tmp_path, tmp_path / "out.json", SelectionError, "several traces")


def test_a_trace_that_is_still_written_to(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = itertools.count()
    (tmp_path / "out.json").write_text("earlier")
    monkeypatch.setattr("analysis.perfetto.annotation._version", lambda _: next(times))
    with pytest.raises(TraceError, match="changed while it was read"):
        annotate(path, tmp_path / "out.json")
    assert (tmp_path / "out.json").read_text() == "earlier"


def test_what_was_written_is_counted(tmp_path: Path, path: Path) -> None:
    made = annotate(path, tmp_path / "out.json")
    total = len(json.loads((tmp_path / "out.json").read_text())["traceEvents"])
    assert made == Annotated(len(BY_HAND), total - len(BY_HAND), 1, (), made.notes)


def test_the_text_is_never_held_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written comes in parts that stay small, whatever the trace's length."""
    longest = 0
    number = 0

    def watched(target: Path, parts: Sequence[bytes]) -> None:
        nonlocal longest, number
        for part in parts:
            longest, number = max(longest, len(part)), number + 1

    monkeypatch.setattr("analysis.perfetto.annotation.write_stream", watched)
    events = [cpu_op("aten::mm" * 8, 10 * i, 10 * i + 5) for i in range(40_000)]
    path = tmp_path / "t.json.gz"
    path.write_bytes(gzip.compress(chrome_trace(events), 1))
    annotate(path, tmp_path / "out.json")
    assert number > 10
    assert longest < 4 << 20


def test_tracks_lie_above_what_was_recorded(tmp_path: Path, path: Path) -> None:
    annotate(path, tmp_path / "out.json")
    places: dict[Any, Any] = {
        each["pid"]: each["args"]["sort_index"]
        for each in parsed(text_of(tmp_path / "out.json"))["traceEvents"]
        if each.get("name") == "process_sort_index"
    }
    assert list(places.values()) == [-1000]

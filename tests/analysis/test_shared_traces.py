"""Every real trace, whole: sums to the nanosecond, and no renderer stumbles."""

import gzip
import json
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import analysis
from analysis import Trace, TraceReport
from analysis.columns import ACTIVITY_ROLES
from analysis.compose.report import compose
from analysis.pipeline import analyze
from analysis.render import RENDERERS, terminal
from analysis.report import DeviceFigures
from analysis.reporting import report
from tests.shared import ABSENT, real_traces

paths = real_traces()
if not paths:
    pytest.skip(ABSENT, allow_module_level=True)

each_trace = pytest.mark.parametrize(
    "path", paths, ids=[path.name.removesuffix(".json.gz") for path in paths]
)

small = [path for path in paths if path.stat().st_size < 500_000]
"""Those that are read a second time, by json and decimal, which is slow."""


@cache
def loaded(path: Path) -> Trace:
    return analysis.load(path)


@cache
def measured(path: Path) -> TraceReport:
    return analyze(loaded(path), gaps=10**9)


def windows(path: Path) -> Iterator[DeviceFigures]:
    """Each device over its whole window, and then in every step."""
    yield from measured(path).devices
    for step in measured(path).steps:
        yield from step.devices


@pytest.mark.parametrize("path", small, ids=lambda path: path.name.removesuffix(".json.gz"))
def test_times_are_those_of_the_text(path: Path) -> None:
    with gzip.open(path) as file:
        whole = json.load(file, parse_float=Decimal, parse_int=Decimal)
    complete = [event for event in whole["traceEvents"] if event.get("ph") == "X"]
    starts = [nanoseconds(event["ts"]) for event in complete]
    durations = [nanoseconds(event["dur"]) for event in complete]
    events = loaded(path).events
    assert events.start.tolist() == starts
    assert (events.end - events.start).tolist() == durations
    assert [events.names[code] for code in events.name] == [
        event.get("name", "") for event in complete
    ]
    assert [events.pids[code] for code in events.pid] == [str(event["pid"]) for event in complete]


def nanoseconds(microseconds: Decimal) -> int:
    return int((microseconds * 1000).to_integral_value(ROUND_HALF_UP))


@each_trace
def test_there_is_something_to_report(path: Path) -> None:
    found = measured(path)
    assert found.devices
    has_activities = len(loaded(path).events.of(*ACTIVITY_ROLES)) > 0
    assert {device.kind for device in found.devices} == {"accelerator" if has_activities else "cpu"}
    assert all(device.window_ns > 0 for device in found.devices)


@each_trace
def test_all_sums_are_exact_in_every_window(path: Path) -> None:
    seen = 0
    for device in windows(path):
        seen += 1
        figures = device.to_json()
        window = figures["window_ns"]
        states = {state: ns for state, ns in figures["breakdown_ns"].items() if ns is not None}
        assert sum(states.values()) == window
        assert sum(figures["concurrency_ns"].values()) == window
        assert figures["busy_ns"] + figures["idle_ns"] == window
        assert figures["concurrency_ns"]["0"] == figures["idle_ns"]
        idle = sum(ns for state, ns in states.items() if state.startswith("idle_"))
        assert idle == figures["idle_ns"]
        assert states["overlapped"] == figures["overlap_ns"]
        assert figures["overlap_ns"] == sum(
            ns for lanes, ns in figures["concurrency_ns"].items() if int(lanes) >= 2
        )
    assert seen


@each_trace
def test_lanes_account_for_the_window_each(path: Path) -> None:
    for device in windows(path):
        figures = device.to_json()
        lanes = {lane["lane"]: lane["busy_ns"] for lane in figures["lanes"]}
        assert set(figures["lane_breakdown_ns"]) == set(lanes)
        for lane, parts in figures["lane_breakdown_ns"].items():
            assert sum(ns for ns in parts.values() if ns is not None) == figures["window_ns"]
            assert parts["running"] == lanes[lane]
        work = sum(int(k) * ns for k, ns in figures["concurrency_ns"].items())
        assert sum(lanes.values()) == work == figures["parallelism"]["work_ns"]
        pairs = sum(ns for _, _, ns in figures["lane_overlap_ns"])
        assert pairs == sum(
            int(k) * (int(k) - 1) // 2 * ns for k, ns in figures["concurrency_ns"].items()
        )


@each_trace
def test_classes_account_for_what_ran(path: Path) -> None:
    for device in windows(path):
        figures = device.to_json()
        for state, by_class in figures["breakdown_by_class_ns"].items():
            assert sum(by_class.values()) == figures["breakdown_ns"][state], state
        running: dict[str, int] = {}
        for by_class in figures["breakdown_by_class_ns"].values():
            for classes, ns in by_class.items():
                for each in classes.split("+"):
                    running[each] = running.get(each, 0) + ns
        assert running == figures["class_busy_ns"]


@each_trace
def test_gaps_add_up_to_idle(path: Path) -> None:
    for device in measured(path).devices:
        figures = device.to_json()
        gaps = figures["idle_gaps"]
        assert len(gaps) == figures["idle_gaps_total"]
        assert figures["idle_gaps_unlisted_ns"] == 0
        assert sum(gap["duration_ns"] for gap in gaps) == figures["idle_ns"]
        for gap in gaps:
            assert sum(gap["breakdown_ns"].values()) == gap["duration_ns"]
        in_time = sorted(gaps, key=lambda gap: gap["start_ns"])
        ends = [0, *(gap["start_ns"] + gap["duration_ns"] for gap in in_time)]
        assert all(end <= gap["start_ns"] for end, gap in zip(ends[:-1], in_time, strict=True))
        assert ends[-1] <= figures["window_ns"]


@each_trace
def test_all_times_are_counts_of_nanoseconds(path: Path) -> None:
    for step in (*measured(path).to_json()["devices"], *measured(path).to_json()["steps"]):
        for key, value in times(step):
            assert type(value) is int, key
            assert value >= 0, key


def times(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Each value, other than null, that stands below a key that ends in `_ns`."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from times(each, name if name.endswith("_ns") or not key.endswith("_ns") else key)
    elif isinstance(value, list):
        for each in value:
            yield from times(each, key)
    elif key.endswith("_ns") and value is not None and not isinstance(value, str):
        yield key, value


@each_trace
def test_steps_lie_in_the_trace_and_are_measured_alone(path: Path) -> None:
    for step in measured(path).steps:
        number = int(step.name.removeprefix("ProfilerStep#"))
        alone = analyze(loaded(path), within=f"ProfilerStep#{number}", gaps=0)
        same_name = [each for each in measured(path).steps if each.name == step.name]
        assert len(same_name) == 1
        assert [device.to_json() for device in alone.devices] == [
            device.to_json() for device in step.devices
        ]


def test_the_whole_folder_through_all_renderers(tmp_path: Path) -> None:
    found = report([paths[0].parent])
    assert len(found.traces) == len(paths)
    assert found.failures == ()
    document = compose(found)
    for name, render in RENDERERS.items():
        rendered = render(found, document)
        text = rendered if isinstance(rendered, str) else rendered.decode()
        assert all(path.name.removesuffix(".json.gz") in text for path in paths), name
        assert "NaN" not in text
        assert "nan%" not in text
    for width, color in ((40, False), (80, True), (200, False)):
        shown = terminal.render(document, width=width, color=color)
        assert len(shown.splitlines()) > len(paths)
        assert ("\x1b" in shown) is color


UNEXPLAINED = {
    # What these traces lack, and so cannot explain.
    "hta-two-ranks-0": "of the runtime calls it holds launches only: no waits, no records",
    "hta-two-ranks-1": "of the runtime calls it holds launches only: no waits, no records",
    "tracelens-h100-qwen": "three tenths of the launches are missing",
    "tracelens-mi300-qwen": "three tenths of the launches are missing",
    "tracelens-sglang-decode": "it begins with work that was launched before the recording",
}


@each_trace
def test_hardly_anything_is_left_unexplained(path: Path) -> None:
    """Under 5% of the window, but where the trace lacks the evidence."""
    name = path.name.removesuffix(".json.gz")
    for device in measured(path).devices:
        states = device.to_json()["breakdown_ns"]
        unexplained = sum(
            ns or 0
            for state, ns in states.items()
            if state.endswith(("_unknown", "_unrecorded_wait")) and state != "one_room_unknown"
        )
        assert (unexplained > 0.05 * device.window_ns) == (name in UNEXPLAINED)


def test_the_one_real_wait_of_alexnet_is_a_dependency() -> None:
    """Its activity was held 431 us by an event of stream 20."""
    (path,) = (path for path in paths if path.name.startswith("hta-alexnet-sync-events"))
    (device,) = measured(path).devices
    lanes = device.to_json()["lane_breakdown_ns"]
    assert {lane: parts["dependency"] for lane, parts in lanes.items()} == {"7": 431_000, "20": 0}
    assert device.to_json()["breakdown_ns"]["one_dependency"] == 429_000

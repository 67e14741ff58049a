"""The tables against the report, on random traces and on real ones: the same figures, to the ns."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import analysis
from analysis import Trace
from analysis.columns import Role
from analysis.fleet.communication import communication
from analysis.pipeline import analyze
from analysis.tables.arrow import table
from analysis.tables.recorded import Recorded
from analysis.tables.schema import TABLES
from tests import strategies
from tests.builders import Event, write_trace
from tests.shared import ABSENT, real_traces

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]

traces = strategies.accelerator_traces() | strategies.cpu_traces()
quick = settings(deadline=None, max_examples=50)

MOST = 100
"""Activities of a device that are compared with all its states."""

STAGES = (
    "launching_ns",
    "same_lane_ns",
    "dependency_ns",
    "graph_ns",
    "start_latency_ns",
    "wait_ns",
    "unknown_ns",
)


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[Event]], Trace]:
    path = tmp_path_factory.mktemp("traces") / "built.json"
    return lambda events: analysis.load(write_trace(path, events))


def tables(trace: Trace) -> Tables:
    recorded = Recorded(trace, "built")
    return {name: table(name, recorded).to_pylist() for name in TABLES}


def total(rows: Sequence[Row], column: str) -> int:
    return sum(row[column] or 0 for row in rows)


def departures(trace: Trace) -> list[str]:
    """Where a table says something else than the report, or than another table."""
    found, report = tables(trace), analyze(trace, gaps=10**9).to_json()
    said = [
        line
        for device in report["devices"]
        for line in _of_device(
            device,
            {
                name: [row for row in rows if row.get("device") == device["device"]]
                for name, rows in found.items()
            },
        )
    ]
    events = {row["event"]: row for row in found["events"]}
    said += [
        f"{name}: event {row['event']} has another {key}"
        for name in ("activities", "launches", "ops", "collectives")
        for row in found[name]
        for key in ("name", "start_ns", "end_ns", "correlation")
        if key in row and row[key] != events[row["event"]][key]
    ]
    return said + _of_host(trace, found, events)


def _of_device(device: Any, found: Tables) -> list[str]:
    low, pairs = int(device["window_start_ns"]), []
    high = low + device["window_ns"]
    states, gaps, lanes, activities = (
        found[name] for name in ("states", "gaps", "lanes", "activities")
    )
    by_state = dict.fromkeys(device["breakdown_ns"], 0)
    by_class: dict[str, dict[str, int]] = {state: {} for state in device["breakdown_by_class_ns"]}
    of_gap: dict[int | None, dict[str, int]] = {}
    for row in states:
        by_state[row["state"]] += row["dur_ns"]
        of = of_gap.setdefault(row["gap"], {})
        of[row["state"]] = of.get(row["state"], 0) + row["dur_ns"]
        if row["classes"] is not None:
            of = by_class[row["state"]]
            of[row["classes"]] = of.get(row["classes"], 0) + row["dur_ns"]
    pairs += [
        ("states", by_state, device["breakdown_ns"]),
        ("states by class", by_class, device["breakdown_by_class_ns"]),
        (
            "states follow",
            [*(row["start_ns"] for row in states), high],
            [
                low if not states else states[0]["start_ns"],
                *(row["end_ns"] for row in states),
            ],
        ),
        ("states begin", states[0]["start_ns"] if states else low, low),
        ("overlap", sum(row["dur_ns"] for row in states if row["lanes"] > 1), device["overlap_ns"]),
    ]
    reported = sorted(device["idle_gaps"], key=lambda gap: gap["start_ns"])
    pairs += [
        ("gaps", [
            (row["start_ns"] - low, row["dur_ns"], row["before"], row["after"], row["waiting"])
            for row in gaps
        ], [
            (g["start_ns"], g["duration_ns"], g["before"], g["after"], g["waiting"]["count"])
            for g in reported
        ]),
        ("hosts", [
            tuple(row[f"host_{key}"] for key in ("call", "op", "outermost_op", "python"))
            for row in gaps
        ], [
            tuple((g["host"] or {}).get(key) for key in (
                "call", "operator", "outermost_operator", "python"))
            for g in reported
        ]),
        ("states of gaps", [
            of_gap[row["gap"]] for row in gaps
        ], [g["breakdown_ns"] for g in reported]),
        ("strongest", [g["breakdown_ns"][row["state"]] for g, row in zip(
            reported, gaps, strict=True)], [max(g["breakdown_ns"].values()) for g in reported]),
    ]  # fmt: skip
    pairs += [
        ("lanes", [
            {key: row[key] for key in ("lane", "activities", "busy_ns")} for row in lanes
        ], device["lanes"]),
        ("lane breakdown", {
            row["lane"]: {"running": row["busy_ns"]} | {
                key: row[f"{key}_ns"] for key in device["lane_breakdown_ns"][row["lane"]]
                if key != "running"
            } for row in lanes
        }, device["lane_breakdown_ns"]),
        ("lanes add up", [
            sum(row[key] or 0 for key in row if key.endswith("_ns") and key not in (
                "start_ns", "end_ns", "dur_ns"))
            for row in lanes
        ], [device["window_ns"]] * len(lanes)),
    ]  # fmt: skip
    launched = device["launches"]
    if launched is not None:
        calls = found["launches"]
        queued = [row["queue_ns"] for row in calls if row["queue_ns"] > 0]
        first = [row["queue_ns"] for row in activities if row["first_of_launch"]]
        known = [row for row in activities if row["launch_event"] is not None]
        pairs += [
            ("calls", len(calls), launched["calls"]),
            ("replays", sum(row["graph_replay"] for row in calls), launched["graph_replays"]),
            ("queue", (len(queued), sum(queued)), (
                (launched["queue_ns"] or {}).get("count", 0),
                (launched["queue_ns"] or {}).get("total_ns", 0),
            )),
            ("call", total(calls, "dur_ns"), (launched["call_ns"] or {}).get("total_ns", 0)),
            ("first of launch", sorted(first), sorted(row["queue_ns"] for row in calls)),
            ("launched", total(calls, "activities"), len(known)),
            ("stages", [sum(row[stage] for stage in STAGES) for row in known], [
                row["start_ns"] - min(row["launch_start_ns"], row["start_ns"]) for row in known
            ]),
            ("last stage", [
                row["stage"] == "not_launched" or row[f"{row['stage']}_ns"] > 0 for row in known
            ], [True] * len(known)),
        ]  # fmt: skip
    together = [each for each in states if each["lanes"] > 1]
    exposed = [each for each in states if "compute" not in (each["classes"] or "").split("+")]
    pairs += [
        ("activities", len(activities), device["activities"]),
        ("overlap of activities", [
            _covered(row, together) for row in activities[:MOST]
        ], [row["overlap_ns"] for row in activities[:MOST]]),
        ("exposed", [
            _covered(row, exposed) for row in found["collectives"][:MOST]
        ], [row["exposed_ns"] for row in found["collectives"][:MOST]]),
        ("collectives", len(found["collectives"]), sum(
            row["class"] == "communication" for row in activities)),
    ]  # fmt: skip
    return [f"{what}: {ours} is not {theirs}" for what, ours, theirs in pairs if ours != theirs]


def _of_communication(trace: Trace, rows: Sequence[Row]) -> list[str]:
    """What the analysis of many ranks says of the same collectives."""
    found = communication(trace)
    theirs = [
        (start, end, end - start - hidden, found.kinds[kind])
        for start, end, hidden, kind in zip(
            found.start.tolist(),
            found.end.tolist(),
            found.hidden.tolist(),
            found.kind.tolist(),
            strict=True,
        )
    ]
    ours = [(row["start_ns"], row["end_ns"], row["exposed_ns"], row["kind"]) for row in rows]
    return [] if sorted(ours) == sorted(theirs) else [f"{ours} is not {theirs}"]


def _covered(row: Row, states: Sequence[Row]) -> int:
    return sum(
        max(min(row["end_ns"], each["end_ns"]) - max(row["start_ns"], each["start_ns"]), 0)
        for each in states
    )


def _of_host(trace: Trace, found: Tables, events: Mapping[int, Row]) -> list[str]:
    """Operators, by comparing every pair of a thread."""
    said = []
    ops = found["ops"]
    if len(ops) != len(trace.events.of(Role.OPERATOR)):
        said.append(f"{len(ops)} operators")
    count: dict[int | None, int] = {}
    length: dict[int | None, int] = {}
    for row in found["activities"]:
        count[row["op_event"]] = count.get(row["op_event"], 0) + 1
        length[row["op_event"]] = length.get(row["op_event"], 0) + row["dur_ns"]
        if row["stage"] is None:  # on a CPU
            expected = row["event"] if events[row["event"]]["role"] == "operator" else None
        else:
            expected = _around(events.get(row["launch_event"]), ops)
        if row["op_event"] != expected:
            said.append(f"activity {row['event']}: op {row['op_event']}, expected {expected}")
    for row in ops:
        if (row["activities"], row["device_ns"]) != (
            count.get(row["event"], 0),
            length.get(row["event"], 0),
        ):
            said.append(f"op {row['event']}: its activities differ")
        inside = [child for child in ops if child["parent"] == row["event"]]
        if row["self_ns"] != row["dur_ns"] - _union(row, inside):
            said.append(f"op {row['event']}: self time {row['self_ns']}")
        above = next((each for each in ops if each["event"] == row["parent"]), None)
        if row["depth"] != (0 if above is None else above["depth"] + 1):
            said.append(f"op {row['event']}: depth {row['depth']}")
    return said


def _around(call: Row | None, ops: Sequence[Row]) -> int | None:
    """The innermost operator of the call's thread that is open when it begins."""
    if call is None:
        return None
    open_then = [
        op
        for op in ops
        if (op["pid"], op["tid"]) == (call["pid"], call["tid"])
        and op["start_ns"] <= call["start_ns"] < op["end_ns"]
    ]
    return max(open_then, key=lambda op: op["depth"])["event"] if open_then else None


def _union(row: Row, inside: Sequence[Row]) -> int:
    covered, reach = 0, row["start_ns"]
    for each in sorted(inside, key=lambda each: each["start_ns"]):
        end = min(each["end_ns"], row["end_ns"])
        covered += max(end - max(each["start_ns"], reach), 0)
        reach = max(reach, end)
    return covered


@quick
@given(traces)
def test_random_traces(load: Callable[[Sequence[Event]], Trace], events: list[Event]) -> None:
    assert departures(load(events)) == []


SMALL = [path for path in real_traces() if path.stat().st_size < 500_000]


@pytest.mark.skipif(not SMALL, reason=ABSENT)
@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.name.removesuffix(".json.gz"))
def test_real_traces(path: Path) -> None:
    trace = analysis.load(path)
    found, report = tables(trace), analyze(trace, gaps=10**9).to_json()
    if any(device["kind"] == "accelerator" for device in report["devices"]):
        assert _of_communication(trace, found["collectives"]) == []
    for device in report["devices"]:
        of_device = {
            name: [row for row in rows if row.get("device") == device["device"]]
            for name, rows in found.items()
        }
        assert _of_device(device, of_device) == []

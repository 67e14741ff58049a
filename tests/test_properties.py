"""The package against the brute-force reference, on random traces, key by key.

And what must not change a figure: a shift of all times, the order of events in the file,
the names of lanes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import analysis
from analysis import Thresholds
from tests import reference, strategies
from tests.builders import Event, cpu_op, kernel, launch, python, shifted, write_trace
from tests.reference import Graph, Limits, Report
from tests.room import Card

thorough = settings(deadline=None, max_examples=300)
quick = settings(deadline=None, max_examples=100)

Analyse = Callable[..., Report]


@pytest.fixture(scope="module")
def analyse(tmp_path_factory: pytest.TempPathFactory) -> Analyse:
    """Write events to a file and report on it."""
    path = tmp_path_factory.mktemp("traces") / "built.pt.trace.json"

    def run(
        events: Sequence[Event],
        limits: Limits,
        cards: Sequence[Card] = (),
        gaps: int = 100,
        graphs: Sequence[Graph] = (),
    ) -> Report:
        header = {"deviceProperties": cards, "cuda_graphs": graphs}
        header = {key: value for key, value in header.items() if value}
        trace = analysis.load(write_trace(path, events, header=header))
        thresholds = Thresholds(**asdict(limits))
        return analysis.analyze(trace, gaps=gaps, thresholds=thresholds).to_json()

    return run


def departures(
    events: Sequence[Event],
    limits: Limits,
    report: Report,
    *,
    cards: Sequence[Card] = (),
    graphs: Sequence[Graph] = (),
    gaps: int = 100,
) -> list[str]:
    """Where a report is not what the reference finds, for the trace and for its steps."""
    found = reference.devices(events, limits, cards, graphs, gaps=gaps)
    lines = reference.differences(found, report["devices"])
    expected, reported = reference.steps(events, limits, cards, graphs), report["steps"]
    names = [s["name"] for s in expected], [s["name"] for s in reported]
    if names[0] != names[1]:
        return [*lines, f"steps: expected {names[0]}, reported {names[1]}"]
    return lines + [
        f"{e['name']}: {line}"
        for e, r in zip(expected, reported, strict=True)
        for line in reference.differences(e["devices"], r["devices"])
    ]


accelerators = strategies.accelerator_traces()
processors = strategies.cpu_traces()
every = accelerators | processors
cards = strategies.cards


@thorough
@given(accelerators, strategies.limits, cards, st.sampled_from([100, 100, 2, 0]))
def test_accelerators_agree_with_the_reference(
    analyse: Analyse, events: list[Event], limits: Limits, cards: Sequence[Card], gaps: int
) -> None:
    report = analyse(events, limits, cards, gaps)
    assert departures(events, limits, report, cards=cards, gaps=gaps) == []


@thorough
@given(strategies.graph_traces(), strategies.limits)
def test_replays_of_known_graphs_agree_with_the_reference(
    analyse: Analyse, trace: tuple[list[Event], list[Graph]], limits: Limits
) -> None:
    events, graphs = trace
    report = analyse(events, limits, graphs=graphs)
    assert departures(events, limits, report, graphs=graphs) == []


# A frame that ends after the one that it began in.
OVERRUN = [
    cpu_op("first", 0, 5),
    cpu_op("last", 6, 6),
    python("caller", 0, 2),
    python("overrunning", 1, 6),
]


@thorough
@example(OVERRUN, reference.REAL)
@given(processors, strategies.limits)
def test_processors_agree_with_the_reference(
    analyse: Analyse, events: list[Event], limits: Limits
) -> None:
    assert departures(events, limits, analyse(events, limits)) == []


@quick
@given(every, strategies.limits, cards)
def test_every_nanosecond_is_counted_once(
    analyse: Analyse, events: list[Event], limits: Limits, cards: Sequence[Card]
) -> None:
    report = analyse(events, limits, cards)
    devices = [d for window in (report, *report["steps"]) for d in window["devices"]]
    assert [line for device in devices for line in reference.unbalanced(device)] == []


# --- what must change nothing ---------------------------------------------------------


@quick
@given(every, strategies.limits, cards, st.integers(0, 2**61))
def test_a_shift_of_all_times_changes_nothing(
    analyse: Analyse, events: list[Event], limits: Limits, cards: Sequence[Card], by: int
) -> None:
    report, later = (analyse(e, limits, cards) for e in (events, shifted(events, by)))
    assert _later(report, by) == _whole(later)


@quick
@given(every.flatmap(lambda e: st.tuples(st.just(e), st.permutations(e))), strategies.limits, cards)
def test_the_order_of_events_changes_nothing(
    analyse: Analyse,
    both: tuple[list[Event], list[Event]],
    limits: Limits,
    cards: Sequence[Card],
) -> None:
    report, other = (_whole(analyse(events, limits, cards)) for events in both)
    assert report == other


@quick
@given(accelerators, strategies.limits, cards, st.permutations([3, 5, 8, 13, 210]))
def test_the_names_of_lanes_change_nothing(
    analyse: Analyse,
    events: list[Event],
    limits: Limits,
    cards: Sequence[Card],
    names: list[int],
) -> None:
    new = dict(zip(strategies.STREAMS, names, strict=False))
    report, other = (
        analyse(e, limits, cards) for e in (events, [_on_streams(e, new) for e in events])
    )
    assert _renamed(report, {str(a): str(b) for a, b in new.items()}) == _whole(other)


@quick
@given(processors, strategies.limits, st.permutations([3, 5, 8, 13]))
def test_the_names_of_threads_change_nothing(
    analyse: Analyse, events: list[Event], limits: Limits, names: list[int]
) -> None:
    new = dict(zip(strategies.TIDS, names, strict=False))
    renamed = [replace(e, tid=new[tid]) for e in events if isinstance(tid := e.tid, int)]
    report, other = analyse(events, limits), analyse(renamed, limits)
    assert _renamed(report, {str(a): str(b) for a, b in new.items()}) == _whole(other)


def _whole(report: Report) -> dict[str, Any]:
    """All that a report says of devices and steps, by name."""
    return {"devices": _by_device(report)} | {
        step["name"]: _by_device(step) for step in report["steps"]
    }


def _by_device(window: Report) -> dict[str, Report]:
    return {device["device"]: device for device in window["devices"]}


def _later(report: Report, by: int) -> dict[str, Any]:
    whole = _whole(report)
    for devices in whole.values():
        for device in devices.values():
            device["window_start_ns"] = str(int(device["window_start_ns"]) + by)
    return whole


def _on_streams(event: Event, new: Mapping[int, int]) -> Event:
    """The event, where it runs on a stream or waits for one, with that stream's new name."""
    args = dict(event.args)
    for key in {"stream", "wait_on_stream"} & args.keys():
        stream = args[key]
        args[key] = new.get(stream, stream) if isinstance(stream, int) else stream
    tid = args.get("stream", event.tid)
    return replace(event, args=args, tid=tid if isinstance(tid, int) else event.tid)


def _renamed(report: Report, new: dict[str, str]) -> dict[str, Any]:
    """The report with its lanes under new names, where these come in the order of numbers."""
    whole = _whole(report)
    for devices in whole.values():
        for device in devices.values():
            for lane in device["lanes"]:
                lane["lane"] = new[lane["lane"]]
            device["lanes"].sort(key=lambda lane: int(lane["lane"]))
            for queue in (queues := (device["launches"] or {"queues": []})["queues"]):
                queue["lane"] = new[queue["lane"]]
            queues.sort(key=lambda queue: int(queue["lane"]))
            breakdown = device["lane_breakdown_ns"]
            device["lane_breakdown_ns"] = {new[lane]: ns for lane, ns in breakdown.items()}
            pairs = [(new[a], new[b], ns) for a, b, ns in device["lane_overlap_ns"]]
            device["lane_overlap_ns"] = sorted(
                ([*sorted([a, b], key=int), ns] for a, b, ns in pairs),
                key=lambda pair: (int(pair[0]), int(pair[1])),
            )
    return whole


# --- that the tests above can fail ----------------------------------------------------


def test_the_traces_reach_every_state() -> None:
    """No state escapes the comparison because no trace ever comes to it."""
    states: set[str] = set()
    lanes: set[str] = set()
    waits: set[str] = set()
    many = settings(deadline=None, max_examples=600, derandomize=True, database=None)

    @many
    @given(accelerators | accelerators | processors, strategies.limits, strategies.cards)
    def collect(events: list[Event], limits: Limits, cards: Sequence[Card]) -> None:
        for device in reference.devices(events, limits, cards):
            states.update(s for s, ns in device["breakdown_ns"].items() if ns)
            for lane in device["lane_breakdown_ns"].values():
                lanes.update(s for s, ns in lane.items() if ns)
        waits.update(reference.waits(events, limits))

    collect()
    assert states == {*reference.ACCELERATOR_STATES, *reference.CPU_STATES}
    assert lanes == {*reference.ACCELERATOR_LANE_STATES, *reference.CPU_LANE_STATES}
    assert waits == {"recorded", "satisfied", "inferred", "not inferred"}


def test_a_departure_is_seen(analyse: Analyse) -> None:
    """A report of other limits, or of another trace, is told from the right one."""
    events = [launch(0, 2, correlation=1), kernel("a", 3, 9, correlation=1)]
    events += [launch(10, 12, correlation=2), kernel("b", 20, 23, correlation=2)]
    limits = Limits()
    assert departures(events, limits, analyse(events, limits)) == []
    other = analyse(events, replace(limits, latency_floor_ns=7))
    assert departures(events, limits, other) == [
        "device 0: breakdown_ns.idle_start_latency: expected 8, reported 0",
        "device 0: breakdown_ns.idle_unrecorded_wait: expected 0, reported 8",
        "device 0: idle_gaps[0].breakdown_ns.idle_start_latency: expected 8, reported 'nothing'",
        "device 0: idle_gaps[0].breakdown_ns.idle_unrecorded_wait: expected 'nothing', reported 8",
        "device 0: lane_breakdown_ns.7.start_latency: expected 8, reported 0",
        "device 0: lane_breakdown_ns.7.wait: expected 0, reported 8",
        "device 0: latency_bound_ns: expected 10000, reported 7",
    ]

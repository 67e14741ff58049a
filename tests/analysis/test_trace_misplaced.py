"""Activities whose recorded times cannot be theirs are left out, and that is said."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import analysis
from analysis import Trace
from analysis.errors import DamagedTraceError
from analysis.pipeline import Times, analyze
from analysis.units import MICRO
from tests.builders import US, Event, copy, cpu_op, in_microseconds, kernel, launch, shifted

LoadEvents = Callable[..., Trace]

EPOCH = 1_700_000_000_000_000_000
PAIRS = [
    event
    for i in range(20)
    for event in (
        launch(20 * i + 2, 20 * i + 6, correlation=i + 1),
        kernel("gemm", 20 * i + 9, 20 * i + 15, correlation=i + 1),
    )
]
HEALTHY = shifted(in_microseconds(PAIRS), EPOCH)
"""It lasts 393 us; the pair of correlation i has the places 2i - 2 and 2i - 1."""


def moved(events: list[Event], by: int, *places: int) -> list[Event]:
    """The events, those at some places `by` ns later."""
    return [
        replace(e, start=e.start + by, end=e.end + by) if place in places else e
        for place, e in enumerate(events)
    ]


def at_zero(event: Event, duration: int = 0) -> Event:
    return replace(event, start=0, end=duration)


def test_activities_without_a_time_are_lost(load_events: LoadEvents) -> None:
    for duration in (0, 5_000):  # what CUPTI could not time, and what Kineto clamped
        events = [*HEALTHY, copy("Memcpy", EPOCH, EPOCH + US)]
        events[35] = at_zero(events[35], duration)
        events[37] = at_zero(events[37])
        trace = load_events(events)
        (loss,) = trace.losses
        assert loss == (
            "Lost 2 activities (the first is event 35) at time 0: the recorder had no time for "
            "them, and the other events begin at 1,700,000,000 s."
        )
        assert trace.events.position.tolist() == [*range(35), 36, 38, 39, 40]
        (device,) = analyze(trace).devices
        assert device.window_ns == 395 * US


def test_activities_that_precede_their_launch_by_more_than_all_lasts_are_lost(
    load_events: LoadEvents,
) -> None:
    trace = load_events(moved(HEALTHY, -450 * US, 1, 3))
    (loss,) = trace.losses
    assert loss == (
        "Lost 2 activities (the first is event 1) that begin before their own launch, by up to "
        f"443 {MICRO}s, while all other events last 393 {MICRO}s."
    )
    assert trace.events.position.tolist() == [0, 2, *range(4, 40)]
    (device,) = analyze(trace).devices
    assert device.window_ns == (395 - 49) * US


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(HEALTHY, id="healthy"),
        pytest.param(moved(HEALTHY, -350 * US, 1, 3), id="by less than all lasts"),
        pytest.param(moved(HEALTHY, -US * US, *range(1, 40, 2)), id="a clock of its own"),
        pytest.param([replace(e, args={}) for e in moved(HEALTHY, -US * US, 1)], id="no launch"),
        pytest.param(
            [at_zero(kernel("k", 0, 0)), *shifted(in_microseconds(PAIRS), 500 * US)],
            id="shifted to begin at 0",
        ),
        pytest.param([at_zero(cpu_op("aten::mm", 0, 0)), *HEALTHY], id="of the host"),
        pytest.param([at_zero(kernel("k", 0, 0))], id="nothing else"),
    ],
)
def test_others_stay(load_events: LoadEvents, events: list[Event]) -> None:
    trace = load_events(events)
    assert trace.losses == ()
    assert len(trace.events) == len(events)


def test_strictness_does_not_allow_it(load_events: LoadEvents, tmp_path: Path) -> None:
    load_events(moved(HEALTHY, -US * US, 1))
    with pytest.raises(DamagedTraceError, match=r"trace\.json: Lost 1 activities \(the first is"):
        analysis.load(tmp_path / "trace.json", strict=True)


def test_what_few_events_say_moves_with_them(load_events: LoadEvents) -> None:
    moving = copy("Memcpy HtoD", EPOCH + US, EPOCH + 2 * US)
    moving = replace(moving, args={**moving.args, "memory bandwidth (GB/s)": 2.5})
    trace = load_events([at_zero(kernel("k", 0, 0)), moving, *HEALTHY])
    assert trace.transfers.row.tolist() == [0]


def test_a_clock_far_off_is_noted_in_the_report(load_events: LoadEvents) -> None:
    def said(by: int) -> list[str]:
        trace = load_events(moved(HEALTHY, by, 1, 3))
        return [note for note in analyze(trace).notes if "clocks" in note]

    assert said(0) == said(-50 * US) == []
    (note,) = said(-150 * US)
    assert note == (
        f"Device 0: 2 of 20 activities start before their launch, by up to 143 {MICRO}s. The "
        "clocks of host and device differ by that much: what compares them (states of waiting, "
        "launches, ceilings) is no finer."
    )


def test_times_count_from_the_first_event_of_their_own_clock(load_events: LoadEvents) -> None:
    def begun(mark: Event) -> int:
        mark = replace(mark, category="Trace", name="PyTorch Profiler (0)")
        report = analyze(load_events([mark, *HEALTHY]), within=Times(0, 17 * US))
        (device,) = report.devices
        return device.window_start_ns - EPOCH

    assert begun(at_zero(cpu_op("", 0, 0))) == 2 * US
    assert begun(cpu_op("", EPOCH - 500 * US, EPOCH - 400 * US)) == 2 * US
    assert begun(cpu_op("", EPOCH - 900 * US, EPOCH + US)) == -900 * US
    assert begun(cpu_op("", EPOCH - 3 * US, EPOCH)) == -3 * US
    assert begun(cpu_op("", EPOCH + US, EPOCH + 400 * US)) == 1 * US

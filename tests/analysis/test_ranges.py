"""Windows of ranges, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import analysis
from analysis import Times
from analysis.errors import SelectionError
from tests.builders import annotation, cpu_op, kernel, launch, shifted

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.columns import Trace
    from tests.builders import Event

    LoadEvents = Callable[[list[Event]], Trace]

# Host:     forward 10-30       forward 60-80   other 90-95
# calls:  0-5   12-15  20-25    62-65
# stream 7: a 5-20, b 20-50     c 66-90
# stream 8:       d 30-45
EVENTS = [
    annotation("forward", 10, 30),
    annotation("forward", 60, 80),
    annotation("other", 90, 95),
    launch(0, 5, correlation=1),
    launch(12, 15, correlation=2),
    launch(20, 25, correlation=3),
    launch(62, 65, correlation=4),
    kernel("a", 5, 20, stream=7, correlation=1),
    kernel("b", 20, 50, stream=7, correlation=2),
    kernel("d", 30, 45, stream=8, correlation=3),
    kernel("c", 66, 90, stream=7, correlation=4),
]


def device(trace: Trace, within: str | Times) -> Any:
    (figures,) = analysis.analyze(trace, within=within).devices
    return figures.to_json()


def test_a_range_lasts_until_what_it_launched_has_ended(load_events: LoadEvents) -> None:
    figures = device(load_events(EVENTS), "forward#1")
    # From its begin at 10 to the end of b at 50; a, of before, runs in it until 20.
    assert (figures["window_start_ns"], figures["window_ns"]) == ("10", 40)
    assert (figures["busy_ns"], figures["overlap_ns"], figures["foreign_busy_ns"]) == (40, 15, 10)


def test_the_end_of_a_range_is_an_edge(load_events: LoadEvents) -> None:
    figures = device(load_events([*EVENTS, annotation("late", 55, 100)]), "late")
    assert (figures["window_start_ns"], figures["window_ns"]) == ("55", 45)
    assert figures["breakdown_ns"]["idle_edge"] == 10
    assert figures["foreign_busy_ns"] == 0


def test_the_whole_window_has_nothing_foreign(load_events: LoadEvents) -> None:
    (figures,) = analysis.analyze(load_events(EVENTS)).devices
    assert figures.to_json()["foreign_busy_ns"] is None


def test_a_name_that_several_ranges_bear_lists_them(load_events: LoadEvents) -> None:
    with pytest.raises(SelectionError) as raised:
        device(load_events(EVENTS), "forward")
    assert "has 2 ranges named forward; choose one: " in str(raised.value)
    assert "forward#1 (at 5 ns), forward#2 (at 55 ns)" in str(raised.value)


def test_a_number_in_the_name_is_the_name(load_events: LoadEvents) -> None:
    events = [*EVENTS, annotation("forward#2", 60, 61)]
    assert device(load_events(events), "forward#2")["window_ns"] == 1
    assert device(load_events(EVENTS), "forward#2")["window_ns"] == 30


@pytest.mark.parametrize("name", ["backward", "forward#0", "forward#3", "forward#x", "#", ""])
def test_a_range_that_is_not_there(load_events: LoadEvents, name: str) -> None:
    with pytest.raises(SelectionError, match="its ranges are: forward, other"):
        device(load_events(EVENTS), name)


def test_a_range_that_was_written_as_an_operator(load_events: LoadEvents) -> None:
    """Torch before 1.11 has no other word for it; names of the dispatcher are no ranges."""
    events = [cpu_op("step", 10, 30), cpu_op("step", 60, 80), cpu_op("aten::mm", 61, 70), *EVENTS]
    assert device(load_events(events), "step#1") == device(load_events(events), "forward#1")
    both = [annotation("step", 90, 95), *events]
    assert device(load_events(both), "step") == device(load_events(both), "other")
    for name in ("aten::mm", "MmBackward0"):
        with pytest.raises(SelectionError, match="has no range named"):
            device(load_events([*events, cpu_op("MmBackward0", 1, 9)]), name)


# --- times, which count from the first event: here a launch at 0 ----------------------


def test_times_are_a_range_of_the_host(load_events: LoadEvents) -> None:
    """[10, 30) is what forward#1 lasts, and what it launched is launched then."""
    for by in (0, 10**15):
        trace = load_events(shifted(EVENTS, by))
        assert device(trace, Times(10, 30)) == device(trace, "forward#1")


def test_without_an_end_they_reach_to_the_last_event(load_events: LoadEvents) -> None:
    trace = load_events(EVENTS)
    figures = device(trace, Times(62))
    assert device(trace, Times(62, 10**9)) == figures
    # The annotation is the last to end, at 95; b and d have ended.
    assert (figures["window_start_ns"], figures["window_ns"]) == ("62", 33)
    assert (figures["busy_ns"], figures["foreign_busy_ns"]) == (24, 0)


def test_times_in_which_nothing_was_launched(load_events: LoadEvents) -> None:
    figures = device(load_events(EVENTS), Times(32, 44))
    assert (figures["window_ns"], figures["busy_ns"], figures["overlap_ns"]) == (12, 12, 12)
    assert figures["foreign_busy_ns"] == 12


def test_times_of_every_process_of_a_cpu(load_events: LoadEvents) -> None:
    events = [cpu_op("aten::mm", 0, 40), cpu_op("aten::mm", 20, 50, pid=7)]
    found = analysis.analyze(load_events(events), within=Times(10, 30)).devices
    windows = {each.device: (each.window_start_ns, each.window_ns) for each in found}
    # One lasts until what began in it ends.
    assert windows == {"7": (10, 40), "100": (10, 20)}
    assert [each.foreign_busy_ns for each in found] == [None, None]


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (Times(95), "has nothing at 95 ns, .* it lasts 95 ns from its first event"),
        (Times(-1, 5), "has nothing at -1 ns"),
        (Times(7, 7), "begins at 7 ns and ends at 7 ns; expected an end after the begin"),
    ],
)
def test_times_that_are_not_there(load_events: LoadEvents, times: Times, message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        device(load_events(EVENTS), times)


def test_a_trace_that_holds_nothing_to_measure(load_events: LoadEvents) -> None:
    with pytest.raises(SelectionError, match="holds nothing to measure, at any time"):
        device(load_events([annotation("x", 1, 9)]), Times(2, 3))

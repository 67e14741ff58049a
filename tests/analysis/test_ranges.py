"""Windows of ranges, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import analysis
from analysis.errors import SelectionError
from tests.builders import annotation, kernel, launch

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


def device(trace: Trace, within: str) -> Any:
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

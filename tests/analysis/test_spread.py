"""Medians and extremes over steps, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import analysis
from analysis.compose.report import compose
from analysis.document import Estimate, Table
from analysis.report import Report, Spread
from tests.builders import annotation, cpu_op, kernel, launch

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.columns import Trace
    from tests.builders import Event

    LoadEvents = Callable[[list[Event]], Trace]


def step(number: int, *, length: int, busy: int) -> list[Event]:
    """A step of its own hundred ns, on two streams: the second runs half as long."""
    at = 100 * number
    return [
        annotation(f"ProfilerStep#{number}", at, at + length),
        launch(at, at + 1, correlation=2 * number + 1),
        launch(at + 1, at + 2, correlation=2 * number + 2),
        kernel("a", at + 2, at + 2 + busy, stream=7, correlation=2 * number + 1),
        kernel("b", at + 2, at + 2 + busy // 2, stream=8, correlation=2 * number + 2),
    ]


STEPS = [*step(1, length=40, busy=20), *step(2, length=90, busy=60), *step(3, length=50, busy=30)]


def test_the_median_and_the_extremes(load_events: LoadEvents) -> None:
    (found,) = analysis.analyze(load_events(STEPS)).spread
    assert (found.device, found.steps) == ("0", 3)
    assert found.window_ns == Spread(50, 40, 90)
    assert found.busy_ns == Spread(30, 20, 60)
    assert found.idle_ns == Spread(20, 20, 30)
    assert found.overlap_ns == Spread(15, 10, 30)
    assert found.achieved == Spread(1.5, 1.5, 1.5)


def test_an_even_number_of_steps_has_its_median_between_two(load_events: LoadEvents) -> None:
    (found,) = analysis.analyze(load_events(STEPS[:10])).spread
    assert found.window_ns == Spread(65, 40, 90)


def test_one_step_lies_apart_from_none(load_events: LoadEvents) -> None:
    report = analysis.analyze(load_events(STEPS[:5]))
    assert (len(report.steps), report.spread) == (1, ())


def test_steps_in_which_nothing_ran_have_no_parallelism(load_events: LoadEvents) -> None:
    marks = [annotation(f"ProfilerStep#{i}", 100 * i, 100 * i + 10) for i in (1, 2)]
    (found,) = analysis.analyze(load_events([*marks, cpu_op("aten::mm", 0, 5)])).spread
    assert (found.busy_ns, found.achieved) == (Spread(0, 0, 0), None)


def test_the_report_shows_them(load_events: LoadEvents) -> None:
    trace = analysis.analyze(load_events(STEPS))
    assert trace.to_json()["step_spread"][0]["window_ns"] == {"median": 50, "low": 40, "high": 90}
    blocks = compose(Report((trace,), None)).details[0].blocks
    table = blocks[-1]
    assert isinstance(table, Table)
    assert table.caption.startswith("Over the steps")
    assert table.rows[0][:3] == ("0", 3, Estimate(50, 40, 90))

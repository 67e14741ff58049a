"""Achieved against available parallelism."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from analysis.showing import Tabular
from analysis.vocabulary import WorkClass

if TYPE_CHECKING:
    from analysis.graph import Graph
    from analysis.graph.spans import Spans
    from analysis.metrics.view import View

_LACKING = 100
"""A graph says nothing of a device if a hundredth of the work or more is of no operator."""
_WORTHWHILE = 1.05
"""Below this, no parallelism worth a ratio is available."""


class Parallelism(Tabular, msgspec.Struct, frozen=True):
    """How many lanes ran at once, on average.

    Attributes:
        work_ns: summed busy time of the lanes.
        achieved: work / busy; None if nothing ran.
        achieved_compute: the same over compute alone.
        available: work / span of the operators' dependency graph (Brent's
            bound); None without a graph, or where it lacks too much.
        available_branches: the same where each branch runs in turn; None also without
            branches.
        efficiency: (achieved - 1) / (available - 1); None without a graph.
        work_over_window: work / window.
        window_over_span: window / span; None without a graph.
    """

    work_ns: int
    achieved: float | None
    achieved_compute: float | None
    available: float | None
    available_branches: float | None
    efficiency: float | None
    work_over_window: float | None
    window_over_span: float | None


def parallelism(view: View) -> Parallelism:
    """Measure the achieved parallelism of a window."""
    line = view.timeline
    work = view.runs.intervals.clip(view.low, view.high).total()
    compute = view.compute_runs.intervals.clip(view.low, view.high).total()
    computing = (line.work >> WorkClass.COMPUTE) & 1 == 1
    achieved = ratio(work, line.time_where(line.running > 0))
    graph, spans = view.graph, view.spans
    if graph is None or spans is None or lacks_too_much(graph, spans):
        spans = None
    available = spans.available if spans else None
    whole = graph is not None and not graph.mismatches
    return Parallelism(
        work_ns=work,
        achieved=achieved,
        achieved_compute=ratio(compute, line.time_where(computing)),
        available=available,
        available_branches=spans.available_branches if spans else None,
        efficiency=_efficiency(achieved, available),
        work_over_window=ratio(work, view.length),
        window_over_span=ratio(view.length, spans.span_ns) if spans and whole else None,
    )


def lacks_too_much(graph: Graph, spans: Spans) -> bool:
    """Tell whether a hundredth of the work or more is of no operator."""
    return graph.lost_ns * _LACKING > graph.lost_ns + spans.work_ns


def _efficiency(achieved: float | None, available: float | None) -> float | None:
    """Return how much of the available parallelism was achieved; None where there is none."""
    if achieved is None or available is None or available < _WORTHWHILE:
        return None
    return (achieved - 1) / (available - 1)


def ratio(numerator: int, denominator: int) -> float | None:
    """Divide exact integers; None where there is nothing to divide by."""
    return numerator / denominator if denominator else None

"""Achieved against available parallelism."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.vocabulary import WorkClass

if TYPE_CHECKING:
    from analysis.metrics.view import View


@dataclass(frozen=True, slots=True)
class Parallelism:
    """How many lanes ran at once, on average.

    Attributes:
        work_ns: summed busy time of the lanes.
        achieved: work / busy; None if nothing ran.
        achieved_compute: the same over compute alone.
        available: work / span of the operators' dependency graph (Brent's
            bound); None without a graph.
        efficiency: (achieved - 1) / (available - 1); None without a graph.
        work_over_window: work / window.
        window_over_span: window / span; None without a graph.
    """

    work_ns: int
    achieved: float | None
    achieved_compute: float | None
    available: float | None
    efficiency: float | None
    work_over_window: float | None
    window_over_span: float | None


def parallelism(view: View) -> Parallelism:
    """Measure the achieved parallelism of a window."""
    line = view.timeline
    work = view.runs.intervals.clip(view.low, view.high).total()
    compute = view.compute_runs.intervals.clip(view.low, view.high).total()
    computing = (line.work >> WorkClass.COMPUTE) & 1 == 1
    return Parallelism(
        work_ns=work,
        achieved=ratio(work, line.time_where(line.running > 0)),
        achieved_compute=ratio(compute, line.time_where(computing)),
        available=None,
        efficiency=None,
        work_over_window=ratio(work, view.length),
        window_over_span=None,
    )


def ratio(numerator: int, denominator: int) -> float | None:
    """Divide exact integers; None where there is nothing to divide by."""
    return numerator / denominator if denominator else None

"""Achieved against available parallelism."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from analysis.intervals import Intervals, union
from analysis.metrics.timeline import class_unions
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
    work = view.runs.intervals.clip(view.low, view.high).total()
    return Parallelism(
        work_ns=work,
        achieved=ratio(work, view.timeline.time_where(view.timeline.running > 0)),
        achieved_compute=_achieved_by(view, WorkClass.COMPUTE),
        available=None,
        efficiency=None,
        work_over_window=ratio(work, view.length),
        window_over_span=None,
    )


def ratio(numerator: int, denominator: int) -> float | None:
    """Divide exact integers; None where there is nothing to divide by."""
    return numerator / denominator if denominator else None


def _achieved_by(view: View, work: WorkClass) -> float | None:
    device = view.device
    rows = device.work == work
    lane, start, end = device.lane[rows], device.start[rows], device.end[rows]
    busy = 0
    for low, high in _bounds(lane):
        busy += union(Intervals(start[low:high], end[low:high])).clip(view.low, view.high).total()
    return ratio(busy, class_unions(device)[work].clip(view.low, view.high).total())


def _bounds(lane: np.ndarray[tuple[int], np.dtype[np.int32]]) -> list[tuple[int, int]]:
    return list(pairwise(np.flatnonzero(np.diff(lane, prepend=-1, append=-1)).tolist()))

"""The processes of a step that runs in several of them, taken together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis import vocabulary
from analysis.columns import Role
from analysis.groups import distinct
from analysis.intervals import Intervals, depth, union
from analysis.report import StepTotals, Together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.columns import Trace
    from analysis.metrics.timeline import LaneRuns

TOGETHER = "all processes"
"""What stands in place of a device's id."""


def together(trace: Trace, runs: Sequence[LaneRuns]) -> Together | None:
    """Add up what several processes did in the steps that another one began and waited for.

    Devices are never mixed, and to the analysis each process is one. But the processes that
    serve one step share the cores of one machine, and only together are they the step.

    Args:
        trace: of all these processes, on one clock.
        runs: when each lane of each process that ran operators was running.

    Returns:
        The figures of each step; None of a single process, and where no process without
        operators of its own marks the steps.
    """
    steps = _steps(trace)
    if len(runs) < 2 or not len(steps.start):
        return None
    start = np.concatenate([each.start for each in runs])
    end = np.concatenate([each.end for each in runs])
    totals, overlap = [], 0
    for low, high in zip(steps.start.tolist(), steps.end.tolist(), strict=True):
        inside = (start >= low) & (start < high)
        work = Intervals(start[inside], end[inside])
        last = max(high, int(work.end.max(initial=high)))
        totals.append(StepTotals(TOGETHER, last - low, work.total(), union(work).total()))
        overlap += _several(work)
    return Together(len(runs), tuple(totals), overlap)


def _steps(trace: Trace) -> Intervals:
    """The recorder's steps, where all lie in processes that ran no operator."""
    events = trace.events
    marks = events.select(
        (events.role == Role.ANNOTATION) & vocabulary.own_step(events.names)[events.name]
    )
    workers = distinct(events.pid[events.role == Role.OPERATOR])
    if np.isin(marks.pid, workers).any():
        return Intervals.empty()
    order = np.argsort(marks.start, kind="stable")
    return Intervals(marks.start[order], marks.end[order])


def _several(work: Intervals) -> int:
    """Time in which two or more ran."""
    edges = distinct(np.concatenate([work.start, work.end]))
    lengths = np.diff(edges)
    return int(lengths[depth(work, edges[:-1]) > 1].sum())

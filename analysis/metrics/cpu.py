"""The state of a CPU-only process at every nanosecond."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.intervals import Intervals, covered, depth, intersect
from analysis.metrics.timeline import (
    Timeline,
    class_unions,
    edges_between,
    next_runs,
    running_and_work,
)

if TYPE_CHECKING:
    from analysis.metrics.timeline import LaneRuns
    from analysis.processes import Process

STATES = (
    "overlapped",
    "one_lane_python",
    "one_lane_alone",
    "idle_python",
    "idle_untraced",
)
"""All states of a CPU."""

_CODE = {state: code for code, state in enumerate(STATES)}


def timeline(process: Process, runs: LaneRuns, span: tuple[int, int]) -> Timeline:
    """Give every nanosecond of `span`, which holds the process's window, its state."""
    classes = class_unions(process.device)
    open_branches = _together(process.branches)
    open_and_running = _together(
        tuple(
            intersect(_of_lane(runs, lane), branches)
            for lane, branches in enumerate(process.branches)
        )
    )
    edges = edges_between(
        *span,
        runs.start,
        runs.end,
        *(edge for intervals in classes for edge in intervals),
        *open_branches,
        *process.any_python,
    )
    points = edges[:-1]
    running, work = running_and_work(runs, classes, points)
    elsewhere = depth(open_branches, points) > depth(open_and_running, points)
    state = np.select(
        [
            running > 1,
            (running == 1) & elsewhere,
            running == 1,
            covered(process.any_python, points),
        ],
        [
            _CODE["overlapped"],
            _CODE["one_lane_python"],
            _CODE["one_lane_alone"],
            _CODE["idle_python"],
        ],
        _CODE["idle_untraced"],
    ).astype(np.int8)
    return Timeline(edges, running, state, work, next_runs(edges, running), STATES)


def _of_lane(runs: LaneRuns, lane: int) -> Intervals:
    low, high = np.searchsorted(runs.lane, [lane, lane + 1])
    return Intervals(runs.start[low:high], runs.end[low:high])


def _together(parts: tuple[Intervals, ...]) -> Intervals:
    if not parts:
        return Intervals.empty()
    return Intervals(
        np.concatenate([part.start for part in parts]), np.concatenate([part.end for part in parts])
    )

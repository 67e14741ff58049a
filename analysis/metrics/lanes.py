"""The lanes one by one and two by two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.groups import distinct
from analysis.intervals import Intervals, intersect
from analysis.metrics.stages import Stage
from analysis.showing import Tabular

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analysis.metrics.stages import Stages
    from analysis.metrics.view import View

    Ints = NDArray[np.int64]

_NAME = {
    Stage.NOT_LAUNCHED: "not_launched",
    Stage.LAUNCHING: "launching",
    Stage.SAME_LANE: "same_lane",
    Stage.DEPENDENCY: "dependency",
    Stage.GRAPH: "graph",
    Stage.START_LATENCY: "start_latency",
    Stage.WAIT: "wait",
    Stage.UNKNOWN: "unknown",
}
STAGE_NAMES = tuple(_NAME[stage] for stage in Stage)
"""What reports call each `Stage`, by its number."""


class Lane(msgspec.Struct, frozen=True):
    """One lane's use.

    Attributes:
        lane: the stream id, or the thread id on a CPU.
        activities: how many ran in the window.
        busy_ns: time in which it ran at least one.
    """

    lane: str
    activities: int
    busy_ns: int


class Lanes(Tabular, msgspec.Struct, frozen=True):
    """The lanes of a device.

    Attributes:
        lanes: each lane's use.
        lane_overlap_ns: pairs of lanes that ran together, and for how many ns.
        lane_breakdown_ns: per lane, ns running or in the stage of its next
            activity; each adds up to the window.
    """

    lanes: tuple[Lane, ...]
    lane_overlap_ns: tuple[tuple[str, str, int], ...]
    lane_breakdown_ns: dict[str, dict[str, int]]


def lanes(view: View) -> Lanes:
    """Measure each lane and each pair of lanes in a window."""
    labels = view.device.lanes
    runs = view.runs.intervals.clip(view.low, view.high)
    busy = _sums(view.runs.lane, runs.end - runs.start, len(labels))
    count = np.bincount(view.device.lane[view.inside()], minlength=len(labels))
    parts = _cpu_parts(view) if view.stages is None else _accelerator_parts(view, view.stages)
    return Lanes(
        lanes=tuple(Lane(label, int(count[i]), int(busy[i])) for i, label in enumerate(labels)),
        lane_overlap_ns=tuple(
            (labels[a], labels[b], ns) for a, b, ns in _pairs(view.runs.lane, runs)
        ),
        lane_breakdown_ns={
            label: {
                "running": int(busy[i]),
                **{state: int(of[i]) for state, of in parts.items()},
            }
            for i, label in enumerate(labels)
        },
    )


def _sums(group: NDArray[np.integer], values: Ints, groups: int) -> Ints:
    """Sum int64 values by group, exactly."""
    totals = np.zeros(groups, np.int64)
    np.add.at(totals, group, values)
    return totals


def _pairs(lane: NDArray[np.int32], runs: Intervals) -> Iterator[tuple[int, int, int]]:
    """Yield each pair of lanes that ran together, with the time they did."""
    by_lane = {
        int(i): runs_of
        for i in distinct(lane)
        if len((runs_of := _select(runs, lane == i).nonempty()).start)
    }
    present = sorted(by_lane)
    for position, a in enumerate(present):
        for b in present[position + 1 :]:
            together = intersect(by_lane[a], by_lane[b]).total()
            if together:
                yield a, b, together


def _select(intervals: Intervals, rows: NDArray[np.bool_]) -> Intervals:
    return Intervals(intervals.start[rows], intervals.end[rows])


def _accelerator_parts(view: View, stages: Stages) -> dict[str, Ints]:
    """Split each lane's idle time by the stage of its next activity."""
    runs, count = view.runs, len(view.device.lanes)
    totals = np.zeros((len(Stage), count), np.int64)
    # A run at or beyond the window's end does not follow *in* the window.
    inside = np.flatnonzero((runs.start < view.high) & (runs.end > view.low))
    previous = _previous_ends(runs.lane, runs.end, view.low)
    lane, begin, end = runs.lane[inside], previous[inside], runs.start[inside]
    row = runs.first[inside]
    cuts = [
        begin,
        stages.called[row],
        stages.queued[row],
        stages.free[row],
        stages.released[row],
        end,
    ]
    codes = [
        np.full(len(row), Stage.NOT_LAUNCHED, np.int8),
        stages.first[row],
        np.full(len(row), Stage.SAME_LANE, np.int8),
        np.full(len(row), Stage.DEPENDENCY, np.int8),
        stages.last[row],
    ]
    # What no launch is recorded for is unknown, not "not launched".
    codes[0] = np.where(stages.first[row] == Stage.UNKNOWN, Stage.UNKNOWN, codes[0])
    for low, high, code in zip(cuts[:-1], cuts[1:], codes, strict=True):
        clipped = Intervals(
            np.clip(np.maximum(low, begin), view.low, view.high),
            np.clip(np.maximum(high, begin), view.low, view.high),
        )
        np.add.at(totals, (code, lane), clipped.end - clipped.start)
    last = np.full(count, view.low, np.int64)
    np.maximum.at(last, lane, np.minimum(runs.end[inside], view.high))
    edge = view.high - last
    return {name: totals[stage] for stage, name in _NAME.items()} | {"edge": edge}


def _previous_ends(lane: NDArray[np.int32], end: Ints, low: int) -> Ints:
    """Return the end of the run before each on its lane; before the first, `low`."""
    previous = np.full(len(end), low, np.int64)
    same = lane[1:] == lane[:-1]
    previous[1:][same] = end[:-1][same]
    return previous


def _cpu_parts(view: View) -> dict[str, Ints]:
    """Split each thread's idle time by whether Python was open on it."""
    count = len(view.device.lanes)
    python = np.zeros(count, np.int64)
    untraced = np.zeros(count, np.int64)
    opened = () if view.process is None else view.process.python
    for lane in range(count):
        rows = view.runs.lane == lane
        runs = _select(view.runs.intervals, rows).clip(view.low, view.high).nonempty()
        marks = opened[lane].clip(view.low, view.high).nonempty()
        busy, covered_by_marks = runs.total(), marks.total()
        python[lane] = covered_by_marks - intersect(runs, marks).total()
        untraced[lane] = view.length - busy - python[lane]
    return {"python": python, "untraced": untraced}

"""What a picture of a device's time can show, within a budget of marks.

A million activities are more than a screen has points, or a page may hold. Up to the
budget everything is there as it is; beyond it the longest activities are, one by one,
and all of them as shares of equal bins of the window. A narrower window shows more.
"""

from __future__ import annotations

from itertools import count, pairwise
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from analysis.groups import begins
from analysis.metrics.lanes import STAGE_NAMES
from analysis.metrics.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from analysis.intervals import Intervals
    from analysis.metrics.stages import Stages
    from analysis.metrics.timeline import Timeline
    from analysis.metrics.view import View

    Ints = NDArray[np.int64]
    Rows = NDArray[np.intp]

LANES = 24
"""So many lanes are drawn, the busiest."""

_FEWEST_BINS, _MOST_BINS = 60, 800
_MARKS_PER_BIN = 4
_FURTHEST = 2**63 - 1
_GAP_STEPS = 3
"""Bins of gap lengths per factor of ten."""


class Before(NamedTuple):
    """How an activity came to start: its launch and its stages, in ns.

    Attributes:
        launch_ns: begin of its launch call, from the window's start; None if not recorded.
        call_ns: length of the call; None if not recorded.
        launching_ns: in the call, or of no known launch.
        same_lane_ns: behind its own lane.
        dependency_ns: behind what it waited for on other lanes.
        last_ns: from then to its start.
        last: what it was in then, by the name of the stage.
    """

    launch_ns: int | None
    call_ns: int | None
    launching_ns: int
    same_lane_ns: int
    dependency_ns: int
    last_ns: int
    last: str


class Mark(NamedTuple):
    """One activity; `lane` and `name` are places in the picture's tables.

    Attributes:
        lane: on which it ran.
        name: of the activity.
        start_ns: from the window's start; below 0 if it had begun before.
        length_ns: how long it ran, whole.
        before: None on a CPU.
    """

    lane: int
    name: int
    start_ns: int
    length_ns: int
    before: Before | None


class Stretch(NamedTuple):
    """A time in one state; from the window's start."""

    state: int
    start_ns: int
    end_ns: int


class GapLengths(NamedTuple):
    """Idle gaps of [low_ns, high_ns): how many, and their time."""

    low_ns: int
    high_ns: int
    number: int
    total_ns: int


class Picture(msgspec.Struct, frozen=True):
    """A device's time in one window, ready to be drawn.

    Attributes:
        window_ns: its length.
        lanes: labels of those that are drawn, in the device's order.
        lanes_total: how many there are.
        activities: how many ran in the window, on all lanes.
        names: of the activities drawn.
        marks: the activities drawn one by one, by lane and start.
        busy_ns: per lane drawn, its busy time in each bin; None where all are drawn.
        edges_ns: of the bins, from the window's start; one more than there are bins.
        running_ns: summed busy time of all lanes in each bin.
        most_running: most lanes at once in each bin.
        states: names of the states.
        stretches: all changes of state, in order; None where there are too many.
        states_ns: where there are: per bin, ns in each state.
        gaps: the lengths of the idle gaps.
    """

    window_ns: int
    lanes: tuple[str, ...]
    lanes_total: int
    activities: int
    names: tuple[str, ...]
    marks: tuple[Mark, ...]
    busy_ns: tuple[tuple[int, ...], ...] | None
    edges_ns: tuple[int, ...]
    running_ns: tuple[int, ...]
    most_running: tuple[int, ...]
    states: tuple[str, ...]
    stretches: tuple[Stretch, ...] | None
    states_ns: tuple[tuple[int, ...], ...] | None
    gaps: tuple[GapLengths, ...]

    @property
    def whole(self) -> bool:
        """Tell whether every activity of the lanes drawn is among the marks."""
        return self.busy_ns is None


def picture(view: View, budget: int) -> Picture:
    """Choose what to draw of a window.

    Args:
        view: the device in the window.
        budget: the most activities, and the most changes of state, to keep one by one.
    """
    device = view.device
    inside = view.inside()
    lanes = _busiest(view)
    place = np.full(len(device.lanes), -1, np.int64)
    place[lanes] = np.arange(len(lanes))
    rows = np.flatnonzero(inside & (place[device.lane] >= 0))
    shown = _longest(rows, device.end[rows] - device.start[rows], budget)
    names, name = np.unique(device.name[shown], return_inverse=True)
    edges = _edges(view, budget)
    stretches = _stretches(view.timeline, view.low)
    exact = len(stretches[0]) <= budget
    return Picture(
        window_ns=view.length,
        lanes=tuple(device.lanes[lane] for lane in lanes.tolist()),
        lanes_total=len(device.lanes),
        activities=int(inside.sum()),
        names=tuple(device.names[code] for code in names.tolist()),
        marks=tuple(_marks(view, shown, place[device.lane[shown]], name)),
        busy_ns=None
        if len(shown) == len(rows)
        else tuple(tuple(_busy(view, lane, edges).tolist()) for lane in lanes.tolist()),
        edges_ns=tuple((edges - view.low).tolist()),
        running_ns=tuple(_running(view, edges).tolist()),
        most_running=tuple(_most(view.timeline, edges).tolist()),
        states=view.timeline.states,
        stretches=tuple(map(Stretch, *(column.tolist() for column in stretches)))
        if exact
        else None,
        states_ns=None if exact else tuple(map(tuple, _by_bin(view.timeline, edges).tolist())),
        gaps=_gap_lengths(view.timeline.gaps()),
    )


def _busiest(view: View) -> Rows:
    """Return the lanes to draw, in the device's order."""
    runs = view.runs.intervals.clip(view.low, view.high)
    busy = np.zeros(len(view.device.lanes), np.int64)
    np.add.at(busy, view.runs.lane, runs.end - runs.start)
    used = np.zeros(len(busy), np.bool_)
    used[view.device.lane[view.inside()]] = True
    order = np.lexsort((np.arange(len(busy)), -busy))
    return np.sort(order[used[order]][:LANES])


def _longest(rows: Rows, length: Ints, budget: int) -> Rows:
    """Return the longest rows, in their order; of those as long as the last the first."""
    if len(rows) <= budget:
        return rows
    if not budget:
        return rows[:0]
    least = np.partition(length, len(rows) - budget)[len(rows) - budget]
    kept = length > least
    ties = np.flatnonzero(length == least)[: budget - int(kept.sum())]
    kept[ties] = True
    longest: Rows = rows[kept]
    return longest


def _edges(view: View, budget: int) -> Ints:
    """Return the bins' edges: equal to a nanosecond, and none empty."""
    bins = min(max(budget // _MARKS_PER_BIN, _FEWEST_BINS), _MOST_BINS, max(view.length, 1))
    # Lengths of years times the bins are more than 64 bits hold.
    return np.array([view.low + view.length * i // bins for i in range(bins + 1)], np.int64)


def _marks(view: View, rows: Rows, lane: Ints, name: Rows) -> Iterable[Mark]:
    device = view.device
    start = (device.start[rows] - view.low).tolist()
    length = (device.end[rows] - device.start[rows]).tolist()
    before: Iterable[Before | None] = (
        (None,) * len(rows) if view.stages is None else _before(view, view.stages, rows)
    )
    return map(Mark, lane.tolist(), name.tolist(), start, length, before)


def _before(view: View, stages: Stages, rows: Rows) -> Iterable[Before]:
    launches = view.device.launches
    if launches is None:
        raise TypeError("a device with stages has launches")
    known = launches.known[rows].tolist()
    launch = (launches.start[rows] - view.low).tolist()
    call = (launches.end[rows] - launches.start[rows]).tolist()
    columns = (stages.called, stages.queued, stages.free, stages.released, stages.start)
    parts = [(later[rows] - earlier[rows]).tolist() for earlier, later in pairwise(columns)]
    last = [STAGE_NAMES[Stage(code)] for code in stages.last[rows].tolist()]
    for has, begun, called, launching, same_lane, dependency, rest, name in zip(
        known, launch, call, *parts, last, strict=True
    ):
        yield Before(
            begun if has else None,
            called if has else None,
            launching,
            same_lane,
            dependency,
            rest,
            name,
        )


def _busy(view: View, lane: int, edges: Ints) -> Ints:
    """Return how long a lane ran in each bin."""
    low, high = np.searchsorted(view.runs.lane, [lane, lane + 1])
    return np.diff(_until(view.runs.start[low:high], view.runs.end[low:high], edges))


def _until(start: Ints, end: Ints, time: Ints) -> Ints:
    """Return how much of disjoint ascending intervals lies before each time."""
    total = np.concatenate(([0], np.cumsum(end - start)))
    begun = np.searchsorted(start, time, side="right")
    last = np.maximum(begun - 1, 0)
    over = end[last] if len(end) else time
    beyond = np.where(begun > 0, np.maximum(over - time, 0), 0)
    result: Ints = total[begun] - beyond
    return result


def _pieces(line: Timeline, edges: Ints) -> tuple[Ints, Ints, Ints]:
    """Cut the segments at the bins' edges: the segment, the bin and the length of each piece."""
    cuts = np.unique(np.concatenate((line.edges, edges)))
    begin = cuts[:-1]
    last = max(len(line.state) - 1, 0)
    segment = np.clip(np.searchsorted(line.edges, begin, side="right") - 1, 0, last)
    of_bin = np.clip(np.searchsorted(edges, begin, side="right") - 1, 0, len(edges) - 2)
    return segment, of_bin, np.diff(cuts)


def _running(view: View, edges: Ints) -> Ints:
    segment, of_bin, length = _pieces(view.timeline, edges)
    result = np.zeros(len(edges) - 1, np.int64)
    if len(length):
        np.add.at(result, of_bin, view.timeline.running[segment] * length)
    return result


def _most(line: Timeline, edges: Ints) -> Ints:
    segment, of_bin, length = _pieces(line, edges)
    result = np.zeros(len(edges) - 1, np.int64)
    if len(length):
        np.maximum.at(result, of_bin, line.running[segment])
    return result


def _by_bin(line: Timeline, edges: Ints) -> Ints:
    segment, of_bin, length = _pieces(line, edges)
    result = np.zeros((len(edges) - 1, len(line.states)), np.int64)
    if len(length):
        np.add.at(result, (of_bin, line.state[segment].astype(np.int64)), length)
    return result


def _stretches(line: Timeline, low: int) -> tuple[Ints, Ints, Ints]:
    """Join segments of one state: the state, begin and end of each stretch."""
    first = begins(line.state)
    ends = np.append(first[1:], len(line.state))
    if not len(first):
        nothing = np.empty(0, np.int64)
        return nothing, nothing, nothing
    return (
        line.state[first].astype(np.int64),
        line.edges[first] - low,
        line.edges[ends] - low,
    )


def _gap_lengths(gaps: Intervals) -> tuple[GapLengths, ...]:
    """Count the gaps by length, a few bins per factor of ten."""
    length = gaps.end - gaps.start
    if not len(length):
        return ()
    bounds = _gap_bounds(int(length.max()))
    place = np.searchsorted(bounds, length, side="right") - 1
    number = np.bincount(place, minlength=len(bounds))
    total = np.zeros(len(bounds), np.int64)
    np.add.at(total, place, length)
    used = np.flatnonzero(number)
    shown = range(int(used[0]), int(used[-1]) + 1)
    return tuple(
        GapLengths(int(bounds[i]), int(bounds[i + 1]), int(number[i]), int(total[i])) for i in shown
    )


def _gap_bounds(longest: int) -> Ints:
    """Return the bounds of gap lengths in ns, up to the first beyond the longest."""
    bounds = [1]
    for step in count(1):
        bound = round(10 ** (step / _GAP_STEPS))
        if bound > bounds[-1]:
            bounds.append(min(bound, _FURTHEST))
        if bound > longest:
            return np.array(bounds, np.int64)
    raise AssertionError("there is always a greater bound")

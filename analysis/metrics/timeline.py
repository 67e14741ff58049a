"""A device's time, cut wherever anything about it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.groups import distinct
from analysis.intervals import Intervals, covered, depth, union
from analysis.vocabulary import WorkClass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.device import Device

    Ints = NDArray[np.int64]

EDGE = "idle_edge"


class LaneRuns(msgspec.Struct, frozen=True, eq=False):
    """When each lane ran: disjoint intervals, ascending on each lane.

    Attributes:
        lane: int32 index of the lane, shape (m,), ascending.
        start: int64 ns, shape (m,).
        end: int64 ns, shape (m,).
        first: row of the device's activity that begins the run, shape (m,).
    """

    lane: NDArray[np.int32]
    start: Ints
    end: Ints
    first: NDArray[np.intp]

    @property
    def intervals(self) -> Intervals:
        """Return the runs of all lanes."""
        return Intervals(self.start, self.end)


class Timeline(msgspec.Struct, frozen=True, eq=False):
    """Consecutive segments of time, each with one state throughout.

    Segment i is [edges[i], edges[i + 1]).

    Attributes:
        edges: int64 ns, shape (n + 1,), ascending.
        running: int64, lanes running, shape (n,).
        state: int8 index into `states`, shape (n,).
        work: int8, bit w is set where the `WorkClass` w runs, shape (n,).
        next_run: int64 ns, shape (n,): where no lane runs, when the next one starts;
            after the last one, the last edge.
        states: the names of the states.
    """

    edges: Ints
    running: Ints
    state: NDArray[np.int8]
    work: NDArray[np.int8]
    next_run: Ints
    states: tuple[str, ...]

    def part(self, low: int, high: int) -> Timeline:
        """Return the segments in [low, high), as they are."""
        begin = max(int(np.searchsorted(self.edges, low, side="right")) - 1, 0)
        end = max(int(np.searchsorted(self.edges, high, side="left")), begin)
        inside = slice(begin, end)
        return Timeline(
            np.clip(self.edges[begin : end + 1], low, max(low, high)),
            self.running[inside],
            self.state[inside],
            self.work[inside],
            self.next_run[inside],
            self.states,
        )

    def cut(self, low: int, high: int) -> Timeline:
        """Return [low, high) as a window: a gap that no activity in it ends is `EDGE`.

        A CPU has no such state: its gaps are told by what is open, not by what ends them.
        """
        inside = self.part(low, high)
        if EDGE not in self.states:
            return inside
        unended = (inside.running == 0) & (inside.next_run >= high)
        state = np.where(unended, self.states.index(EDGE), inside.state).astype(np.int8)
        return msgspec.structs.replace(
            inside, state=state, next_run=np.minimum(inside.next_run, high)
        )

    @property
    def lengths(self) -> Ints:
        """Return the length of each segment in ns."""
        return np.diff(self.edges)

    @property
    def work_ns(self) -> int:
        """Return the summed busy time of the lanes."""
        # At each moment the running lanes do that many seconds of work a second.
        return int((self.lengths * self.running).sum())

    def time_where(self, condition: NDArray[np.bool_]) -> int:
        """Return the summed length of the segments that meet a condition."""
        return int(self.lengths[condition].sum())

    def gaps(self) -> Intervals:
        """Return the maximal intervals with no lane running."""
        idle = self.running == 0
        return union(Intervals(self.edges[:-1][idle], self.edges[1:][idle]))


def lane_runs(device: Device, work: WorkClass | None = None) -> LaneRuns:
    """Merge the activities of each lane, of one class or all; those without length are left out."""
    wanted = device.end > device.start
    rows = np.flatnonzero(wanted if work is None else wanted & (device.work == work))
    lane, start, end = device.lane[rows], device.start[rows], device.end[rows]
    bounds = np.flatnonzero(np.diff(lane, prepend=-1, append=-1))
    begins: list[NDArray[np.intp]] = []
    ends: list[Ints] = []
    for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        reach = np.maximum.accumulate(end[low:high])
        head = np.concatenate(([True], start[low + 1 : high] > reach[:-1]))
        begins.append(low + np.flatnonzero(head))
        ends.append(reach[np.concatenate((head[1:], [True]))])
    if not begins:
        nothing = np.empty(0, np.int64)
        return LaneRuns(lane, nothing, nothing, rows)
    begin = np.concatenate(begins)
    return LaneRuns(lane[begin], start[begin], np.concatenate(ends), rows[begin])


def class_unions(device: Device) -> tuple[Intervals, ...]:
    """Return when each `WorkClass` ran on any lane, as disjoint ascending intervals."""
    result = []
    for work in WorkClass:
        rows = device.work == work
        result.append(union(Intervals(device.start[rows], device.end[rows])))
    return tuple(result)


def running_and_work(
    runs: LaneRuns, classes: Sequence[Intervals], points: Ints
) -> tuple[Ints, NDArray[np.int8]]:
    """Return the number of running lanes and the classes that run, at each point."""
    work = np.zeros(len(points), np.int8)
    for bit, intervals in enumerate(classes):
        work |= covered(intervals, points).astype(np.int8) << bit
    return depth(runs.intervals, points), work


def next_runs(edges: Ints, running: Ints) -> Ints:
    """Return, for idle segments, where the next busy one starts (or the last edge)."""
    starts = np.where(running > 0, edges[:-1], edges[-1])
    return np.minimum.accumulate(starts[::-1])[::-1]


def edges_between(low: int, high: int, *points: Ints) -> Ints:
    """Return the distinct points inside [low, high], with both ends."""
    inside = np.concatenate((*points, np.array([low, high], np.int64)))
    return distinct(np.clip(inside, low, high))

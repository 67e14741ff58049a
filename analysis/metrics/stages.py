"""The stages that an activity passes before it runs.

launching -> behind its own lane -> dependency -> (graph | ready) -> running; an
activity without a recorded launch is in an unknown stage until the lane's order
shows that it was queued.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.columns import NONE
from analysis.device import FOREVER, Device, Launches
from analysis.groups import grouped_running_max
from analysis.intervals import Intervals, union
from analysis.metrics.replays import by_lanes
from analysis.metrics.waits import inferred

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.metrics.waits import Waits
    from analysis.thresholds import Thresholds

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]


class Stage(enum.IntEnum):
    """Where a launched or expected activity is in its life."""

    NOT_LAUNCHED = 0
    LAUNCHING = 1
    SAME_LANE = 2
    DEPENDENCY = 3
    GRAPH = 4
    START_LATENCY = 5
    WAIT = 6
    UNKNOWN = 7


class Stages(msgspec.Struct, frozen=True, eq=False):
    """Stages of n activities, in the order of their device.

    Each activity passes four intervals, back to back and possibly empty: first
    [called, queued), then behind its own lane [queued, free), then dependency
    [free, released), then [released, start). Before `called` it is not launched.

    Attributes:
        called: int64 ns, when the first stage begins.
        queued: int64 ns, when it ends: the launch has returned, or the lane's
            order shows that the activity was queued.
        behind: int64 ns, the latest end of what is earlier on its lane.
        free: int64 ns, when nothing of that runs any more (of a replay: on its lanes).
        released: int64 ns, when what it waited for on other lanes had ended.
        start: int64 ns, when the activity starts.
        first: int8, LAUNCHING or UNKNOWN.
        last: int8, GRAPH, START_LATENCY, WAIT or UNKNOWN.
        awaited: the row on another lane that an inferred wait waited for, or -1.
        latency_bound_ns: what separates START_LATENCY from WAIT.
    """

    called: Ints
    queued: Ints
    behind: Ints
    free: Ints
    released: Ints
    start: Ints
    first: NDArray[np.int8]
    last: NDArray[np.int8]
    awaited: NDArray[np.intp]
    latency_bound_ns: int

    def at(self, activity: Ints, time: Ints) -> NDArray[np.int8]:
        """Return the stage of activities at times before they start.

        Args:
            activity: rows, shape (k,).
            time: int64 ns, shape (k,).
        """
        return np.select(
            [
                time < self.called[activity],
                time < self.queued[activity],
                time < self.free[activity],
                time < self.released[activity],
            ],
            [
                np.where(
                    self.first[activity] == Stage.UNKNOWN, Stage.UNKNOWN, Stage.NOT_LAUNCHED
                ).astype(np.int8),
                self.first[activity],
                np.int8(Stage.SAME_LANE),
                np.int8(Stage.DEPENDENCY),
            ],
            self.last[activity],
        ).astype(np.int8)

    def intervals(self, stage: Stage) -> Intervals:
        """Return when any activity is in the stage, as disjoint ascending intervals."""
        if stage == Stage.SAME_LANE:
            return union(Intervals(self.queued, self.free))
        if stage == Stage.DEPENDENCY:
            return union(Intervals(self.free, self.released))
        first, last = self.first == stage, self.last == stage
        return union(
            Intervals(
                np.concatenate((self.called[first], self.released[last])),
                np.concatenate((self.queued[first], self.start[last])),
            )
        )


def stages(device: Device, waits: Waits, thresholds: Thresholds) -> Stages:
    """Work out the stages of a device's activities.

    Args:
        device: an accelerator.
        waits: what its activities wait for beside their lanes.
        thresholds: the constants.

    Formulas: docs/measures.md, "Stages".
    """
    launches = device.launches
    if launches is None:
        raise TypeError("a CPU's activities have no launches and hence no stages")
    start, known = device.start, launches.known
    called, queued = _until_queued(device, launches)
    behind = _lane_end(device)
    replayed = known & launches.graph
    graph = replayed & ~waits.replays.told
    joining = graph | waits.replays.roots
    held = _replay_end(device, launches, behind, joining) if joining.any() else behind
    queued = np.minimum(queued, start)
    free = np.maximum(queued, np.minimum(held, start))
    first_on_lane = np.diff(device.lane, prepend=-1) != 0
    released = np.clip(np.where(graph, free, waits.until), free, start)
    ready = start - released
    sampled = known & ~replayed & ~first_on_lane & ~waits.bound() & (ready > 0)
    bound = latency_bound(ready[sampled], thresholds)
    awaited = np.where(
        replayed, NONE, inferred(device, launches, waits, free=released, bound=bound)
    )
    until = np.where(awaited == NONE, -FOREVER, device.end[awaited])
    released = np.clip(until, released, start)
    ready = start - released
    left_edge = known & ~graph & first_on_lane & ~launches.after_synchronise & (ready > bound)
    return Stages(
        called=np.minimum(called, queued),
        queued=queued,
        behind=behind,
        free=free,
        released=released,
        start=start,
        first=np.where(known, Stage.LAUNCHING, Stage.UNKNOWN).astype(np.int8),
        last=np.select(
            [graph, left_edge, ready > bound],
            [Stage.GRAPH, Stage.UNKNOWN, Stage.WAIT],
            Stage.START_LATENCY,
        ).astype(np.int8),
        awaited=awaited,
        latency_bound_ns=bound,
    )


def latency_bound(ready: Ints, thresholds: Thresholds) -> int:
    """Return the longest ready interval that still counts as start latency, in ns.

    Args:
        ready: non-empty ready intervals of activities that waited for nothing known.
        thresholds: the floor, the ceiling and the least number of samples.

    Returns:
        1.25 x the 99th percentile (nearest rank), if there are enough samples
        and it comes to no more than the ceiling; at least the floor.
    """
    floor = thresholds.latency_floor_ns
    if len(ready) < thresholds.latency_samples or not len(ready):
        return floor
    rank = -(-99 * len(ready) // 100)
    percentile = int(np.partition(ready, rank - 1)[rank - 1])
    value = -(-5 * percentile // 4)
    return max(floor, value) if value <= thresholds.latency_ceiling_ns else floor


def _until_queued(device: Device, launches: Launches) -> tuple[Ints, Ints]:
    """Return begin and end of the first stage: the launch, or what stands in for it."""
    known = launches.known
    if known.all():
        return launches.start, launches.end
    window_start = device.start.min()
    rows = np.arange(len(device))
    lane_begin = np.searchsorted(device.lane, device.lane, side="left")
    lane_end = np.searchsorted(device.lane, device.lane, side="right")
    earlier = np.maximum.accumulate(np.where(known, rows, -1))
    later = np.minimum.accumulate(np.where(known, rows, len(device))[::-1])[::-1]
    has_earlier, has_later = earlier >= lane_begin, later < lane_end
    called = np.where(has_earlier, launches.end[earlier], window_start)
    queued = np.where(has_later, launches.start[np.minimum(later, len(device) - 1)], FOREVER)
    return np.where(known, launches.start, called), np.where(known, launches.end, queued)


def _running_ends(device: Device) -> Ints:
    """Return the ends, with zero-length activities, which keep nobody waiting, taken out."""
    return np.where(device.end > device.start, device.end, -FOREVER)


def _lane_end(device: Device) -> Ints:
    """Return P: the latest end of earlier activities on the same lane."""
    return grouped_running_max(_running_ends(device), device.lane, -FOREVER)


def _replay_end(device: Device, launches: Launches, lane_end: Ints, wanted: Bools) -> Ints:
    """Return Q: the latest end of earlier activities on any lane of the activity's replay."""
    result = lane_end.copy()
    for lanes, members in by_lanes(device, launches, wanted):
        if len(lanes) == 1:
            continue
        rows = np.flatnonzero(np.isin(device.lane, lanes))
        by_start = rows[np.argsort(device.start[rows], kind="stable")]
        reach = np.maximum.accumulate(_running_ends(device)[by_start])
        before = np.searchsorted(device.start[by_start], device.start[members], side="left")
        latest = np.where(before > 0, reach[np.maximum(before - 1, 0)], -FOREVER)
        result[members] = np.maximum(result[members], latest)
    return result

"""The state of an accelerator at every nanosecond."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from analysis.device import FOREVER, name_rank
from analysis.groups import contains, distinct
from analysis.host import Doing
from analysis.intervals import covered, union
from analysis.metrics.room import waits_by_room
from analysis.metrics.stages import Stage
from analysis.metrics.timeline import (
    EDGE,
    Timeline,
    class_unions,
    edges_between,
    next_runs,
    running_and_work,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from analysis.device import Device, Launches
    from analysis.host import Host
    from analysis.intervals import Intervals
    from analysis.metrics.stages import Stages
    from analysis.metrics.timeline import LaneRuns
    from analysis.thresholds import Thresholds

    Ints = NDArray[np.int64]

STATES = (
    "overlapped",
    "one_device_full",
    "one_unrecorded_wait",
    "one_room_unknown",
    "one_start_latency",
    "one_dependency",
    "one_graph",
    "one_same_lane",
    "one_launching",
    "one_unknown",
    "one_nothing_queued",
    "idle_start_latency",
    "idle_unrecorded_wait",
    "idle_dependency",
    "idle_graph",
    "idle_unknown",
    "idle_launching",
    "idle_slow_launch",
    "idle_blocking_copy",
    "idle_host_sync",
    "idle_host_call",
    "idle_host_op",
    "idle_host_python",
    "idle_host_untraced",
    EDGE,
)
"""All states of an accelerator."""

_CODE = {state: code for code, state in enumerate(STATES)}

# While one lane runs, the first of these that another activity is in names the state.
_ONE_LANE = (
    (Stage.START_LATENCY, "one_start_latency"),
    (Stage.DEPENDENCY, "one_dependency"),
    (Stage.GRAPH, "one_graph"),
    (Stage.SAME_LANE, "one_same_lane"),
    (Stage.LAUNCHING, "one_launching"),
    (Stage.UNKNOWN, "one_unknown"),
)
_LAST = {
    Stage.GRAPH: "idle_graph",
    Stage.START_LATENCY: "idle_start_latency",
    Stage.WAIT: "idle_unrecorded_wait",
    Stage.UNKNOWN: "idle_unknown",
}
_DOING = {
    Doing.BLOCKING_CALL: "idle_host_sync",
    Doing.CALL: "idle_host_call",
    Doing.OPERATOR: "idle_host_op",
    Doing.PYTHON: "idle_host_python",
    Doing.NOTHING: "idle_host_untraced",
}


def timeline(
    device: Device,
    runs: LaneRuns,
    stages: Stages,
    host: Host,
    *,
    thresholds: Thresholds,
    span: tuple[int, int],
) -> Timeline:
    """Give every nanosecond of `span`, which holds the device's window, its state."""
    if device.launches is None:
        raise TypeError("a CPU has no stages; see analysis.metrics.cpu")
    classes = class_unions(device)
    waiting = [
        *((rooms, name) for name, rooms in waits_by_room(device, stages).items()),
        *((stages.intervals(stage), name) for stage, name in _ONE_LANE),
    ]
    enders = gap_enders(device, runs, stages)
    idleness = _Idleness(device, device.launches, stages, host, thresholds, enders)
    in_gaps = np.concatenate(
        (
            stages.called[enders],
            stages.queued[enders],
            stages.released[enders],
            *idleness.host_boundaries(),
        )
    )
    edges = edges_between(
        *span,
        runs.start,
        runs.end,
        *(edge for intervals in classes for edge in intervals),
        *(edge for intervals, _ in waiting for edge in intervals),
        in_gaps[~covered(union(runs.intervals), in_gaps)],
    )
    points = edges[:-1]
    running, work = running_and_work(runs, classes, points)
    state = np.full(len(points), _CODE["overlapped"], np.int8)
    next_run = next_runs(edges, running)
    idle = np.flatnonzero(running == 0)
    state[idle] = idleness.states(points[idle], next_run[idle])
    one = np.flatnonzero(running == 1)
    state[one] = _one_lane_states(waiting, points[one])
    return Timeline(edges, running, state, work, next_run, STATES)


def gap_enders(device: Device, runs: LaneRuns, stages: Stages | None) -> NDArray[np.intp]:
    """Return the activities of which one ends each gap, sorted by start.

    Of several at one time the first is the one that counts: launched earliest,
    and then by whatever does not depend on the name of its lane.
    """
    launches = device.launches
    ends_gap = contains(union(runs.intervals).start, device.start)
    rows = np.flatnonzero(ends_gap & (device.end > device.start))
    rows = rows[np.argsort(device.start[rows], kind="stable")]
    if (np.diff(device.start[rows]) > 0).all():
        return rows
    if launches is None or stages is None:
        order = np.lexsort((name_rank(device.names)[device.name[rows]], device.start[rows]))
        return rows[order]
    known = launches.known[rows]
    order = np.lexsort(
        (
            name_rank(device.names)[device.name[rows]],
            stages.behind[rows],
            stages.queued[rows],
            stages.called[rows],
            np.where(known, launches.end[rows], FOREVER),
            np.where(known, launches.start[rows], FOREVER),
            device.start[rows],
        )
    )
    return rows[order]


def _one_lane_states(waiting: list[tuple[Intervals, str]], points: Ints) -> NDArray[np.int8]:
    state = np.full(len(points), _CODE["one_nothing_queued"], np.int8)
    for intervals, name in reversed(waiting):
        state[covered(intervals, points)] = _CODE[name]
    return state


class _Idleness(msgspec.Struct, frozen=True, eq=False):
    """Why no lane ran: the stage of the activity that ends the gap."""

    device: Device
    launches: Launches
    stages: Stages
    host: Host
    thresholds: Thresholds
    enders: NDArray[np.intp]

    def host_boundaries(self) -> list[Ints]:
        """Return where the launching threads turn to something else."""
        known = self.enders[self.launches.known[self.enders]]
        threads = distinct(self.launches.thread[known]).tolist()
        return [self.host.thread(code).boundaries() for code in threads]

    def states(self, points: Ints, next_run: Ints) -> NDArray[np.int8]:
        """Return the states of idle points, given when each one's gap ends."""
        if not len(points) or not len(self.enders):
            return np.full(len(points), _CODE[EDGE], np.int8)
        stages = self.stages
        place = np.searchsorted(self.device.start[self.enders], next_run, side="left")
        ender = self.enders[np.minimum(place, len(self.enders) - 1)]
        known = self.launches.known[ender]
        first = np.where(known, self._launching()[ender], _CODE["idle_unknown"])
        dependent = (stages.free[ender] <= points) & (points < stages.released[ender])
        state = np.select(
            [points < stages.queued[ender], dependent],
            [first, np.int8(_CODE["idle_dependency"])],
            _codes(_LAST, len(Stage))[stages.last[ender]],
        ).astype(np.int8)
        before = np.flatnonzero(known & (points < stages.called[ender]))
        state[before] = self._host_states(points[before], self.launches.thread[ender[before]])
        state[place == len(self.enders)] = _CODE[EDGE]
        return state

    def _host_states(self, points: Ints, thread: Ints) -> NDArray[np.int8]:
        doing = np.empty(len(points), np.int8)
        for code in distinct(thread).tolist():
            rows = np.flatnonzero(thread == code)
            doing[rows] = self.host.thread(code).doing(points[rows])
        return _codes(_DOING, len(Doing))[doing]

    def _launching(self) -> NDArray[np.int8]:
        slow = self.launches.end - self.launches.start > self.thresholds.slow_launch_ns
        return np.select(
            [self.launches.blocking_copy, slow],
            [_CODE["idle_blocking_copy"], _CODE["idle_slow_launch"]],
            _CODE["idle_launching"],
        ).astype(np.int8)


def _codes(names: Mapping[Any, str], size: int) -> NDArray[np.int8]:
    """Return the state code of each member of an enumeration, as a lookup table."""
    table = np.zeros(size, np.int8)
    for member, name in names.items():
        table[member] = _CODE[name]
    return table

"""Waits of one stream for another, and which activity each of them holds back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis import vocabulary
from analysis.columns import ACTIVITY_ROLES, NONE, Role
from analysis.device import FOREVER, thread_codes
from analysis.groups import distinct
from analysis.launches import find, processes
from analysis.metrics.replays import Replays, replays

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.columns import Events, Trace
    from analysis.device import Device, Launches

    Ints = NDArray[np.int64]


class Waits(msgspec.Struct, frozen=True, eq=False):
    """What the n activities of a device wait for, beside their own lanes.

    Attributes:
        until: int64 ns, shape (n,), the latest end of the recorded work that the
            activity waits for; `-FOREVER` where none is recorded.
        call: int64 ns, shape (n,), begin of the latest wait call, of an unknown
            stream, that may bind the activity; `-FOREVER` where there is none.
        held: shape (m,), the row that each recorded wait holds back, or edge of a graph.
        source: shape (m,), the row whose end it waits for.
        replays: what CUDA graphs say; its edges are among the former.
    """

    until: Ints
    call: Ints
    held: NDArray[np.intp]
    source: NDArray[np.intp]
    replays: Replays

    def bound(self) -> NDArray[np.bool_]:
        """Tell which activities may have waited for more than a free lane."""
        return (self.until > -FOREVER) | (self.call > -FOREVER)


def waits(trace: Trace, device: Device) -> Waits:
    """Bind each wait to the next activity launched on the waiting stream."""
    launches = device.launches
    until = np.full(len(device), -FOREVER)
    if launches is None:
        none = np.empty(0, np.intp)
        return Waits(until, until, none, none, Replays(until > 0, none, none))
    calls = trace.events.of(Role.CALL)
    recorded = _recorded(trace, device)
    of_graphs = replays(trace, device, launches)
    of_events = _recorded_pairs(trace, device, calls, recorded)
    held = np.concatenate((of_events[0], of_graphs.held))
    source = np.concatenate((of_events[1], of_graphs.source))
    np.maximum.at(until, held, device.end[source])
    waiting = calls.select(vocabulary.waits_on_event(calls.names)[calls.name])
    numbered = recorded.correlation[recorded.correlation > 0]
    unnamed = waiting.select(~np.isin(waiting.correlation, numbered))
    return Waits(until, _unnamed_calls(device, launches, unnamed), held, source, of_graphs)


def inferred(
    device: Device, launches: Launches, waits: Waits, *, free: Ints, bound: int
) -> NDArray[np.intp]:
    """Return the row that each activity waited for where the event's stream is not recorded.

    That is the one with the latest end on another lane, after the activity's own
    lane was free, that lies no further than the latency bound before its start
    and was launched before the wait call; -1 where there is none.
    """
    result = np.full(len(device), NONE, np.intp)
    candidates = np.flatnonzero((waits.call > -FOREVER) & (device.start > free))
    if not len(candidates):
        return result
    by_end = np.argsort(device.end, kind="stable")
    ends = device.end[by_end]
    lowest = np.maximum(free[candidates], device.start[candidates] - bound - 1)
    first = np.searchsorted(ends, lowest, side="right")
    last = np.searchsorted(ends, device.start[candidates], side="right")
    for k, low, high in zip(candidates.tolist(), first.tolist(), last.tolist(), strict=True):
        rows = by_end[low:high]
        rows = rows[(device.lane[rows] != device.lane[k]) & (launches.start[rows] < waits.call[k])]
        if len(rows):
            result[k] = rows[-1]
    return result


class _Recorded(msgspec.Struct, frozen=True, eq=False):
    """Waits whose two lanes are known; the lane waited for is -1 where nothing ran on it."""

    lane: NDArray[np.int64]
    on_lane: NDArray[np.int64]
    correlation: Ints
    record: Ints
    start: Ints


def _recorded(trace: Trace, device: Device) -> _Recorded:
    found, events = trace.synchronisations, trace.events.select(trace.synchronisations.row)
    lane_of = {label: lane for lane, label in enumerate(device.lanes)}
    lanes = np.array([lane_of.get(label, NONE) for label in events.streams] + [NONE], np.int64)
    here = np.array([label == device.label for label in events.pids] + [False])
    rows = here[events.pid] & vocabulary.makes_stream_wait(events.names)[events.name]
    rows &= (events.stream != NONE) & (found.on_stream != NONE)
    return _Recorded(
        lanes[events.stream[rows]],
        lanes[found.on_stream[rows]],
        events.correlation[rows],
        found.record[rows],
        events.start[rows],
    )


def _recorded_pairs(
    trace: Trace, device: Device, calls: Events, recorded: _Recorded
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return, of each wait that there was something to wait for, the row held and the source."""
    pairs: list[tuple[int, int]] = []
    if device.launches is not None and len(recorded.lane):
        ranked = processes(device.label, _correlations(trace, device), calls)
        called = _begins(recorded.correlation, recorded.start, calls, ranked)
        made = _begins(recorded.record, called, calls, ranked)
        named = distinct(np.concatenate((recorded.lane, recorded.on_lane))).tolist()
        by_launch = {
            lane: LaunchOrder(device, device.launches, lane) for lane in named if lane != NONE
        }
        for lane, on_lane, asked, record in zip(
            recorded.lane.tolist(),
            recorded.on_lane.tolist(),
            called.tolist(),
            made.tolist(),
            strict=True,
        ):
            if NONE in (lane, on_lane):
                continue
            held = by_launch[lane].first_from(asked)
            source = by_launch[on_lane].latest_before(record)
            if held is not None and source is not None:
                pairs.append((held, source))
    found = np.array(pairs, np.intp).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _correlations(trace: Trace, device: Device) -> Ints:
    activities = trace.events.of(*ACTIVITY_ROLES)
    here = np.array([label == device.label for label in activities.pids])
    correlation: Ints = activities.correlation[here[activities.pid]]
    return correlation


def _begins(correlation: Ints, default: Ints, calls: Events, ranked: Sequence[int]) -> Ints:
    """Return when the call of each correlation began, or the default where there is none.

    Correlations are numbered per process; `ranked` says which is asked first.
    """
    row = find(correlation, calls, ranked)
    result = default.copy()
    result[row >= 0] = calls.start[row[row >= 0]]
    return result


class LaunchOrder:
    """The activities of one lane, as they were launched."""

    def __init__(self, device: Device, launches: Launches, lane: int) -> None:
        """Sort the activities of a lane whose launches are known."""
        low, high = np.searchsorted(device.lane, [lane, lane + 1])
        rows = low + np.flatnonzero(launches.known[low:high])
        self._rows = rows[np.argsort(launches.start[rows], kind="stable")]
        self._starts = launches.start[self._rows]
        ends = device.end[self._rows]
        peaks = ends == np.maximum.accumulate(ends)
        self._latest = np.maximum.accumulate(np.where(peaks, np.arange(len(ends)), 0))

    def first_from(self, time: int) -> int | None:
        """Return the first activity launched at or after a time."""
        place = int(np.searchsorted(self._starts, time, side="left"))
        return int(self._rows[place]) if place < len(self._rows) else None

    def latest_before(self, time: int) -> int | None:
        """Return, of what was launched before a time, the activity that ended last."""
        place = int(np.searchsorted(self._starts, time, side="left"))
        return int(self._rows[self._latest[place - 1]]) if place else None


def _unnamed_calls(device: Device, launches: Launches, calls: Events) -> Ints:
    """Return the latest wait call between an activity's launch and the one before it.

    Both launches are of one lane and one thread, the thread of the call: the
    call may have made that lane wait, and then it binds the next launch.
    """
    result = np.full(len(device), -FOREVER)
    thread = thread_codes(calls)
    for code in np.unique(thread).tolist():
        times = np.sort(calls.start[thread == code])
        rows = np.flatnonzero(launches.known & (launches.thread == code))
        rows = rows[np.lexsort((launches.start[rows], device.lane[rows]))]
        same = np.diff(device.lane[rows], prepend=NONE) == 0
        previous = np.where(same, np.roll(launches.start[rows], 1), -FOREVER)
        place = np.searchsorted(times, launches.start[rows], side="right")
        latest = np.where(place > 0, times[np.maximum(place - 1, 0)], -FOREVER)
        result[rows] = np.where(latest > previous, latest, -FOREVER)
    return result

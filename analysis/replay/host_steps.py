"""The moments at which a host thread's clock may move: waits for the device, and hand-offs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis import vocabulary
from analysis.columns import ACTIVITY_ROLES, NONE, Role
from analysis.device import FOREVER, thread_codes
from analysis.groups import distinct
from analysis.host import Doing
from analysis.intervals import Intervals, covered, union
from analysis.launches import find, processes
from analysis.metrics.waits import LaunchOrder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import Events, Trace
    from analysis.device import Device, Launches
    from analysis.host import Host

    Ints = NDArray[np.int64]

_EVENT = "EventSynchronize"
_STREAM_SYNC = "Stream Sync"
_EVENT_SYNC = "Event Sync"


class Step(NamedTuple):
    """A moment at which a thread goes on, in a replay earlier or later than recorded.

    Attributes:
        at: int ns, when it went on.
        begin: int ns, when it had stopped; `at` where it only follows other threads.
        thread: its code.
        least_ns: how long it stops at least; None for the time that a blocking call
            takes to return.
        awaited: rows of the device until whose ends it stops.
        launched_them: whether it stops in the call that launched these; it then waits for
            them alone, and else for all that their lanes held until them.
        follows: threads that had worked while it rested: it goes on no earlier than they.
        first: whether it did nothing before.
        seen: the recorded end after which it went on; None where it waited for none.
        explained: whether the recorded ends tell why it stopped so long.
    """

    at: int
    begin: int
    thread: int
    least_ns: int | None
    awaited: tuple[int, ...] = ()
    launched_them: bool = False
    follows: tuple[int, ...] = ()
    first: bool = False
    seen: int | None = None
    explained: bool = True


def host_steps(trace: Trace, device: Device, host: Host, bound: int) -> tuple[Step, ...]:
    """Return the steps of all threads that drive the device, in the order of their times.

    A call that blocks stops its thread until the activities end that had been
    launched before it and had ended when it returned; where the trace names the
    stream or the event, only those. A thread that had nothing open goes on no
    earlier than what other threads launched or waited for meanwhile.

    Args:
        trace: the trace of the device.
        device: an accelerator.
        host: what the threads did.
        bound: ns; a call that returns later than this after those ends is not explained.
    """
    launches = device.launches
    if launches is None or not launches.known.any():
        return ()
    calls = trace.events.of(Role.CALL)
    launching = np.zeros(len(calls), np.bool_)
    launching[launches.call[launches.known]] = True
    own = np.isin(calls.pid, distinct(launches.pid[launches.known]))
    blocking = own & vocabulary.blocks(calls.names)[calls.name]
    blocking[launches.call[launches.blocking_copy]] = True
    stops = _Stops(trace, device, launches, calls, bound)
    rows = np.flatnonzero(blocking)
    found = [
        step for row in rows.tolist() if (step := stops.step(row, launching=bool(launching[row])))
    ]
    relevant = np.flatnonzero(launching | blocking)
    found += _takeovers(calls.select(relevant), host)
    return tuple(sorted(found, key=lambda step: (step.at, step.begin, step.thread)))


class _Stops:
    """What each blocking call waits for."""

    def __init__(
        self, trace: Trace, device: Device, launches: Launches, calls: Events, bound: int
    ) -> None:
        self._device = device
        self._launches = launches
        self._calls = calls
        self._threads = thread_codes(calls)
        self._bound = bound
        self._event = np.array([_EVENT in name for name in calls.names], np.bool_)
        self._by_lane = [LaunchOrder(device, launches, lane) for lane in range(len(device.lanes))]
        self._named = _named(trace, device, calls)
        self._order = np.argsort(launches.call, kind="stable")
        self._ordered = launches.call[self._order]

    def step(self, row: int, *, launching: bool) -> Step | None:
        """Return the step of a blocking call; None if it is seen not to block."""
        begin, at = int(self._calls.start[row]), int(self._calls.end[row])
        awaited = self._launched_by(row) if launching else self._before(row, begin, at)
        # One that started as the call returned would come after it in a replay.
        awaited = [k for k in awaited if self._device.end[k] <= at and self._device.start[k] < at]
        if launching and not awaited:
            return None
        seen = max((int(self._device.end[k]) for k in awaited), default=-FOREVER)
        waited = begin < seen
        explained = not waited or at - seen <= self._bound
        return Step(
            at=at,
            begin=begin,
            thread=int(self._threads[row]),
            least_ns=None if waited and explained else at - begin,
            awaited=tuple(awaited),
            launched_them=launching,
            seen=seen if waited and explained else None,
            explained=explained,
        )

    def _launched_by(self, row: int) -> list[int]:
        low, high = np.searchsorted(self._ordered, [row, row + 1])
        rows: list[int] = self._order[low:high].tolist()
        return rows

    def _before(self, row: int, begin: int, at: int) -> list[int]:
        """Return the last on each lane of what had been launched before the call."""
        lane, until = self._named.get(row, (None, begin))
        if lane is None and self._event[self._calls.name[row]]:
            return self._explaining(begin, at)
        if lane == NONE:
            return []
        orders = self._by_lane if lane is None else [self._by_lane[lane]]
        return [found for order in orders if (found := order.latest_before(until)) is not None]

    def _explaining(self, begin: int, at: int) -> list[int]:
        """Return the activity after which a wait for an unnamed event returned, if there is one."""
        device = self._device
        rows = np.flatnonzero(
            (device.end <= at)
            & (device.end > max(begin, at - self._bound - 1))
            & (self._launches.start < begin)
        )
        return [int(rows[np.argmax(device.end[rows])])] if len(rows) else []


def _named(trace: Trace, device: Device, calls: Events) -> dict[int, tuple[int, int]]:
    """Return, by row of the call, the lane that is waited for and until which launch.

    The lane is -1 for a stream on which nothing ran.
    """
    lane_of = {label: lane for lane, label in enumerate(device.lanes)}
    events = trace.events
    activities = events.of(*ACTIVITY_ROLES)
    here = np.array([label == device.label for label in events.pids] + [False])
    ranked = processes(device.label, activities.correlation[here[activities.pid]], calls)
    kind = {name: code for code, name in enumerate(events.names)}
    rows = np.flatnonzero(
        (events.role == Role.SYNC)
        & here[events.pid]
        & (events.name == kind.get(_STREAM_SYNC, NONE))
        & (events.stream != NONE)
    )
    made = find(events.correlation[rows], calls, ranked)
    found: dict[int, tuple[int, int]] = {}
    for row, stream in zip(made.tolist(), events.stream[rows].tolist(), strict=True):
        if row >= 0:
            found[row] = (lane_of.get(events.streams[stream], NONE), int(calls.start[row]))
    waits = trace.synchronisations
    of_event = events.name[waits.row] == kind.get(_EVENT_SYNC, NONE)
    of_event &= here[events.pid[waits.row]] & (waits.on_stream != NONE) & (waits.record > 0)
    made = find(events.correlation[waits.row[of_event]], calls, ranked)
    record = find(waits.record[of_event], calls, ranked)
    streams = waits.on_stream[of_event].tolist()
    for row, stream, recorded in zip(made.tolist(), streams, record.tolist(), strict=True):
        if row >= 0 and recorded >= 0:
            lane = lane_of.get(events.streams[stream], NONE)
            found[row] = (lane, int(calls.start[recorded]))
    return found


def _takeovers(calls: Events, host: Host) -> list[Step]:
    """Return where a thread goes on after others worked while it had nothing open."""
    threads = thread_codes(calls)
    codes = distinct(threads).tolist()
    found: list[Step] = []
    for code in codes if len(codes) > 1 else ():
        mine = np.flatnonzero(threads == code)
        mine = mine[np.argsort(calls.start[mine], kind="stable")]
        begin = _outermost_begin(host, code, calls.start[mine])
        reach = np.maximum.accumulate(calls.end[mine])
        before = np.concatenate(([-FOREVER], reach[:-1]))
        resumed = begin >= before
        follows: dict[int, list[int]] = {}
        for other in distinct(threads[calls.pid == calls.pid[mine[0]]]).tolist():
            if other != code:
                ends = np.sort(calls.end[threads == other])
                place = np.searchsorted(ends, begin, side="right")
                latest = np.where(place > 0, ends[place - 1], -FOREVER)
                worked = resumed & (latest > -FOREVER) & (latest >= before)
                for row in np.flatnonzero(worked).tolist():
                    follows.setdefault(row, []).append(other)
        for row, others in follows.items():
            at = int(begin[row])
            found.append(Step(at, at, code, 0, follows=tuple(others), first=row == 0))
    return found


def _outermost_begin(host: Host, thread: int, points: Ints) -> Ints:
    """Return, for times inside calls, when the outermost operator or call began."""
    inside = host.thread(thread).inside
    parts = (inside[Doing.BLOCKING_CALL], inside[Doing.CALL], inside[Doing.OPERATOR])
    spans = union(
        Intervals(
            np.concatenate([part.start for part in parts]),
            np.concatenate([part.end for part in parts]),
        )
    )
    place = np.searchsorted(spans.start, points, side="right") - 1
    held = covered(spans, points)
    begin = points.copy()
    begin[held] = spans.start[place[held]]
    return begin

"""What each host thread was doing at any time."""

from __future__ import annotations

import enum
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis import vocabulary
from analysis.columns import Role
from analysis.device import name_rank, thread_codes
from analysis.intervals import Intervals, covered, union
from analysis.overruns import overrunning_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import Events, Trace

    Ints = NDArray[np.int64]


class Doing(enum.IntEnum):
    """What a thread is inside of; the first that applies counts."""

    BLOCKING_CALL = 0
    CALL = 1
    OPERATOR = 2
    PYTHON = 3
    NOTHING = 4


class ThreadRecord(msgspec.Struct, frozen=True, eq=False):
    """One thread's events and, per kind, when it was inside one.

    Attributes:
        inside: disjoint ascending intervals for the first four kinds of `Doing`.
        events: per role, the thread's events by start, longer ones first, with
            the latest end so far of each.
    """

    inside: tuple[Intervals, ...]
    events: dict[Role, tuple[Events, Ints]]

    def doing(self, points: Ints) -> NDArray[np.int8]:
        """Return a `Doing` for each time in ns."""
        result = np.full(len(points), Doing.NOTHING, np.int8)
        for kind in reversed(range(len(self.inside))):
            result[covered(self.inside[kind], points)] = kind
        return result

    def boundaries(self) -> Ints:
        """Return all times at which `doing` may change."""
        return np.concatenate([edge for intervals in self.inside for edge in intervals])

    def stack(self, time: int, role: Role) -> list[str]:
        """Return the names of the events of a role that hold the time, outermost first."""
        events, reach = self.events[role]
        first = int(np.searchsorted(reach, time, side="right"))
        last = int(np.searchsorted(events.start, time, side="right"))
        holding = first + np.flatnonzero(events.end[first:last] > time)
        return [events.names[code] for code in events.name[holding].tolist()]


class Host:
    """The host side of a trace, thread by thread, worked out when asked for."""

    def __init__(self, trace: Trace) -> None:
        """Take the host events of the trace."""
        self._recorded = trace.events.of(Role.CALL, Role.OPERATOR, Role.ANNOTATION, Role.PYTHON)
        self._tolerance = 2 * trace.resolution_ns
        self._blocking = vocabulary.blocks(self._recorded.names)
        self._records: dict[int, ThreadRecord] = {}

    @cached_property
    def overrunning(self) -> NDArray[np.bool_]:
        """Which of the recorded events are Python frames that are left out."""
        return overrunning_frames(self._recorded, self._tolerance)

    @cached_property
    def _events(self) -> Events:
        left_out = self.overrunning
        return self._recorded.select(~left_out) if left_out.any() else self._recorded

    @cached_property
    def _codes(self) -> Ints:
        return thread_codes(self._events)

    def thread(self, code: int) -> ThreadRecord:
        """Return the record of one thread, by the code of `device.thread_codes`."""
        if code not in self._records:
            self._records[code] = self._record(code)
        return self._records[code]

    def _record(self, code: int) -> ThreadRecord:
        events = self._events.select(self._codes == code)
        order = np.lexsort((-events.end, events.start))
        start, end = events.start[order], events.end[order]
        if ((np.diff(start) == 0) & (np.diff(end) == 0)).any():
            # Which of two lies inside the other is not known then; let it be no accident.
            name = name_rank(events.names)[events.name]
            order = np.lexsort((name, -events.end, events.start))
        events = events.select(order)
        call = events.role == Role.CALL
        kinds = (
            call & self._blocking[events.name],
            call,
            events.role == Role.OPERATOR,
            (events.role == Role.ANNOTATION) | (events.role == Role.PYTHON),
        )
        return ThreadRecord(
            tuple(union(Intervals(events.start[kind], events.end[kind])) for kind in kinds),
            {
                role: ((of_role := events.of(role)), np.maximum.accumulate(of_role.end))
                for role in (Role.CALL, Role.OPERATOR, Role.PYTHON)
            },
        )

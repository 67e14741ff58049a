"""Which events of a thread were open inside which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.columns import NONE
from analysis.device import thread_codes
from analysis.groups import distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import Events

    Ints = NDArray[np.int64]
    Rows = NDArray[np.intp]
    Bools = NDArray[np.bool_]


class Nest(msgspec.Struct, frozen=True, eq=False):
    """n events, by thread, then as they began; arrays of shape (n,).

    Attributes:
        thread: int64 code of process and thread, ascending; that of `device.thread_codes`.
        start: int64 ns.
        end: int64 ns.
        parent: row of the one that encloses it, or -1.
        depth: int32, how many enclose it.
    """

    thread: Ints
    start: Ints
    end: Ints
    parent: Rows
    depth: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.start)

    def begun(self, thread: Ints, time: Ints) -> Rows:
        """Return for each thread and time the last event that had begun, or -1."""
        result = np.full(len(time), NONE, np.intp)
        for code in distinct(thread).tolist():
            low, high = np.searchsorted(self.thread, [code, code + 1])
            rows = np.flatnonzero(thread == code)
            place = np.searchsorted(self.start[low:high], time[rows], side="right") - 1
            result[rows] = np.where(place >= 0, place + low, NONE)
        return result

    def holding(self, begun: Rows, time: Ints, among: Bools | None = None) -> Rows:
        """Return the innermost event that is still open at each time, or -1.

        Args:
            begun: what `begun` returned for these times.
            time: int64 ns.
            among: shape (n,), which events count; None: all.
        """
        result = begun.copy()
        while True:
            inside = np.maximum(result, 0)
            over = result >= 0
            if over.any():
                over &= (self.end[inside] <= time) | (False if among is None else ~among[inside])
            if not over.any():
                return result
            result[over] = self.parent[result[over]]


def in_order(events: Events) -> Rows:
    """Return the rows by thread, then as they began, outer ones first.

    Of two that begin and end together, the recorder writes the outer one first.
    """
    order: Rows = np.lexsort((events.position, -events.end, events.start, thread_codes(events)))
    return order


def nested(events: Events) -> Nest:
    """Nest events that `in_order` has ordered: those of a thread lie inside or apart."""
    thread = thread_codes(events)
    parents, depths = [], []
    current = None
    stack: list[tuple[int, int]] = []
    for row, (of, start, end) in enumerate(
        zip(thread.tolist(), events.start.tolist(), events.end.tolist(), strict=True)
    ):
        if of != current:
            current, stack = of, []
        while stack and (stack[-1][1] <= start and stack[-1][1] < end):
            stack.pop()
        parents.append(stack[-1][0] if stack else NONE)
        depths.append(len(stack))
        stack.append((row, end))
    return Nest(
        thread,
        events.start,
        events.end,
        np.array(parents, np.intp),
        np.array(depths, np.int32),
    )

"""The operators of a trace as trees: which was called inside which, thread by thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis import vocabulary
from analysis.columns import NONE, Role
from analysis.device import thread_codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import Events, Trace

    Ints = NDArray[np.int64]
    Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """n operators and branch annotations, by thread, then as they began; arrays of shape (n,).

    Attributes:
        names: table of names.
        pids: table of process ids, as text.
        tids: table of thread ids, as text.
        name: int32 code into `names`.
        operator: whether it is an operator, rather than a branch.
        pid: int32 code of the process, as among the trace's events.
        tid: int32 code of the thread in its process.
        thread: int64 code of both, ascending; that of `device.thread_codes`.
        start: int64 ns.
        end: int64 ns.
        parent: row of the one that encloses it, or -1.
        depth: int32, how many enclose it.
    """

    names: tuple[str, ...]
    pids: tuple[str, ...]
    tids: tuple[str, ...]
    name: NDArray[np.int32]
    operator: NDArray[np.bool_]
    pid: NDArray[np.int32]
    tid: NDArray[np.int32]
    thread: Ints
    start: Ints
    end: Ints
    parent: Rows
    depth: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.start)

    def begun(self, thread: Ints, time: Ints) -> Rows:
        """Return for each thread and time the last operator that had begun, or -1."""
        result = np.full(len(time), NONE, np.intp)
        for code in np.unique(thread):
            low, high = np.searchsorted(self.thread, [code, code + 1])
            rows = np.flatnonzero(thread == code)
            place = np.searchsorted(self.start[low:high], time[rows], side="right") - 1
            result[rows] = np.where(place >= 0, place + low, NONE)
        return result

    def enclosing(self, begun: Rows, time: Ints) -> Rows:
        """Return the innermost operator that still runs at each time, or -1.

        Args:
            begun: what `begun` returned for these times.
            time: int64 ns.
        """
        result = begun.copy()
        while len(self):
            inside = np.maximum(result, 0)
            over = (result >= 0) & ((self.end[inside] <= time) | ~self.operator[inside])
            if not over.any():
                break
            result[over] = self.parent[result[over]]
        return result


def forest(trace: Trace) -> Forest:
    """Arrange the operators of a trace, and the annotations of its branches."""
    events = trace.events.of(Role.OPERATOR, Role.ANNOTATION)
    operator = events.role == Role.OPERATOR
    wanted = np.where(
        operator,
        vocabulary.namespaced(events.names)[events.name],
        vocabulary.branch(events.names)[events.name],
    )
    events = events.select(wanted)
    thread = thread_codes(events)
    # Of two that begin and end together, the recorder writes the outer one first.
    events = events.select(np.lexsort((events.position, -events.end, events.start, thread)))
    thread = thread_codes(events)
    parent, depth = _nested(thread, events)
    return Forest(
        names=events.names,
        pids=events.pids,
        tids=events.tids,
        name=events.name,
        operator=events.role == Role.OPERATOR,
        pid=events.pid,
        tid=events.tid,
        thread=thread,
        start=events.start,
        end=events.end,
        parent=parent,
        depth=depth,
    )


def _nested(thread: Ints, events: Events) -> tuple[Rows, NDArray[np.int32]]:
    """Return each row's parent and depth: a thread's operators lie inside or apart."""
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
    return np.array(parents, np.intp), np.array(depths, np.int32)

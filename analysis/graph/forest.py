"""The operators of a trace as trees: which was called inside which, thread by thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis import vocabulary
from analysis.columns import Role
from analysis.nesting import Nest, in_order, nested

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import Trace

    Ints = NDArray[np.int64]
    Rows = NDArray[np.intp]


class Forest(Nest, msgspec.Struct, frozen=True, eq=False):
    """n operators and branch annotations, by thread, then as they began; arrays of shape (n,).

    Attributes:
        names: table of names.
        pids: table of process ids, as text.
        tids: table of thread ids, as text.
        name: int32 code into `names`.
        operator: whether it is an operator, rather than a branch.
        pid: int32 code of the process, as among the trace's events.
        tid: int32 code of the thread in its process.
    """

    names: tuple[str, ...]
    pids: tuple[str, ...]
    tids: tuple[str, ...]
    name: NDArray[np.int32]
    operator: NDArray[np.bool_]
    pid: NDArray[np.int32]
    tid: NDArray[np.int32]

    def enclosing(self, begun: Rows, time: Ints) -> Rows:
        """Return the innermost operator that still runs at each time, or -1.

        Args:
            begun: what `begun` returned for these times.
            time: int64 ns.
        """
        return self.holding(begun, time, self.operator)


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
    events = events.select(in_order(events))
    nest = nested(events)
    return Forest(
        thread=nest.thread,
        start=nest.start,
        end=nest.end,
        parent=nest.parent,
        depth=nest.depth,
        names=events.names,
        pids=events.pids,
        tids=events.tids,
        name=events.name,
        operator=events.role == Role.OPERATOR,
        pid=events.pid,
        tid=events.tid,
    )

"""The time of each operator, by name: what it launched, or on a CPU what it did itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.columns import NONE
from analysis.graph.forest import forest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.columns import Trace
    from analysis.device import Launches
    from analysis.graph.forest import Forest

    Ints = NDArray[np.int64]
    Rows = NDArray[np.intp]

NO_OPERATOR = "(no operator)"
"""Stands for the launcher of what no operator launched."""


class Tally(NamedTuple):
    """What ran under one name: summed ns, inside the window, and how many of them."""

    ns: int
    times: int


def tallied(names: Sequence[str], code: Ints, length: Ints) -> dict[str, Tally]:
    """Sum lengths by name.

    Args:
        names: table of names.
        code: int64 into the table, shape (n,).
        length: int64 ns, shape (n,).
    """
    present, place, count = np.unique(code, return_inverse=True, return_counts=True)
    total = np.zeros(len(present), np.int64)
    np.add.at(total, place, length)
    return {
        names[each]: Tally(ns, times)
        for each, ns, times in zip(present.tolist(), total.tolist(), count.tolist(), strict=True)
    }


class Launching:
    """The innermost operator around each activity's launch."""

    def __init__(self, trace: Trace, launches: Launches) -> None:
        """Find them, for activities in any order."""
        trees = forest(trace)
        time = np.where(launches.known, launches.start, 0)
        begun = trees.begun(launches.thread, time)
        begun[~launches.known] = NONE
        self._names = (*trees.names, NO_OPERATOR)
        # The last place is that of no operator.
        code = np.append(trees.name, len(trees.names)).astype(np.int64)
        self._code = code[trees.enclosing(begun, time)]

    def tallied(self, rows: Rows, length: Ints) -> dict[str, Tally]:
        """Sum the lengths of the given activities by the operator that launched them."""
        return tallied(self._names, self._code[rows], length)


class OwnTimes:
    """What each operator of a process took without those that it calls."""

    def __init__(self, trace: Trace, pid: str) -> None:
        """Take the operators of the process of this label."""
        trees = forest(trace)
        ns = trees.end - trees.start
        own = ns.copy()
        called = np.flatnonzero(trees.operator)
        caller = _caller(trees, called)
        called, caller = called[caller >= 0], caller[caller >= 0]
        np.subtract.at(own, caller, ns[called])
        of_process = np.array([label == pid for label in trees.pids], np.bool_)[trees.pid]
        rows = np.flatnonzero(trees.operator & of_process)
        rows = rows[np.argsort(trees.start[rows], kind="stable")]
        self._names = trees.names
        self._code = trees.name[rows].astype(np.int64)
        self._start = trees.start[rows]
        # Where operators overlap without nesting, the callee may outlast its caller.
        self._own = np.maximum(own[rows], 0)

    def tallied(self, low: int, high: int) -> dict[str, Tally]:
        """Sum the own times of the operators that began in [low, high)."""
        first, last = np.searchsorted(self._start, [low, high]).tolist()
        return tallied(self._names, self._code[first:last], self._own[first:last])


def _caller(trees: Forest, rows: Rows) -> Rows:
    """Return the innermost operator around each operator, or -1; a branch's mark is none."""
    above = trees.parent[rows]
    while (marks := (above >= 0) & ~trees.operator[above]).any():
        above[marks] = trees.parent[above[marks]]
    return above

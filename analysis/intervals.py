"""Interval algebra on int64 arrays; all intervals are half-open, [start, end)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]


NO_GROUP = -1


class Intervals(NamedTuple):
    """Starts and ends, each of shape (n,)."""

    start: Ints
    end: Ints

    @classmethod
    def empty(cls) -> Intervals:
        """Return no intervals."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64))

    def nonempty(self) -> Intervals:
        """Drop the intervals that hold no time."""
        keep = self.end > self.start
        return self if keep.all() else Intervals(self.start[keep], self.end[keep])

    def clip(self, low: int, high: int) -> Intervals:
        """Cut the intervals to [low, high); those outside come out empty."""
        return Intervals(np.clip(self.start, low, high), np.clip(self.end, low, high))

    def total(self) -> int:
        """Return the summed lengths."""
        return int((self.end - self.start).sum())


def union(intervals: Intervals) -> Intervals:
    """Merge intervals, in any order, into disjoint ascending ones.

    Touching intervals are joined and empty ones dropped; O(n log n).
    """
    start, end = intervals.nonempty()
    if not len(start):
        return Intervals.empty()
    if (start[1:] < start[:-1]).any():
        order = np.argsort(start, kind="stable")
        start, end = start[order], end[order]
    reach = np.maximum.accumulate(end)
    first = np.concatenate(([True], start[1:] > reach[:-1]))
    last = np.concatenate((first[1:], [True]))
    return Intervals(start[first], reach[last])


def covered(disjoint: Intervals, points: Ints) -> Bools:
    """Tell for each point whether one of the disjoint ascending intervals holds it."""
    if not len(disjoint.start):
        return np.zeros(len(points), np.bool_)
    index = np.searchsorted(disjoint.start, points, side="right") - 1
    return (index >= 0) & (points < disjoint.end[index])


def depth(intervals: Intervals, points: Ints) -> Ints:
    """Count for each point the intervals that hold it; O((n + m) log n)."""
    start, end = intervals.nonempty()
    return np.searchsorted(np.sort(start, kind="stable"), points, side="right") - np.searchsorted(
        np.sort(end, kind="stable"), points, side="right"
    )


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """Return the distinct values, ascending.

    By a sort that profits from ascending runs, of which columns are full:
    numpy's own `unique` hashes, and takes ten times as long on millions.
    """
    ordered = np.sort(values, kind="stable")
    keep = np.ones(len(ordered), np.bool_)
    keep[1:] = ordered[1:] != ordered[:-1]
    return ordered[keep]


def stretches(values: NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Yield [low, high) of each longest run of equal values, in order."""
    ends = (np.flatnonzero(values[1:] != values[:-1]) + 1).tolist()
    return pairwise([0, *ends, len(values)] if len(values) else [])


def contains(ordered: Ints, values: Ints) -> Bools:
    """Tell which values are among the ascending `ordered` ones."""
    if not len(ordered):
        return np.zeros(len(values), np.bool_)
    place = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    found: Bools = ordered[place] == values
    return found


def grouped_running_max(values: Ints, group: NDArray[np.integer], initial: int) -> Ints:
    """Return, for each element, the greatest value before it in its group.

    Args:
        values: shape (n,).
        group: shape (n,), ascending, not negative.
        initial: the answer for the first element of each group.

    Returns:
        Shape (n,).
    """
    result = np.full_like(values, initial)
    bounds = np.flatnonzero(np.diff(group, prepend=NO_GROUP, append=NO_GROUP))
    for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        np.maximum.accumulate(values[low : high - 1], out=result[low + 1 : high])
    return result


def intersect(a: Intervals, b: Intervals) -> Intervals:
    """Return the intersection of two sets of disjoint ascending intervals."""
    low = np.searchsorted(b.end, a.start, side="right")
    high = np.searchsorted(b.start, a.end, side="left")
    count = np.maximum(high - low, 0)
    left = np.repeat(np.arange(len(a.start)), count)
    right = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + low[left]
    return Intervals(
        np.maximum(a.start[left], b.start[right]), np.minimum(a.end[left], b.end[right])
    ).nonempty()

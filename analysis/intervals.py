"""Interval algebra on int64 arrays; all intervals are half-open, [start, end)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.groups import numbered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]


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


def intersect(a: Intervals, b: Intervals) -> Intervals:
    """Return the intersection of two sets of disjoint ascending intervals."""
    low = np.searchsorted(b.end, a.start, side="right")
    high = np.searchsorted(b.start, a.end, side="left")
    left, place = numbered(np.maximum(high - low, 0))
    right = low[left] + place
    return Intervals(
        np.maximum(a.start[left], b.start[right]), np.minimum(a.end[left], b.end[right])
    ).nonempty()

"""Slices onto as few lanes as will do."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.intervals import Intervals


def fold(intervals: Intervals) -> NDArray[np.int32]:
    """Return a lane for each interval, so that no two on one lane overlap.

    Intervals may touch. Each one goes, by its start, onto the lowest lane that is free: as
    many lanes as intervals overlap at most, which no other way can beat.
    """
    lane = np.empty(len(intervals.start), np.int32)
    free: list[int] = []
    busy: list[tuple[int, int]] = []
    number = 0
    order = np.lexsort((intervals.end, intervals.start))
    starts, ends = intervals.start.tolist(), intervals.end.tolist()
    for row in order.tolist():
        while busy and busy[0][0] <= starts[row]:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            chosen = heapq.heappop(free)
        else:
            chosen, number = number, number + 1
        lane[row] = chosen
        heapq.heappush(busy, (ends[row], chosen))
    return lane

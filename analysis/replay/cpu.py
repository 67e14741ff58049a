"""Ceilings of a process that used no accelerator, from the one thread that ran its operators.

Operators are the activities, and the time between them, in Python or untraced, is the
host. Nothing is fitted: with nothing removed the replay is the recording.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.replay import branches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.columns import Trace
    from analysis.device import Device


class CpuWindows(NamedTuple):
    """Predicted windows in ns; None where no branch is known."""

    no_host: int
    lane_per_branch: int | None
    both: int | None


class Part(NamedTuple):
    """A stretch of one thread: time of the host, and then an operator (0: none); in ns."""

    host: int
    operator: int


def cpu_windows(trace: Trace, device: Device) -> CpuWindows | None:
    """Predict the windows of a process whose operators ran one after the other.

    Without the host, operators follow each other at once. With a lane per branch, the
    branches between two recurrences of one run at once, each in order; of the
    host's time between operators only one branch at a time gets any, since Python
    has one lock.

    Returns:
        None if operators ran on several threads: what these waited for is not recorded.
    """
    if len(device.lanes) != 1:
        return None
    low, high = device.window
    no_host = int((device.end - device.start).sum())
    groups = [group for group in _groups(trace, device) if group]
    if not groups:
        return CpuWindows(no_host, None, None)
    saved = saved_without_host = 0
    for group in groups:
        saved += sum(part.host + part.operator for parts in group for part in parts)
        saved -= makespan(group)
        operators = [sum(part.operator for part in parts) for parts in group]
        saved_without_host += sum(operators) - max(operators)
    return CpuWindows(no_host, high - low - saved, no_host - saved_without_host)


def makespan(lanes: Sequence[Sequence[Part]]) -> int:
    """Return how long lanes take that share one lock for the host's parts.

    The lock goes to the lane that has waited longest, of several to the first.
    """
    waiting = [(0, lane, 0) for lane, parts in enumerate(lanes) if parts]
    unlocked = last = 0
    while waiting:
        since, lane, place = heapq.heappop(waiting)
        host, operator = lanes[lane][place]
        unlocked = max(since, unlocked) + host
        last = max(last, unlocked + operator)
        if place + 1 < len(lanes[lane]):
            heapq.heappush(waiting, (unlocked + operator, lane, place + 1))
    return last


def _groups(trace: Trace, device: Device) -> Iterator[list[list[Part]]]:
    """Yield the branches that may run at once, each as its parts.

    A group ends where a branch recurs, and where an operator runs outside of branches.
    """
    group: dict[int, list[Part]] = {}
    done = 0
    for number, low, high in _branches(trace, device):
        first, last = np.searchsorted(device.start, [low, high])
        if number in group or first > done:
            yield list(group.values())
            group = {}
        group[number] = _parts(device, int(first), int(last), low, high)
        done = last
    yield list(group.values())


def _branches(trace: Trace, device: Device) -> Iterator[tuple[int, int, int]]:
    """Yield number, begin and end of the branches on the device's thread that ran operators."""
    marks = branches.ranges(trace)
    own = (
        [pid == device.label for pid in marks.pids],
        [tid == device.lanes[0] for tid in marks.tids],
    )
    here = np.array(own[0], np.bool_)[marks.pid] & np.array(own[1], np.bool_)[marks.tid]
    marks = marks.select(here)
    number = branches.numbers(marks)
    low, high = device.window
    begin, end = np.maximum(marks.start, low), np.minimum(marks.end, high)
    first = np.searchsorted(device.start, begin)
    last = np.searchsorted(device.start, end)
    # An operator that sticks out of its branch belongs to none.
    whole = (first < last) & (device.end[last - 1] <= end)
    for row in np.flatnonzero(whole).tolist():
        yield int(number[row]), int(begin[row]), int(end[row])


def _parts(device: Device, first: int, last: int, low: int, high: int) -> list[Part]:
    start, end = device.start[first:last].tolist(), device.end[first:last].tolist()
    parts = [
        Part(begin - before, until - begin)
        for before, begin, until in zip([low, *end[:-1]], start, end, strict=True)
    ]
    return [*parts, Part(high - end[-1], 0)]

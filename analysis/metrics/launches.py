"""How the host fed the device: the time of launch calls, and how long the launched waited."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from analysis.device import name_rank
from analysis.groups import begins, distinct
from analysis.intervals import Intervals, depth, union
from analysis.metrics.parallelism import ratio
from analysis.showing import Tabular
from analysis.vocabulary import is_kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.device import Device, Launches
    from analysis.metrics.view import View

    Ints = NDArray[np.int64]

QUEUE_LIMIT = 1024
"""So many launches CUDA lets wait on a stream; the next call waits for a place."""

_SECOND_NS = 1_000_000_000


class Durations(msgspec.Struct, frozen=True):
    """The distribution of some times in ns; percentiles are by nearest rank."""

    count: int
    total_ns: int
    median_ns: int
    p95_ns: int
    longest_ns: int


class Queue(msgspec.Struct, frozen=True):
    """What was launched on a lane, or on all, and had not started.

    Attributes:
        lane: None for all lanes of the device together.
        longest: most at once.
        mean: over the window; None for a window of no length.
        full_ns: time in which `QUEUE_LIMIT` or more waited on the lane, or on any one.
    """

    lane: str | None
    longest: int
    mean: float | None
    full_ns: int


class LaunchFigures(Tabular, msgspec.Struct, frozen=True):
    """The launches of what ran in the window; a replay of a graph is one launch.

    Attributes:
        calls: launch calls whose first activity ran in the window.
        graph_replays: how many of them replayed a graph.
        call_ns: how long the calls took; None without any.
        queue_ns: from a call's end to the start of its first activity, of those that
            started after it; None without any.
        calls_per_second: from the first call's begin to the last one's end.
        activities_per_second: activities launched, in the same time.
        activities_per_busy_second: activities that ran, while any ran.
        kernels: launched by a call of their own.
        short_kernels: how many of them ran for less time than their call took.
        short_kernel_share: short_kernels / kernels; None without any.
        queue: of all lanes together.
        queues: of each lane on which anything waited.
    """

    calls: int
    graph_replays: int
    call_ns: Durations | None
    queue_ns: Durations | None
    calls_per_second: float | None
    activities_per_second: float | None
    activities_per_busy_second: float | None
    kernels: int
    short_kernels: int
    short_kernel_share: float | None
    queue: Queue
    queues: tuple[Queue, ...]


class Heads(NamedTuple):
    """The launch calls of a device; arrays of shape (n,).

    Attributes:
        row: the activity of each call that started first.
        size: how many activities the call launched.
    """

    row: NDArray[np.intp]
    size: NDArray[np.intp]


def heads(device: Device) -> Heads | None:
    """Return the launch calls of a device; None on a CPU, which launches nothing.

    Of several that start at once the first is settled by end and name.
    """
    if device.launches is None:
        return None
    known = np.flatnonzero(device.launches.known)
    known = known[np.argsort(device.launches.call[known], kind="stable")]
    call = device.launches.call[known]
    first = begins(call)
    size = np.diff(first, append=len(call))
    if len(first) < len(call):
        shared = np.repeat(size > 1, size)
        rows = known[shared]
        name = name_rank(device.names)[device.name[rows]]
        order = np.lexsort((name, device.end[rows], device.start[rows], call[shared]))
        known[shared] = rows[order]
    return Heads(known[first], size)


def launches(view: View) -> LaunchFigures | None:
    """Measure the launches of a window; None on a CPU."""
    device, launched, found = view.device, view.device.launches, view.heads
    if launched is None or found is None:
        return None
    ran = view.inside()
    inside = ran[found.row]
    rows, sizes = found.row[inside], found.size[inside]
    start, end = launched.start[rows], launched.end[rows]
    waits = device.start[rows] - end
    span = int(end.max() - start.min()) if len(rows) else 0
    own = (sizes == 1) & ~launched.graph[rows] & is_kernel(device.work[rows])
    short = own & (device.end[rows] - device.start[rows] < end - start)
    busy = view.timeline.time_where(view.timeline.running > 0)
    queue, queues = _queues(view, launched, found.row)
    return LaunchFigures(
        calls=len(rows),
        graph_replays=int(launched.graph[rows].sum()),
        call_ns=_durations(end - start),
        queue_ns=_durations(waits[waits > 0]),
        calls_per_second=_per_second(len(rows), span),
        activities_per_second=_per_second(int(sizes.sum()), span),
        activities_per_busy_second=_per_second(int(ran.sum()), busy),
        kernels=int(own.sum()),
        short_kernels=int(short.sum()),
        short_kernel_share=ratio(int(short.sum()), int(own.sum())),
        queue=queue,
        queues=queues,
    )


def _durations(times: Ints) -> Durations | None:
    if not len(times):
        return None
    ordered = np.sort(times)
    return Durations(
        count=len(ordered),
        total_ns=int(ordered.sum()),
        median_ns=int(ordered[_rank(len(ordered), 50)]),
        p95_ns=int(ordered[_rank(len(ordered), 95)]),
        longest_ns=int(ordered[-1]),
    )


def _rank(count: int, percent: int) -> int:
    """Return the place of a percentile by nearest rank, from 0."""
    return -(-count * percent // 100) - 1


def _per_second(count: int, ns: int) -> float | None:
    return ratio(count * _SECOND_NS, ns)


def _queues(
    view: View, launched: Launches, rows: NDArray[np.intp]
) -> tuple[Queue, tuple[Queue, ...]]:
    """Follow what waits on all lanes and on each."""
    device = view.device
    waits, lane = _waiting(view, launched, rows)
    full = Intervals.empty()
    queues: list[Queue] = []
    for code in distinct(lane).tolist():
        own = _select(waits, lane == code)
        edges = distinct(np.concatenate(own))
        beyond = depth(own, edges[:-1]) >= QUEUE_LIMIT
        of_lane = union(Intervals(edges[:-1][beyond], edges[1:][beyond]))
        full = Intervals(*map(np.concatenate, zip(full, of_lane, strict=True)))
        queues.append(_queue(device.lanes[code], own, of_lane, view.length))
    return _queue(None, waits, union(full), view.length), tuple(queues)


def waiting(view: View) -> tuple[Intervals, NDArray[np.int32]]:
    """Return when each launched activity waited for its start, and its lane's index.

    The begin of its call begins the wait; a replay of a graph waits for its first activity.
    Where nothing is launched, on a CPU, nothing waits.
    """
    if view.device.launches is None or view.heads is None:
        return Intervals.empty(), np.empty(0, np.int32)
    return _waiting(view, view.device.launches, view.heads.row)


def _waiting(
    view: View, launched: Launches, rows: NDArray[np.intp]
) -> tuple[Intervals, NDArray[np.int32]]:
    device = view.device
    waits = Intervals(launched.start[rows], device.start[rows]).clip(view.low, view.high)
    waited = waits.end > waits.start
    return _select(waits, waited), device.lane[rows[waited]]


def _queue(lane: str | None, waits: Intervals, full: Intervals, length: int) -> Queue:
    return Queue(
        lane=lane,
        longest=int(depth(waits, waits.start).max(initial=0)),
        mean=ratio(waits.total(), length),
        full_ns=full.total(),
    )


def _select(intervals: Intervals, rows: NDArray[np.bool_]) -> Intervals:
    return Intervals(intervals.start[rows], intervals.end[rows])

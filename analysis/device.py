"""The activities of one device, ordered by lane, with what launched them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
import numpy as np

from analysis import launches, vocabulary
from analysis.columns import ACTIVITY_ROLES, NONE, Role
from analysis.groups import distinct
from analysis.intervals import Intervals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from analysis.columns import Events, LaunchShape, Multiprocessors, Trace

    Ints = NDArray[np.int64]

_Scalar = TypeVar("_Scalar", bound=np.generic)

_IS_ACTIVITY = np.isin(list(Role), ACTIVITY_ROLES)

FOREVER = 2**62
"""Later than any time in a trace; `-FOREVER` is earlier."""


class Launches(msgspec.Struct, frozen=True, eq=False):
    """The launch of each activity; arrays of shape (n,).

    Attributes:
        known: whether a launch was recorded.
        start: L0, int64 ns; `FOREVER` where not known.
        end: L1, int64 ns, not clipped to the activity's start; `FOREVER` where not known.
        call: row among the trace's calls, or -1; activities of one replay share it.
        thread: code of the launching thread, (pid, tid) in one number; -1 where not known.
        pid: int32 code of the launching process; -1 where not known.
        graph: whether the call replays a graph.
        blocking_copy: whether the call is a copy that keeps the host waiting.
        after_synchronise: whether the process had synchronised before the call.
    """

    known: NDArray[np.bool_]
    start: Ints
    end: Ints
    call: NDArray[np.intp]
    thread: Ints
    pid: NDArray[np.int32]
    graph: NDArray[np.bool_]
    blocking_copy: NDArray[np.bool_]
    after_synchronise: NDArray[np.bool_]


class Device(msgspec.Struct, frozen=True, eq=False):
    """One device's activities, sorted by lane and, in it, by time.

    Attributes:
        label: the device id, or the process id of a CPU.
        lanes: the lanes' labels, in their order.
        lane: int32 index into `lanes`, shape (n,), ascending.
        start: int64 ns, shape (n,).
        end: int64 ns, shape (n,).
        name: int32 code into `names`, shape (n,).
        work: int8 `WorkClass`, shape (n,).
        shape: int32 code into `shapes`, or -1, shape (n,).
        graph_node: int32 row of the trace's `graph_nodes`, or -1, shape (n,).
        position: int32, in the file's list of events, shape (n,); no two are equal.
        names: the trace's table of names.
        shapes: the trace's table of launch shapes.
        multiprocessors: what the device holds; None where the trace does not tell.
        launches: what launched them; None on a CPU.
    """

    label: str
    lanes: tuple[str, ...]
    lane: NDArray[np.int32]
    start: Ints
    end: Ints
    name: NDArray[np.int32]
    work: NDArray[np.int8]
    shape: NDArray[np.int32]
    graph_node: NDArray[np.int32]
    position: NDArray[np.int32]
    names: tuple[str, ...]
    shapes: tuple[LaunchShape, ...]
    multiprocessors: Multiprocessors | None
    launches: Launches | None

    def __len__(self) -> int:
        return len(self.start)

    @property
    def kind(self) -> str:
        """Return "accelerator" or "cpu"."""
        return "cpu" if self.launches is None else "accelerator"

    @property
    def window(self) -> tuple[int, int]:
        """Return the first start and the last end, in ns."""
        return int(self.start.min()), int(self.end.max())

    @property
    def intervals(self) -> Intervals:
        """Return when each activity ran."""
        return Intervals(self.start, self.end)


def accelerators(trace: Trace) -> tuple[Device, ...]:
    """Return the accelerators that ran something, by label."""
    activities = trace.events.of(*ACTIVITY_ROLES)
    calls = trace.events.of(Role.CALL)
    codes = sorted(
        distinct(activities.pid).tolist(),
        key=lambda code: launches.lane_key(activities.pids[code]),
    )
    node = _graph_node(trace)[np.flatnonzero(_IS_ACTIVITY[trace.events.role])]
    found = []
    for code in codes:
        rows = np.flatnonzero(activities.pid == code)
        made = _accelerator(activities.select(rows), node[rows], calls, trace.multiprocessors)
        found.append(made)
    return tuple(found)


def _graph_node(trace: Trace) -> NDArray[np.int32]:
    """Return each event's row in the trace's `graph_nodes`, or -1."""
    result = np.full(len(trace.events), NONE, np.int32)
    result[trace.graph_nodes.row] = np.arange(len(trace.graph_nodes.row), dtype=np.int32)
    return result


def thread_codes(events: Events) -> Ints:
    """Return one number for each event's (process, thread)."""
    return events.pid.astype(np.int64) * len(events.tids) + events.tid


def ordered(
    *,
    label: str,
    lane_labels: tuple[str, ...],
    lane_code: NDArray[np.int32],
    events: Events,
    work: NDArray[np.int8],
    graph_node: NDArray[np.int32] | None = None,
    multiprocessors: Multiprocessors | None = None,
    launch: Launches | None = None,
) -> Device:
    """Sort activities into a `Device`.

    The order on a lane is (start, end, launch begin, launch end, name): nothing
    in it depends on the order of the file.
    """
    present = distinct(lane_code).tolist()
    by_label = sorted(present, key=lambda code: launches.lane_key(lane_labels[code]))
    position = np.zeros(len(lane_labels) + 1, np.int32)
    position[by_label] = np.arange(len(by_label), dtype=np.int32)
    lane = position[lane_code]
    order = np.lexsort((events.start, lane))
    tied = (np.diff(lane[order]) == 0) & (np.diff(events.start[order]) == 0)
    if tied.any():
        order = _settled(lane, events, launch)
    return Device(
        label=label,
        lanes=tuple(lane_labels[code] for code in by_label),
        lane=lane[order],
        start=events.start[order],
        end=events.end[order],
        name=events.name[order],
        work=work[order],
        shape=events.shape[order],
        graph_node=np.full(len(order), NONE, np.int32) if graph_node is None else graph_node[order],
        position=events.position[order],
        names=events.names,
        shapes=events.shapes,
        multiprocessors=multiprocessors,
        launches=launch and _reordered(launch, order),
    )


def _settled(lane: NDArray[np.int32], events: Events, launch: Launches | None) -> NDArray[np.intp]:
    name = name_rank(events.names)[events.name]
    if launch is None:
        return np.lexsort((name, events.end, events.start, lane))
    return np.lexsort((name, launch.end, launch.start, events.end, events.start, lane))


def name_rank(names: tuple[str, ...]) -> NDArray[np.int64]:
    """Return each name's place in the alphabet, by code."""
    rank = np.empty(len(names), np.int64)
    rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return rank


def _reordered(launch: Launches, order: NDArray[np.intp]) -> Launches:
    return Launches(**{name: getattr(launch, name)[order] for name in launch.__struct_fields__})


def _accelerator(
    activities: Events,
    graph_node: NDArray[np.int32],
    calls: Events,
    multiprocessors: Mapping[str, Multiprocessors],
) -> Device:
    work = vocabulary.work_class(activities.role, activities.names, activities.name)
    label = activities.pids[activities.pid[0]]
    return ordered(
        label=label,
        lane_labels=activities.streams,
        lane_code=activities.stream,
        events=activities,
        work=work,
        graph_node=graph_node,
        multiprocessors=multiprocessors.get(label.removeprefix(launches.merged_as(label))),
        launch=_launches(activities, work, calls),
    )


def _launches(activities: Events, work: NDArray[np.int8], calls: Events) -> Launches:
    row = launches.match(activities, calls)
    known = row >= 0
    if not known.any():
        calls = calls.select(np.zeros(0, np.intp))

    def of_call(column: NDArray[_Scalar], absent: object) -> NDArray[_Scalar]:
        result = np.full(len(row), absent, column.dtype)
        result[known] = column[row[known]]
        return result

    start, pid = of_call(calls.start, FOREVER), of_call(calls.pid, NONE)
    synchronous = of_call(vocabulary.copies_synchronously(calls.names)[calls.name], absent=False)
    staged = vocabulary.pageable(activities.names)[activities.name]
    return Launches(
        known=known,
        start=start,
        end=of_call(calls.end, FOREVER),
        call=row,
        thread=of_call(thread_codes(calls), NONE),
        pid=pid,
        graph=of_call(vocabulary.launches_graph(calls.names)[calls.name], absent=False),
        blocking_copy=known & (work == vocabulary.WorkClass.COPY) & (synchronous | staged),
        after_synchronise=_after_synchronise(pid, start, calls),
    )


def _after_synchronise(pid: NDArray[np.int32], start: Ints, calls: Events) -> NDArray[np.bool_]:
    """Tell for which launches a synchronise of their process had returned."""
    earliest = np.full(len(calls.pids) + 1, FOREVER)
    rows = np.flatnonzero(vocabulary.synchronises(calls.names)[calls.name])
    np.minimum.at(earliest, calls.pid[rows], calls.end[rows])
    return earliest[pid] <= start

"""The frozen column tables that everything is computed from.

All times are int64 nanoseconds. Strings are stored once, in a table, and
referred to by int32 codes.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import msgspec
import numpy as np

from analysis.showing import Shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

NONE = -1
"""The code or number of an absent value."""


class Role(enum.IntEnum):
    """What an event is, whatever its recorder called the category."""

    KERNEL = 0
    MEMCPY = 1
    MEMSET = 2
    SYNC = 3
    CALL = 4
    OPERATOR = 5
    ANNOTATION = 6
    PYTHON = 7
    OTHER = 8


ACTIVITY_ROLES = (Role.KERNEL, Role.MEMCPY, Role.MEMSET)
"""The roles that occupy a device."""


class LaunchShape(NamedTuple):
    """What one block of a kernel takes of a multiprocessor, and how many blocks there are.

    Attributes:
        blocks: in the grid.
        threads: per block.
        registers: per thread.
        shared_memory: bytes per block, static and dynamic.
    """

    blocks: int
    threads: int
    registers: int
    shared_memory: int


class Multiprocessors(NamedTuple):
    """A device's streaming multiprocessors, and what each of them holds.

    Attributes:
        number: how many there are.
        compute_capability: (major, minor).
        threads: resident at once.
        registers: 32-bit.
        shared_memory: bytes.
        warp: threads per warp.
    """

    number: int
    compute_capability: tuple[int, int]
    threads: int
    registers: int
    shared_memory: int
    warp: int


class Synchronisations(msgspec.Struct, frozen=True, eq=False):
    """What synchronisation rows (`cuda_sync`) wait for: an event of another stream.

    Arrays of shape (n,).

    Attributes:
        row: int32, among the trace's events.
        on_stream: int32 code of the stream that recorded the event, or -1.
        record: int64 correlation of the event's record, or -1.
    """

    row: NDArray[np.int32]
    on_stream: NDArray[np.int32]
    record: NDArray[np.int64]


class Transfers(msgspec.Struct, frozen=True, eq=False):
    """How fast copies and memsets were; arrays of shape (n,).

    Attributes:
        row: int32, among the trace's events.
        bandwidth: float64 GB/s, as recorded.
    """

    row: NDArray[np.int32]
    bandwidth: NDArray[np.float64]


class GraphNodes(msgspec.Struct, frozen=True, eq=False):
    """Which nodes of CUDA graphs activities are; arrays of shape (n,).

    Attributes:
        row: int32, among the trace's events.
        graph: int64 id of the executable graph.
        node: int64 id of the node in it.
    """

    row: NDArray[np.int32]
    graph: NDArray[np.int64]
    node: NDArray[np.int64]


class CapturedGraph(NamedTuple):
    """What a CUDA graph says of itself.

    Attributes:
        nodes: ids of its nodes of all kinds.
        edges: pairs of ids: the first must have ended before the second starts.
    """

    nodes: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]


class CollectiveCall(NamedTuple):
    """What a kernel of a communication library carries out, as its call recorded it.

    Attributes:
        name: "allreduce", "_allgather_base", "send", ...; empty where not recorded.
        group: the process group's name; empty where not recorded.
        ranks: the group's global ranks, as recorded; long lists are cut short by the recorder.
        size: how many ranks the group has, or -1.
        elements_in: of the input on this rank, or -1.
        elements_out: of the output on this rank, or -1.
        dtype: of the elements; empty where not recorded.
        source: rank that sends, point to point, or -1.
        target: rank that receives, or -1.
    """

    name: str
    group: str
    ranks: str
    size: int
    elements_in: int
    elements_out: int
    dtype: str
    source: int
    target: int


class Collectives(msgspec.Struct, frozen=True, eq=False):
    """What communication kernels carry out; arrays of shape (n,).

    Attributes:
        row: int32, among the trace's events.
        call: int32 code into `calls`.
        sequence: int64 number of the call in its process group, or -1.
        calls: the distinct calls.
    """

    row: NDArray[np.int32]
    call: NDArray[np.int32]
    sequence: NDArray[np.int64]
    calls: tuple[CollectiveCall, ...]


def arrays(table: msgspec.Struct) -> dict[str, NDArray[Any]]:
    """Return the columns of a table, by name, without its tables of codes."""
    return {
        name: column
        for name in table.__struct_fields__
        if isinstance(column := getattr(table, name), np.ndarray)
    }


class Events(msgspec.Struct, frozen=True, eq=False):
    """Complete events, in the order of the file; each array has shape (n,).

    Attributes:
        role: int8, a `Role`.
        start: int64 ns.
        end: int64 ns, never before start.
        name: int32 code into `names`.
        pid: int32 code into `pids`; of an activity, its device.
        tid: int32 code into `tids`.
        stream: int32 code into `streams`, or -1 of what is no activity.
        correlation: int64, or -1; ties an activity to the call that launched it.
        shape: int32 code into `shapes`, or -1 where the trace does not give it all.
        category: int32 code into `categories`: the recorder's own word.
        position: int32, in the file's list of events of all kinds.
        names: the event names.
        pids: the process ids, as text.
        tids: the thread ids, as text.
        streams: the stream ids, as text.
        shapes: the kernels' launch shapes.
        categories: the categories, as recorded.
    """

    role: NDArray[np.int8]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    name: NDArray[np.int32]
    pid: NDArray[np.int32]
    tid: NDArray[np.int32]
    stream: NDArray[np.int32]
    correlation: NDArray[np.int64]
    shape: NDArray[np.int32]
    category: NDArray[np.int32]
    position: NDArray[np.int32]
    names: tuple[str, ...]
    pids: tuple[str, ...]
    tids: tuple[str, ...]
    streams: tuple[str, ...]
    shapes: tuple[LaunchShape, ...]
    categories: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.start)

    @property
    def span(self) -> tuple[int, int]:
        """Return the first start and the last end, in ns; (0, 0) where there is none.

        What the analysis does not know by its role counts only where it is no farther from
        the others than they last: the recorder's own marks may be at time 0.
        """
        if not len(self):
            return 0, 0
        known = self.role != Role.OTHER
        start, end = (self.start[known], self.end[known]) if known.any() else (self.start, self.end)
        begin, last = int(start.min()), int(end.max())
        length = last - begin
        near = (self.end >= begin - length) & (self.start <= last + length)
        return int(self.start[near].min()), int(self.end[near].max())

    def select(self, rows: NDArray[np.bool_] | NDArray[np.integer]) -> Self:
        """Return the given rows, over the same string tables."""
        if rows.dtype == np.bool_:
            # Searched once rather than once per column.
            rows = np.flatnonzero(rows)
        columns: dict[str, Any] = {name: column[rows] for name, column in arrays(self).items()}
        return msgspec.structs.replace(self, **columns)

    def of(self, *roles: Role) -> Self:
        """Return the events with one of these roles."""
        wanted = np.zeros(len(Role), np.bool_)
        wanted[list(roles)] = True
        return self.select(wanted[self.role])

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a DataFrame, with strings in place of codes."""
        from analysis.frames import events_frame  # noqa: PLC0415 - pandas only where asked for

        return events_frame(self)


class Trace(Shown, msgspec.Struct, frozen=True, eq=False):
    """One recorded trace.

    Attributes:
        path: where it was read from.
        rank: its rank in a distributed job, if the trace says so.
        resolution_ns: 1000 where all times are whole microseconds, else 1.
        events: the complete events (`ph: X`).
        synchronisations: what the synchronisation rows wait for.
        transfers: how fast copies and memsets were.
        graph_nodes: which nodes of CUDA graphs activities are.
        collectives: what communication kernels carry out, where the trace tells.
        multiprocessors: per device label, where the trace tells.
        graphs: the CUDA graphs that the recorder wrote down, by the id of the executable one.
        losses: what of the file was not read, or not as it stands, and where.
        notes: what else a reader of its figures must know.
        world_size: how many ranks the job has, if the trace says so.
        host: the name of the machine, if the trace says so.
        base_ns: what its clock's times are to be added to, if the trace says so
            (`baseTimeNanoseconds`).
        mended: the losses that cost nothing: the text was mended as it was read, and still
            says all that was written.
    """

    path: str
    rank: int | None
    resolution_ns: int
    events: Events
    synchronisations: Synchronisations
    transfers: Transfers
    graph_nodes: GraphNodes
    collectives: Collectives
    multiprocessors: Mapping[str, Multiprocessors]
    graphs: Mapping[int, CapturedGraph]
    losses: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    world_size: int | None = None
    host: str | None = None
    base_ns: int | None = None
    mended: tuple[str, ...] = ()

    @property
    def lost(self) -> tuple[str, ...]:
        """Return the losses that may have cost events, or what they say."""
        return tuple(loss for loss in self.losses if loss not in self.mended)

    def to_frame(self) -> pd.DataFrame:
        """Return the events as a DataFrame."""
        return self.events.to_frame()

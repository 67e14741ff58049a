"""The part of Kineto's Chrome trace format that the analysis reads.

msgspec decodes straight into these structs and skips every key that is not
named here, which is what makes loading fast. Values whose type differs between
recorders are left open here and checked where they are used, so that an odd
argument of an event that does not matter cannot make a trace unreadable. Raw
values stay text, and are parsed once for all events that say the same.
"""

from __future__ import annotations

from typing import Any

import msgspec

_ABSENT = msgspec.Raw()


class Args(msgspec.Struct, gc=False):
    """`args` of an event."""

    stream: Any = None
    correlation: Any = None
    wait_on_stream: Any = None
    wait_on_record: Any = msgspec.field(name="wait_on_cuda_event_record_corr_id", default=None)
    grid: msgspec.Raw = _ABSENT
    block: msgspec.Raw = _ABSENT
    registers: Any = msgspec.field(name="registers per thread", default=None)
    shared_memory: Any = msgspec.field(name="shared memory", default=None)
    graph: Any = msgspec.field(name="graph id", default=None)
    graph_node: Any = msgspec.field(name="graph node id", default=None)
    collective: Any = msgspec.field(name="Collective name", default=None)
    group: Any = msgspec.field(name="Process Group Name", default=None)
    group_ranks: Any = msgspec.field(name="Process Group Ranks", default=None)
    group_size: Any = msgspec.field(name="Group size", default=None)
    elements_in: Any = msgspec.field(name="In msg nelems", default=None)
    elements_out: Any = msgspec.field(name="Out msg nelems", default=None)
    dtype: Any = None
    source_rank: Any = msgspec.field(name="Src Rank", default=None)
    target_rank: Any = msgspec.field(name="Dst Rank", default=None)
    sequence: Any = msgspec.field(name="Seq", default=None)
    bandwidth: Any = msgspec.field(name="memory bandwidth (GB/s)", default=None)


class Event(msgspec.Struct, gc=False):
    """One trace event; `ts` and `dur` stay text, since doubles cannot hold them."""

    ph: str = ""
    cat: str | None = None
    name: str | None = None
    pid: Any = None
    tid: Any = None
    ts: msgspec.Raw = _ABSENT
    dur: msgspec.Raw = _ABSENT
    args: Args | None = None


class Document(msgspec.Struct, gc=False):
    """A trace in its object form."""

    traceEvents: list[Event]  # noqa: N815 - the format's own key
    distributedInfo: Any = None  # noqa: N815 - the format's own key
    baseTimeNanoseconds: Any = None  # noqa: N815 - the format's own key
    host_name: Any = None
    hostname: Any = None
    deviceProperties: Any = None  # noqa: N815 - the format's own key
    cuda_graphs: Any = None

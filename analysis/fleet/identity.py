"""Which rank of which job a trace is: what says so is asked in a fixed order, and named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from analysis.columns import Trace

_RANK_IN_NAME = re.compile(r"(?:^|[^a-z])rank[-_.=]?(\d+)", re.IGNORECASE)
_WORLD_IN_NAME = re.compile(r"(?:^|[^a-z])(?:of|world(?:[-_]?size)?)[-_.=]?(\d+)", re.IGNORECASE)
# tensorboard_trace_handler names files HOST_PID.TIME.pt.trace.json
_HOST_IN_NAME = re.compile(r"(?P<host>.+)_\d+\.\d+\.pt\.trace\.json")


class Identity(msgspec.Struct, frozen=True):
    """A trace's place in a job.

    Attributes:
        rank: its rank; None where nothing says one.
        world_size: how many ranks the job has, where that is said.
        said_by: "distributedInfo", "manifest" or "file name"; empty where nothing did.
        host: the machine, where that is said.
    """

    rank: int | None
    world_size: int | None
    said_by: str
    host: str | None


def identity(trace: Trace, manifest: Mapping[str, Any] | None, file: str) -> Identity:
    """Tell a trace's rank from its `distributedInfo`, else its manifest, else its file's name.

    Args:
        trace: the trace.
        manifest: the environment that its recorder wrote down.
        file: the file's name, without its folder.
    """
    environment = manifest or {}
    named, sized = _RANK_IN_NAME.search(file), _WORLD_IN_NAME.search(file)
    claims = (
        ("distributedInfo", trace.rank, trace.world_size),
        ("manifest", _whole(environment.get("rank")), _whole(environment.get("world_size"))),
        ("file name", int(named[1]) if named else None, int(sized[1]) if sized else None),
    )
    host = trace.host or environment.get("hostname")
    matched = _HOST_IN_NAME.match(file)
    if host is None and matched is not None:
        host = matched["host"]
    host = host if isinstance(host, str) else None
    for said_by, rank, world_size in claims:
        if rank is not None and rank >= 0:
            return Identity(rank, world_size, said_by, host)
    return Identity(None, None, "", host)


def _whole(value: object) -> int | None:
    return value if type(value) is int else None

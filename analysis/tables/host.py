"""The tables of what the file holds and of what the host did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.columns import Role
from analysis.tables.device import own_work
from analysis.tables.values import Known, Texts, constant, correlation, number, times

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.nesting import Nest
    from analysis.tables.recorded import Recorded
    from analysis.tables.values import Rows

    Ints = NDArray[np.int64]

_ROLES = tuple(role.name.lower() for role in Role)


def traces(recorded: Recorded) -> Rows:
    """Return the trace as one row."""
    trace = recorded.trace
    start, end = trace.events.start, trace.events.end
    known = np.full(1, len(start) > 0)
    return {
        "path": constant(trace.path, 1),
        "mode": constant(recorded.mode, 1),
        "start_ns": Known(start.min(keepdims=True, initial=2**62), known),
        "end_ns": Known(end.max(keepdims=True, initial=-(2**62)), known),
        "resolution_ns": np.array([trace.resolution_ns], np.int64),
        "events": np.array([len(start)], np.int64),
        "losses": np.array([len(trace.losses)], np.int64),
        "world_size": _one(trace.world_size),
        "base_ns": _one(trace.base_ns),
        "host": constant(trace.host, 1),
    }


def events(recorded: Recorded) -> Rows:
    """Return every complete event, in the order of the file."""
    all_events = recorded.trace.events
    return {
        "event": all_events.position.astype(np.int64),
        "role": Texts(all_events.role, _ROLES),
        "category": Texts(all_events.category, all_events.categories),
        "name": Texts(all_events.name, all_events.names),
        "pid": Texts(all_events.pid, all_events.pids),
        "tid": Texts(all_events.tid, all_events.tids),
        "stream": Texts(all_events.stream, all_events.streams),
        "correlation": correlation(all_events.correlation),
        **times(all_events.start, all_events.end),
    }


def ops(recorded: Recorded) -> Rows:
    """Return the host's operators, by thread, then as they began."""
    operators, nest = recorded.operators
    activities, device_ns = own_work(recorded)
    parent = np.where(nest.parent >= 0, operators.position[nest.parent], -1)
    return {
        "event": operators.position.astype(np.int64),
        "name": Texts(operators.name, operators.names),
        "pid": Texts(operators.pid, operators.pids),
        "tid": Texts(operators.tid, operators.tids),
        **times(operators.start, operators.end),
        "self_ns": _self_time(nest),
        "depth": nest.depth.astype(np.int64),
        "parent": number(parent),
        "activities": activities,
        "device_ns": device_ns,
        **recorded.where(operators.pid, nest.thread, operators.start),
    }


def _one(value: int | None) -> Known:
    return Known(np.array([value or 0], np.int64), np.array([value is not None]))


def _self_time(nest: Nest) -> Ints:
    """Return the length of each event less what those directly inside it cover.

    The ones directly inside an event follow each other; an event that outlasts the one
    around it covers no more than is left of that.
    """
    own = nest.end - nest.start
    child = np.flatnonzero(nest.parent >= 0)
    parent = nest.parent[child]
    inside = np.minimum(nest.end[child], nest.end[parent]) - nest.start[child]
    np.subtract.at(own, parent, np.maximum(inside, 0))
    return own

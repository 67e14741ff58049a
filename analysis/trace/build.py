"""Typed events to columns."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.columns import ACTIVITY_ROLES, NONE, Events, Role, Trace
from analysis.errors import DamagedTraceError
from analysis.trace.decimals import nanoseconds

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import msgspec
    from numpy.typing import NDArray

    from analysis.trace.schema import Document, Event

_ROLES = {
    "kernel": Role.KERNEL,
    "Kernel": Role.KERNEL,
    "gpu_memcpy": Role.MEMCPY,
    "Memcpy": Role.MEMCPY,
    "gpu_memset": Role.MEMSET,
    "Memset": Role.MEMSET,
    "cuda_sync": Role.SYNC,
    "cuda_runtime": Role.CALL,
    "cuda_driver": Role.CALL,
    "Runtime": Role.CALL,
    "cpu_op": Role.OPERATOR,
    "Operator": Role.OPERATOR,
    "user_annotation": Role.ANNOTATION,
    "python_function": Role.PYTHON,
}
_COMPLETE = "X"
_SPAN_MARKS = frozenset({"B", "E"})
_INT64 = np.iinfo(np.int64)


class _Interner:
    """Gives each distinct text a code, in the order of arrival."""

    def __init__(self) -> None:
        self.codes: dict[object, int] = {}

    def encode(self, values: Iterable[object]) -> NDArray[np.int32]:
        """Return the codes of the values; None has none."""
        codes = self.codes
        return np.array(
            [NONE if value is None else codes.setdefault(value, len(codes)) for value in values],
            np.int32,
        )

    def table(self) -> tuple[str, ...]:
        """Return the texts, by code."""
        return tuple(map(str, self.codes))


def build(path: Path, document: Document) -> Trace:
    """Turn decoded events into columns.

    Raises:
        DamagedTraceError: an event lacks a field that it needs, or holds a value
            that cannot be; the message names the event.
    """
    events = document.traceEvents
    rows = [row for row, event in enumerate(events) if event.ph == _COMPLETE]
    chosen = [events[row] for row in rows]
    start, whole_starts = _times(path, rows, "ts", [event.ts for event in chosen])
    duration, whole_durations = _times(path, rows, "dur", [event.dur for event in chosen])
    if len(duration) and duration.min() < 0:
        worst = int(np.argmin(duration))
        raise _bad(path, rows[worst], "dur", f"{int(duration[worst]):,} ns", "no negative duration")
    role = np.array([_ROLES.get(event.cat or "", Role.OTHER) for event in chosen], np.int8)
    names, pids, tids, streams = (_Interner() for _ in range(4))
    stream, correlation = _arguments(path, rows, chosen, role, streams)
    columns = Events(
        role=role,
        start=start,
        end=start + duration,
        name=names.encode(event.name or "" for event in chosen),
        pid=pids.encode(_identity(path, rows, "pid", [event.pid for event in chosen])),
        tid=tids.encode(_identity(path, rows, "tid", [event.tid for event in chosen])),
        stream=stream,
        correlation=correlation,
        names=names.table(),
        pids=pids.table(),
        tids=tids.table(),
        streams=streams.table(),
    )
    return Trace(
        path=str(path),
        rank=_rank(document.distributedInfo),
        resolution_ns=1000 if whole_starts and whole_durations else 1,
        events=columns,
        notes=_notes(events, columns),
    )


def _times(
    path: Path, rows: list[int], key: str, texts: list[msgspec.Raw]
) -> tuple[NDArray[np.int64], bool]:
    try:
        return nanoseconds(texts)
    except DamagedTraceError as error:
        position, _, reason = str(error).removeprefix("[").partition("] ")
        event = rows[int(position)]
        raise DamagedTraceError(
            f"{path}: `$.traceEvents[{event}].{key}` {reason}; correct or record the trace again"
        ) from error


def _identity(path: Path, rows: list[int], key: str, values: list[Any]) -> list[Any]:
    """Check process or thread ids: numbers or text; 7 and "7" are the same one."""
    kinds = set(map(type, values))
    if kinds <= {int}:
        return values
    if not kinds <= {int, str}:
        for row, value in zip(rows, values, strict=True):
            if type(value) not in (int, str):
                raise _bad(path, row, key, repr(value), "a number or text")
    return list(map(str, values))


def _arguments(
    path: Path,
    rows: list[int],
    chosen: list[Event],
    role: NDArray[np.int8],
    streams: _Interner,
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return stream codes and correlations of the events that have a use for them."""
    stream = np.full(len(chosen), NONE, np.int32)
    correlation = np.full(len(chosen), NONE, np.int64)
    activities = np.flatnonzero(np.isin(role, ACTIVITY_ROLES))
    values = []
    for index in activities.tolist():
        args = chosen[index].args
        # Recorders that name no stream put each one on a row (tid) of its own.
        value = chosen[index].tid if args is None or args.stream is None else args.stream
        if not isinstance(value, (int, str)):
            raise _bad(path, rows[index], "args.stream", repr(value), "a number or text")
        values.append(str(value))
    stream[activities] = streams.encode(values)
    linked = np.flatnonzero(np.isin(role, (*ACTIVITY_ROLES, Role.CALL, Role.SYNC)))
    for index in linked.tolist():
        args = chosen[index].args
        if args is None or args.correlation is None:
            continue
        if type(args.correlation) is not int or not _INT64.min <= args.correlation <= _INT64.max:
            raise _bad(
                path, rows[index], "args.correlation", repr(args.correlation), "a 64-bit integer"
            )
        if args.correlation > 0:
            correlation[index] = args.correlation
    return stream, correlation


def _rank(info: Any) -> int | None:
    rank = info.get("rank") if isinstance(info, dict) else None
    return rank if type(rank) is int else None


def _notes(events: list[Event], columns: Events) -> tuple[str, ...]:
    notes = []
    if not len(columns):
        notes.append("The trace holds no complete events (`ph: X`): there is nothing to measure.")
    unread = Counter(event.ph for event in events)
    spans = sum(unread[mark] for mark in _SPAN_MARKS)
    if spans:
        notes.append(f"{spans:,} begin/end events (`ph: B`, `E`) are not read; Kineto writes none.")
    return tuple(notes)


def _bad(path: Path, row: int, key: str, found: str, expected: str) -> DamagedTraceError:
    return DamagedTraceError(
        f"{path}: `$.traceEvents[{row}].{key}` is {found[:60]}, expected {expected}; "
        "correct or record the trace again"
    )

"""Typed events to columns."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.columns import (
    ACTIVITY_ROLES,
    NONE,
    Events,
    LaunchShape,
    Multiprocessors,
    Role,
    StreamWaits,
    Trace,
)
from analysis.errors import DamagedTraceError
from analysis.trace import details
from analysis.trace.decimals import nanoseconds

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import msgspec
    from numpy.typing import NDArray

    from analysis.trace.schema import Args, Document, Event

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
_WAIT_EVENT = "Stream Wait Event"
_SM_KEYS = (
    "id",
    "numSms",
    "computeMajor",
    "computeMinor",
    "maxThreadsPerMultiprocessor",
    "regsPerMultiprocessor",
    "sharedMemPerMultiprocessor",
    "warpSize",
)
_ID = "a whole number or text"
_SPAN_MARKS = frozenset({"B", "E"})
_INT64 = np.iinfo(np.int64)
_LATEST = 2**62


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
    end = _ends(path, rows, start, duration)
    names, pids, tids, streams, shapes, categories = (_Interner() for _ in range(6))
    category = categories.encode(event.cat or "" for event in chosen).astype(np.int16)
    role = _roles(categories.table())[category]
    stream, correlation = _arguments(path, rows, chosen, role, streams)
    columns = Events(
        role=role,
        start=start,
        end=end,
        name=names.encode(event.name or "" for event in chosen),
        pid=pids.encode(_identity(path, rows, "pid", [event.pid for event in chosen])),
        tid=tids.encode(_identity(path, rows, "tid", [event.tid for event in chosen])),
        stream=stream,
        correlation=correlation,
        shape=_shapes(chosen, role, shapes),
        category=category,
        position=np.array(rows, np.int32),
        names=names.table(),
        pids=pids.table(),
        tids=tids.table(),
        streams=(),
        shapes=tuple(shapes.codes),  # type: ignore[arg-type] # it encoded nothing else
        categories=categories.table(),
    )
    waits = _waits(chosen, columns, streams)
    mentions = details.mentions(chosen, role, streams.encode)
    synchronisations = details.synchronisations(chosen, role, streams.encode)
    columns = dataclasses.replace(columns, streams=streams.table())
    return Trace(
        path=str(path),
        rank=_rank(document.distributedInfo),
        resolution_ns=1000 if whole_starts and whole_durations else 1,
        events=columns,
        waits=waits,
        mentions=mentions,
        synchronisations=synchronisations,
        transfers=details.transfers(chosen, role),
        multiprocessors=_multiprocessors(document.deviceProperties),
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


def _ends(
    path: Path, rows: list[int], start: NDArray[np.int64], duration: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Add the durations, which are not negative and end within the range of times."""
    if len(duration) and duration.min() < 0:
        worst = int(np.argmin(duration))
        raise _bad(path, rows[worst], "dur", f"{int(duration[worst]):,} ns", "0 or more")
    end = start + duration
    if len(end) and end.max() > _LATEST:
        worst = int(np.argmax(end))
        found = f"{int(duration[worst]):,} ns after {int(start[worst]):,} ns"
        raise _bad(path, rows[worst], "dur", found, "an end of at most 2^62 ns")
    return end


def _identity(path: Path, rows: list[int], key: str, values: list[Any]) -> list[Any]:
    """Check process or thread ids: numbers or text; 7 and "7" are the same one."""
    kinds = set(map(type, values))
    if kinds <= {int}:
        return values
    if not kinds <= {int, str}:
        for row, value in zip(rows, values, strict=True):
            if type(value) not in (int, str):
                raise _bad(path, row, key, _shown(value), _ID)
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
        if type(value) not in (int, str):
            raise _bad(path, rows[index], "args.stream", _shown(value), _ID)
        values.append(str(value))
    stream[activities] = streams.encode(values)
    linked = np.flatnonzero(np.isin(role, (*ACTIVITY_ROLES, Role.CALL, Role.SYNC)))
    for index in linked.tolist():
        args = chosen[index].args
        if args is None or args.correlation is None:
            continue
        if type(args.correlation) is not int or not _INT64.min <= args.correlation <= _INT64.max:
            raise _bad(
                path, rows[index], "args.correlation", _shown(args.correlation), "a 64-bit integer"
            )
        if args.correlation > 0:
            correlation[index] = args.correlation
    return stream, correlation


def _roles(categories: tuple[str, ...]) -> NDArray[np.int8]:
    """Return the role of each category."""
    return np.array([_ROLES.get(category, Role.OTHER) for category in categories], np.int8)


def _shapes(chosen: list[Event], role: NDArray[np.int8], shapes: _Interner) -> NDArray[np.int32]:
    """Return the codes of the kernels' launch shapes; none where a part is missing."""
    result = np.full(len(chosen), NONE, np.int32)
    kernels = np.flatnonzero(role == Role.KERNEL)
    result[kernels] = shapes.encode(_shape(chosen[row].args) for row in kernels.tolist())
    return result


def _shape(args: Args | None) -> LaunchShape | None:
    if args is None or not (_is_size(args.grid) and _is_size(args.block)):
        return None
    if type(args.registers) is not int or type(args.shared_memory) is not int:
        return None
    return LaunchShape(
        math.prod(args.grid), math.prod(args.block), args.registers, args.shared_memory
    )


def _is_size(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(each) is int for each in value)


def _waits(chosen: list[Event], columns: Events, streams: _Interner) -> StreamWaits:
    """Collect the recorded waits between streams; one that names no stream of its own is none."""
    rows = [
        row
        for row in np.flatnonzero(columns.role == Role.SYNC).tolist()
        if chosen[row].name == _WAIT_EVENT and (args := chosen[row].args) and _known(args.stream)
    ]
    arguments = [args for row in rows if (args := chosen[row].args)]
    return StreamWaits(
        pid=columns.pid[rows],
        stream=streams.encode(str(args.stream) for args in arguments),
        on_stream=streams.encode(
            str(args.wait_on_stream) if _known(args.wait_on_stream) else None for args in arguments
        ),
        correlation=columns.correlation[rows],
        record=np.array(
            [args.wait_on_record if _known(args.wait_on_record) else NONE for args in arguments],
            np.int64,
        ),
        start=columns.start[rows],
    )


def _known(number: Any) -> bool:
    """Tell whether Kineto knew the stream or record: it writes -1 where it did not."""
    return type(number) is int and 0 <= number <= _INT64.max


def _multiprocessors(properties: Any) -> dict[str, Multiprocessors]:
    """Read what the devices hold; a device that does not say all of it is left out."""
    found = {}
    for device in properties if isinstance(properties, list) else []:
        if isinstance(device, dict) and all(type(device.get(key)) is int for key in _SM_KEYS):
            count, major, minor, threads, registers, shared, warp = (
                device[key] for key in _SM_KEYS[1:]
            )
            found[str(device["id"])] = Multiprocessors(
                count, (major, minor), threads, registers, shared, warp
            )
    return found


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


def _shown(value: Any) -> str:
    return "missing" if value is None else json.dumps(value)


def _bad(path: Path, row: int, key: str, found: str, expected: str) -> DamagedTraceError:
    return DamagedTraceError(
        f"{path}: `$.traceEvents[{row}].{key}` is {found[:60]}, expected {expected}; "
        "correct or record the trace again"
    )

"""Typed events to columns."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.columns import ACTIVITY_ROLES, NONE, Events, Role, Trace
from analysis.errors import DamagedTraceError
from analysis.trace import details
from analysis.trace.decimals import nanoseconds

if TYPE_CHECKING:
    from collections.abc import Sequence
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
_BLOCK = 2048
_ID = "a whole number or text"
_IDENTITIES = {int, str}
_LINKED = (*ACTIVITY_ROLES, Role.CALL, Role.SYNC)
_INT64 = np.iinfo(np.int64)
_LATEST = 2**62


class _Interner:
    """Gives each distinct text a code, in the order of arrival."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def encode(self, values: Sequence[object]) -> NDArray[np.int32]:
        """Return the codes of the values; 7 and "7" are the same one, and None has none."""
        # Millions of values, few of them distinct: one pass without a line of Python
        # numbers them as they come, and only the distinct ones are looked at.
        number: defaultdict[object, int] = defaultdict()
        number.default_factory = number.__len__
        numbered = np.fromiter(map(number.__getitem__, values), np.int32, len(values))
        code = [
            NONE if value is None else self._codes.setdefault(str(value), len(self._codes))
            for value in number
        ]
        return np.array(code, np.int32)[numbered]

    def table(self) -> tuple[str, ...]:
        """Return the texts, by code."""
        return tuple(self._codes)


class _Fields:
    """The fields of the complete events, a list for each, and the phases of all events.

    They are taken in blocks that fit the processor's cache: each event is visited
    once per field, and fetching it from memory each time takes twice as long.
    """

    def __init__(self, events: list[Event]) -> None:
        self.phases: list[str] = []
        self.rows: list[int] = []
        self.args: list[Args | None] = []
        self.ts: list[msgspec.Raw] = []
        self.dur: list[msgspec.Raw] = []
        self.cat: list[str] = []
        self.name: list[str] = []
        self.pid: list[Any] = []
        self.tid: list[Any] = []
        for begin in range(0, len(events), _BLOCK):
            block = events[begin : begin + _BLOCK]
            phases = [event.ph for event in block]
            places = [place for place, phase in enumerate(phases) if phase == _COMPLETE]
            chosen = [block[place] for place in places]
            self.phases += phases
            self.rows += [begin + place for place in places]
            self.args += [event.args for event in chosen]
            self.ts += [event.ts for event in chosen]
            self.dur += [event.dur for event in chosen]
            self.cat += [event.cat or "" for event in chosen]
            self.name += [event.name or "" for event in chosen]
            self.pid += [event.pid for event in chosen]
            self.tid += [event.tid for event in chosen]


def build(path: Path, document: Document) -> Trace:
    """Turn decoded events into columns.

    Raises:
        DamagedTraceError: an event lacks a field that it needs, or holds a value
            that cannot be; the message names the event.
    """
    fields = _Fields(document.traceEvents)
    rows, arguments = fields.rows, fields.args
    start, whole_starts = _times(path, rows, "ts", fields.ts)
    duration, whole_durations = _times(path, rows, "dur", fields.dur)
    names, pids, tids, streams, categories = (_Interner() for _ in range(5))
    category = categories.encode(fields.cat)
    role = _roles(categories.table())[category]
    activities = np.flatnonzero(np.isin(role, ACTIVITY_ROLES))
    stream = streams.encode(_streams(path, rows, arguments, fields.tid, activities))
    shape, shapes = details.shapes(arguments, role)
    synchronisations = details.synchronisations(arguments, role, streams.encode)
    columns = Events(
        role=role,
        start=start,
        end=_ends(path, rows, start, duration),
        name=names.encode(fields.name),
        pid=pids.encode(_identity(path, rows, "pid", fields.pid)),
        tid=tids.encode(_identity(path, rows, "tid", fields.tid)),
        stream=stream,
        correlation=_correlations(path, rows, arguments, role),
        shape=shape,
        category=category,
        position=np.array(rows, np.int32),
        names=names.table(),
        pids=pids.table(),
        tids=tids.table(),
        streams=streams.table(),
        shapes=shapes,
        categories=categories.table(),
    )
    return Trace(
        path=str(path),
        rank=_rank(document.distributedInfo),
        resolution_ns=1000 if whole_starts and whole_durations else 1,
        events=columns,
        synchronisations=synchronisations,
        transfers=details.transfers(arguments, role),
        multiprocessors=details.multiprocessors(document.deviceProperties),
        notes=_notes(fields.phases),
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
    """Check process or thread ids: numbers or text."""
    if not set(map(type, values)) <= _IDENTITIES:
        for row, value in zip(rows, values, strict=True):
            if type(value) not in _IDENTITIES:
                raise _bad(path, row, key, _shown(value), _ID)
    return values


def _streams(
    path: Path,
    rows: list[int],
    arguments: Sequence[Args | None],
    thread: list[Any],
    activities: NDArray[np.intp],
) -> list[Any]:
    """Return the stream that each event names; an activity must have one."""
    named = [None if args is None else args.stream for args in arguments]
    for index in activities.tolist():
        # Recorders that name no stream put each one on a row (tid) of its own.
        if named[index] is None:
            named[index] = thread[index]
        if type(named[index]) not in _IDENTITIES:
            raise _bad(path, rows[index], "args.stream", _shown(named[index]), _ID)
    if NONE in named or not set(map(type, named)) <= {*_IDENTITIES, type(None)}:
        # Kineto writes -1 where it means all streams, or does not know which.
        ran = set(activities.tolist())
        return [
            value if index in ran or (type(value) in _IDENTITIES and value != NONE) else None
            for index, value in enumerate(named)
        ]
    return named


def _correlations(
    path: Path, rows: list[int], arguments: Sequence[Args | None], role: NDArray[np.int8]
) -> NDArray[np.int64]:
    """Return the correlations of activities, calls and synchronisations."""
    result = np.full(len(rows), NONE, np.int64)
    for index in np.flatnonzero(np.isin(role, _LINKED)).tolist():
        args = arguments[index]
        value = None if args is None else args.correlation
        if value is None:
            continue
        if type(value) is not int or not _INT64.min <= value <= _INT64.max:
            raise _bad(path, rows[index], "args.correlation", _shown(value), "a 64-bit integer")
        if value > 0:
            result[index] = value
    return result


def _roles(categories: tuple[str, ...]) -> NDArray[np.int8]:
    """Return the role of each category."""
    return np.array([_ROLES.get(category, Role.OTHER) for category in categories], np.int8)


def _rank(info: Any) -> int | None:
    rank = info.get("rank") if isinstance(info, dict) else None
    return rank if type(rank) is int else None


def _notes(phases: list[str]) -> tuple[str, ...]:
    notes = []
    if _COMPLETE not in phases:
        notes.append("The trace holds no complete events (`ph: X`): there is nothing to measure.")
    spans = phases.count("B") + phases.count("E")
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

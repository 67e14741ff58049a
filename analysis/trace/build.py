"""Typed events to columns."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from analysis import roles
from analysis.columns import ACTIVITY_ROLES, NONE, Events, Role
from analysis.trace import decimals, details
from analysis.trace.losses import shown
from analysis.trace.part import Fault, Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from analysis.trace.decimals import Times
    from analysis.trace.schema import Event

_COMPLETE = "X"
_ID = "expected a whole number or text"
_IDENTITIES = {int, str}
_IS_ACTIVITY = np.isin(list(Role), ACTIVITY_ROLES)
_IS_LINKED = np.isin(list(Role), (*ACTIVITY_ROLES, Role.CALL, Role.SYNC))
_BITS = "expected a 64-bit integer; its launch is not known"
_INT64 = np.iinfo(np.int64)
_DIGITS = 18
_LATEST = 2**62


class _Interner:
    """Gives each distinct text a code, in the order of arrival."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def encode(self, values: Sequence[object]) -> NDArray[np.int32]:
        """Return the codes of hashable values; 7 and "7" are the same one, and None has none."""
        # Thousands of values, few of them distinct: one pass without a line of Python
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
    """The fields of the complete events, a list for each."""

    def __init__(self, events: Sequence[Event], rows: list[int]) -> None:
        chosen = events if len(rows) == len(events) else [events[row] for row in rows]
        self.rows = rows
        self.args = [event.args for event in chosen]
        self.ts: list[msgspec.Raw] = [event.ts for event in chosen]
        self.dur: list[msgspec.Raw] = [event.dur for event in chosen]
        self.cat = [event.cat or "" for event in chosen]
        self.name = [event.name or "" for event in chosen]
        self.pid = [event.pid for event in chosen]
        self.tid = [event.tid for event in chosen]


def build(events: Sequence[Event]) -> tuple[Part, list[Fault]]:
    """Turn decoded events into columns.

    Returns:
        The columns of the events that can be read, and what is wrong with the others.
    """
    phases = [event.ph for event in events]
    rows = [row for row, phase in enumerate(phases) if phase == _COMPLETE]
    fields = _Fields(events, rows)
    starts, durations = decimals.nanoseconds(fields.ts + fields.dur).halves()
    categories, names = _Interner(), _Interner()
    category, name = categories.encode(fields.cat), names.encode(fields.name)
    role = roles.of_events(categories.table(), category, names.table(), name)
    activities = np.flatnonzero(_IS_ACTIVITY[role]).tolist()
    stream = _streams(fields, activities)
    faults = [
        *_wrong_times(rows, "ts", starts),
        *_wrong_times(rows, "dur", durations),
        *_wrong_ends(rows, starts, durations),
        *_wrong_identities(rows, "pid", fields.pid),
        *_wrong_identities(rows, "tid", fields.tid),
        *_wrong_streams(rows, stream, activities),
    ]
    if faults:
        # It is rare: the others are done anew.
        bad = {fault.row for fault in faults}
        good = [row for row in range(len(events)) if row not in bad]
        part, more = build([events[row] for row in good])
        moved = [fault._replace(row=good[fault.row]) for fault in more]
        return spread(part, good, len(events)), faults + moved
    correlation, unlinked = _correlations(fields, role)
    shape, shapes = details.shapes(fields.args, role)
    pids, tids, streams = (_Interner() for _ in range(3))
    stream_codes = streams.encode(stream)
    synchronisations = details.synchronisations(fields.args, role, streams.encode)
    columns = Events(
        role=role,
        start=starts.ns,
        end=starts.ns + durations.ns,
        name=name,
        pid=pids.encode(fields.pid),
        tid=tids.encode(fields.tid),
        stream=stream_codes,
        correlation=correlation,
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
    part = Part(
        events=columns,
        synchronisations=synchronisations,
        transfers=details.transfers(fields.args, role),
        graph_nodes=details.graph_nodes(fields.args, role),
        collectives=details.collectives(fields.args, role),
        number=len(events),
        begins_and_ends=phases.count("B") + phases.count("E"),
        whole=starts.whole and durations.whole,
    )
    return part, unlinked


def spread(part: Part, numbers: list[int], number: int) -> Part:
    """Give the events of a part the numbers that they have among more events."""
    position = np.array(numbers, np.int32)[part.events.position]
    events = msgspec.structs.replace(part.events, position=position)
    return msgspec.structs.replace(part, events=events, number=number)


def _wrong_times(rows: list[int], key: str, times: Times) -> Iterator[Fault]:
    for index, spelled in times.wrong.items():
        yield _fault(rows[index], key, spelled or "missing", decimals.EXPECTED)


def _wrong_ends(rows: list[int], starts: Times, durations: Times) -> Iterator[Fault]:
    """Durations are not negative, and end within the range of times."""
    for index in np.flatnonzero(durations.ns < 0).tolist():
        yield _fault(rows[index], "dur", f"{int(durations.ns[index]):,} ns", "expected 0 or more")
    for index in np.flatnonzero(starts.ns + durations.ns > _LATEST).tolist():
        found = f"{int(durations.ns[index]):,} ns after {int(starts.ns[index]):,} ns"
        yield _fault(rows[index], "dur", found, "expected an end of at most 2^62 ns")


def _wrong_identities(rows: list[int], key: str, values: list[Any]) -> Iterator[Fault]:
    """Process and thread ids are numbers or text."""
    if not set(map(type, values)) <= _IDENTITIES:
        for row, value in zip(rows, values, strict=True):
            if type(value) not in _IDENTITIES:
                yield _fault(row, key, _spelled(value), _ID)


def _streams(fields: _Fields, activities: list[int]) -> list[Any]:
    """Return the stream that each event names, if any."""
    named = [None if args is None else args.stream for args in fields.args]
    odd = NONE in named or not set(map(type, named)) <= {*_IDENTITIES, type(None)}
    ran = set(activities) if odd else ()
    if odd:
        # Kineto writes -1 where it means all streams, or does not know which.
        named = [
            value if index in ran or (type(value) in _IDENTITIES and value != NONE) else None
            for index, value in enumerate(named)
        ]
    for index in activities:
        # Recorders that name no stream put each one on a row (tid) of its own.
        if named[index] is None:
            named[index] = fields.tid[index]
    return named


def _wrong_streams(rows: list[int], stream: list[Any], activities: list[int]) -> Iterator[Fault]:
    """An activity runs on a stream."""
    for index in activities:
        if type(stream[index]) not in _IDENTITIES:
            yield _fault(rows[index], "args.stream", _spelled(stream[index]), _ID)


def _correlations(fields: _Fields, role: NDArray[np.int8]) -> tuple[NDArray[np.int64], list[Fault]]:
    """Return the correlations of activities, calls and synchronisations."""
    given = [
        0 if args is None or args.correlation is None else args.correlation for args in fields.args
    ]
    linked = _IS_LINKED[role]
    faults = []
    result = _integers(given)
    if result is None:
        result = np.zeros(len(given), np.int64)
        for index, value in enumerate(given):
            number = _number(value)
            if number is not None:
                result[index] = number
            elif linked[index]:
                fault = _fault(fields.rows[index], "args.correlation", _spelled(value), _BITS)
                faults.append(fault._replace(fatal=False))
    result[~linked | (result <= 0)] = NONE
    return result, faults


def _integers(values: list[Any]) -> NDArray[np.int64] | None:
    """Return 64-bit integers, if they all are."""
    try:
        return np.array(values, np.int64) if set(map(type, values)) <= {int} else None
    except OverflowError:
        return None


def _number(value: Any) -> int | None:
    """Return a 64-bit integer, which may be written as text."""
    if type(value) is str and value.isascii() and value.isdecimal() and len(value) <= _DIGITS:
        value = int(value)
    if type(value) is int and _INT64.min <= value <= _INT64.max:
        return value
    return None


def _fault(row: int, key: str, found: str, expected: str) -> Fault:
    return Fault(row, f"`{key}` is {shown(found)}", expected)


def _spelled(value: Any) -> str:
    return "missing" if value is None else json.dumps(value)

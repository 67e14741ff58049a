"""Parts to one trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec
import numpy as np

from analysis.columns import (
    ACTIVITY_ROLES,
    NONE,
    Collectives,
    Events,
    GraphNodes,
    Synchronisations,
    Transfers,
    arrays,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from analysis.trace.part import Part

_TABLES = {
    "name": "names",
    "pid": "pids",
    "tid": "tids",
    "stream": "streams",
    "shape": "shapes",
    "category": "categories",
}
_OF_DETAILS = {"call": "calls"}
"""The same of the tables below."""
_DETAILS = {
    "synchronisations": Synchronisations,
    "transfers": Transfers,
    "graph_nodes": GraphNodes,
    "collectives": Collectives,
}
"""The tables of what few events say; each has a column `row`."""
_STREAMS = frozenset({"on_stream"})
"""Their columns that hold codes of streams."""
_Value = TypeVar("_Value", bound="Hashable")


class Tables(NamedTuple):
    """Events, and what only a few of them say."""

    events: Events
    synchronisations: Synchronisations
    transfers: Transfers
    graph_nodes: GraphNodes
    collectives: Collectives


class Merge:
    """Collects parts in the order of the file, and makes one table of each kind of them.

    Attributes:
        number: how many events of all kinds came so far.
        begins_and_ends: how many of them of the phases B and E.
        whole: whether all times so far are whole microseconds.
    """

    def __init__(self) -> None:
        self.number = 0
        self.begins_and_ends = 0
        self.whole = True
        self._rows = 0
        self._columns = _Columns()
        self._tables: dict[str, _Table[Any]] = {column: _Table() for column in _TABLES}
        self._of_details: dict[str, _Table[Any]] = {column: _Table() for column in _OF_DETAILS}
        self._details = {table: _Columns() for table in _DETAILS}

    def __len__(self) -> int:
        return self._rows

    def add(self, part: Part) -> None:
        """Take in the next part."""
        codes = {
            column: self._tables[column].take(getattr(part.events, table))
            for column, table in _TABLES.items()
        }
        for column, values in arrays(part.events).items():
            if column in codes:
                self._columns.add(column, codes[column][values])
            elif column == "position":
                self._columns.add(column, values + np.int32(self.number))
            else:
                self._columns.add(column, values)
        for table, columns in self._details.items():
            for column, values in arrays(getattr(part, table)).items():
                if column == "row":
                    columns.add(column, values + np.int32(self._rows))
                elif column in _OF_DETAILS:
                    known = getattr(getattr(part, table), _OF_DETAILS[column])
                    columns.add(column, self._of_details[column].take(known)[values])
                else:
                    columns.add(column, codes["stream"][values] if column in _STREAMS else values)
        self.number += part.number
        self.begins_and_ends += part.begins_and_ends
        self.whole = self.whole and part.whole
        self._rows += len(part.events)

    def skip(self, number: int) -> None:
        """Count events that were lost."""
        self.number += number

    def finish(self) -> Tables:
        """Return the tables; the parts are gone then."""
        tables: dict[str, Any] = {
            _TABLES[column]: table.values() for column, table in self._tables.items()
        }
        details: dict[str, Any] = {}
        for table, kind in _DETAILS.items():
            columns = self._details[table].joined()
            columns |= {
                of: self._of_details[column].values()
                for column, of in _OF_DETAILS.items()
                if column in columns
            }
            details[table] = kind(**columns)
        return Tables(Events(**self._columns.joined(), **tables), **details)


class _Table(Generic[_Value]):
    """The distinct values of all parts."""

    def __init__(self) -> None:
        self._codes: dict[_Value, int] = {}

    def take(self, values: tuple[_Value, ...]) -> NDArray[np.int32]:
        """Return the code here of each code there; that of no value is the last one."""
        codes = self._codes
        found = [codes.setdefault(value, len(codes)) for value in values]
        return np.array([*found, NONE], np.int32)

    def values(self) -> tuple[_Value, ...]:
        return tuple(self._codes)


class _Columns:
    """Arrays that grow in place, so that no second copy of them ever exists."""

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[Any]] = {}
        self._used: dict[str, int] = {}

    def add(self, column: str, values: NDArray[Any]) -> None:
        array = self._arrays.setdefault(column, np.empty(0, values.dtype))
        begin = self._used.get(column, 0)
        end = begin + len(values)
        if end > len(array):
            # Nothing else refers to it, and large arrays are moved without being copied.
            array.resize(end + end // 8, refcheck=False)
        array[begin:end] = values
        self._used[column] = end

    def joined(self) -> dict[str, Any]:
        for column, array in self._arrays.items():
            array.resize(self._used[column], refcheck=False)
        return dict(self._arrays)


def without_duplicates(tables: Tables, resolution_ns: int) -> tuple[Tables, int]:
    """Drop activities that say the very same as an earlier one.

    A lane runs one thing at a time: the same name, lane, launch and times twice are two
    records of one activity, which would count double. Where times are too coarse to tell
    two activities of one launch (a graph's) from each other, both stay.

    Returns:
        The tables and how many activities were dropped.
    """
    events = tables.events
    told_apart = (events.correlation != NONE) & (events.end - events.start > 2 * resolution_ns)
    activities = np.isin(events.role, ACTIVITY_ROLES)
    twins = _duplicates(events, np.flatnonzero(activities & told_apart))
    if not len(twins):
        return tables, 0
    kept = np.ones(len(events), np.bool_)
    kept[twins] = False
    return only(tables, kept), len(twins)


def only(tables: Tables, kept: NDArray[np.bool_]) -> Tables:
    """Return the tables of the events that are kept alone."""
    place = np.cumsum(kept, dtype=np.int32) - np.int32(1)
    details: dict[str, Any] = {}
    for table in _DETAILS:
        before = getattr(tables, table)
        rows = kept[before.row]
        columns = {column: values[rows] for column, values in arrays(before).items()}
        columns["row"] = place[columns["row"]]
        details[table] = msgspec.structs.replace(before, **columns)
    return Tables(tables.events.select(kept), **details)


def _duplicates(events: Events, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return those of the rows that repeat an earlier one of them."""
    start = events.start[rows]
    order = np.argsort(start, kind="stable")
    start = start[order]
    near = np.flatnonzero(start[1:] == start[:-1])
    if not len(near):
        return rows[:0]
    # Few begin at the same nanosecond: they alone are looked at closely.
    rows = np.unique(rows[order[np.concatenate([near, near + 1])]])
    keys = [
        column[rows]
        for column in (events.end, events.name, events.correlation, events.stream, events.pid)
    ]
    order = np.lexsort((rows, *keys, events.start[rows]))
    rows = rows[order]
    same = events.start[rows[1:]] == events.start[rows[:-1]]
    for key in keys:
        same &= key[order[1:]] == key[order[:-1]]
    repeated: NDArray[np.intp] = rows[1:][same]
    return repeated

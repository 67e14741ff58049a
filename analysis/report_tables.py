"""report.json as flat tables: one row per device, state, lane, gap, step, mode, ...

What is a list in report.json is a table here, and what a row belongs to stands in its
first columns. Figures added to report.json find their place of themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Scalar: TypeAlias = str | int | float | bool | None
Row: TypeAlias = dict[str, Scalar]
Tables: TypeAlias = dict[str, list[Row]]

_JOINED = "; "
_STEP = "step_"


class _Kept(NamedTuple):
    """A row's columns that the rows of what it holds begin with, under another name."""

    column: str
    name: str


_OWNERS: dict[str, tuple[_Kept, ...]] = {
    "traces": (_Kept("label", "trace"), _Kept("rank", "rank"), _Kept("path", "path")),
    "devices": (_Kept("device", "device"),),
    "steps": (_Kept("name", "step"),),
    "idle_gaps": (_Kept("start_ns", "gap_start_ns"),),
    "missed_overlap": (_Kept("first", "first"), _Kept("second", "second")),
    "runs": (_Kept("run", "run"),),
}
"""By table."""

_LONG: dict[str, tuple[str, tuple[str, ...]]] = {
    "breakdown_ns": ("states", ("state", "ns")),
    "breakdown_by_class_ns": ("states_by_class", ("state", "classes", "ns")),
    "lane_breakdown_ns": ("lane_states", ("lane", "state", "ns")),
    "concurrency_ns": ("concurrency", ("lanes", "ns")),
    "class_busy_ns": ("classes", ("class", "ns")),
    "class_overlap_ns": ("class_overlap", ("classes", "ns")),
    "lane_overlap_ns": ("lane_overlap", ("lane", "and_lane", "ns")),
    "environment": ("environment", ("setting", "value")),
    "workload": ("workload", ("setting", "value")),
}
"""What has a name or a lane for a key, or no keys: the table and its columns."""

_NUMBERED = {"jobs": "job"}
"""Tables whose rows have no name of their own, and the column that numbers them, from 0."""

_PART_OF = {"idle_gaps": "gap_", "missed_overlap": "missed_", "jobs": "job_"}
"""What stands before the names of tables inside these, which would else be those of devices."""


def tables(report: Mapping[str, Any]) -> Tables:
    """Return the tables of a report.

    Args:
        report: what `Report.to_json` returned, or a part of it.

    Returns:
        Rows by table; tables without rows are left out.
    """
    found: Tables = {}
    _Walk(found).inside(dict(report), {}, "")
    return {name: _tidy(rows) for name, rows in found.items() if rows}


def columns(rows: Sequence[Row]) -> list[str]:
    """Return the columns of a table: all that any row has, as they first occur."""
    return list(dict.fromkeys(column for row in rows for column in row))


def _tidy(rows: list[Row]) -> list[Row]:
    """Leave out what is null here and has parts in other rows: these are null then."""
    names = columns(rows)
    whole = {name for name in names if any(each.startswith(f"{name}.") for each in names)}
    if not whole:
        return rows
    return [{name: cell for name, cell in row.items() if name not in whole} for row in rows]


class _Walk:
    """Descends into a report and fills the tables."""

    def __init__(self, found: Tables) -> None:
        self._found = found

    def inside(self, value: Mapping[str, Any], owner: Row, within: str, prefix: str = "") -> Row:
        """Return what of an object fits into a row; its lists become tables."""
        row: Row = {}
        for key, each in value.items():
            if key in _LONG and isinstance(each, (dict, list)):
                self._long(key, each, owner, within)
            elif isinstance(each, dict):
                row |= self.inside(each, owner, within, f"{prefix}{key}.")
            elif isinstance(each, list) and each and isinstance(each[0], dict):
                for one in each:
                    self._row(key, one, owner, within)
            elif isinstance(each, list):
                # Whether an empty one would be a table or a cell, nothing tells.
                row |= {prefix + key: _JOINED.join(map(str, each))} if each else {}
            else:
                row[prefix + key] = each
        return row

    def _row(self, table: str, value: Mapping[str, Any], owner: Row, within: str) -> None:
        name = within + table
        owners = [each for each in _OWNERS.get(table, ()) if each.column in value]
        kept: Row = {each.name: value[each.column] for each in owners}
        rows = self._found.setdefault(name, [])
        place = len(rows)
        if table in _NUMBERED:
            kept[_NUMBERED[table]] = place
        own: Row = dict(owner)
        rows.append(own)
        deeper = within + (_STEP if table == "steps" else _PART_OF.get(table, ""))
        found = self.inside(value, owner | kept, deeper)
        renamed = {each.column for each in owners}
        rows[place] = own | kept | {k: v for k, v in found.items() if k not in renamed}

    def _long(self, key: str, value: Any, owner: Row, within: str) -> None:
        table, names = _LONG[key]
        rows = self._found.setdefault(within + table, [])
        rows += [owner | dict(zip(names, each, strict=True)) for each in _spread(value, len(names))]


def _spread(value: Any, width: int) -> list[tuple[Any, ...]]:
    """Return rows of so many cells from nested objects, or from lists of as many."""
    if isinstance(value, list):
        return [tuple(each) for each in value]
    if not isinstance(value, dict):
        return [(value,)]
    if width == 2:
        return [
            pair
            for key, each in value.items()
            for pair in (
                [(f"{key}.{name}", one) for name, one in each.items()]
                if isinstance(each, dict)
                else [(key, each)]
            )
        ]
    return [(key, *rest) for key, each in value.items() for rest in _spread(each, width - 1)]

"""Results as tables: those of report.json, of one result alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.errors import SelectionError
from analysis.metrics.gaps import Gaps
from analysis.report import DeviceFigures, Report, TraceReport, plain
from analysis.report_tables import tables

if TYPE_CHECKING:
    import pandas as pd

    from analysis.report_tables import Row, Tables

FIGURES = "figures"
"""The table of what is a single figure of a result."""

_MAIN: dict[type, str] = {Report: "devices", TraceReport: "devices", Gaps: "idle_gaps"}
"""The table that says most; of others it is that of the figures, or else the first."""


def of(result: Any) -> Tables:
    """Return the tables of a result, by name."""
    if isinstance(result, Report):
        return tables(result.to_json())
    if isinstance(result, TraceReport):
        return tables({"traces": [result.to_json()]})
    if isinstance(result, DeviceFigures):
        found = tables({FIGURES: [result.to_json()]})
    else:
        found = tables({FIGURES: [_by_key(plain(result))]})
    return {name: rows for name, rows in found.items() if any(rows)}


def main(result: Any) -> str | None:
    """Return the name of the table that says most; None of a result without any."""
    found = of(result)
    wanted = _MAIN.get(type(result), FIGURES)
    return wanted if wanted in found else next(iter(found), None)


def frame(result: Any, table: str | None) -> pd.DataFrame:
    """Return one table of a result as a DataFrame.

    Raises:
        SelectionError: there is no such table.
    """
    from analysis.frames import records_frame  # noqa: PLC0415 - pandas only where asked for

    found = of(result)
    name = main(result) if table is None else table
    if table is not None and name not in found:
        raise SelectionError(
            f"{table}: there is no such table of {type(result).__name__}; there are "
            f"{', '.join(found) or 'none'}"
        )
    if table is None and isinstance(result, (Report, TraceReport)):
        return records_frame(_with_states(found))
    return records_frame(found.get(name or "", []))


def _with_states(found: Tables) -> list[Row]:
    """Return a row per device with the time in each state, too."""
    states: dict[tuple[object, object], Row] = {}
    for each in found.get("states", []):
        states.setdefault((each["path"], each["device"]), {})[str(each["state"])] = each["ns"]
    return [row | states.get((row["path"], row["device"]), {}) for row in found.get("devices", [])]


def _by_key(figures: dict[str, Any]) -> dict[str, Any]:
    """Give a histogram its keys, as report.json does."""
    histogram = figures.get("concurrency_ns")
    if isinstance(histogram, list):
        figures["concurrency_ns"] = {str(lanes): ns for lanes, ns in enumerate(histogram)}
    return figures

"""The tables of a report as files for other programs: CSV and Parquet."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from analysis.errors import MissingExtraError
from analysis.report_tables import columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analysis.report_tables import Row, Tables


def as_csv(rows: Sequence[Row]) -> bytes:
    """Return a table as CSV (RFC 4180, UTF-8); what does not exist is an empty cell."""
    names = columns(rows)
    page = io.StringIO(newline="")
    writer = csv.writer(page)
    writer.writerow([_sound(name) for name in names])
    writer.writerows([_sound(row.get(name)) for name in names] for row in rows)
    return page.getvalue().encode()


def as_parquet(rows: Sequence[Row]) -> bytes:
    """Return a table as Parquet; what does not exist is null.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    pa, parquet = _pyarrow()
    arrays = {name: pa.array(_column([row.get(name) for row in rows])) for name in columns(rows)}
    page = io.BytesIO()
    parquet.write_table(pa.table(arrays), page)
    return page.getvalue()


WRITERS: dict[str, Callable[[Sequence[Row]], bytes]] = {"csv": as_csv, "parquet": as_parquet}
"""By suffix."""


def require(suffix: str) -> None:
    """Make sure that tables can be written so, before any work is done for them.

    Raises:
        MissingExtraError: pyarrow is needed and not installed.
    """
    if suffix == "parquet":
        _pyarrow()


def files(tables: Tables, suffix: str) -> dict[str, bytes]:
    """Return a file per table, by its name.

    Raises:
        MissingExtraError: pyarrow is needed and not installed.
    """
    return {f"{name}.{suffix}": WRITERS[suffix](rows) for name, rows in tables.items()}


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to import
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            "Parquet needs pyarrow, which is not installed: pip install 'torch-overlap[sql]'; "
            "--tables csv needs nothing more"
        ) from error
    return pa, parquet


def _column(values: list[Any]) -> list[Any]:
    """Return values of one type: texts, if any is one; whole numbers stay so."""
    known = {type(value) for value in values if value is not None}
    if str in known:
        return [None if value is None else _sound(str(value)) for value in values]
    if float in known:
        return [None if value is None else float(value) for value in values]
    return values


def _sound(value: Any) -> Any:
    """Return text that UTF-8 can hold; names of files may hold bytes that are none."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value

"""An answer as it is shown or written."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import msgspec

from analysis.document import Column, Document, Paragraph, Section, Table, Unit
from analysis.tables.arrow import pyarrow
from analysis.units import one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from analysis.document import Block

_NULL = "NULL"
_DIGITS = 3


def csv(answer: pa.Table) -> bytes:
    """Return the rows as CSV in UTF-8: titles first, NULL as nothing, texts in quotes."""
    from pyarrow import csv as writer  # noqa: PLC0415 - an extra

    page = io.BytesIO()
    writer.write_csv(_flat(answer), page)
    return page.getvalue()


def json(answer: pa.Table) -> bytes:
    """Return the rows as a JSON list of objects, one a line; whole numbers keep all digits."""
    encoder = msgspec.json.Encoder(enc_hook=str, decimal_format="number")
    lines = [encoder.encode(_sound(row)) for row in answer.to_pylist()]
    return b"[\n" + b",\n".join(lines) + b"\n]\n" if lines else b"[]\n"


def parquet(answer: pa.Table) -> bytes:
    """Return the rows as a Parquet file."""
    from pyarrow import parquet as writer  # noqa: PLC0415 - an extra

    page = io.BytesIO()
    writer.write_table(answer, page, compression="zstd")
    return page.getvalue()


FORMATS: dict[str, Callable[[Any], bytes]] = {"csv": csv, "json": json, "parquet": parquet}
"""What writes an answer to a file or a pipe, by the format's name."""


def document(answer: pa.Table, rows: int, *, longest: int) -> Document:
    """Return the first rows as a table to be read, texts cut to `longest` characters."""
    shown = answer.slice(0, rows)
    if not answer.num_columns:
        return _page(Paragraph("Done; there is no answer to show."))
    columns = tuple(
        Column(field.name, Unit.NUMBER if _is_number(field.type) else Unit.TEXT)
        for field in answer.schema
    )
    values = [
        [shortened(one_line(_shown(each)), longest) for each in column.to_pylist()]
        for column in shown.columns
    ]
    table = Table(columns, tuple(zip(*values, strict=True)))
    return _page(table, Paragraph(_counted(shown.num_rows, answer.num_rows)))


def _page(*blocks: Block) -> Document:
    return Document((Section("", 1, blocks),), ())


def _counted(shown: int, count: int) -> str:
    if shown == count:
        return f"{count:,} row" + "s" * (count != 1)
    return (
        f"{shown:,} of {count:,} rows; --rows {count} shows all, --format csv, json or parquet "
        "writes all, with long texts whole"
    )


def _is_number(kind: Any) -> bool:
    types = pyarrow().types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def _shown(value: Any) -> str:
    """Write a value as it is, floating point to three decimals or digits."""
    match value:
        case None:
            return _NULL
        case bool():
            return str(value).lower()
        case float() if math.isfinite(value) and value != int(value):
            return f"{value:.{_DIGITS}f}" if abs(value) >= 1 else f"{value:.{_DIGITS}g}"
        case float() if math.isfinite(value) and abs(value) < 1e15:
            return str(int(value))
        case _:
            return str(value)


def _flat(answer: pa.Table) -> pa.Table:
    """Return the table with what CSV cannot hold, lists and the like, as text."""
    arrow = pyarrow()
    columns = []
    for column in answer.columns:
        if arrow.types.is_nested(column.type):
            texts = [None if value is None else str(value) for value in column.to_pylist()]
            columns.append(arrow.array(texts, arrow.string()))
        else:
            columns.append(column)
    return arrow.Table.from_arrays(columns, names=answer.column_names)


def _sound(value: Any) -> Any:
    """Return what JSON can say: no NaN, no bytes, no times that are objects."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {str(key): _sound(each) for key, each in value.items()}
        case list() | tuple():
            return [_sound(each) for each in value]
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case _:
            return value

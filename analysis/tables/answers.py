"""An answer as it is shown or written."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import msgspec

from analysis.document import Column, Document, Paragraph, Section, Table, Unit
from analysis.tables.arrow import pyarrow
from analysis.tables.worded import is_number, worded
from analysis.units import one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    import pyarrow as pa

    from analysis.document import Block

_NULL = "NULL"
_DIGITS = 3
_JSON = msgspec.json.Encoder(decimal_format="number")


def csv(answer: pa.Table) -> Iterator[bytes]:
    """Yield the rows as CSV in UTF-8: titles first, NULL as nothing, texts in quotes."""
    arrow = pyarrow()
    no_rows = [arrow.array([], arrow.string())] * answer.num_columns
    yield _csv(arrow.table(no_rows, names=answer.column_names), titles=True)
    for batch in worded(answer):
        columns = [_flat(arrow, column) for column in batch.columns]
        yield _csv(arrow.table(columns, names=answer.column_names), titles=False)


def json(answer: pa.Table) -> Iterator[bytes]:
    """Yield the rows as a JSON list of objects, one a line; whole numbers keep all digits."""
    names, before = answer.column_names, b"[\n"
    for batch in worded(answer):
        columns = [_sounds(column) for column in batch.columns]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        if rows:
            # Texts have theirs escaped: each newline that is left ends a row.
            yield before + _JSON.encode_lines(rows)[:-1].replace(b"\n", b",\n")
            before = b",\n"
    yield b"\n]\n" if len(answer) else b"[]\n"


def parquet(answer: pa.Table) -> Iterator[bytes]:
    """Yield the rows as a Parquet file."""
    from pyarrow import parquet as writer  # noqa: PLC0415 - an extra

    page = io.BytesIO()
    writer.write_table(answer, page, compression="zstd")
    yield page.getvalue()


FORMATS: dict[str, Callable[[Any], Iterator[bytes]]] = {
    "csv": csv,
    "json": json,
    "parquet": parquet,
}
"""What writes an answer to a file or a pipe, by the format's name."""


def document(answer: pa.Table, rows: int, *, longest: int) -> Document:
    """Return the first rows as a table to be read, texts cut to `longest` characters."""
    if not answer.num_columns:
        return _page(Paragraph("Done; there is no answer to show."))
    columns = tuple(
        Column(field.name, Unit.NUMBER if is_number(field.type) else Unit.TEXT)
        for field in answer.schema
    )
    values = [
        tuple(shortened(one_line(_shown(each)), longest) for each in row)
        for batch in worded(answer.slice(0, rows))
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    ]
    return _page(Table(columns, tuple(values)), Paragraph(_counted(len(values), len(answer))))


def _page(*blocks: Block) -> Document:
    return Document((Section("", 1, blocks),), ())


def _counted(shown: int, count: int) -> str:
    if shown == count:
        return f"{count:,} row" + "s" * (count != 1)
    return (
        f"{shown:,} of {count:,} rows; --rows {count} shows all, --format csv, json or parquet "
        "writes all, with long texts whole"
    )


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
        case list() | dict():
            return _said(value)
        case _:
            return str(value)


def _csv(rows: pa.Table, *, titles: bool) -> bytes:
    from pyarrow import csv as writer  # noqa: PLC0415 - an extra

    page = io.BytesIO()
    writer.write_csv(rows, page, writer.WriteOptions(include_header=titles))
    return page.getvalue()


def _flat(arrow: ModuleType, column: Any) -> Any:
    """Return a column with what CSV cannot hold, lists and the like, as JSON."""
    if not arrow.types.is_nested(column.type):
        return column
    texts = [None if value is None else _said(value) for value in column.to_pylist()]
    return arrow.array(texts, arrow.string())


def _said(value: Any) -> str:
    return _JSON.encode(_sound(value)).decode()


def _sounds(column: Any) -> list[Any]:
    """Return the values of a column that JSON can say."""
    types = pyarrow().types
    values: list[Any] = column.to_pylist()
    if types.is_floating(column.type) or types.is_nested(column.type):
        return [_sound(value) for value in values]
    return values


def _sound(value: Any) -> Any:
    """Return what JSON can say: no NaN, and no infinity."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: _sound(each) for key, each in value.items()}
        case list() | tuple():
            return [_sound(each) for each in value]
        case _:
            return value

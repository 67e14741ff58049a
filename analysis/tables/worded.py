r"""Answers in the few types that every text can hold; the rest is said as DuckDB says it.

That is `value::varchar`: a blob `\xFF`, an interval `1 day`, a time `2025-01-02 03:04:05`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from analysis.tables.arrow import pyarrow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

_ROWS = 1 << 14
"""Rows that are written at once; a multiple of what DuckDB has in a vector."""
_NUMBERS = frozenset(
    {
        "boolean",
        "tinyint",
        "smallint",
        "integer",
        "bigint",
        "utinyint",
        "usmallint",
        "uinteger",
        "ubigint",
        "float",
        "double",
        "decimal",
    }
)


def worded(answer: pa.Table) -> Iterator[pa.RecordBatch]:
    """Yield the rows bit by bit: truth values, numbers, texts, and lists and the like of them."""
    if all(_is_plain(kind) for kind in answer.schema.types):
        yield from answer.to_batches(max_chunksize=_ROWS)
    else:
        with _cast(answer) as reader:
            for batch in reader:
                yield batch.rename_columns(answer.column_names)


def writable(answer: pa.Table) -> pa.Table:
    """Return the table with those columns as texts that Parquet and pandas do not know."""
    for place, name in enumerate(answer.column_names):
        if _holds(answer.schema.types[place], _is_unknown):
            with _cast(answer.select([place])) as reader:
                answer = answer.set_column(place, name, reader.read_all().column(0))
    return answer


def is_number(kind: pa.DataType) -> bool:
    """Tell whether a column holds numbers."""
    types = pyarrow().types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def _is_plain(kind: pa.DataType) -> bool:
    types = pyarrow().types
    return bool(is_number(kind) or types.is_boolean(kind) or types.is_string(kind))


def _is_unknown(kind: pa.DataType) -> bool:
    types = pyarrow().types
    return bool(types.is_interval(kind) or types.is_union(kind))


def _holds(kind: pa.DataType, wanted: Callable[[pa.DataType], bool]) -> bool:
    """Tell whether a type is one that is wanted, or is made of such."""
    parts = [kind.field(place).type for place in range(kind.num_fields)]
    return wanted(kind) or any(_holds(part, wanted) for part in parts)


@contextmanager
def _cast(answer: pa.Table) -> Iterator[pa.RecordBatchReader]:
    """Yield what reads the rows with their types reworded; the columns are numbered."""
    import duckdb  # noqa: PLC0415 - an extra

    names = [f"c{place}" for place in range(answer.num_columns)]
    with duckdb.connect(":memory:") as connection:
        connection.register("answer", answer.rename_columns(names))
        found = connection.table("answer")
        asked = [
            f"cast({name} as {_worded(kind)}) as {name}"
            for name, kind in zip(names, found.types, strict=True)
        ]
        yield found.project(", ".join(asked)).to_arrow_reader(_ROWS)


def _worded(kind: Any) -> str:
    """Return the type of DuckDB that a value of another is written in."""
    if kind.id in _NUMBERS:
        return str(kind)
    parts = dict(kind.children) if kind.id in ("list", "array", "struct", "map") else {}
    match kind.id:
        case "list" | "array":
            return f"{_worded(parts['child'])}[]"
        case "map":
            return f"MAP({_worded(parts['key'])}, {_worded(parts['value'])})"
        case "struct" if all(parts):  # those of row(1, 2) have no names
            return f"STRUCT({', '.join(f'{_quoted(n)} {_worded(t)}' for n, t in parts.items())})"
    return "VARCHAR"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

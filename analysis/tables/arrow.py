"""Tables of traces as Arrow's; pyarrow is imported when the first is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.errors import MissingExtraError
from analysis.tables import device, host, time
from analysis.tables.schema import RANK, TABLES, TRACE, Kind
from analysis.tables.values import Known, Texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    import pyarrow as pa

    from analysis.tables.recorded import Recorded
    from analysis.tables.schema import Field
    from analysis.tables.values import Rows, Values

_MAKERS: dict[str, Callable[[Recorded], Rows]] = {
    "traces": host.traces,
    "events": host.events,
    "activities": device.activities,
    "launches": device.launches,
    "ops": host.ops,
    "lanes": time.lanes,
    "states": time.states,
    "gaps": time.gaps,
    "collectives": device.collectives,
}


def table(name: str, recorded: Recorded) -> pa.Table:
    """Return one table of a trace.

    Args:
        name: a key of `TABLES`.
        recorded: the trace.
    """
    arrow = pyarrow()
    made = _MAKERS[name](recorded)
    count = max((_length(values) for values in made.values()), default=0)
    rank = recorded.rank
    made[TRACE.name] = Texts(np.zeros(count, np.int32), (recorded.label,))
    made[RANK.name] = Known(np.full(count, rank or 0, np.int64), np.full(count, rank is not None))
    fields = TABLES[name].fields
    columns = [_column(arrow, made.get(field.name), field.kind, count) for field in fields]
    return arrow.Table.from_arrays(columns, schema=schema(name))


def schema(name: str, *, without: tuple[Field, ...] = ()) -> pa.Schema:
    """Return the columns of a table and their types, some left out."""
    arrow = pyarrow()
    return arrow.schema(
        [(field.name, _type(arrow, field.kind)) for field in TABLES[name] if field not in without]
    )


def pyarrow() -> ModuleType:
    """Return the package pyarrow.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        import pyarrow.compute  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise missing("pyarrow", error) from error
    return pa  # type: ignore[no-any-return] # it has no stubs


def missing(package: str, error: ImportError) -> MissingExtraError:
    """Return the error that says how to install what tables need."""
    return MissingExtraError(
        f"tables need {package}, which cannot be imported ({error}): "
        "pip install 'torch-overlap[sql]'"
    )


def _length(values: Values) -> int:
    return len(values.code if isinstance(values, Texts) else _numbers(values)[0])


def _type(arrow: ModuleType, kind: Kind) -> Any:
    match kind:
        case Kind.INTEGER:
            return arrow.int64()
        case Kind.FIGURE:
            return arrow.float64()
        case Kind.FLAG:
            return arrow.bool_()
        case Kind.TEXT:
            return arrow.dictionary(arrow.int32(), arrow.string())


def _column(arrow: ModuleType, values: Values | None, kind: Kind, count: int) -> Any:
    if values is None:
        return arrow.nulls(count, _type(arrow, kind))
    if isinstance(values, Texts):
        return _texts(arrow, values)
    numbers, known = _numbers(values)
    return arrow.array(numbers, type=_type(arrow, kind), mask=None if known is None else ~known)


def _numbers(values: Known | np.ndarray[Any, Any]) -> tuple[Any, Any]:
    return (values.values, values.known) if isinstance(values, Known) else (values, None)


def _texts(arrow: ModuleType, values: Texts) -> Any:
    """Return texts over a table of those alone that occur."""
    used, code = np.unique(values.code, return_inverse=True)
    absent = values.code < 0
    if len(used) and used[0] < 0:
        used, code = used[1:], code - 1
    texts: dict[str, int] = {}
    place = [texts.setdefault(_sound(values.table[each]), len(texts)) for each in used.tolist()]
    codes = np.array([*place, 0], np.int32)[code]
    dictionary = arrow.array(list(texts), arrow.string())
    return arrow.DictionaryArray.from_arrays(arrow.array(codes, mask=absent), dictionary)


def _sound(text: str) -> str:
    """Return a text that UTF-8 can hold; names of files may hold bytes that are none."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")

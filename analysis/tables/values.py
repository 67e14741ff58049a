"""What the columns of a table hold, before any library of tables knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from analysis.columns import NONE

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from numpy.typing import NDArray


class Known(NamedTuple):
    """Numbers or flags of shape (n,), some of which do not exist.

    Attributes:
        values: int64, float64 or bool.
        known: bool; what is not is NULL.
    """

    values: NDArray[np.generic]
    known: NDArray[np.bool_]


class Texts(NamedTuple):
    """Texts of shape (n,).

    Attributes:
        code: int32 or int64 into `table`; -1 is NULL.
        table: the texts that occur, and perhaps others.
    """

    code: NDArray[np.integer]
    table: Sequence[str]


Values: TypeAlias = "NDArray[np.generic] | Known | Texts"
Rows: TypeAlias = "dict[str, Values]"


def number(values: NDArray[np.integer]) -> Known:
    """Return int64 numbers; those below 0 do not exist."""
    return Known(values.astype(np.int64), values >= 0)


def constant(text: str | None, count: int) -> Texts:
    """Return the same text `count` times; None is NULL."""
    code = np.full(count, NONE if text is None else 0, np.int32)
    return Texts(code, () if text is None else (text,))


def texts(found: Iterable[str | None]) -> Texts:
    """Return texts with each kept once."""
    table: dict[str, int] = {}
    codes = [NONE if each is None else table.setdefault(each, len(table)) for each in found]
    return Texts(np.array(codes, np.int64), tuple(table))


def correlation(found: NDArray[np.int64]) -> Known:
    """Return correlations; the recorder writes 0 or less where there is none."""
    return Known(found, found > 0)


def times(start: NDArray[np.int64], end: NDArray[np.int64]) -> Rows:
    """Return the three columns of time."""
    return {"start_ns": start, "end_ns": end, "dur_ns": end - start}


def joined(parts: Sequence[Rows]) -> Rows:
    """Put rows of several devices of one kind one below the other."""
    if len(parts) < 2:
        return parts[0] if parts else {}
    return {name: _one([part[name] for part in parts]) for name in parts[0]}


def taken(values: Values, rows: NDArray[np.intp]) -> Values:
    """Return the values of some rows."""
    match values:
        case Texts(code, table):
            return Texts(code[rows], table)
        case Known(numbers, known):
            return Known(numbers[rows], known[rows])
    return values[rows]


def _one(parts: Sequence[Values]) -> Values:
    first = parts[0]
    if isinstance(first, Texts):
        return _texts([part for part in parts if isinstance(part, Texts)])
    if isinstance(first, Known):
        known = [part for part in parts if isinstance(part, Known)]
        return Known(
            np.concatenate([part.values for part in known]),
            np.concatenate([part.known for part in known]),
        )
    return np.concatenate([part for part in parts if isinstance(part, np.ndarray)])


def _texts(parts: Sequence[Texts]) -> Texts:
    if all(part.table is parts[0].table for part in parts):
        return Texts(np.concatenate([part.code for part in parts]), parts[0].table)
    table: list[str] = []
    codes = []
    for part in parts:
        codes.append(np.where(part.code < 0, NONE, part.code + len(table)))
        table.extend(part.table)
    return Texts(np.concatenate(codes), table)


def unlike(name: str, taken: Container[str], mark: str) -> str:
    """Return a name, with a mark and a number where it is taken."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}{mark}{number}"
    return found

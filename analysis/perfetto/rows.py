"""Events of our own as the text of a Chrome trace.

A slice is a begin and an end (`ph: B`, `E`), not one event with a duration: readers turn
times into doubles, and round a begin and a duration apart. So the end of a slice and the
begin of the next one are the very same text, which no rounding can make overlap.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

CATEGORY = "torch-overlap"
_LONGEST = 1000
_ELLIPSIS = "…"
_LARGEST_ID = 2**53  # beyond it a number means another one to some readers


class Row(NamedTuple):
    """Where slices are drawn: a process's thread.

    Attributes:
        pid: a number, or any other text in quotes, as JSON.
        tid: the same.
    """

    pid: str
    tid: str


def own(pid: int, tid: int) -> Row:
    """Return a row by the numbers of its process and its thread."""
    return Row(str(pid), str(tid))


def recorded(pid: str, tid: str) -> Row:
    """Return a row of the trace by the texts of its ids."""
    return Row(_id(pid), _id(tid))


def microseconds(ns: int) -> str:
    """Return a time as the exact decimal text of microseconds."""
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    return f"{sign}{ns // 1000}.{ns % 1000:03d}"


def begin(row: Row, ns: int, name: str, args: Mapping[str, object] | None = None) -> bytes:
    """Begin a slice."""
    more = f',"args":{json.dumps(args)}' if args else ""
    return (
        f'{{"ph":"B","cat":"{CATEGORY}","name":{json.dumps(name)},"pid":{row.pid},"tid":{row.tid},'
        f'"ts":{microseconds(ns)}{more}}}'
    ).encode()


def end(row: Row, ns: int) -> bytes:
    """End the slice that began last on a row."""
    return f'{{"ph":"E","pid":{row.pid},"tid":{row.tid},"ts":{microseconds(ns)}}}'.encode()


def counter(pid: int, ns: int, name: str, value: int) -> bytes:
    """Set a counter of a process from a time on."""
    return (
        f'{{"ph":"C","cat":"{CATEGORY}","name":{json.dumps(name)},"pid":{pid},"tid":0,'
        f'"ts":{microseconds(ns)},"args":{{"value":{value}}}}}'
    ).encode()


def arrow_from(row: Row, ns: int, name: str, number: int) -> bytes:
    """Begin an arrow in the slice of a row that holds a time."""
    return _arrow('"s"', row, ns, name, number)


def arrow_to(row: Row, ns: int, name: str, number: int) -> bytes:
    """End an arrow in the slice of a row that holds a time."""
    return _arrow('"f","bp":"e"', row, ns, name, number)


def described(row: Row, what: str, args: Mapping[str, object]) -> bytes:
    """Describe a process or a thread: its name, its place among the others."""
    return (
        f'{{"ph":"M","name":{json.dumps(what)},"pid":{row.pid},"tid":{row.tid},"ts":0,'
        f'"args":{json.dumps(args)}}}'
    ).encode()


def bounded(name: str) -> str:
    """Return a name from the trace, not all of it where it is very long."""
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + _ELLIPSIS


def _arrow(phase: str, row: Row, ns: int, name: str, number: int) -> bytes:
    return (
        f'{{"ph":{phase},"cat":"{CATEGORY}","name":{json.dumps(name)},"id":{number},'
        f'"pid":{row.pid},"tid":{row.tid},"ts":{microseconds(ns)}}}'
    ).encode()


def _id(text: str) -> str:
    """Return an id as JSON: the columns keep 7 and "7" as the same text."""
    digits = text.removeprefix("-")
    number = digits.isascii() and digits.isdigit() and str(int(digits)) == digits
    return text if number and int(digits) <= _LARGEST_ID else json.dumps(text)

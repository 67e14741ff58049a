"""Process, thread and arrow ids that a trace does not use."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST = 1_000_000_000
"""Ours begin here: larger than ids of processes, and whole in the 32 bits of Perfetto's."""
_WRAPPED = 2**32
_ARROWS = ("s", "t", "f")


class _Ids(msgspec.Struct, gc=False):
    ph: Any = None
    pid: Any = None
    tid: Any = None
    id: Any = None


_EVENTS = msgspec.json.Decoder(list[_Ids])


class Ids:
    """Looks at all events of a trace, and then hands out ids that none of them has."""

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self._arrow = 0
        self._free: Iterator[int] = (
            number for number in count(_FIRST) if number not in self._taken
        )

    def look(self, stretch: bytes) -> None:
        """Note the ids of a stretch of events, as `TraceText.events` yields them."""
        events = _decoded(b"[" + stretch + b"]")
        # Few of them are distinct, and lists or objects are the ids of nothing.
        ids = {each for event in events for each in (event.pid, event.tid) if each.__hash__}
        self._taken.update(number for number in map(_number, ids) if number >= _FIRST)
        arrows = {event.id for event in events if event.ph in _ARROWS and event.id.__hash__}
        self._arrow = max(self._arrow, *map(_number, arrows), 0)

    def row(self) -> int:
        """Return the next free number for a process or a thread."""
        return next(self._free)

    def arrow(self) -> int:
        """Return the next free number for an arrow."""
        self._arrow += 1
        return self._arrow


def _decoded(text: bytes) -> list[_Ids]:
    try:
        return _EVENTS.decode(text)
    except (msgspec.DecodeError, RecursionError):
        # Names with halves of surrogate pairs, which are JSON all the same.
        return msgspec.convert(json.loads(text), list[_Ids])


def _number(value: Any) -> int:
    """Return the number that a reader with 32 bits makes of an id; 0 of one that is none."""
    if isinstance(value, str) and value.isascii():
        value = int(value) if value.isdecimal() and len(value) < 20 else 0
    if isinstance(value, float):
        value = int(value) if value.is_integer() else 0
    return value % _WRAPPED if isinstance(value, int) else 0

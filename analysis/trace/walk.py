"""Reads damaged or unusual text event by event, and loses as little as can be.

It needs no guess where an event ends, as long as the event is JSON; where it is
not, it goes on at the next place that looks like the beginning of one.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from analysis.trace import decode
from analysis.trace.cut import KEYS
from analysis.trace.losses import Loss
from analysis.trace.mend import mend

if TYPE_CHECKING:
    from collections.abc import Callable

_Event = TypeVar("_Event")

_SCAN = json.JSONDecoder(strict=False, parse_float=str, parse_int=str).raw_decode
_BETWEEN = re.compile(rb"[\s,]*")
_BEGIN = rb"\{\s*" + KEYS
_CLOSING = rb'\](?=\s*(?:\}|,\s*"|\Z))'
_RESUME = re.compile(_BEGIN + rb"|" + _CLOSING)
_NEXT = re.compile(rb"\}(?=\s*,\s*" + _BEGIN + rb"|\s*" + _CLOSING + rb")")
_NEXT_OR_CUT = re.compile(rb"\}(?=\s*,\s*" + _BEGIN + rb"|\s*" + _CLOSING + rb"|\s*,\s*\Z)")
_WINDOW = 64 << 10
_PATIENCE = 16 << 20  # of bytes: an event that is longer and does not end is damaged
_NOTHING_MORE = re.compile(rb"[\s\0]*(?:\Z|[{\[])")  # of this trace
_MORE_KEYS = re.compile(rb'\s*(?:\}|,\s*(?:"|\Z))')
BLANK = b" \t\r\n\0"


class Walk(msgspec.Struct, Generic[_Event]):
    """What was found in a text.

    Attributes:
        events: those that could be read.
        numbers: which event of the text each of them is.
        ranges: the bytes [begin, end) of each, in the whole text.
        losses: what is wrong, in the order of the text.
        number: how many events there are, lost ones included.
        used: how much of the text was read; the rest is an event that goes on.
        closed: whether the list of events ends there.
    """

    events: list[_Event] = msgspec.field(default_factory=list)
    numbers: list[int] = msgspec.field(default_factory=list)
    ranges: list[tuple[int, int]] = msgspec.field(default_factory=list)
    losses: list[Loss] = msgspec.field(default_factory=list)
    number: int = 0
    used: int = 0
    closed: bool = False


def walk(
    text: bytes, begin: int, number: int, *, last: bool, read: Callable[[bytes], _Event | None]
) -> Walk[_Event]:
    """Read the events of a text that starts between two of them.

    Args:
        text: what to read.
        begin: where it begins in the whole text.
        number: how many events came before it.
        last: whether nothing follows.
        read: makes an event of its text; None where it cannot.
    """
    found = Walk[_Event]()

    def lose(at: int, what: str, remedy: str, events: int, *, mended: bool = False) -> None:
        event = number + found.number
        end = begin + found.used
        found.losses.append(Loss(begin + at, end, what, remedy, events, event, mended))

    while True:
        at = found.used = _behind(_BETWEEN, text, found.used)
        if at == len(text):
            return found
        if text.startswith(b"]", at) and _closes(text, at, last=last):
            found.closed = True
            return found
        if not text.startswith(b"{", at):
            resumed = _RESUME.search(text, at + 1)
            found.used = resumed.start() if resumed else len(text)
            lose(at, "is no event", "it was passed over", events=0)
            continue
        guess = (_NEXT if last else _NEXT_OR_CUT).search(text, at)
        end = guess.end() if guess else None
        event = read(text[at:end]) if guess else None
        if event is None:
            # The guess was wrong, or the event is damaged.
            certain, goes_on = value_end(text, at)
            if goes_on and (end is None if last else len(text) - at <= _PATIENCE):
                return found
            end = certain or end or len(text)
            event = read(text[at:end])
        found.used = len(text) if end is None else end
        if event is None:
            mended = mend(text[at:end], read)
            if mended is None:
                lose(at, "is damaged", "it could not be mended", events=1)
                found.number += 1
                continue
            event = mended.decoded
            wrong = "is not valid JSON" if mended.whole else "is damaged"
            lose(at, wrong, mended.remedy, events=0, mended=mended.whole)
        found.events.append(event)
        found.numbers.append(found.number)
        found.ranges.append((begin + at, begin + found.used))
        found.number += 1


def value_end(text: bytes, at: int) -> tuple[int | None, bool]:
    """Return where the JSON value at a place ends, and whether it goes on behind the text.

    Control characters and NaN are let pass. A value that is broken has no end.
    """
    for window in (text[at : at + _WINDOW], text[at:]):
        # One character for each byte: JSON's own characters are the same in UTF-8.
        characters = window.decode("latin-1")
        try:
            return at + _SCAN(characters)[1], False
        except json.JSONDecodeError as error:
            unterminated = error.msg.startswith("Unterminated string")
            if not unterminated and error.pos < len(characters.rstrip()):
                return None, False
        except RecursionError:
            return None, False
    return None, True


def _closes(text: bytes, at: int, *, last: bool) -> bool:
    """Tell whether a bracket ends the list of events, or is a stray one."""
    if _NOTHING_MORE.match(text, at + 1):
        return True  # the end of a bare list
    if not _MORE_KEYS.match(text, at + 1):
        return False
    for end in (at + _WINDOW, len(text)):
        opened = decode.OPENING + text[at:end]
        closed, goes_on = value_end(opened, 0)
        if closed is not None:
            return _NOTHING_MORE.match(opened, closed) is not None
        if not goes_on:
            return last and _RESUME.search(text, at + 1) is None
    return True


def _behind(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    matched = pattern.match(text, at)
    return matched.end() if matched else at

"""Cuts a trace's text into its head, and pieces of its list of events.

A cut may be made behind a comma between two events alone. Where that is cannot be
seen locally: the same characters occur inside names and arguments. So a cut is a
guess, and a piece that decodes as a list proves it: JSON is read from left to
right, so what stands behind a text that was a list of whole events as soon as a
bracket closed it is the next event. What does not decode is read by
`analysis.trace.walk`, which needs no guess.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PIECE = 1 << 20
"""Bytes of a usual piece: text, events and columns of one fit the processor's cache."""
LONGEST = 64 << 20
"""Bytes without any place to cut at, after which there will be none."""
KEYS = rb'"(?:ph|name|cat|pid|tid|ts|dur|args|id|bp|s)"\s*:'
_CUT = re.compile(rb"\}\s*,(?=\s*\{\s*" + KEYS + rb")")


class Piece(NamedTuple):
    """A stretch of the list of events.

    Attributes:
        begin: where it begins in the whole text.
        text: its bytes; the last one is the comma that it was cut behind.
        last: whether nothing follows; the text does not end with a comma then.
    """

    begin: int
    text: bytes
    last: bool


def pieces(blocks: Iterable[bytes], begin: int) -> Iterator[Piece]:
    """Cut a text that starts with an event, or the end of the list."""
    rest = b""
    for block in blocks:
        view = memoryview(block)
        used = 0
        # A place that lies across two blocks is passed over: there are others.
        while found := _CUT.search(block, used + max(0, PIECE - len(rest))):
            text = b"".join((rest, view[used : found.end()]))
            yield Piece(begin, text, last=False)
            begin += len(text)
            rest, used = b"", found.end()
        rest += view[used:]
        if len(rest) > LONGEST:
            yield Piece(begin, rest, last=False)
            begin += len(rest)
            rest = b""
    yield Piece(begin, rest, last=True)

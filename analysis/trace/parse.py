"""One piece of text to its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.trace import decode
from analysis.trace.build import build

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from analysis.trace.cut import Piece
    from analysis.trace.part import Part

_OPENED, _CLOSED = b"[", b"]"


def listed(piece: Piece) -> bytes | None:
    """Return a piece as a list of its own; how a trace ends is the reader's to find out."""
    if piece.last:
        return None
    return b"".join((_OPENED, memoryview(piece.text)[:-1], _CLOSED))


def parse(piece: Piece) -> Part | None:
    """Return the columns of a piece, or None if anything in it is odd."""
    text = listed(piece)
    return None if text is None else parse_list(text)


def parse_list(text: Buffer) -> Part | None:
    """Return the columns of a list of events, or None if anything in it is odd."""
    events = decode.events(text)
    if events is None:
        return None
    part, faults = build(events)
    return None if faults else part

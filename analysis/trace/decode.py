"""JSON text to typed events, all at once or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from analysis.trace.schema import Document, Event

if TYPE_CHECKING:
    from typing_extensions import Buffer

_DOCUMENT = msgspec.json.Decoder(Document)
_EVENT = msgspec.json.Decoder(Event)
_EVENTS = msgspec.json.Decoder(list[Event])
_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
OPENING = b'{"traceEvents":['
BARE_OPENING = b"["


def events(text: Buffer) -> list[Event] | None:
    """Decode a list of events; None if it is none, or anything in it is odd."""
    try:
        return _EVENTS.decode(text)
    except _ERRORS:
        return None


def event(text: bytes) -> Event | None:
    """Decode one event, in the same way."""
    try:
        return _EVENT.decode(text)
    except _ERRORS:
        return None


def document(text: bytes) -> Document | None:
    """Decode a trace in its object form, in the same way."""
    try:
        return _DOCUMENT.decode(text)
    except _ERRORS:
        return None


def end(text: bytes, *, bare: bool) -> Document | None:
    """Decode a text that goes on to the end of the trace from the middle of its events."""
    if bare:
        listed = events(BARE_OPENING + text)
        return None if listed is None else Document(listed)
    return document(OPENING + text)

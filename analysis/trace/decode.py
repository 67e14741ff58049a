"""JSON text to typed events."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

import msgspec

from analysis.errors import DamagedTraceError, NotATraceError
from analysis.trace.schema import Document, Event

if TYPE_CHECKING:
    from pathlib import Path

_DOCUMENT = msgspec.json.Decoder(Document)
_EVENTS = msgspec.json.Decoder(list[Event])
_WHITESPACE = b" \t\r\n"
_BYTE = re.compile(r"\(byte (\d+)\)")
_NOT_EVENTS = re.compile(r"required field `traceEvents`|- at `\$(\.traceEvents|\[0\])`$")
_EXCERPT = 40


def decode(path: Path, text: bytes) -> Document:
    """Decode the object form or the bare list of events.

    Raises:
        NotATraceError: the text is not JSON, or JSON of another kind.
        DamagedTraceError: a place in it is malformed or of the wrong type.
    """
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise NotATraceError(f"{path}: is encoded in UTF-16, expected UTF-8; re-encode it")
    first = text.lstrip(_WHITESPACE)[:1] if text[:1] in _WHITESPACE else text[:1]
    if first not in (b"{", b"["):
        raise NotATraceError(
            f"{path}: is not a Chrome trace: it starts with {_excerpt(text, 0)}, expected '{{' or "
            "'['; give the .json or .json.gz file that torch.profiler's export_chrome_trace wrote"
        )
    try:
        if first == b"[":
            return Document(traceEvents=_EVENTS.decode(text))
        return _DOCUMENT.decode(text)
    except msgspec.ValidationError as error:
        raise _mistyped(path, str(error)) from error
    except msgspec.DecodeError as error:
        raise _malformed(path, text, str(error)) from error
    except UnicodeDecodeError as error:
        raise _misencoded(path, text) from error
    except RecursionError as error:
        raise DamagedTraceError(
            f"{path}: its JSON is nested too deeply to be a trace; copy or record the file again"
        ) from error


def _mistyped(path: Path, reason: str) -> NotATraceError | DamagedTraceError:
    if _NOT_EVENTS.search(reason):
        return NotATraceError(
            f"{path}: is JSON but not a Chrome trace: {reason}; expected an object with the key "
            "'traceEvents', or a list of events"
        )
    return DamagedTraceError(f"{path}: {reason}; correct that field or record the trace again")


def _misencoded(path: Path, text: bytes) -> DamagedTraceError:
    """Name the place in the file; msgspec knows it only within the string that it was reading."""
    found = ""
    try:
        text.decode()
    except UnicodeDecodeError as error:
        found = f" at byte {error.start:,}, near {_excerpt(text, error.start)} ({error.reason})"
    return DamagedTraceError(
        f"{path}: is not valid UTF-8{found}; re-encode or record the file again"
    )


def _malformed(path: Path, text: bytes, reason: str) -> DamagedTraceError:
    if "truncated" in reason:
        return DamagedTraceError(
            f"{path}: the JSON ends early, at byte {len(text):,}; was the recording interrupted? "
            "Copy or record the file again"
        )
    place = _BYTE.search(reason)
    near = f", near {_excerpt(text, int(place[1]))}" if place else ""
    return DamagedTraceError(f"{path}: {reason}{near}; copy or record the file again")


def _excerpt(text: bytes, position: int) -> str:
    start = max(0, position - _EXCERPT // 2) if position else 0
    return repr(text[start : start + _EXCERPT].decode("utf-8", "replace"))

"""What comes before the list of events."""

from __future__ import annotations

import codecs
import re
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from analysis.errors import DamagedTraceError, NotATraceError
from analysis.trace import decode
from analysis.trace.losses import Loss
from analysis.trace.mend import mend
from analysis.trace.schema import Document
from analysis.trace.source import refuse_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.location import Location

_WHITESPACE = b" \t\r\n"
_LIST = re.compile(rb'"traceEvents"\s*:\s*\[')
_LONGEST = 64 << 20
_TRIED = 8
_NOT_EVENTS = re.compile(r"required field `traceEvents`|- at `\$\.traceEvents`$")
_EXCERPT = 40
_SHOWN = 20
_DAMAGED = "what precedes the events is damaged"
_INVALID = "what precedes the events is not valid JSON"
_AGAIN = "copy or record the file again"


class Head(NamedTuple):
    """The beginning of a trace.

    Attributes:
        document: what is said before the events, with none of them.
        bare: whether the trace is a list alone.
        text: all bytes up to the list's first event.
        losses: what could not be read of it.
    """

    document: Document
    bare: bool
    text: bytes
    losses: tuple[Loss, ...] = ()

    @property
    def length(self) -> int:
        """Return where the list's first event begins, or what stands in its place."""
        return len(self.text)


def take_head(blocks: Iterator[bytes], path: Location) -> tuple[Head, Iterator[bytes]]:
    """Read up to the first event.

    Returns:
        The head, and the blocks with what follows it.

    Raises:
        NotATraceError: the text is empty, is not JSON, or is JSON of another kind.
        DamagedTraceError: it ends before the first event.
    """
    text = b""
    for block in blocks:
        text += block
        head = _find(text, path)
        if head is not None:
            return head, chain([text[head.length :]], blocks)
        if len(text) > _LONGEST:
            break
    head = _find(text, path, at_any_price=True)
    if head is None:
        raise _without_events(text, path)
    return head, chain([text[head.length :]], blocks)


def _find(text: bytes, path: Location, *, at_any_price: bool = False) -> Head | None:
    begin = len(text) - len(text.lstrip(_WHITESPACE))
    first = text[begin : begin + 1]
    if first and first not in (b"{", b"["):
        raise _something_else(text, path)
    if first == b"[":
        item = text[begin + 1 :].lstrip(_WHITESPACE)[:1]
        if item in (b"{", b"]"):
            return Head(Document([]), bare=True, text=text[: begin + 1])
        if item:
            raise NotATraceError(
                f"{path}: is JSON but not a Chrome trace: a list of something else than events; "
                "expected an object with the key 'traceEvents', or a list of events"
            )
    places = [found.end() for found, _ in zip(_LIST.finditer(text), range(_TRIED), strict=False)]
    for place in places:
        # Only a list of the outermost object, which all before it belongs to, closes like this.
        document = decode.document(text[:place] + b"]}")
        if document is not None and not document.traceEvents:
            return Head(document, bare=False, text=text[:place])
    if places and at_any_price:
        return _broken_head(text[: places[0]])
    return None


def _broken_head(text: bytes) -> Head:
    mended = mend(text + b"]}", decode.document)
    if mended is not None:
        found = _INVALID if mended.whole else _DAMAGED
        loss = Loss(0, len(text), found, mended.remedy, events=0, mended=mended.whole)
        return Head(mended.decoded, bare=False, text=text, losses=(loss,))
    loss = Loss(0, len(text), _DAMAGED, "rank and device properties are not known", events=0)
    return Head(Document([]), bare=False, text=text, losses=(loss,))


def _something_else(text: bytes, path: Location) -> NotATraceError:
    refuse_foreign(path, text)
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return NotATraceError(f"{path}: is encoded in UTF-16, expected UTF-8; re-encode it")
    advice = "give the .json or .json.gz file that torch.profiler's export_chrome_trace wrote"
    if text.lstrip(_WHITESPACE)[:1] == b"<":
        advice = "it looks like a web page, perhaps an error message: download the trace again"
    return NotATraceError(
        f"{path}: is not a Chrome trace: it starts with {_excerpt(text, 0)}, expected '{{' or "
        f"'['; {advice}"
    )


def _without_events(text: bytes, path: Location) -> NotATraceError | DamagedTraceError:
    """Say why no list of events is there."""
    if not text.strip(_WHITESPACE):
        return NotATraceError(
            f"{path}: is empty; was the recording interrupted? Record it again"
            if not text
            else f"{path}: holds nothing but blanks; was the recording interrupted? Record it again"
        )
    try:
        msgspec.json.decode(text)
        msgspec.json.decode(text, type=Document)
    except msgspec.ValidationError as error:
        if _NOT_EVENTS.search(str(error)):
            return NotATraceError(
                f"{path}: is JSON but not a Chrome trace: {error}; expected an object with the key "
                "'traceEvents', or a list of events"
            )
    except msgspec.DecodeError as error:
        if "truncated" in str(error):
            return DamagedTraceError(
                f"{path}: the JSON ends early, at byte {len(text):,}, before the first event; was "
                f"the recording interrupted? {_AGAIN[0].upper()}{_AGAIN[1:]}"
            )
        place = re.search(r"\(byte (\d+)\)", str(error))
        near = f", near {_excerpt(text, int(place[1]))}" if place else ""
        return DamagedTraceError(f"{path}: {error}{near}; {_AGAIN}")
    except RecursionError:
        return DamagedTraceError(f"{path}: its JSON is nested too deeply to be a trace; {_AGAIN}")
    except UnicodeDecodeError:
        pass
    return DamagedTraceError(f"{path}: no list of events ('traceEvents') can be found; {_AGAIN}")


def _excerpt(text: bytes, position: int) -> str:
    start = max(0, position - _SHOWN) if position else 0
    return repr(text[start : start + _EXCERPT].decode("utf-8", "replace"))

"""The text of a trace as it stands, so that it can be written again, whole or changed.

What is intact is handed on byte for byte, blanks included. What is not is mended or left
out, and said: whatever is read, what is handed on makes valid JSON.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import msgspec

from analysis.errors import DamagedTraceError
from analysis.trace import MAX_BYTES, decode, losses
from analysis.trace.begun import begun
from analysis.trace.cut import pieces
from analysis.trace.loading import Progress
from analysis.trace.losses import Loss
from analysis.trace.mend import mend
from analysis.trace.tail import Tail, missing
from analysis.trace.walk import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from analysis.trace.begun import Begun
    from analysis.trace.cut import Piece

_SEPARATOR = b",\n"
_CLOSING = b"]}"


class _Object(msgspec.Struct, gc=False):
    """Any JSON object."""


_LIST = msgspec.json.Decoder(list[_Object])


@contextmanager
def trace_text(
    path: Path,
    *,
    max_bytes: int = MAX_BYTES,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Iterator[TraceText]:
    """Open a trace to copy its text, in bounded memory.

    Args:
        path: as for `load`.
        max_bytes: of text, after which it ends.
        progress: called now and then.

    Raises:
        TraceError: the file cannot be read; the message names the place.
    """
    with begun(path, max_bytes) as text:
        yield TraceText(path, text, progress)


class TraceText:
    """The text of a trace, in three parts: `head`, the events, and `tail`.

    The head, stretches of events with commas between them, and the tail make one JSON
    document. The tail is known when all events were taken, and so are the losses.

    Attributes:
        head: up to the bracket that opens the list of events, with it.
        tail: from the bracket on that closes it, or the blanks before it.
        bare: whether the trace is a list alone.
        number: how many events came so far, of all kinds, lost ones included.
    """

    def __init__(self, path: Path, text: Begun, progress: Callable[[Progress], None]) -> None:
        self._path = path
        self._text = text
        self._progress = progress
        self._losses: list[Loss] = list(text.head.losses)
        self.bare = text.head.bare
        self.head = text.head.text
        if not self.bare and _as_it_stands(self.head + _CLOSING) is None:
            self.head, remedy = _sound_head(self.head)
            if not self._losses:
                found = "what precedes the events is damaged"
                self._losses.append(Loss(0, len(text.head.text), found, remedy, events=0))
        self.tail = _CLOSING[: 1 if self.bare else 2]
        self.number = 0
        self._rest = b""
        self._tail: Tail | None = None
        self._blanks = b""

    @property
    def losses(self) -> tuple[str, ...]:
        """Return what was left out or mended so far, a sentence for each kind."""
        return tuple(losses.sentences(self._losses))

    def events(self) -> Iterator[bytes]:
        """Yield stretches of events, in their order, once.

        Each is one event or more with commas between them, none before or after: in
        brackets it is a list of JSON objects.

        Raises:
            DamagedTraceError: none of the events can be read.
        """
        at = self._text.head.length
        for piece in pieces(self._text.rest, at):
            at = piece.begin + len(piece.text)
            stretch = self._take(piece)
            if stretch:
                yield stretch
            stored = self._text.stored
            self._progress(Progress(stored.read, stored.size, self.number))
        if self._text.damage is not None:
            reason = self._text.damage
            self._losses.append(Loss(at, at, reason, "the rest, if any, is lost", events=0))
        self._end(at)
        if self._losses and self.number == sum(loss.events for loss in self._losses):
            raise DamagedTraceError(
                f"{self._path}: none of its events can be read: {self._losses[0]}; "
                "copy or record the file again"
            )

    def _take(self, piece: Piece) -> bytes:
        """Return the events of a piece that can be handed on."""
        if self._tail is not None:
            self._tail.add(piece.text)
            return b""
        if not self._rest and not piece.last:
            stretch = piece.text[:-1]
            number = _count(stretch)
            if number is not None:
                self.number += number
                return stretch
        return self._take_apart(piece)

    def _take_apart(self, piece: Piece) -> bytes:
        text = self._rest + piece.text
        begin = piece.begin - len(self._rest)
        found = walk(text, begin, self.number, last=piece.last, read=_as_it_stands)
        self._losses += found.losses
        self.number += found.number
        end = found.ranges[-1][1] - begin if found.events else 0
        between = text[end : found.used]
        if found.closed:
            self._tail = Tail(begin + found.used, text[found.used :])
            self._rest, self._blanks = b"", _blank(between)
        elif found.events:
            # Blanks before the comma stay with this stretch, and those behind it with the next.
            before, _, behind = between.partition(b",")
            end += len(before)
            self._rest = _blank(behind) + text[found.used :]
        else:
            self._rest = _blank(between) + text[found.used :]
        stretch = text[:end]
        if found.losses or not _separated(text, begin, found.ranges):
            stretch = _SEPARATOR.join(found.events)
        return stretch

    def _end(self, at: int) -> None:
        """Settle how the text ends, which is read up to a place."""
        if self._tail is None:
            rest = self._rest.lstrip()
            loss = missing(at - len(rest), rest, self.number)
            self._losses.append(loss)
            self.number += loss.events
            return
        closing, loss_or_none = self._tail.close(bare=self.bare)
        if loss_or_none is not None:
            self._losses.append(loss_or_none)
        if closing is None:
            return
        if self.bare:
            self.tail = self._blanks + closing
            return
        whole = _as_it_stands(decode.OPENING + closing)
        if whole is None:
            mended = mend(decode.OPENING + closing, _as_it_stands)
            remedy = "it was left out" if mended is None else mended.remedy
            what = "what follows the events is damaged"
            self._losses.append(Loss(at - len(closing), at, what, remedy, events=0))
            whole = None if mended is None else mended.decoded
        if whole is not None:
            self.tail = self._blanks + whole[len(decode.OPENING) :]


def _separated(text: bytes, begin: int, ranges: list[tuple[int, int]]) -> bool:
    """Tell whether one comma stands between all events of a text, and none before them."""
    places = [0, *(place - begin for each in ranges for place in each)]
    between = [
        text[end:start].strip() for end, start in zip(places[:-1:2], places[1::2], strict=True)
    ]
    return all(each == b"," for each in between[1:]) and between[:1] in ([], [b""])


def _blank(text: bytes) -> bytes:
    """Return the text if it holds nothing but blanks, else none of it."""
    return b"" if text.strip() else text


def _sound_head(text: bytes) -> tuple[bytes, str]:
    """Return a damaged head after as little mending as will do, and what became of it."""
    mended = mend(text + _CLOSING, _as_it_stands)
    if mended is not None and mended.decoded.endswith(_CLOSING):
        document = decode.document(mended.decoded)
        if document is not None and not document.traceEvents:
            return mended.decoded[: -len(_CLOSING)], mended.remedy
    return decode.OPENING, "it was left out"


def _count(stretch: bytes) -> int | None:
    """Count the JSON objects of a list without its brackets; None if it is none."""
    try:
        # What is skipped is not checked for being UTF-8.
        if not stretch.isascii():
            stretch.decode()
        return len(_LIST.decode(b"[" + stretch + b"]"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _as_it_stands(text: bytes) -> bytes | None:
    """Return the text of a JSON object; None if it is none."""
    if _count(text) == 1:
        return text
    try:
        # Halves of surrogate pairs are no Unicode, but they are JSON.
        found = json.loads(text.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return text if isinstance(found, dict) else None


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")

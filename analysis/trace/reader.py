"""Pieces of text, in their order, to one trace; nothing is lost without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.columns import Trace
from analysis.errors import DamagedTraceError
from analysis.trace import decode, details, losses
from analysis.trace.build import build, spread
from analysis.trace.losses import Loss
from analysis.trace.merge import Merge, without_duplicates
from analysis.trace.misplaced import without_misplaced
from analysis.trace.tail import Tail, missing
from analysis.trace.walk import walk

if TYPE_CHECKING:
    from analysis.location import Location
    from analysis.trace.cut import Piece
    from analysis.trace.head import Head
    from analysis.trace.part import Part
    from analysis.trace.schema import Document

_LATEST = 2**62
_ADVICE = "copy or record the file again"


class Reader:
    """Takes pieces and what was decoded of them."""

    def __init__(self, path: Location, head: Head, *, strict: bool) -> None:
        self._path = path
        self._head = head
        self._strict = strict
        self._merge = Merge()
        self._losses: list[Loss] = []
        self._lost = 0
        self._at = head.length
        self._rest = b""
        self._tail: Tail | None = None
        self._end: Document | None = None
        for loss in head.losses:
            self._lose(loss)

    @property
    def number(self) -> int:
        """How many events of all kinds came so far."""
        return self._merge.number

    def take(self, piece: Piece, part: Part | None) -> None:
        """Take the next piece, and its part if it decoded as a whole list.

        Raises:
            DamagedTraceError: something is lost, which strictness does not allow.
        """
        self._at = piece.begin + len(piece.text)
        if self._tail is not None:
            self._tail.add(piece.text)
        elif part is not None and not self._rest:
            self._merge.add(part)
        elif not (piece.last and self._take_end(self._rest + piece.text)):
            self._take_apart(piece)

    def fail(self, reason: str) -> None:
        """Note that the text ends here since the rest of the file cannot be decompressed."""
        self._lose(Loss(self._at, self._at, reason, "the rest, if any, is lost", events=0))

    def finish(self) -> Trace:
        """Return the trace.

        Raises:
            DamagedTraceError: none of its events can be read, or something is lost,
                which strictness does not allow.
        """
        if self._tail is not None:
            closing, loss = self._tail.close(bare=self._head.bare)
            if closing is not None:
                self._end = decode.end(closing, bare=self._head.bare)
            if loss is not None:
                self._lose(loss)
        elif self._end is None:
            loss = missing(self._at - len(self._rest), self._rest, self.number)
            self._lose(loss)
            self._merge.skip(loss.events)
        if self._losses and self.number == self._lost:
            raise DamagedTraceError(
                f"{self._path}: none of its events can be read: {self._losses[0]}; {_ADVICE}"
            )
        return self._trace()

    def _lose(self, loss: Loss) -> None:
        if self._strict:
            again = "" if loss.mended else f"{_ADVICE}, or "
            raise DamagedTraceError(f"{self._path}: {loss}; {again}read it without --strict")
        self._losses.append(loss)
        self._lost += loss.events

    def _take_end(self, text: bytes) -> bool:
        """Take the rest of the trace, if nothing is wrong with it."""
        document = decode.end(text, bare=self._head.bare)
        if document is None:
            return False
        part, faults = build(document.traceEvents)
        if faults:
            return False
        self._merge.add(part)
        self._end = document
        return True

    def _take_apart(self, piece: Piece) -> None:
        """Take the events of a text one by one."""
        text = self._rest + piece.text
        begin = piece.begin - len(self._rest)
        found = walk(text, begin, self.number, last=piece.last, read=decode.event)
        part, faults = build(found.events)
        wrong = [
            Loss(
                *found.ranges[fault.row],
                fault.found,
                fault.expected,
                events=int(fault.fatal),
                event=self.number + found.numbers[fault.row],
            )
            for fault in faults
        ]
        for loss in (*found.losses, *wrong):
            self._lose(loss)
        self._merge.add(spread(part, found.numbers, found.number))
        self._rest = text[found.used :]
        if found.closed:
            self._tail = Tail(begin + found.used, self._rest)

    def _trace(self) -> Trace:
        unread = self._merge.begins_and_ends
        resolution_ns = 1000 if self._merge.whole else 1
        tables, repeated = without_duplicates(self._merge.finish(), resolution_ns)
        lost = losses.sentences(self._losses)
        if repeated:
            lost.append(
                f"{repeated:,} activities are recorded twice, with the same name, lane, times and "
                "launch; each counts once."
            )
        tables, misplaced = without_misplaced(tables)
        lost += misplaced
        if self._strict and lost:
            raise DamagedTraceError(f"{self._path}: {lost[0]}")
        notes = []
        if not len(tables.events):
            notes.append(
                "The trace holds no complete events (`ph: X`): there is nothing to measure."
            )
        if unread:
            notes.append(
                f"{unread:,} begin/end events (`ph: B`, `E`) are not read; Kineto writes none."
            )
        job, base = self._said("distributedInfo"), self._said("baseTimeNanoseconds")
        host = self._said("host_name") or self._said("hostname")
        return Trace(
            path=str(self._path),
            rank=_number(job, "rank"),
            world_size=_number(job, "world_size"),
            host=host if type(host) is str else None,
            base_ns=base if type(base) is int and abs(base) < _LATEST else None,
            resolution_ns=resolution_ns,
            **tables._asdict(),
            multiprocessors=details.multiprocessors(self._said("deviceProperties")),
            graphs=details.graphs(self._said("cuda_graphs")),
            losses=tuple(lost),
            mended=tuple(losses.sentences(loss for loss in self._losses if loss.mended)),
            notes=tuple(notes),
        )

    def _said(self, key: str) -> Any:
        """Return what is said outside of the events, before or after them."""
        after = getattr(self._end, key, None)
        return getattr(self._head.document, key) if after is None else after


def _number(info: Any, key: str) -> int | None:
    number = info.get(key) if isinstance(info, dict) else None
    return number if type(number) is int else None

"""What comes after the list of events: a little, unless another trace is glued to it."""

from __future__ import annotations

from analysis.trace import decode
from analysis.trace.losses import Loss
from analysis.trace.walk import BLANK, value_end

_KEPT = 64 << 20


class Tail:
    """The text from the bracket on that closes the list.

    Args:
        begin: where it begins in the whole text.
        text: its first bytes.
    """

    def __init__(self, begin: int, text: bytes) -> None:
        self._begin = begin
        self._texts = [text]
        self._kept = len(text)
        self._dropped = 0
        self._events = 0

    def add(self, text: bytes) -> None:
        """Take in the next bytes."""
        if self._kept < _KEPT:
            self._texts.append(text)
            self._kept += len(text)
        else:
            self._dropped += len(text)
            self._events += text.count(b'"ph"')

    def close(self, *, bare: bool) -> tuple[bytes | None, Loss | None]:
        """Return the text up to where the trace ends, and what is wrong.

        The text is None where it is damaged; what is wrong is None where nothing is.
        """
        text = b"".join(self._texts)
        opening = decode.BARE_OPENING if bare else decode.OPENING
        end, _ = value_end(opening + text, 0)
        whole = self._begin + len(text) + self._dropped
        if end is None:
            remedy = "rank and device properties may not be known"
            found = "what follows the events is damaged"
            return None, Loss(self._begin, whole, found, remedy, events=0)
        closing, behind = text[: end - len(opening)], text[end - len(opening) :]
        if not behind.strip(BLANK) and not self._dropped:
            return (closing if b"\0" in behind else text), None
        number = behind.count(b'"ph"') + self._events
        what = f"a second document follows, with about {number:,} events"
        if not number:
            what = "something else follows the trace"
        remedy = "the first one alone was read; split the file there"
        begin = whole - self._dropped - len(behind.lstrip(BLANK))
        return closing, Loss(begin, whole, what, remedy, events=0)


def missing(begin: int, rest: bytes, number: int) -> Loss:
    """Return what is lost where the text ends without closing the list.

    Args:
        begin: where the last event, or whatever it is, begins in the whole text.
        rest: what there is of it.
        number: how many events came before.
    """
    is_event = rest.startswith(b"{")
    return Loss(
        begin,
        begin + len(rest),
        "the JSON ends early",
        "was the recording interrupted?",
        events=int(is_event),
        event=number if is_event else None,
    )

"""What of a file was not read, or not as it stands, and where."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

_LISTED = 3
_LONGEST = 60


class Loss(msgspec.Struct, frozen=True):
    """A stretch of the text with something wrong in it.

    Attributes:
        begin: its first byte, in the decompressed text.
        end: the byte after its last one.
        found: what is wrong.
        remedy: what was expected there, or what became of it; losses that share it
            are told in one sentence.
        events: how many events are lost; 0 where they were mended, or the stretch
            holds none.
        event: the number of the first event concerned, in the file's list.
        mended: whether the text was mended and still says all that was written.
    """

    begin: int
    end: int
    found: str
    remedy: str
    events: int = 1
    event: int | None = None
    mended: bool = False

    def __str__(self) -> str:
        where = "" if self.event is None else f"event {self.event:,}, "
        return f"{where}bytes {self.begin:,} to {self.end:,}: {self.found}, {self.remedy}"


def sentences(losses: Iterable[Loss]) -> list[str]:
    """Say what was lost or mended, a sentence for each kind, the largest first."""
    kinds: dict[tuple[str, bool], list[Loss]] = defaultdict(list)
    for loss in losses:
        kinds[loss.remedy, loss.events > 0].append(loss)
    ranked = sorted(kinds.values(), key=lambda alike: -sum(loss.events for loss in alike))
    return [_sentence(alike) for alike in ranked]


def shown(text: str) -> str:
    """Quote what was found, not all of it where it is long."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _sentence(alike: list[Loss]) -> str:
    events = sum(loss.events for loss in alike)
    what = f"Lost {events:,} event{'s' * (events > 1)}: " if events else ""
    places = f"{len(alike):,} places, the first: " if len(alike) > 1 else ""
    first = str(alike[0])
    begin = what + places or first[0].upper()
    ranges = ", ".join(f"{loss.begin:,} to {loss.end:,}" for loss in alike[1 : _LISTED + 1])
    more = len(alike) - 1 - _LISTED
    rest = f" and {more:,} more" if more > 0 else ""
    others = f"; then bytes {ranges}{rest}" if ranges else ""
    told = f"{begin}{first if what + places else first[1:]}{others}"
    return told if told.endswith("?") else told + "."

"""The text of a trace, read up to its first event: where every reading of it begins."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from analysis.errors import DamagedTraceError, TraceError
from analysis.trace.ahead import ahead
from analysis.trace.damage import DamageError
from analysis.trace.head import Head, take_head
from analysis.trace.source import Stored, opened
from analysis.trace.unpack import unpack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.location import Location

_AHEAD = 2


class Begun(msgspec.Struct, frozen=True):
    """A trace of which the head was read.

    Attributes:
        stored: the file.
        head: what precedes the events.
        rest: the text from there on, in blocks, which can be taken once.
    """

    stored: Stored
    head: Head
    rest: Iterator[bytes]
    _blocks: _Blocks

    @property
    def damage(self) -> str | None:
        """Return why the text that was taken so far ends where it does not."""
        return self._blocks.damage

    def expected(self) -> int | None:
        """Return about how many bytes of text there are in all, where that can be told."""
        if self.stored.size is None or not self.stored.read:
            return None
        return self._blocks.given * self.stored.size // self.stored.read


@contextmanager
def begun(source: Location, max_bytes: int) -> Iterator[Begun]:
    """Open a trace, whatever it is packed in, and read up to its first event.

    Args:
        source: a file, or `-` for standard input.
        max_bytes: of text, after which it ends.

    Raises:
        TraceError: it cannot be read.
    """
    with opened(source) as stored:
        text = _Blocks(unpack(stored.blocks(), source, stored.file), max_bytes)
        with ahead(iter(text), _AHEAD) as blocks:
            try:
                head, rest = take_head(blocks, source)
            except TraceError as error:
                if text.damage is not None:
                    raise DamagedTraceError(
                        f"{source}: {text.damage}; copy or record the file again"
                    ) from error
                raise
            yield Begun(stored, head, rest, text)


class _Blocks:
    """Blocks of text up to where they are damaged, or too many.

    Attributes:
        given: bytes so far.
        damage: why the text ends where it does not.
    """

    def __init__(self, blocks: Iterator[bytes], most: int) -> None:
        self._blocks = blocks
        self._most = most
        self.given = 0
        self.damage: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            for block in self._blocks:
                yield block[: self._most - self.given]
                self.given += len(block)
                if self.given > self._most:
                    self.damage = (
                        f"the text is longer than {self._most:,} bytes, the most that is read "
                        "(--max-bytes allows more)"
                    )
                    return
        except DamageError as damage:
            self.damage = str(damage)

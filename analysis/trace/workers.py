"""Decodes pieces in this process, and in others beside it where that pays."""

from __future__ import annotations

import os
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING

from analysis.trace.parse import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from analysis.trace.cut import Piece
    from analysis.trace.part import Part

_MOST = 8  # beyond, decompression alone sets the pace
_WORTH = 64 << 20
_EACH = 128 << 20  # of text that a process must bring in, since it takes some 30 MB of memory
_TRIED = 16 << 20


def parsed(
    pieces: Iterator[Piece], workers: int | None, expected: Callable[[], int | None]
) -> Generator[tuple[Piece, Part | None]]:
    """Yield each piece with its columns, in their order.

    Args:
        pieces: of one text.
        workers: how many processes help; None: as the cores and the text suggest.
        expected: returns how long the text is, as far as is known.

    Yields:
        A piece, and None where it did not decode as a whole list.
    """
    if workers is None:
        for piece in pieces:
            workers = _worthwhile(piece, expected)
            if workers:
                pieces = chain([piece], pieces)
                break
            yield piece, parse(piece)
    if workers:
        yield from _together(pieces, workers)
    else:
        for piece in pieces:
            yield piece, parse(piece)


def _worthwhile(piece: Piece, expected: Callable[[], int | None]) -> int:
    """Return how many processes more will pay, once a piece is reached."""
    if piece.begin < _TRIED:
        return 0
    # Where no end is known, as much again as there was is as good a guess as any.
    rest = (expected() or 2 * piece.begin) - piece.begin
    spare_cores = len(os.sched_getaffinity(0)) - 1
    return min(spare_cores, _MOST, -(-rest // _EACH)) if rest > _WORTH else 0


def _together(pieces: Iterator[Piece], workers: int) -> Generator[tuple[Piece, Part | None]]:
    from analysis.trace.crew import Crew  # noqa: PLC0415 - slow to import, and rarely needed

    with closing(Crew(workers)) as crew:
        for piece in pieces:
            crew.give(piece)
            yield from crew.done()
        yield from crew.done(everything=True)

"""One call from a file to columns."""

from __future__ import annotations

import gc
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from analysis import cache
from analysis.location import located
from analysis.trace import MAX_BYTES
from analysis.trace.begun import begun
from analysis.trace.cut import pieces
from analysis.trace.reader import Reader
from analysis.trace.workers import parsed

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from analysis.columns import Trace
    from analysis.location import Location, Url

_LARGE = 8 << 20  # bytes as stored; less is read sooner than pyarrow is imported


class Progress(msgspec.Struct, frozen=True):
    """How far reading a file has come.

    Attributes:
        read: bytes of the file, as stored.
        size: all of its bytes, where that can be known.
        events: of all kinds.
    """

    read: int
    size: int | None
    events: int


class Reading(msgspec.Struct, frozen=True):
    """How traces are read.

    Attributes:
        strict: make any loss an error.
        max_bytes: of text, after which reading stops.
        cached: use the user's cache.
        workers: processes beside this one that decode; None: as the cores allow.
    """

    strict: bool = False
    max_bytes: int = MAX_BYTES
    cached: bool = True
    workers: int | None = None

    def alone(self) -> Reading:
        """Return the same, with no processes beside this one."""
        return msgspec.structs.replace(self, workers=0)

    def load(self, path: Location, progress: Callable[[Progress], None] = lambda _: None) -> Trace:
        """Read a trace so; see `load`."""
        return load(
            path,
            strict=self.strict,
            max_bytes=self.max_bytes,
            cached=self.cached,
            workers=self.workers,
            progress=progress,
        )


def load(
    path: str | os.PathLike[str] | Url,
    *,
    strict: bool = False,
    max_bytes: int = MAX_BYTES,
    workers: int | None = None,
    cached: bool = True,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Trace:
    """Read a Chrome trace into columns.

    What is damaged is passed over or mended, and `Trace.notes` says what was lost, and
    where.

    Args:
        path: a trace as torch.profiler writes it, in its object form or as a bare
            list of events: plain, compressed by gzip or zstd, or in a zip or tar
            archive; `-` is standard input, and a URL is opened by fsspec.
        strict: make any loss an error.
        max_bytes: of text, after which reading stops.
        workers: processes beside this one that decode; None: as many as there are
            further cores, for a text that is worth it.
        cached: take a large trace's columns from the user's cache where it was read
            before, and keep them there (needs pyarrow).
        progress: called now and then.

    Returns:
        The trace; times are exact to the nanosecond.

    Raises:
        TraceError: the file cannot be read; the message names the place.
        MissingExtraError: what reads such a URL is not installed.
    """
    source = located(str(path))
    entry = _entry(source) if cached else None
    trace = cache.get(entry, Path(str(source))) if entry is not None else None
    if trace is None:
        trace = _read(source, progress, strict=strict, max_bytes=max_bytes, workers=workers)
        # What was lost may matter to somebody who wants none lost: it is read again.
        if entry is not None and not trace.losses:
            cache.put(entry, trace)
    return trace


def _entry(source: Location) -> Path | None:
    """Return where a trace's columns are kept, if they are worth it."""
    return cache.find(source) if isinstance(source, Path) and _is_large(source) else None


def _is_large(source: Path) -> bool:
    """Tell whether reading a file takes long enough to be spared the next time."""
    try:
        status = source.stat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size >= _LARGE


def _read(
    source: Location,
    progress: Callable[[Progress], None],
    *,
    strict: bool,
    max_bytes: int,
    workers: int | None,
) -> Trace:
    with _collector_paused(), begun(source, max_bytes) as text:
        reader = Reader(source, text.head, strict=strict)
        for piece, part in parsed(pieces(text.rest, text.head.length), workers, text.expected):
            reader.take(piece, part)
            progress(Progress(text.stored.read, text.stored.size, reader.number))
        if text.damage is not None:
            reader.fail(text.damage)
        return reader.finish()


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Millions of small objects without cycles: collecting them only costs time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

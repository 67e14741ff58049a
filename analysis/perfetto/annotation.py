"""A trace to the same one with tracks of what was measured in it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from analysis import notes
from analysis.directory import discover
from analysis.errors import DamagedTraceError, OutputError, SelectionError, TraceError
from analysis.fleet.measure import execution_beside
from analysis.output import check_writable, write_stream
from analysis.perfetto.ids import Ids
from analysis.perfetto.tracks import tracks
from analysis.pipeline import views
from analysis.trace import STDIN, Reading, packed, trace_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from analysis.columns import Trace
    from analysis.directory import Source
    from analysis.metrics.view import View
    from analysis.trace import Progress, TraceText

_COMMA = b",\n"


class Annotated(msgspec.Struct, frozen=True):
    """What was written.

    Attributes:
        recorded: events of the trace.
        added: events of ours.
        devices: how many have tracks.
        losses: what of the trace was left out or mended.
        notes: what else a reader must know.
    """

    recorded: int
    added: int
    devices: int
    losses: tuple[str, ...]
    notes: tuple[str, ...]


def annotate(
    path: Path,
    target: Path,
    *,
    reading: Reading | None = None,
    progress: Callable[[Path, Progress | None], None] = lambda *_: None,
) -> Annotated:
    """Write a trace with tracks for each device: states, gaps, counters and more.

    Its own events stay as they are, byte for byte. It is read twice, to measure and to
    copy its text, in pieces.

    Args:
        path: the trace, a file; its execution trace is used where one lies beside it.
        target: the file to write, compressed if it ends in `.gz` or `.zst`.
        reading: how the trace is read; None: in the usual way.
        progress: called as it is read.

    Raises:
        TraceError: it cannot be read, or holds nothing to measure.
        SelectionError: there are several traces at the path.
        OutputError: the target cannot be written; an earlier file is left as it is.
    """
    reading = reading or Reading()
    source, at = _source(path)
    _check(at, target)
    read_at = _version(at)
    trace = reading.load(at, partial(progress, at))
    execution, unread = execution_beside(source)
    found = views(trace, execution=execution)
    if not found:
        raise TraceError(
            f"{at}: holds nothing to measure, neither activities of a device nor "
            "operators; record it with torch.profiler's activities CPU and CUDA"
        )
    with trace_text(at, max_bytes=reading.max_bytes, progress=partial(progress, at)) as text:
        copy = _Copy(text, trace, found)
        write_stream(target, packed(target, copy.parts(at, read_at, strict=reading.strict)))
    return Annotated(
        recorded=text.number,
        added=copy.added,
        devices=len(found),
        losses=tuple(dict.fromkeys((*trace.losses, *text.losses))),
        notes=(
            *source.notes,
            *unread,
            *trace.notes,
            *notes.of_trace(trace, [view.device for view in found]),
        ),
    )


class _Copy:
    """The text of a trace with tracks behind its events."""

    def __init__(self, text: TraceText, trace: Trace, found: tuple[View, ...]) -> None:
        self._text = text
        self._trace = trace
        self._views = found
        self.added = 0

    def parts(self, path: Path, read_at: object, *, strict: bool) -> Iterator[bytes]:
        ids = Ids()
        yield self._text.head
        between = b""
        for stretch in self._text.events():
            ids.look(stretch)
            yield between + stretch
            between = b","
        if strict and self._text.losses:
            raise DamagedTraceError(
                f"{path}: {self._text.losses[0]} Without --strict what can be read is written"
            )
        if _version(path) != read_at:
            raise TraceError(f"{path}: changed while it was read; wait until it is complete")
        for event in tracks(self._trace, self._views, ids):
            self.added += 1
            yield _COMMA[: len(between) * 2] + event
            between = b","
        yield self._text.tail


def _source(path: Path) -> tuple[Source, Path]:
    if str(path) == STDIN or (path.exists() and not path.is_file() and not path.is_dir()):
        raise SelectionError(f"{path}: cannot be read twice, as annotating does; save it to a file")
    sources = discover([path])
    if len(sources) > 1:
        names = ", ".join(each.path.name for each in sources)
        raise SelectionError(f"{path}: holds several traces, name one of them: {names}")
    (source,) = sources
    if not isinstance(source.path, Path):
        raise SelectionError(f"{path}: is on another machine; save it to a file")
    return source, source.path


def _check(path: Path, target: Path) -> None:
    """Find out before all work whether the target can be written."""
    packed(target, ())
    if target.is_dir():
        raise OutputError(f"{target}: is a directory; name a file in it")
    if target.exists() and path.exists() and target.samefile(path):
        raise OutputError(f"{target}: is the trace itself, which stays as it is; name another file")
    if not target.parent.is_dir():
        raise OutputError(f"{target}: its directory does not exist; create it, or name another")
    check_writable(target.parent)


def _version(path: Path) -> tuple[int, int] | None:
    """Return what tells whether a file was written to."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size

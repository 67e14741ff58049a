"""A trace to the same one without the names that are somebody's own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from analysis.anonymize.rewriting import Rewriter
from analysis.directory import companions
from analysis.errors import DamagedTraceError, OutputError
from analysis.output import check_writable, write_stream
from analysis.trace import STDIN, Reading, packed, trace_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from analysis.trace import Progress, TraceText

_COMMA = b",\n"
_EVENTS = b'"traceEvents":['


class Anonymized(msgspec.Struct, frozen=True):
    """What was written.

    Attributes:
        events: how many.
        replaced: how many names of each kind were replaced.
        losses: what of the trace was left out or mended.
        left_out: files beside the trace that hold names, too, and were not copied.
    """

    events: int
    replaced: dict[str, int]
    losses: tuple[str, ...]
    left_out: tuple[Path, ...] = ()


def anonymize(
    path: Path,
    target: Path,
    *,
    reading: Reading | None = None,
    progress: Callable[[Path, Progress | None], None] = lambda *_: None,
) -> Anonymized:
    """Write a trace with pseudonyms for all that is not known to be public.

    Structure, times, numbers, categories and public names stay, and so does every figure
    that the analysis has of it. In bounded memory, but for a table of the names.

    Args:
        path: as for `load`.
        target: the file to write, compressed as its name says.
        reading: how the trace is read; None: in the usual way.
        progress: called with the path, and then as the trace is read.

    Raises:
        TraceError: the trace cannot be read.
        OutputError: the target cannot be written, or is the trace itself.
    """
    reading = reading or Reading()
    check_writable(target.parent)
    if str(path) != STDIN and target.exists() and target.samefile(path):
        raise OutputError(f"{target}: is the trace itself; name another file to write")
    progress(path, None)
    rewriter = Rewriter()
    with trace_text(path, max_bytes=reading.max_bytes, progress=partial(progress, path)) as text:
        packing = packed(target, _parts(rewriter, text, path, strict=reading.strict))
        _make(target.parent)
        write_stream(target, packing)
        return Anonymized(
            text.number,
            dict(rewriter.pseudonyms.given),
            text.losses,
            () if str(path) == STDIN else tuple(companions(path)),
        )


def _parts(rewriter: Rewriter, text: TraceText, path: Path, *, strict: bool) -> Iterator[bytes]:
    """Yield the new text: what stands before the events, the events, and what follows."""
    head = b"" if text.bare else rewriter.document(text.head + b"]}")[:-1]
    if head:
        yield head + (b"," if len(head) > 1 else b"") + _EVENTS
    else:
        yield b"["
    first = True
    for stretch in text.events():
        if strict and text.losses:
            break
        yield (b"" if first else _COMMA) + rewriter.events(stretch)
        first = False
    if strict and text.losses:
        raise DamagedTraceError(f"{path}: {text.losses[0]}; without --strict the rest is written")
    yield b"]"
    if not text.bare:
        after = rewriter.document(b'{"traceEvents":[' + text.tail)[1:]
        yield (b"," if len(after) > 1 else b"") + after


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{directory}: cannot be created ({error.strerror or error}); name another directory"
        ) from error

"""One call from a file to columns."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.trace.build import build
from analysis.trace.decode import decode
from analysis.trace.source import read

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from analysis.columns import Trace

from contextlib import contextmanager


def load(path: str | os.PathLike[str]) -> Trace:
    """Read a Chrome trace, plain or gzipped, into columns.

    Args:
        path: a `.json` or `.json.gz` file as torch.profiler writes it, in its
            object form or as a bare list of events.

    Returns:
        The trace; times are exact to the nanosecond.

    Raises:
        TraceError: the file cannot be read; the message names the place.
    """
    source = Path(path)
    with _collector_paused():
        return build(source, decode(source, read(source)))


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

"""Says on a terminal's last line which file is being read, and how far."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from analysis.trace import Progress

_EVERY_S = 0.1
_ERASE = "\r\x1b[K"


@contextmanager
def shown() -> Iterator[Callable[[Path, Progress | None], None]]:
    """Yield what is to be told of the progress; the line is gone afterwards."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    due = 0.0

    def show(path: Path, progress: Progress | None = None) -> None:
        nonlocal due
        now = time.monotonic()
        if progress is None or now >= due:
            click.echo(f"{_ERASE}{path.name}{_told(progress)}", nl=False, err=True)
            due = now + _EVERY_S

    try:
        yield show
    finally:
        click.echo(_ERASE, nl=False, err=True)


def _told(progress: Progress | None) -> str:
    if progress is None:
        return ""
    part = f"{progress.read / 1e6:,.0f} MB"
    if progress.size:
        part += f" of {progress.size / 1e6:,.0f}"
    return f": {part} read, {progress.events:,} events"

"""Says on a terminal's last line which file is being read, and how far."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from analysis.fleet.run import Done
    from analysis.location import Location
    from analysis.trace import Progress

_EVERY_S = 0.1
_ERASE = "\r\x1b[K"


@contextmanager
def shown() -> Iterator[Callable[[Location, Progress | Done | None], None]]:
    """Yield what is to be told of the progress; the line is gone afterwards."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    due = 0.0

    def show(path: Location, progress: Progress | Done | None = None) -> None:
        nonlocal due
        now = time.monotonic()
        if isinstance(progress, tuple):
            click.echo(f"{_ERASE}{_finished(path, progress)}", err=True)
            return
        if progress is None or now >= due:
            click.echo(f"{_ERASE}{path.name}{_told(progress)}", nl=False, err=True)
            due = now + _EVERY_S

    try:
        yield show
    finally:
        click.echo(_ERASE, nl=False, err=True)


def _finished(path: Location, done: Done) -> str:
    """Say that a trace is done, on a line that stays: one for each rank."""
    how = "not read" if done.reason else "measured before" if done.kept else "measured"
    return f"{done.number:,} of {done.total:,}: {path.name} {how}"


def _told(progress: Progress | None) -> str:
    if progress is None:
        return ""
    part = f"{progress.read / 1e6:,.0f} MB"
    if progress.size:
        part += f" of {progress.size / 1e6:,.0f}"
    return f": {part} read, {progress.events:,} events"

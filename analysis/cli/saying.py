"""What commands print."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import click

from analysis.render import terminal
from analysis.units import encodable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from analysis.document import Document
    from analysis.render.bars import Row


def say(document: Document, bars: Sequence[Row] = ()) -> None:
    """Print a document's summary as fits the terminal, or whatever standard output is."""
    text = terminal.render(
        document,
        width=shutil.get_terminal_size().columns,
        color=sys.stdout.isatty(),
        encoding=sys.stdout.encoding,
        bars=bars,
    )
    click.echo(text, nl=False)


def say_written(paths: Iterable[Path]) -> None:
    """Print which files were written."""
    click.echo(encodable("Written: " + ", ".join(map(str, paths)), sys.stdout.encoding))

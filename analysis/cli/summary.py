"""Markdown for the page of a job in continuous integration: appended to a file, or printed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from analysis.output import append
from analysis.units import encodable

PRINTED = Path("-")


class SummaryPath(click.ParamType[Path]):
    """A file to append to, or - for standard output."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path; an unset variable of the shell leaves nothing."""
        if not str(value):
            self.fail("names no file: is $GITHUB_STEP_SUMMARY set?", param, ctx)
        return Path(value)


def add_summary(summary: Path | None, text: str) -> None:
    """Append the text to the file, or print it; None: neither."""
    if summary == PRINTED:
        click.echo(encodable(text, sys.stdout.encoding), nl=False)
    elif summary is not None:
        append(summary, text)

"""Says what of several traces was not read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from analysis.units import encodable, printable

if TYPE_CHECKING:
    from analysis.tables.reading import Traces

_SOME_FAILED = 1


def say_unread(traces: Traces) -> int:
    """Print losses and failures to standard error; return the exit code that they make."""
    for said in (*traces.losses, *(f"Not read: {each.reason}" for each in traces.failures)):
        click.echo(encodable(printable(said), sys.stderr.encoding), err=True)
    return _SOME_FAILED if traces.failures else 0

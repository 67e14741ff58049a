"""`analyze perfetto`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.cli.progress import shown
from analysis.cli.reading import reading_options
from analysis.errors import ViewerError
from analysis.perfetto import annotate, browse, offered
from analysis.units import encodable

if TYPE_CHECKING:
    from analysis.trace import Reading

_OPENED = "Opened Perfetto's viewer in your browser."
_OPEN = (
    "Open this in a browser on this machine (or on yours, after "
    "`ssh -L 9001:127.0.0.1:9001 THIS-MACHINE`):"
)
_ALLOW = (
    "If it asks whether the page may access other apps and services on this device, or the "
    "local network, allow it: the trace comes from here."
)
_REMEDY = (
    "allow the page to access the local network (in Chromium: the icon beside the address, Site "
    "settings), give it more time (--timeout), or drop the file on https://ui.perfetto.dev yourself"
)


@click.group("perfetto")
def command() -> None:
    """Look at a trace in Perfetto's viewer, and with what was measured in it."""


@command.command("annotate")
@click.argument("trace", type=click.Path(path_type=Path), metavar="TRACE")
@click.option(
    "-o",
    "--out",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="File to write: .json, or compressed, .json.gz or .json.zst.",
)
@reading_options
def annotate_command(trace: Path, *, target: Path, reading: Reading) -> int:
    """Write TRACE again with tracks of what was measured in it.

    Its own events stay as they are. For each device there are tracks of its states, its
    idle gaps with their causes, an arrow to each from the launch that ended it, missed
    overlap and graph replays; and counters of lanes running and of what was launched and
    had not started.
    """
    with shown() as progress:
        made = annotate(trace, target, reading=reading, progress=progress)
    for sentence in (*made.losses, *made.notes):
        click.echo(encodable(f"Note: {sentence}", sys.stderr.encoding), err=True)
    devices = f"{made.devices:,} device{'s' * (made.devices != 1)}"
    told = f"{made.recorded:,} events, and {made.added:,} more on the tracks of {devices}"
    click.echo(encodable(f"Written: {target} ({told})", sys.stdout.encoding))
    return 0


@command.command("open")
@click.argument("trace", type=click.Path(path_type=Path), metavar="TRACE")
@click.option("--no-browser", is_flag=True, help="Print the URL, and open no browser.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=120,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the viewer.",
)
def open_command(trace: Path, *, no_browser: bool, timeout: float) -> int:
    """Open TRACE in Perfetto's viewer, https://ui.perfetto.dev.

    The trace stays on this machine: it is served from 127.0.0.1:9001 to that page in your
    browser, once, and to nobody else.
    """
    with offered(trace) as offer:
        for doubt in offer.doubts:
            click.echo(encodable(f"Warning: {doubt}", sys.stderr.encoding), err=True)
        opened = not no_browser and browse(offer.page)
        click.echo(_OPENED if opened else f"{_OPEN}\n\n    {offer.page}\n")
        click.echo(_ALLOW)
        if not offer.server.wait(timeout):
            raise ViewerError(f"the viewer did not fetch the trace within {timeout:g} s; {_REMEDY}")
        click.echo(f"The viewer has it: {offer.size / 1e6:,.1f} MB.")
    return 0

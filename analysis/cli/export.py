"""`analyze export`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.cli.progress import shown
from analysis.cli.reading import reading_options
from analysis.cli.unread import say_unread
from analysis.cli.ways import Where
from analysis.tables.exported import FORMATS, NO_RANK, check_replaceable, export
from analysis.tables.reading import Traces
from analysis.units import encodable

if TYPE_CHECKING:
    from analysis.location import Location
    from analysis.trace import Reading


@click.command("export")
@click.argument("traces", nargs=-1, required=True, type=Where(), metavar="TRACES...")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Directory for the tables: a new or empty one, or an earlier export, which is replaced.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="parquet",
    show_default=True,
    help="Of the files.",
)
@reading_options
def command(traces: tuple[Location, ...], *, out: Path, form: str, reading: Reading) -> int:
    """Write the tables of TRACES: files, directories of them, patterns or URLs.

    `analyze sql --tables` describes the tables; `analyze sql OUT QUERY` asks what was
    exported as Parquet. A trace is read at a time. The exit code is 0, 1 if some of several
    traces could not be read, or 2 on an error; an earlier export is replaced by all traces, or
    not at all.
    """
    check_replaceable(out)
    with shown() as progress:
        found = Traces.of(traces, reading, progress)
        counts = export(found, out, form)
    for table, rows in counts.items():
        click.echo(f"{table:<12} {rows:>12,} row{'s' * (rows != 1)}")
    click.echo(encodable(f"Written: {out}/TABLE/rank=N/TRACE.{form}", sys.stdout.encoding))
    return say_unread(found)


command.help = f"{command.help}\n\nA trace without a rank lies in rank={NO_RANK}."

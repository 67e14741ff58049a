"""`analyze report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.cli.progress import shown
from analysis.cli.reading import reading_options
from analysis.cli.saying import say, say_written
from analysis.cli.summary import PRINTED, SummaryPath, add_summary
from analysis.cli.ways import Where, way_options
from analysis.compose.report import compose
from analysis.document import Document
from analysis.output import check_writable, write_all
from analysis.pipeline import DEFAULT_GAPS, Times
from analysis.render import RENDERERS, bars, markdown, table_files
from analysis.report_tables import tables as flat
from analysis.reporting import report
from analysis.units import nanoseconds
from analysis.vocabulary import PROFILER_STEP

if TYPE_CHECKING:
    from analysis.fleet.run import Way
    from analysis.location import Location
    from analysis.trace import Reading

_SOME_FAILED = 1


def _time(_context: click.Context, _option: click.Parameter, written: str | None) -> int | None:
    """Read an option that holds a time."""
    try:
        return None if written is None else nanoseconds(written)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command("report")
@click.argument("traces", nargs=-1, required=True, type=Where(), metavar="TRACES...")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports"),
    show_default=True,
    help="Directory for the report.",
)
@click.option(
    "--format",
    "formats",
    type=click.Choice(list(RENDERERS)),
    multiple=True,
    help="Write report.FORMAT; may be given several times.  [default: all]",
)
@click.option(
    "--gaps",
    type=click.IntRange(min=0),
    default=DEFAULT_GAPS,
    show_default=True,
    help="How many of the longest idle gaps of each device to list.",
)
@click.option("--step", type=int, help="Measure ProfilerStep#N alone.", metavar="N")
@click.option(
    "--range",
    "named",
    help="Measure the window of one record_function range alone; NAME#k is the k-th of a name.",
    metavar="NAME",
)
@click.option(
    "--from",
    "begin",
    callback=_time,
    metavar="TIME",
    help="Measure from this time on, counted from the trace's first event: 12.5ms, 3us, 1.2s; "
    "a number alone counts us.",
)
@click.option(
    "--to", "end", callback=_time, metavar="TIME", help="Measure up to this time, counted so, too."
)
@click.option(
    "--tables",
    "table_format",
    type=click.Choice(tuple(table_files.WRITERS)),
    help="Write every table of report.json into OUT/tables/, too.",
)
@click.option(
    "--summary",
    type=SummaryPath(),
    metavar="FILE",
    help="Append the summary as Markdown to FILE, such as $GITHUB_STEP_SUMMARY; - prints it.",
)
@click.option("--hta", is_flag=True, help="Set HTA's figures beside ours, differences explained.")
@way_options
@reading_options
def command(
    traces: tuple[Location, ...],
    *,
    out: Path,
    formats: tuple[str, ...],
    gaps: int,
    step: int | None,
    named: str | None,
    begin: int | None,
    end: int | None,
    table_format: str | None,
    summary: Path | None,
    hta: bool,
    way: Way | None,
    reading: Reading,
) -> int:
    """Measure TRACES: files, directories of them, patterns or URLs; - is standard input.

    A trace is JSON, plain or compressed (.gz, .zst), or alone in a .zip or .tar.gz.

    Several ranks of one job are also laid side by side.

    Writes report.html (to look at: pictures, a timeline), report.md and report.json
    (all figures), and prints the summary. The exit code is 0,
    1 if some of several traces could not be read, or 2 on an error.
    """
    check_writable(out)
    chosen = {suffix: RENDERERS[suffix] for suffix in formats or RENDERERS}
    if table_format is not None:
        table_files.require(table_format)
    with shown() as progress:
        found = report(
            traces,
            gaps=gaps,
            within=_within(step, named, begin, end),
            hta=hta,
            pictures="html" in chosen,
            reading=reading,
            way=way,
            progress=progress,
        )
    document = compose(found)
    written = write_all(
        out, {f"report.{suffix}": render(found, document) for suffix, render in chosen.items()}
    )
    if table_format is not None:
        files = table_files.files(flat(found.to_json()), table_format)
        write_all(out / "tables", files)
        written.append(out / "tables")
    if summary is not None:
        add_summary(summary, markdown.render(Document(document.summary, ())))
    if summary != PRINTED:
        say(document, bars.rows(found))
        say_written(written)
    return _SOME_FAILED if found.failures else 0


def _within(
    step: int | None, named: str | None, begin: int | None, end: int | None
) -> str | Times | None:
    """Return the one range that was asked for."""
    times = begin is not None or end is not None
    if (step is not None) + (named is not None) + times > 1:
        raise click.UsageError(
            "--step, --range and --from with --to each name what to measure; give one of them"
        )
    if times:
        if end is not None and (begin or 0) >= end:
            raise click.UsageError("--from must come before --to")
        return Times(begin or 0, end)
    return named if step is None else f"{PROFILER_STEP}{step}"

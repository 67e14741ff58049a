"""`analyze hta`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.cli.progress import shown
from analysis.cli.reading import reading_options
from analysis.cli.saying import say
from analysis.directory import discover
from analysis.errors import SelectionError
from analysis.hta import require, trace_analysis
from analysis.hta.tables import ANALYSES, answers

if TYPE_CHECKING:
    from analysis.trace import Reading

_ALL_FAILED = 1


@click.command(
    "hta",
    epilog="Analyses: "
    + ", ".join(f"{name} ({each.meaning})" for name, each in ANALYSES.items())
    + ".",
)
@click.argument(
    "arguments",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    metavar="TRACES... [ANALYSIS]",
)
@click.option(
    "--operator",
    metavar="TEXT",
    help="For sequences: part of the operators' names.  [default: the most frequent]",
)
@click.option("--last-step", is_flag=True, help="Keep the last ProfilerStep, which HTA drops.")
@click.option("--no-rounding", is_flag=True, help="Keep fractions of us, which HTA rounds away.")
@reading_options
def command(
    arguments: tuple[Path, ...],
    operator: str | None,
    *,
    last_step: bool,
    no_rounding: bool,
    reading: Reading,
) -> int:
    """Run HTA's ANALYSIS, or all of them, on TRACES: files or directories of them.

    Several traces are taken for ranks of one job. The exit code is 0, 1 if HTA
    could do none of several analyses, or 2 on an error.
    """
    require()
    paths, names = _split(arguments)
    with shown() as progress:
        traces = [
            reading.load(source.path, partial(progress, source.path)) for source in discover(paths)
        ]
    analysis = trace_analysis(
        traces, include_last_profiler_step=last_step, rounding=False if no_rounding else None
    )
    found = answers(analysis, names, operator=operator, paths=analysis.t.trace_files)
    say(found.document)
    return _ALL_FAILED if len(found.failures) == len(names) else 0


def _split(arguments: tuple[Path, ...]) -> tuple[tuple[Path, ...], list[str]]:
    """Tell traces from the analysis after them; a file of that name is a trace."""
    *paths, last = arguments
    if last.exists():
        return arguments, list(ANALYSES)
    if not paths and str(last) in ANALYSES:
        raise SelectionError(f"{last}: is an analysis; name a trace before it")
    if not paths:
        return arguments, list(ANALYSES)  # a trace that is missing, which whoever reads it says
    if str(last) not in ANALYSES:
        raise SelectionError(
            f"{last}: is neither a trace nor an analysis; the analyses are {', '.join(ANALYSES)}"
        )
    return tuple(paths), [str(last)]

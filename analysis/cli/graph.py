"""`analyze graph`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.cli.progress import shown
from analysis.cli.reading import reading_options
from analysis.cli.saying import say, say_written
from analysis.compose import graph as compose_graph
from analysis.graphing import graphed
from analysis.output import check_writable, write_all
from analysis.render import dot, graphml, svg

if TYPE_CHECKING:
    from analysis.graphing import Graphed
    from analysis.trace import Reading


@click.command("graph")
@click.argument("trace", type=click.Path(path_type=Path), metavar="TRACE")
@click.option(
    "--execution-trace",
    type=click.Path(path_type=Path, dir_okay=False),
    help="What torch's ExecutionTraceObserver wrote.  [default: NAME.graph.json[.gz] beside TRACE]",
)
@click.option("--step", type=int, metavar="N", help="Measure and draw ProfilerStep#N alone.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports"),
    show_default=True,
    help="Directory for the picture and the graph's files.",
)
@reading_options
def command(
    trace: Path,
    *,
    execution_trace: Path | None,
    step: int | None,
    out: Path,
    reading: Reading,
) -> int:
    """Show what depends on what in TRACE: work, span, and how much could run at once.

    Prints the figures, the operators on the longest path and the overlap that was
    missed. Draws the step with the median span (.svg): as it ran, and as its
    dependencies would allow. Writes that step's graph for Graphviz (.dot) and for
    networkx, Gephi or yEd (.graphml).
    """
    check_writable(out)
    with shown() as progress:
        found = graphed(
            trace,
            observed=execution_trace,
            step=step,
            reading=reading,
            progress=progress,
        )
    written = write_all(out, _files(found))
    say(compose_graph.document(found.report))
    say_written(written)
    return 0


def _files(found: Graphed) -> dict[str, str]:
    files = {}
    for device, whole in found.whole.items():
        only = len(found.whole) == 1
        name = _plain(
            f"graph-{found.report.label}" if only else f"graph-{found.report.label}-{device}"
        )
        condensed = found.condensed[device]
        files[f"{name}.svg"] = svg.render(condensed)
        files[f"{name}.dot"] = dot.render(condensed)
        files[f"{name}.graphml"] = graphml.render(whole)
    return files


def _plain(name: str) -> str:
    """Leave out what a file's name had better not hold."""
    return re.sub(r"[^\w.-]+", "-", name)

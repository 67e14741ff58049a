"""`analyze gate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.cli.progress import shown
from analysis.cli.reading import reading_options
from analysis.cli.saying import say
from analysis.cli.summary import PRINTED, SummaryPath, add_summary
from analysis.compose import gate as compose_gate
from analysis.errors import AnalysisError
from analysis.gate import gate, regression, requirement
from analysis.gate.figures import MEANING
from analysis.render import as_json, markdown

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.gate import Regression, Requirement
    from analysis.trace import Reading

_FAILED, _UNREADABLE = 1, 2


def _rules(
    read: Callable[[str], Requirement] | Callable[[str], Regression],
) -> Callable[
    [click.Context, click.Parameter, tuple[str, ...]], tuple[Requirement | Regression, ...]
]:
    """Return what reads the values of an option, each a rule."""

    def callback(
        _context: click.Context, _option: click.Parameter, written: tuple[str, ...]
    ) -> tuple[Requirement | Regression, ...]:
        try:
            return tuple(map(read, written))
        except AnalysisError as error:
            raise click.BadParameter(str(error)) from error

    return callback


@click.command("gate", epilog="Figures: " + ", ".join(MEANING) + ".")
@click.argument(
    "traces", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="TRACES..."
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help="Trace or directory to compare with, matched by mode and rank.",
)
@click.option(
    "--max-regression",
    "regressions",
    multiple=True,
    callback=_rules(regression),
    metavar="RULE",
    help="How much worse than the baseline a figure may be: idle=5%, wall=20us. May be repeated.",
)
@click.option(
    "--require",
    "requirements",
    multiple=True,
    callback=_rules(requirement),
    metavar="RULE",
    help="A bound: overlap>=0.2 (of the wall time), idle<=1.5ms (per step), achieved>1.2. "
    "May be repeated.",
)
@click.option("--json", "as_data", is_flag=True, help="Print JSON.")
@click.option(
    "--summary",
    type=SummaryPath(),
    metavar="FILE",
    help="Append Markdown to FILE, such as $GITHUB_STEP_SUMMARY; - prints it instead.",
)
@reading_options
def command(
    traces: tuple[Path, ...],
    *,
    baseline: Path | None,
    regressions: tuple[Regression, ...],
    requirements: tuple[Requirement, ...],
    as_data: bool,
    summary: Path | None,
    reading: Reading,
) -> int:
    """Hold TRACES (files or directories of them) to rules, for continuous integration.

    A rule names a figure, and before it, if it is not about all traces, one of them:
    threads:overlap>=0.2. Figures are per step where steps are marked, else of the whole
    window. A change within the spread of the steps is noise and passes, with a note. A
    figure that a trace does not have fails.

    The exit code is 0 if every rule is kept, 1 if not, 2 if a trace cannot be read or a
    rule is none.
    """
    if not regressions and not requirements:
        raise click.UsageError("give a rule: --require, or --max-regression with --baseline")
    if regressions and baseline is None:
        raise click.UsageError("--max-regression needs --baseline")
    with shown() as progress:
        found = gate(
            traces,
            baseline=baseline,
            requirements=requirements,
            regressions=regressions,
            reading=reading,
            progress=progress,
        )
    if as_data:
        click.echo(as_json.encode(found.to_json(), "gate"), nl=False)
    elif summary != PRINTED:
        say(compose_gate.compose_lines(found))
    add_summary(summary, markdown.render(compose_gate.compose(found)))
    if found.failures:
        return _UNREADABLE
    return 0 if found.passed else _FAILED

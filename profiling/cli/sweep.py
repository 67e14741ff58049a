"""`profiling sweep`."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from profiling.branches import DTYPES, PRESETS, Workload
from profiling.cli.options import (
    COUNT,
    SIZE_HELP,
    device_option,
    measuring_options,
    step_options,
)
from profiling.cli.progress import progress
from profiling.doubts import disturbances
from profiling.journal import FAILED, MISSING, RECORDED, Entry
from profiling.modes import MODES
from profiling.sweep import DEFAULT_AXES, Point, Sweep
from profiling.sweep import sweep as sweep_sizes
from profiling.table import speed_ups

if TYPE_CHECKING:
    from profiling.recorder import Recording


class _Values(click.ParamType[list[Any]]):
    """Values separated by commas."""

    name = "values"

    def __init__(self, of: click.ParamType[Any]) -> None:
        self._of = of

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[Any]:
        if not isinstance(value, str):
            return list(value)
        return [self._of.convert(each.strip(), param, ctx) for each in value.split(",")]


def _axis_options(command: Any) -> Any:
    """An option per size, which takes several values."""
    for field in reversed(fields(Workload)):
        kind: Any = COUNT
        if field.name == "dtype":
            kind = click.Choice(DTYPES)
        elif field.name == "seed":
            kind = click.INT
        usual = DEFAULT_AXES.get(field.name)
        default = f"default: {','.join(map(str, usual))}" if usual else "of the preset"
        command = click.option(
            f"--{field.name.replace('_', '-')}",
            type=_Values(kind),
            metavar="VALUE[,VALUE...]",
            help=f"{SIZE_HELP[field.name]}  [{default}]",
        )(command)
    return command


@click.command("sweep")
@_axis_options
@click.option(
    "--mode",
    "modes",
    multiple=True,
    type=click.Choice(list(MODES)),
    metavar="MODE",
    help="Run this mode; repeat for more. Sequential is always run.  [the usual ones]",
)
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    default="post",
    show_default=True,
    help="Sizes that are not varied.",
)
@device_option
@measuring_options(warmup=5, steps=5, rounds=20)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="traces/sweep",
    show_default=True,
    help="Folder of the sweep; each point gets one in it.",
)
@step_options
@click.option(
    "--resume", is_flag=True, help="Go on with a sweep: record what is missing or failed."
)
def command(modes: tuple[str, ...], preset: str, **options: Any) -> int:
    """Record GRUs of many sizes in several modes: from which size on does it pay?

    Give any size several values, separated by commas; every combination is a point.
    """
    given = {field.name: options.pop(field.name) for field in fields(Workload)}
    values = {name: each for name, each in given.items() if each is not None}
    axes = {name: each for name, each in values.items() if len(each) > 1}
    fixed = {name: each[0] for name, each in values.items() if len(each) == 1}
    if not axes and "hidden_size" in fixed:
        axes = {"hidden_size": [fixed.pop("hidden_size")]}
    done = sweep_sizes(
        replace(PRESETS[preset], **fixed),
        axes or None,
        list(modes) or None,
        track=progress,
        tell=_tell,
        **options,
    )
    click.echo(_summary(done))
    return 0 if len(done.of(RECORDED)) == len(done.points) else 1


def _tell(point: Point, place: int, entry: Entry, recording: Recording | None) -> None:
    """A line per point: what it is, and what came of it."""
    begun = recording is None and entry.state == MISSING
    if begun:
        return
    name = click.style(f"{place:>3}  {point.name}", bold=True)
    if recording is None:
        click.echo(f"{name}  recorded before")
        return
    click.echo(f"{name}  {speed_ups(recording.manifests) or 'no speed-up'}")
    for failed, error in recording.failures.items():
        click.echo(click.style(f"     failed  {failed}: {error}", fg="red"))
    for words in disturbances(recording):
        click.echo(click.style(f"     {words}", fg="yellow"))


def _summary(done: Sweep) -> str:
    failed, missing = done.of(FAILED), done.of(MISSING)
    lines = []
    if failed or missing:
        lines.append(
            click.style(
                f"{len(done.of(RECORDED))} of {len(done.points)} points are complete; "
                "the same command with --resume tries the others again",
                fg="yellow",
            )
        )
    lines.append(f"Report:  analyze sweep {done.folder}")
    return "\n".join(lines)

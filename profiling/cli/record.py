"""`profiling record`."""

from __future__ import annotations

import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from profiling.branches import PRESETS, Workload
from profiling.cli.options import (
    device_option,
    measuring_options,
    step_options,
    workload_options,
)
from profiling.cli.progress import progress
from profiling.doubts import disturbances
from profiling.manifest import PASSES
from profiling.modes import MODES
from profiling.recorder import Recording
from profiling.recorder import record as record_modes
from profiling.table import comparison
from profiling.target import Target

if TYPE_CHECKING:
    from profiling.manifest import Manifest


@click.command("record")
@click.option(
    "--mode",
    "modes",
    multiple=True,
    type=click.Choice(list(MODES)),
    metavar="MODE",
    help="Record this mode only; repeat for more.  [all; see `profiling modes`]",
)
@click.option(
    "--target",
    metavar="MODULE:FUNCTION",
    help="Record your own branches: what this function, without arguments, returns, a list of "
    "profiling.Branch.",
)
@click.option(
    "--preset", type=click.Choice(list(PRESETS)), help="Sizes of the GRUs.  [default: post]"
)
@workload_options
@device_option
@measuring_options(warmup=20, steps=20, rounds=60)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="traces",
    show_default=True,
    help="Folder to write into.",
)
@step_options
@click.option(
    "--resume",
    is_flag=True,
    help="Record what an interrupted recording with the same options left out, beside the "
    "baseline, which is timed again.",
)
@click.option("--shapes", is_flag=True, help="Trace the shapes of inputs too. Slower.")
@click.option("--stacks", is_flag=True, help="Trace Python stacks too. Much slower.")
def command(
    modes: tuple[str, ...],
    target: str | None,
    preset: str | None,
    out: Path,
    **options: Any,
) -> int:
    """Run, check, time and trace independent GRUs, or your own branches, in every mode."""
    given = {field.name: options.pop(field.name) for field in fields(Workload)}
    sizes = {name: value for name, value in given.items() if value is not None}
    if target is not None and (preset or sizes):
        raise click.UsageError("--target brings its own sizes; leave out --preset and sizes")
    branches = Target(target) if target else replace(PRESETS[preset or "post"], **sizes)
    recording = record_modes(branches, list(modes) or None, out, track=progress, **options)
    click.echo(_summary(recording))
    return 1 if recording.failures else 0


def _kept(recording: Recording) -> list[str]:
    """What was there already, and why it is in no table with the rest."""
    if not recording.kept:
        return []
    lines = [f"kept     recorded before: {', '.join(recording.kept)}"]
    if recording.manifests:
        lines.append(
            "apart    what follows was timed in a run of its own, and compares with its own "
            "baseline only"
        )
    return [*lines, ""]


def _kind(manifest: Manifest) -> str:
    """What a step is, where it is no plain forward pass."""
    if manifest["pass"] != PASSES[0]:
        return f", {manifest['pass']}"
    return "" if manifest["grad"] else ", without gradients"


def _summary(recording: Recording) -> str:
    lines = _kept(recording)
    if recording.manifests:
        first = recording.manifests[0]
        environment = first["environment"]
        lines += [
            click.style(
                f"{first['preset']} on {first['device']} ({environment['device_name']}), "
                f"torch {environment['torch']}, {environment['torch_threads']} intra-op threads"
                f"{_kind(first)}",
                bold=True,
            ),
            "",
            comparison(recording.manifests, width=shutil.get_terminal_size().columns),
            "",
        ]
        lines += [click.style(words, fg="yellow") for words in disturbances(recording)]
    by_reason: dict[str, list[str]] = {}
    for name, reason in recording.skipped.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        lines.append(click.style(f"skipped  {', '.join(names)}: {reason}", fg="yellow"))
    for name, error in recording.failures.items():
        lines.append(click.style(f"failed   {name}: {error}", fg="red"))
    if recording.failures:
        lines.append("Again:   the same command with --resume tries what failed once more")
    if recording.manifests or recording.kept:
        folder = recording.folder
        lines += [
            f"Report:  analyze report {folder}",
            f"Look:    drop a trace from {folder} onto https://ui.perfetto.dev",
        ]
    return "\n".join(lines)

"""`profiling record` and `profiling modes`."""

from __future__ import annotations

import shutil
import sys
import textwrap
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from profiling.branches import DTYPES, PRESETS, Workload
from profiling.errors import ProfilingError
from profiling.job import resolve_device
from profiling.modes import MODES
from profiling.recorder import Recording
from profiling.recorder import record as record_modes
from profiling.table import comparison
from profiling.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

T = TypeVar("T")

_INTERRUPTED = 130
_POST = PRESETS["post"]
_COUNT = click.IntRange(min=1)
_DEVICE = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to run; auto takes a GPU if there is one.",
)


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 all went well, 1 something failed, 2 wrong usage."""
    try:
        code = cli.main(args, prog_name="profiling", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except ProfilingError as error:
        click.echo(f"Error: {error}", err=True)
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nInterrupted. Every file that was written is complete.", err=True)
        code = _INTERRUPTED
    sys.exit(code)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Record forward passes in every execution mode: traces, timings, manifests."""


def _workload_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option per size of a workload, with the post's value in its help."""
    for field in reversed(fields(Workload)):
        kind: Any = _COUNT
        if field.name == "dtype":
            kind = click.Choice(DTYPES)
        elif field.name == "seed":
            kind = int
        command = click.option(
            f"--{field.name.replace('_', '-')}",
            type=kind,
            default=None,
            help=f"{_HELP[field.name]}  [of the preset; post: {getattr(_POST, field.name)}]",
        )(command)
    return command


_HELP = {
    "branches": "Independent GRUs.",
    "input_size": "Features of the input.",
    "hidden_size": "Features of the hidden state.",
    "batch": "Sequences in a batch.",
    "seq_length": "Time steps of a sequence.",
    "layers": "Layers of a GRU.",
    "dtype": "Of weights and inputs.",
    "seed": "Of weights and inputs.",
}


@cli.command()
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
@_workload_options
@_DEVICE
@click.option(
    "--warmup",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Steps of a mode before anything is measured.",
)
@click.option("--steps", type=_COUNT, default=20, show_default=True, help="Steps in a trace.")
@click.option(
    "--rounds", type=_COUNT, default=60, show_default=True, help="Timing samples of each mode."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="traces",
    show_default=True,
    help="Folder to write into.",
)
@click.option(
    "--isolate/--no-isolate",
    default=True,
    show_default=True,
    help="Give each mode a process of its own; in one, modes slow each other down.",
)
@click.option("--shapes", is_flag=True, help="Trace the shapes of inputs too. Slower.")
@click.option("--stacks", is_flag=True, help="Trace Python stacks too. Much slower.")
def record(
    modes: tuple[str, ...], target: str | None, preset: str | None, out: Path, **options: Any
) -> int:
    """Run, check, time and trace independent GRUs, or your own branches, in every mode."""
    given = {field.name: options.pop(field.name) for field in fields(Workload)}
    sizes = {name: value for name, value in given.items() if value is not None}
    if target is not None and (preset or sizes):
        raise click.UsageError("--target brings its own sizes; leave out --preset and sizes")
    branches = Target(target) if target else replace(PRESETS[preset or "post"], **sizes)
    recording = record_modes(branches, list(modes) or None, out, track=_progress, **options)
    click.echo(_summary(recording))
    return 1 if recording.failures else 0


@cli.command()
@_DEVICE
def modes(device: str) -> None:
    """List the modes, what each shows, and why one cannot run here."""
    where = resolve_device(device)
    width = shutil.get_terminal_size().columns
    for name, mode in MODES.items():
        reason = mode.unavailable(where)
        note = f"not on this machine's {where}: {reason}" if reason else f"runs on {where}"
        click.echo(click.style(name, bold=True))
        click.echo(textwrap.fill(mode.shows, width, initial_indent="  ", subsequent_indent="  "))
        click.echo(click.style(f"  {note}", fg="yellow" if reason else "green"))


def _progress(label: str, items: Sequence[T], /) -> Iterable[T]:
    """A progress bar on a terminal, nothing elsewhere."""
    return _bar(label, items) if sys.stderr.isatty() else items


def _bar(label: str, items: Sequence[T]) -> Iterator[T]:
    with click.progressbar(
        items,
        label=f"{label:<13}",
        file=sys.stderr,
        item_show_func=_item_name,
    ) as bar:
        yield from bar


def _item_name(item: object) -> str | None:
    """What the bar works on: a mode, but no round's order of modes."""
    name = getattr(item, "name", item)
    return name if isinstance(name, str) else None


def _summary(recording: Recording) -> str:
    lines = []
    if recording.manifests:
        first = recording.manifests[0]
        environment = first["environment"]
        lines += [
            click.style(
                f"{first['preset']} on {first['device']} ({environment['device_name']}), "
                f"torch {environment['torch']}, {environment['torch_threads']} intra-op threads",
                bold=True,
            ),
            "",
            comparison(recording.manifests, width=shutil.get_terminal_size().columns),
            "",
        ]
        load = environment["load_average"] or 0
        if load > environment["cpu_count"] / 2:
            lines.append(
                click.style(
                    f"busy     load average {load:.1f} on {environment['cpu_count']} cores "
                    "before the recording: other programs disturb the timings",
                    fg="yellow",
                )
            )
    for name, reason in recording.skipped.items():
        lines.append(click.style(f"skipped  {name}: {reason}", fg="yellow"))
    for name, error in recording.failures.items():
        lines.append(click.style(f"failed   {name}: {error}", fg="red"))
    if recording.manifests:
        folder = recording.folder
        lines += [
            f"Report:  analyze report {folder}",
            f"Look:    drop a trace from {folder} onto https://ui.perfetto.dev",
        ]
    return "\n".join(lines)

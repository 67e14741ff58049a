"""The `analyze` command; each subcommand is a file, imported when it is used."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from analysis.errors import AnalysisError, Interrupted

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMANDS = {
    "report": ("analysis.cli.report", "Measure traces; write a report and print its summary."),
    "compare": ("analysis.cli.compare", "Say what changed from one recording to another, and why."),
    "sweep": ("analysis.cli.sweep", "Say from which operator length on each mode pays."),
    "gate": ("analysis.cli.gate", "Hold traces to rules, for continuous integration."),
    "graph": ("analysis.cli.graph", "Show what depends on what, and how much could run at once."),
    "claim": ("analysis.cli.claim", 'Say what the post\'s "about twice" comes from.'),
    "sql": ("analysis.cli.sql", "Ask in SQL about traces."),
    "export": ("analysis.cli.export", "Write the tables of traces as Parquet or CSV."),
    "cache": ("analysis.cli.cache", "Look at, or empty, the kept columns of large traces."),
    "anonymize": ("analysis.cli.anonymize", "Replace names in a trace, so that it can be shown."),
    "check-trace": ("analysis.cli.check_trace", "Tell whether traces can be trusted."),
    "perfetto": (
        "analysis.cli.perfetto",
        "Look at a trace in Perfetto's viewer, and add what was measured to it.",
    ),
    "hta": ("analysis.cli.hta", "Run the analyses of HTA on traces and print its tables."),
}
_USAGE_ERROR = 2
_INTERRUPTED = 130


class _Commands(click.Group):
    """Lists the commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(_COMMANDS[cmd_name][0]).command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader who closes the pipe has seen enough, which is no failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _write_nowhere()
            return 0

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in _COMMANDS.items()])


def _open_closed_streams() -> None:
    """Put nothing in the place of a standard stream that the caller closed.

    The next file would be opened in its place, and be read or written by mistake.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # Each takes the first number that is free, which is that of the stream.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def _write_nowhere() -> None:
    """Send what is still to be written nowhere, or Python complains of it at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(message: str) -> None:
    from analysis.units import printable  # noqa: PLC0415 - as commands, only when it is needed

    click.echo(f"Error: {printable(message)}", err=True)


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from importlib import metadata  # noqa: PLC0415 - half as long to import as all the rest

    try:
        version = metadata.version("torch-overlap")
    except metadata.PackageNotFoundError:
        version = "not installed: run from its sources"
    click.echo(f"torch-overlap {version}")
    ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Measure from torch.profiler traces how much ran in parallel, and what stopped the rest."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; every expected error becomes one line and an exit code."""
    _open_closed_streams()
    try:
        code = cli.main(args=arguments, prog_name="analyze", standalone_mode=False)
    except click.exceptions.Exit as request:
        code = request.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt) as stop:
        cause = stop.__cause__  # click makes its own of an interrupt
        kept = f" {cause}." if isinstance(cause, Interrupted) else ""
        click.echo(f"Interrupted; nothing was written.{kept}", err=True)
        code = _INTERRUPTED
    except AnalysisError as error:
        _say(str(error))
        code = _USAGE_ERROR
    except OSError as error:  # files are dealt with where they are read or written
        _say(
            f"{error.filename or 'standard output'}: {error.strerror or error}; make room there, "
            "or name another place"
        )
        _write_nowhere()
        code = _USAGE_ERROR
    sys.exit(code if isinstance(code, int) else 0)

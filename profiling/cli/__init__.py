"""The `profiling` command; each subcommand is a file, imported when it is used."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from profiling.errors import ProfilingError

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMANDS = {
    "record": ("profiling.cli.record", "Run, check, time and trace branches in every mode."),
    "sweep": ("profiling.cli.sweep", "Record many sizes: from where on does it pay?"),
    "modes": ("profiling.cli.modes", "List the modes, what each shows, and what cannot run here."),
    "claim": ("profiling.cli.claim", "Time what the post timed, and with each mistake removed."),
}
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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in _COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Record forward passes in every execution mode: traces, timings, manifests."""


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

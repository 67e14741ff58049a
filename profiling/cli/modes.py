"""`profiling modes`."""

from __future__ import annotations

import shutil
import textwrap

import click

from profiling.cli.options import device_option
from profiling.job import resolve_device
from profiling.modes import MODES


@click.command("modes")
@device_option
def command(device: str) -> None:
    """List the modes, what each shows, and why one cannot run here."""
    where = resolve_device(device)
    width = shutil.get_terminal_size().columns
    for name, mode in MODES.items():
        reason = mode.unavailable(where)
        note = f"not on this machine's {where}: {reason}" if reason else f"runs on {where}"
        untried = [each for each in sorted(mode.devices) if each not in mode.proven]
        click.echo(click.style(name, bold=True))
        for paragraph in (mode.shows, mode.expect):
            click.echo(textwrap.fill(paragraph, width, initial_indent="  ", subsequent_indent="  "))
        click.echo(click.style(f"  {note}", fg="yellow" if reason else "green"))
        if untried:
            click.echo(
                click.style(f"  not proven by a recording yet: {', '.join(untried)}", fg="yellow")
            )

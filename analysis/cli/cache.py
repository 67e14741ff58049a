"""`analyze cache`."""

from __future__ import annotations

import click

from analysis import cache


@click.group("cache")
def command() -> None:
    """Look at, or empty, the kept columns of large traces."""


@command.command()
def info() -> int:
    """Say where the cache is and how much it holds."""
    found = cache.contents()
    if found.folder is not None:
        click.echo(
            f"{found.folder}: {found.entries:,} traces, {found.size / 1e6:,.1f} MB of at most "
            f"{cache.MOST_BYTES / 1e6:,.0f}"
        )
    if found.reason is not None:
        click.echo(f"Nothing is kept: {found.reason}")
    return 0


@command.command()
def clear() -> int:
    """Delete what the cache holds."""
    click.echo(f"{cache.clear():,} traces deleted")
    return 0

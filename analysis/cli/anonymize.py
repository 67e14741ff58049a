"""`analyze anonymize`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.anonymize import anonymize
from analysis.cli.progress import shown
from analysis.cli.reading import reading_options
from analysis.units import encodable

if TYPE_CHECKING:
    from analysis.trace import Reading


@click.command("anonymize")
@click.argument("trace", type=click.Path(path_type=Path), metavar="TRACE")
@click.option(
    "-o",
    "--out",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="File to write: .json, or compressed, .json.gz or .json.zst.",
)
@reading_options
def command(trace: Path, *, target: Path, reading: Reading) -> int:
    """Write TRACE again so that it can be shown to anybody.

    Names, paths, hosts, users, modules, stacks, groups and whatever else is not known to
    be public become pseudonyms, the same one wherever the same name stood. Structure,
    times, numbers and the public names of PyTorch, its profiler and the runtimes stay, and
    with them every figure that `analyze report` gives. - is standard input.
    """
    with shown() as progress:
        made = anonymize(trace, target, reading=reading, progress=progress)
    for sentence in made.losses:
        click.echo(encodable(f"Note: {sentence}", sys.stderr.encoding), err=True)
    for path in made.left_out:
        told = f"Note: {path} holds names, too, and was not copied."
        click.echo(encodable(told, sys.stderr.encoding), err=True)
    replaced = f"{sum(made.replaced.values()):,} names replaced"
    told = f"Written: {target} ({made.events:,} events, {replaced})"
    click.echo(encodable(told, sys.stdout.encoding))
    return 0

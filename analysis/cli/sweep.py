"""`analyze sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.cli.progress import shown
from analysis.cli.reading import reading_options
from analysis.cli.saying import say, say_written
from analysis.output import check_writable, write_all
from analysis.render import as_json, markdown
from analysis.sweep import compose, draw, read

if TYPE_CHECKING:
    from analysis.trace import Reading

_PICTURE = "sweep.svg"
_INCOMPLETE = 1


@click.command("sweep")
@click.argument(
    "folders", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DIR..."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports"),
    show_default=True,
    help="Directory for sweep.md, sweep.json and sweep.svg.",
)
@reading_options
def command(folders: tuple[Path, ...], *, out: Path, reading: Reading) -> int:
    """Say from which operator length on each mode pays, by what `profiling sweep` recorded.

    DIR may be any folder that holds recorded runs, itself or in its folders. The exit
    code is 0, 1 if a trace could not be read, or 2 on an error.
    """
    check_writable(out)
    with shown() as progress:
        found = read(folders, reading=reading, progress=progress)
    document = compose(found)
    page = markdown.render(document)
    picture = f"\n![Speed-up and its factors over operator length]({_PICTURE})\n"
    written = write_all(
        out,
        {
            "sweep.md": page + picture,
            "sweep.json": as_json.encode(found.to_json(), "sweep"),
            _PICTURE: draw(found),
        },
    )
    say(document)
    say_written(written)
    return _INCOMPLETE if found.failures else 0

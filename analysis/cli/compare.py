"""`analyze compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from analysis.cli.progress import shown
from analysis.cli.reading import reading_options
from analysis.cli.saying import say, say_written
from analysis.compose import diff as compose_diff
from analysis.compose import diff_page as compose_diff_page
from analysis.diff import compare
from analysis.output import check_writable, write_all
from analysis.render import as_json, bars, html, markdown

if TYPE_CHECKING:
    from analysis.trace import Reading

_SOME_FAILED = 1


@click.command("compare")
@click.argument("before", type=click.Path(path_type=Path), metavar="BEFORE")
@click.argument("after", type=click.Path(path_type=Path), metavar="AFTER")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports"),
    show_default=True,
    help="Directory for compare.html, compare.md and compare.json.",
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=compose_diff.TOP,
    show_default=True,
    help="How many of the kernels and operators that moved most to list one by one.",
)
@reading_options
def command(before: Path, after: Path, *, out: Path, top: int, reading: Reading) -> int:
    """Say what changed from BEFORE to AFTER: by what factor, through what, or that it is noise.

    Each is a trace or a directory of them; traces of directories belong together by
    mode and rank, and those without a counterpart are named.

    Writes compare.html, compare.md and compare.json, and prints the summary. The exit code is 0,
    1 if some of several traces could not be read, or 2 on an error.
    """
    check_writable(out)
    with shown() as progress:
        found = compare(before, after, reading=reading, progress=progress)
    document = compose_diff.compose(found, top=top)
    written = write_all(
        out,
        {
            "compare.html": html.render(
                msgspec.structs.replace(document, page=compose_diff_page.page(found))
            ),
            "compare.md": markdown.render(document),
            "compare.json": as_json.encode(found.to_json(), "compare"),
        },
    )
    say(document, [bars.Row(label, states) for label, states in compose_diff.breakdowns(found)])
    say_written(written)
    return _SOME_FAILED if found.failures else 0

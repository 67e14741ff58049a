"""`analyze claim`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.claim import settle
from analysis.cli.progress import shown
from analysis.cli.reading import reading_options
from analysis.cli.saying import say, say_written
from analysis.compose import claim as compose_claim
from analysis.output import check_writable, write_all
from analysis.render import as_json, markdown
from analysis.render.claim import picture

if TYPE_CHECKING:
    from analysis.claim import Claims
    from analysis.document import Document
    from analysis.trace import Reading

_SOME_FAILED = 1


@click.command("claim")
@click.argument(
    "claims", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DIR..."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports"),
    show_default=True,
    help="Directory for claim.md, claim.json and the picture.",
)
@reading_options
def command(claims: tuple[Path, ...], *, out: Path, reading: Reading) -> int:
    """Say what the post's "about twice as fast" comes from, factor by factor.

    DIR is what `profiling claim` wrote; of several, the conclusions are set side by side.
    The factors multiply exactly to what the script says as printed: first call,
    asynchrony, one reading instead of many, less work, more overlap, less idle, and what
    remains. The exit code is 0, 1 if some of several claims could not be read, or 2.
    """
    check_writable(out)
    with shown() as progress:
        found = settle(claims, reading=reading, progress=progress)
    document = compose_claim.document(found)
    written = write_all(out, _files(found, document))
    say(document)
    say_written(written)
    return _SOME_FAILED if found.failures else 0


def _files(found: Claims, document: Document) -> dict[str, str | bytes]:
    pictures = {
        "claim.svg" if len(found.claims) == 1 else f"claim-{number}.svg": picture(claim)
        for number, claim in enumerate(found.claims, start=1)
    }
    return {
        "claim.md": markdown.render(document),
        "claim.json": as_json.encode(found.to_json(), "claim"),
        **pictures,
    }

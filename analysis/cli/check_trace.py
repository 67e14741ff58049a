"""`analyze check-trace`."""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from analysis import trust
from analysis.cli.progress import shown
from analysis.cli.reading import reading_options
from analysis.cli.ways import Where
from analysis.directory import discover
from analysis.errors import TraceError
from analysis.trust import Doubt, Gravity
from analysis.units import encodable, one_line

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.location import Location
    from analysis.trace import Reading

_VERDICTS = {
    Gravity.NOTE: ("can be trusted", "green"),
    Gravity.WARNING: ("can be trusted in part", "yellow"),
    Gravity.UNUSABLE: ("cannot be used", "red"),
}


@click.command("check-trace")
@click.argument("traces", nargs=-1, required=True, type=Where(), metavar="TRACES...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@reading_options
def command(traces: tuple[Path, ...], *, as_json: bool, reading: Reading) -> int:
    """Tell whether TRACES (files or directories of them) can be trusted, and why not.

    The exit code is 0 if all can, 1 if some can in part, 2 if one cannot be used.
    """
    found: dict[Location, tuple[Doubt, ...]] = {}
    with shown() as progress:
        for source in discover(traces):
            try:
                trace = reading.load(source.path, partial(progress, source.path))
            except TraceError as error:
                reason = str(error).removeprefix(f"{source.path}: ")
                advice = "nothing can be measured"
                found[source.path] = (Doubt("readable", Gravity.UNUSABLE, reason, advice),)
            else:
                found[source.path] = trust.check(trace)
    text = _as_json(found) if as_json else "\n".join(map(_told, found, found.values()))
    click.echo(encodable(text, sys.stdout.encoding))
    return max(trust.verdict(doubts) for doubts in found.values())


def _as_json(found: dict[Location, tuple[Doubt, ...]]) -> str:
    verdicts = [
        {
            "path": str(path),
            "verdict": trust.verdict(doubts).name.lower(),
            "doubts": [doubt.to_json() for doubt in doubts],
        }
        for path, doubts in found.items()
    ]
    return json.dumps({"traces": verdicts}, indent=2)


def _told(path: Location, doubts: tuple[Doubt, ...]) -> str:
    verdict, color = _VERDICTS[trust.verdict(doubts)]
    lines = [f"{one_line(str(path))}: {click.style(verdict, fg=color, bold=True)}"]
    for doubt in doubts:
        lines.append(f"  {doubt.gravity.name.lower():<8}  {one_line(doubt.found)}")
        lines.append(f"            -> {doubt.advice}")
    return "\n".join(lines)

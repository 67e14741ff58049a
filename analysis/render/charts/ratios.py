"""Ratios on both sides of 1: what is gained to the right, what is lost to the left."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from analysis.document import Unit
from analysis.render.charts.palette import LESS, NEUTRAL
from analysis.render.charts.svg import LINE, element, frame, label, painted, percent
from analysis.units import text

if TYPE_CHECKING:
    from collections.abc import Sequence

_BAR = 11
_STEP = _BAR + 5
_LEAST = math.log(1.25)
"""The chart spans at least so much on either side, or noise would fill it."""


class Ratios(NamedTuple):
    """A labelled row of ratios; None where there is none."""

    label: str
    values: Sequence[float | None]
    note: str = ""


def ratio_bars(names: Sequence[str], rows: Sequence[Ratios], *, title: str) -> str:
    """Draw each ratio as a bar from 1, equal ratios equally long, with its name and figure.

    Args:
        names: of the ratios, in the order of each row's values.
        rows: what to draw.
        title: what the chart shows.
    """
    known = [abs(math.log(value)) for row in rows for value in row.values if value]
    reach = max([*known, _LEAST])
    body: list[str] = []
    top = 0.0
    for row in rows:
        body.append(label(row.label, "0", top + 13, strong=True))
        body.append(label(row.note, "100%", top + 13, anchor="end", quiet=True))
        for place, (name, value) in enumerate(zip(names, row.values, strict=True)):
            if value:
                body += _bar(name, value, top + LINE + 2 + place * _STEP, reach, row.label)
        below = top + LINE + len(names) * _STEP
        body.append(
            element(
                "line",
                f'x1="50%" x2="50%" y1="{top + LINE:g}" y2="{below:g}" stroke="currentColor" '
                'stroke-opacity=".5"',
            )
        )
        top = below + 10
    spoken = "; ".join(
        f"{row.label}: "
        + ", ".join(
            f"{name} {text(value, Unit.FACTOR)}"
            for name, value in zip(names, row.values, strict=True)
            if value is not None
        )
        for row in rows
    )
    return frame(title, body, top, [NEUTRAL, LESS], spoken)


def _bar(name: str, value: float, top: float, reach: float, of: str) -> list[str]:
    share = math.log(value) / reach / 2
    left, width = 0.5 + min(share, 0.0), abs(share)
    tone = NEUTRAL if share >= 0 else LESS
    words = f"{name}: {text(value, Unit.FACTOR)}"
    geometry = f'x="{percent(left)}" y="{top:g}" width="{percent(width)}" height="{_BAR}"'
    # The words stand on the side that the bar leaves free.
    x, anchor = ("49%", "end") if share >= 0 else ("51%", "start")
    return [
        painted(tone, geometry, f"{of}, {words}"),
        label(f"{name} {text(value, Unit.FACTOR)}", x, top + 10, anchor=anchor, quiet=True),
    ]

"""A heat map: a value for each row and column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.document import Unit
from analysis.render.charts.palette import NEUTRAL
from analysis.render.charts.svg import LETTER, LINE, element, frame, label, percent, told
from analysis.units import ABSENT, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.render.charts.palette import Tone

_CELL = 26
_LEAST = 0.06
"""Opacity of the least value above none: it must differ from nothing."""
_MOST = 0.55
"""Opacity of the greatest value, on which its figure is still legible."""
_NAMES = 0.3
"""The most of the width that row names take."""
_WRITTEN = 0.09
"""The least share of the width that a cell with its figure in it takes."""


def matrix(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | None]],
    *,
    title: str,
    unit: Unit = Unit.SHARE,
    tone: Tone = NEUTRAL,
) -> str:
    """Draw a cell per value, the stronger the greater, with its figure in it where it fits.

    Args:
        rows: their names.
        columns: their names.
        values: one per row and column; None where there is none.
        title: what the chart shows.
        unit: of the values.
        tone: of the cells.
    """
    most = max((value for row in values for value in row if value), default=0.0)
    names = min(_NAMES, max((len(row) for row in rows), default=0) * LETTER / 340 + 0.03)
    width = (1 - names) / max(len(columns), 1)
    written = width >= _WRITTEN
    body = [
        label(name, percent(names + (place + 0.5) * width), 12, anchor="middle", quiet=True)
        for place, name in enumerate(columns)
        if written or place % -(-len(columns) // 8) == 0
    ]
    told_as = []
    for row, (name, of_row) in enumerate(zip(rows, values, strict=True)):
        top = LINE + row * _CELL
        place = f'width="{percent(names)}" height="{_CELL}" y="{top}"'
        body.append(element("svg", place, label(name, "0", 17, strong=True)))
        for column, value in enumerate(of_row):
            spoken = f"{name}, {columns[column]}: {text(value, unit)}"
            told_as += [spoken] if value is not None else []
            strength = 0.0 if not value or not most else _LEAST + (_MOST - _LEAST) * value / most
            parts = [_box(spoken, tone, strength)]
            if written and value != 0:
                shown = ABSENT if value is None else text(value, unit)
                parts.append(label(shown, "50%", 17, anchor="middle"))
            left = percent(names + column * width)
            place = f'x="{left}" y="{top}" width="{percent(width)}" height="{_CELL}"'
            body.append(element("svg", place, *parts))
    return frame(title, body, LINE + len(rows) * _CELL + 2, (), "; ".join(told_as))


def _box(spoken: str, tone: Tone, strength: float) -> str:
    return element(
        "rect",
        f'x="1%" y="1" width="98%" height="{_CELL - 2}" rx="3" class="mark" '
        f'fill="{tone.fill}" fill-opacity="{strength:.3f}" stroke="currentColor" '
        'stroke-opacity=".08"',
        told(spoken),
    )

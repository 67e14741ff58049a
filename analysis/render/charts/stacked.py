"""Rows of parts that add up: what each mode's or rank's time consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analysis.document import Unit
from analysis.render.charts.palette import TONES
from analysis.render.charts.svg import LINE, element, frame, label, legend, painted, percent
from analysis.units import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.render.charts.palette import Tone

_BAR = 20
_ROW = LINE + _BAR + 10
_WRITTEN = 0.15
"""The least share of the width that can hold its own figure."""


class Part(NamedTuple):
    """A part of a row; `words` says more of it than its tone where that is needed."""

    tone: Tone
    value: float
    words: str = ""


class Row(NamedTuple):
    """A labelled row; `note` stands at its right."""

    label: str
    parts: Sequence[Part]
    note: str = ""


def stacked_bars(
    rows: Sequence[Row],
    *,
    title: str,
    unit: Unit = Unit.TIME,
    shares: bool = True,
    key: bool = True,
) -> str:
    """Draw a bar per row, cut into parts.

    Args:
        rows: what to draw; parts of no value are left out.
        title: what the chart shows.
        unit: of the values.
        shares: draw every row as wide as the place, so that parts are shares of it;
            else the longest row alone is.
        key: say below what the tones mean; of several charts one key may do.
    """
    totals = [sum(part.value for part in row.parts) for row in rows]
    widest = max(totals, default=0.0)
    body: list[str] = []
    used: dict[Tone, None] = {}
    for place, (row, total) in enumerate(zip(rows, totals, strict=True)):
        top = place * _ROW
        body.append(label(row.label, "0", top + 13, strong=True))
        note = row.note or text(total, unit)
        body.append(label(note, "100%", top + 13, anchor="end", quiet=True))
        left, whole = 0.0, total if shares else widest
        for part in row.parts:
            if part.value <= 0 or not whole:
                continue
            used.setdefault(part.tone)
            width, shown = part.value / whole, text(part.value / total, Unit.SHARE)
            spoken = f"{part.words or part.tone.words}: {text(part.value, unit)}, {shown}"
            geometry = (
                f'x="{percent(left)}" y="{top + LINE}" width="{percent(width)}" height="{_BAR}"'
            )
            body.append(painted(part.tone, geometry, spoken))
            if width >= _WRITTEN:
                body.append(_figure(shown, f'x="{percent(left)}" y="{top + LINE}"'))
            left += width
    below = len(rows) * _ROW
    ordered = _in_order(used)
    explained, height = legend([(tone, tone.words) for tone in ordered if key], below + 2)
    return frame(title, [*body, explained], below + height + 6, ordered, _in_words(rows, unit))


def _figure(shown: str, place: str) -> str:
    """Write a figure on a plate, which keeps it legible on every tone and texture."""
    plate = element(
        "rect",
        f'x="5" y="3" width="{len(shown) * 6.8 + 8:g}" height="14" rx="7" '
        'fill="var(--plate, #ffffffe0)"',
    )
    figure = element("text", 'x="9" y="14" font-size="11" fill="var(--plate-ink, #14181d)"', shown)
    return element("svg", f'{place} height="{_BAR}" pointer-events="none"', plate, figure)


def _in_order(used: dict[Tone, None]) -> list[Tone]:
    places = {tone: place for place, tone in enumerate(TONES.values())}
    return sorted(used, key=lambda tone: places.get(tone, len(places)))


def _in_words(rows: Sequence[Row], unit: Unit) -> str:
    return "; ".join(
        f"{row.label}: "
        + ", ".join(
            f"{part.words or part.tone.words} {text(part.value, unit)}"
            for part in row.parts
            if part.value > 0
        )
        for row in rows
    )

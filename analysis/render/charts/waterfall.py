"""What a product is made of: each factor carries on where the one before ended."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

from analysis.document import Estimate, Unit
from analysis.render.charts.palette import SERIES
from analysis.render.charts.scale import Scale
from analysis.render.charts.svg import FAINT, LINE, element, frame, label, legend, painted, percent
from analysis.units import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.render.charts.palette import Tone

_BAR = 14
_ROW = LINE + _BAR + 8
_LEAST_WIDTH = 0.004
_MARGIN = 0.02
_ROUND = (1.0, 2.0, 5.0)


class Fall(NamedTuple):
    """One row: a total, drawn from 1, or a factor, drawn on from what is left.

    Attributes:
        label: what it is.
        value: above 0, with its interval if it has one; None where it is not known.
        total: whether what is left begins anew at this value.
        tone: of the bar.
        note: what else is said of it.
    """

    label: str
    value: float | Estimate | None
    total: bool = False
    tone: Tone = SERIES[0]
    note: str = ""


def waterfall(rows: Sequence[Fall], *, title: str, key: Sequence[tuple[Tone, str]] = ()) -> str:
    """Draw how factors divide a total down to 1, on a logarithmic axis.

    Args:
        rows: totals and factors, in order; a factor spans from what is left before it to
            what is left once it is taken out.
        title: what the chart shows.
        key: what each tone stands for.
    """
    spans = _spans(rows)
    reach = [1.0, *(each for span in spans if span for each in span)]
    reach += [
        bound
        for row in rows
        if row.total and isinstance(row.value, Estimate)
        for bound in row.value[1:]
    ]
    scale = Scale(min(reach), max(*reach, min(reach) * 1.5), log=True, margin=_MARGIN)
    height = len(rows) * _ROW
    body = _grid(scale, height)
    for place, (row, span) in enumerate(zip(rows, spans, strict=True)):
        body += _row(row, span, place * _ROW, scale)
    spoken = "; ".join(f"{row.label}: {text(row.value, Unit.FACTOR)} {row.note}" for row in rows)
    entries, tall = legend(key, height + LINE + 8) if key else ("", 0)
    tones = [*(row.tone for row in rows), *(tone for tone, _ in key)]
    return frame(title, [*body, entries], height + LINE + 8 + tall, tones, spoken)


def _spans(rows: Sequence[Fall]) -> list[tuple[float, float] | None]:
    """Return from where to where each bar goes."""
    left = 1.0
    spans: list[tuple[float, float] | None] = []
    for row in rows:
        if row.value is None:
            spans.append(None)
            continue
        value = row.value.value if isinstance(row.value, Estimate) else row.value
        before = 1.0 if row.total else left
        left = value if row.total else left / value
        spans.append((before, left))
    return spans


def _row(row: Fall, span: tuple[float, float] | None, top: float, scale: Scale) -> list[str]:
    shown = text(row.value, Unit.FACTOR) + (f"  {row.note}" if row.note else "")
    parts = [
        label(row.label, "0", top + 13, strong=row.total),
        label(shown, "100%", top + 13, anchor="end", quiet=True),
    ]
    if span is None or row.value is None:
        return parts
    y = top + LINE
    low, high = sorted(map(scale.share, span))
    # What changes nothing is seen as a line.
    wide = max(high - low, _LEAST_WIDTH)
    geometry = f'x="{percent(low)}" y="{y}" width="{percent(wide)}" height="{_BAR}" rx="2"'
    parts.append(painted(row.tone, geometry, f"{row.label}: {shown}"))
    if row.total and isinstance(row.value, Estimate):
        ends = (scale.share(row.value.low), scale.share(row.value.high))
        parts.append(_whisker(*ends, y + _BAR / 2))
    return parts


def _whisker(low: float, high: float, y: float) -> str:
    geometry = f'x1="{percent(low)}" x2="{percent(high)}" y1="{y:g}" y2="{y:g}"'
    return element(
        "line", f'{geometry} stroke="currentColor" stroke-width="1.5" pointer-events="none"'
    )


def _grid(scale: Scale, height: float) -> list[str]:
    parts = []
    for value in _ticks(scale):
        share = scale.share(value)
        x = percent(share)
        anchor = "start" if share < 0.06 else "end" if share > 0.94 else "middle"
        opacity = ".6" if value == 1 else FAINT
        line = f'x1="{x}" x2="{x}" y1="{LINE}" y2="{height:g}" stroke="currentColor"'
        parts.append(element("line", f'{line} stroke-opacity="{opacity}"'))
        parts.append(label(text(value, Unit.FACTOR), x, height + 13, anchor=anchor, quiet=True))
    return parts


def _ticks(scale: Scale) -> list[float]:
    powers = range(math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high)) + 1)
    every = [each * 10.0**power for power, each in itertools.product(powers, _ROUND)]
    inside = [each for each in every if scale.low <= each <= scale.high]
    return (
        inside if len(inside) <= 8 else [each for each in inside if math.log10(each).is_integer()]
    )

"""One bar per row, with the interval of its value, against a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analysis.document import Estimate, Unit
from analysis.render.charts.palette import NEUTRAL
from analysis.render.charts.scale import Scale, spanning
from analysis.render.charts.svg import LINE, element, frame, label, painted, percent
from analysis.units import text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analysis.render.charts.palette import Tone

_BAR = 12
_ROW = LINE + _BAR + 8
_END = 0.01


class Bar(NamedTuple):
    """A labelled value, with its interval if it has one."""

    label: str
    value: float | Estimate
    tone: Tone = NEUTRAL
    note: str = ""


def bars(
    rows: Sequence[Bar], *, title: str, unit: Unit = Unit.TIME, reference: float | None = None
) -> str:
    """Draw a bar from 0 to each value.

    Args:
        rows: what to draw.
        title: what the chart shows.
        unit: of the values.
        reference: where each row is marked, such as the baseline's value.
    """
    reach = [max(row.value) if isinstance(row.value, Estimate) else row.value for row in rows]
    scale = spanning([*map(float, reach), *([reference] if reference is not None else [])])
    # The end of the longest whisker stays inside.
    scale = Scale(scale.low, scale.high + (scale.high - scale.low) * _END)
    body = []
    for place, row in enumerate(rows):
        body += _row(row, place * _ROW, scale.share, unit)
        if reference is not None:
            body.append(_across(percent(scale.share(reference)), place * _ROW + LINE))
    spoken = "; ".join(f"{row.label}: {text(row.value, unit)} {row.note}" for row in rows)
    return frame(title, body, len(rows) * _ROW + 2, [row.tone for row in rows], spoken)


def _row(row: Bar, top: float, share: Callable[[float], float], unit: Unit) -> list[str]:
    value = row.value.value if isinstance(row.value, Estimate) else row.value
    shown = text(row.value, unit) + (f"  {row.note}" if row.note else "")
    low, high = sorted((share(0.0), share(value)))
    y = top + LINE
    geometry = f'x="{percent(low)}" y="{y}" width="{percent(high - low)}" height="{_BAR}" rx="2"'
    parts = [
        label(row.label, "0", top + 13, strong=True),
        label(shown, "100%", top + 13, anchor="end", quiet=True),
        painted(row.tone, geometry, f"{row.label}: {shown}"),
    ]
    if isinstance(row.value, Estimate):
        parts += _whisker(share(row.value.low), share(row.value.high), y + _BAR / 2)
    return parts


def _across(x: str, top: float) -> str:
    geometry = f'x1="{x}" x2="{x}" y1="{top:g}" y2="{top + _BAR + 3:g}"'
    stroke = 'stroke="currentColor" stroke-dasharray="3 2" stroke-opacity=".7"'
    return element("line", f'{geometry} {stroke} pointer-events="none"')


def _whisker(low: float, high: float, y: float) -> list[str]:
    stroke = 'stroke="currentColor" stroke-width="1.5" pointer-events="none"'
    ends = [
        f'x1="{percent(x)}" x2="{percent(x)}" y1="{y - 5:g}" y2="{y + 5:g}"' for x in (low, high)
    ]
    across = f'x1="{percent(low)}" x2="{percent(high)}" y1="{y:g}" y2="{y:g}"'
    return [element("line", f"{each} {stroke}") for each in (across, *ends)]

"""How many there are of each size."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analysis.document import Unit
from analysis.render.charts.palette import NEUTRAL
from analysis.render.charts.scale import spanning
from analysis.render.charts.svg import FAINT, element, frame, label, painted, percent
from analysis.units import text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analysis.render.charts.palette import Tone

_TOP, _PLOT = 16, 110


class Bin(NamedTuple):
    """How many values lie in [low, high); `note` says more when pointed at."""

    low: float
    high: float
    number: int
    note: str = ""


def histogram(
    bins: Sequence[Bin],
    *,
    title: str,
    unit: Unit = Unit.TIME,
    log: bool = False,
    tone: Tone = NEUTRAL,
) -> str:
    """Draw a column per bin; its area means nothing, its height is the number.

    Args:
        bins: ascending; of logarithmic ones every `low` is above 0.
        title: what the chart shows.
        unit: of the bins' edges.
        log: whether equal ratios are equally wide.
        tone: of the columns.
    """
    across = spanning([edge for each in bins for edge in each[:2]], log=log, zero=False)
    up = spanning([float(each.number) for each in bins])
    body = _grid(up.ticks(3), up.share)
    for each in bins:
        left, right = across.share(each.low), across.share(each.high)
        height = up.share(each.number) * _PLOT
        if not each.number:
            continue
        between = f"{text(each.low, unit)} to {text(each.high, unit)}"
        words = f"{between}: {text(each.number, Unit.COUNT)}" + (f", {each.note}" * bool(each.note))
        # One is seen beside thousands.
        tall = max(height, 2.0)
        geometry = (
            f'x="{percent(left)}" y="{_TOP + _PLOT - tall:.1f}" '
            f'width="{percent((right - left) * 0.94)}" height="{tall:.1f}"'
        )
        body.append(painted(tone, geometry, words))
    for value in across.ticks(5):
        share = across.share(value)
        anchor = "start" if share < 0.06 else "end" if share > 0.94 else "middle"
        body.append(label(text(value, unit), percent(share), _TOP + _PLOT + 16, anchor=anchor))
    spoken = "; ".join(
        f"{text(each.low, unit)} to {text(each.high, unit)}: {each.number}"
        for each in bins
        if each.number
    )
    return frame(title, body, _TOP + _PLOT + 22, [tone], spoken)


def _grid(ticks: Sequence[float], share: Callable[[float], float]) -> list[str]:
    parts = []
    for value in ticks:
        y = _TOP + _PLOT * (1 - share(value))
        line = f'x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor"'
        parts.append(element("line", f'{line} stroke-opacity="{FAINT}"'))
        if value:
            whole = value == int(value)
            shown = text(int(value) if whole else value, Unit.COUNT if whole else Unit.NUMBER)
            parts.append(label(shown, "100%", y - 3, anchor="end", quiet=True))
    return parts

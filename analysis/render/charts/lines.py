"""Values over something, with their intervals: one line per series."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analysis.document import Estimate, Unit
from analysis.render.charts.palette import SERIES
from analysis.render.charts.scale import Scale, spanning
from analysis.render.charts.svg import FAINT, LINE, clean, element, frame, label, percent, told
from analysis.units import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.render.charts.palette import Tone

_TOP, _PLOT = 20, 200
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "", "7 3", "2 3", "9 3 2 3")
_SHAPES = (
    '<circle r="3.6"/>',
    '<path d="M-3.4 -3.4H3.4V3.4H-3.4Z"/>',
    '<path d="M0 -4.4L4.2 3.2H-4.2Z"/>',
    '<path d="M0 -4.6L4.6 0L0 4.6L-4.6 0Z"/>',
    '<path d="M0 4.4L4.2 -3.2H-4.2Z"/>',
    '<path d="M-3.6 -3.6L3.6 3.6M-3.6 3.6L3.6 -3.6" stroke-width="2"/>',
    '<path d="M-4.4 0H4.4M0 -4.4V4.4" stroke-width="2"/>',
    '<path d="M-3.4 -2H3.4V2H-3.4Z"/>',
)
_MARGIN = 0.1
"""Share of the width left free at both ends: on the left stand the values of the grid."""
_MARKED = 60
"""Beyond so many points a line has no markers."""


class Point(NamedTuple):
    """A value at x, with its interval where it has one."""

    x: float
    value: float
    low: float | None = None
    high: float | None = None


class Series(NamedTuple):
    """A named line through ascending points."""

    name: str
    points: Sequence[Point]


class _Axes(NamedTuple):
    across: Scale
    up: Scale
    x_unit: Unit
    y_unit: Unit

    def x(self, value: float) -> float:
        return self.across.share(value)

    def y(self, value: float) -> float:
        return round(_TOP + _PLOT * (1 - self.up.share(value)), 2)

    def told_x(self, value: float) -> str:
        return text(int(value) if value == int(value) else value, self.x_unit)


def lines(
    series: Sequence[Series],
    *,
    title: str,
    x_title: str,
    y_title: str,
    x_unit: Unit = Unit.COUNT,
    y_unit: Unit = Unit.FACTOR,
    log_x: bool = False,
    reference: float | None = None,
    zero: bool = True,
) -> str:
    """Draw a line per series, with a band from low to high behind it.

    Args:
        series: at most eight are told apart; further ones begin the looks anew.
        title: what the chart shows.
        x_title: what stands along the chart.
        y_title: what stands up it.
        x_unit: of x.
        y_unit: of the values.
        log_x: whether equal ratios of x are equally far apart; x is above 0 then.
        reference: a value at which a line is drawn across, such as that of no gain.
        zero: whether the chart begins at 0.
    """
    points = [point for each in series for point in each.points]
    across = spanning([point.x for point in points], log=log_x, zero=False)
    across = Scale(across.low, across.high, across.log, _MARGIN)
    reach = [
        value
        for point in points
        for value in (point.value, point.low, point.high)
        if value is not None
    ]
    up = spanning([*reach, *([reference] if reference is not None else [])], zero=zero)
    axes = _Axes(across, up, x_unit, y_unit)
    body = [label(y_title, "0", 12, quiet=True), *_grid(axes)]
    if reference is not None:
        y = axes.y(reference)
        dashed = 'stroke="currentColor" stroke-dasharray="4 4" stroke-opacity=".6"'
        body.append(element("line", f'x1="0" x2="100%" y1="{y:g}" y2="{y:g}" {dashed}'))
    for place, each in enumerate(series):
        body += _line(each, place % len(SERIES), axes)
        body += _markers(each, place % len(SERIES), axes)
    below = _TOP + _PLOT + 18
    body.append(label(x_title, "50%", below + 14, anchor="middle", quiet=True))
    key, height = _key(series, below + 22)
    spoken = "; ".join(
        f"{each.name}: "
        + ", ".join(f"{axes.told_x(point.x)} {text(point.value, y_unit)}" for point in each.points)
        for each in series
        if len(each.points) <= _MARKED
    )
    return frame(title, [*body, key], below + 22 + height + 4, (), spoken)


def _grid(axes: _Axes) -> list[str]:
    parts = []
    for value in axes.up.ticks(5):
        y = axes.y(value)
        line = f'x1="0" x2="100%" y1="{y:g}" y2="{y:g}" stroke="currentColor"'
        parts.append(element("line", f'{line} stroke-opacity="{FAINT}"'))
        parts.append(label(text(value, axes.y_unit), "0", y - 3, quiet=True))
    for value in axes.across.ticks(6):
        share = axes.x(value)
        anchor = "start" if share < 0.06 else "end" if share > 0.94 else "middle"
        place = (percent(share), _TOP + _PLOT + 15)
        parts.append(label(axes.told_x(value), *place, anchor=anchor, quiet=True))
    return parts


def _line(each: Series, place: int, axes: _Axes) -> list[str]:
    """Draw line and band into a box that is stretched to the width of the place."""
    tone = SERIES[place]
    places = [(1000 * axes.x(point.x), point) for point in each.points]
    known = [
        (x, point.low, point.high)
        for x, point in places
        if point.low is not None and point.high is not None
    ]
    parts = []
    if len(known) > 1:
        upper = [f"{x:.1f},{axes.y(high):g}" for x, _, high in known]
        lower = [f"{x:.1f},{axes.y(low):g}" for x, low, _ in reversed(known)]
        points = " ".join([*upper, *lower])
        parts.append(element("polygon", f'points="{points}" fill="{tone.fill}" fill-opacity=".16"'))
    if len(places) > 1:
        points = " ".join(f"{x:.1f},{axes.y(point.value):g}" for x, point in places)
        dash = f' stroke-dasharray="{_DASHES[place]}"' if _DASHES[place] else ""
        parts.append(
            element(
                "polyline",
                f'points="{points}" class="mark" fill="none" stroke="{tone.fill}" '
                f'stroke-width="2" vector-effect="non-scaling-stroke"{dash}',
                told(each.name),
            )
        )
    height = _TOP + _PLOT
    box = f'width="100%" height="{height}" viewBox="0 0 1000 {height}" preserveAspectRatio="none"'
    return [element("svg", box, *parts)] if parts else []


def _markers(each: Series, place: int, axes: _Axes) -> list[str]:
    if len(each.points) > _MARKED:
        return []
    tone = SERIES[place]
    parts = []
    for point in each.points:
        interval = point.low is not None and point.high is not None
        value = (
            Estimate(point.value, point.low or 0.0, point.high or 0.0) if interval else point.value
        )
        words = f"{each.name}, {axes.told_x(point.x)}: {text(value, axes.y_unit)}"
        x, y = percent(axes.x(point.x)), axes.y(point.value)
        mark = element("g", f'class="mark" {_ink(tone)}', told(words), _SHAPES[place])
        parts.append(element("svg", f'x="{x}" y="{y:g}" overflow="visible"', mark))
    return parts


def _key(series: Sequence[Series], top: float) -> tuple[str, float]:
    parts = []
    for place, each in enumerate(series):
        tone, look = SERIES[place % len(SERIES)], place % len(_SHAPES)
        y = top + place // 2 * LINE
        dash = f' stroke-dasharray="{_DASHES[look]}"' if _DASHES[look] else ""
        stroke = f'stroke="{tone.fill}" stroke-width="2"{dash}'
        drawn = [
            element("line", f'x1="0" x2="26" y1="{y + 9:g}" y2="{y + 9:g}" {stroke}'),
            element("g", f'transform="translate(13 {y + 9:g})" {_ink(tone)}', _SHAPES[look]),
            element("text", f'x="32" y="{y + 13:g}"', clean(each.name)),
        ]
        parts.append(element("svg", f'x="{percent(place % 2 / 2)}" width="100%"', *drawn))
    return "".join(parts), LINE * -(-len(series) // 2)


def _ink(tone: Tone) -> str:
    return f'fill="{tone.fill}" stroke="{tone.fill}"'

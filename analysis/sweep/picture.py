"""A sweep as a picture: speed-up and its three factors over the length of operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analysis.document import Unit
from analysis.render.charts import Point as Mark
from analysis.render.charts import Series, lines
from analysis.render.charts.svg import element, label
from analysis.sweep.verdicts import modes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.report import ModeFigures
    from analysis.sweep.model import Sweep

_WIDTH, _MARGIN = 960, 28
_TITLE = 26
_CHART = 330
_HEADING = 44
_X_TITLE = "operator length (half of the time is spent in operators at least so long)"


class _Panel(NamedTuple):
    """What one chart shows: a figure of `ModeFigures`, and what it is called."""

    attribute: str
    title: str


_PANELS = (
    _Panel("speed_up", "Speed-up over sequential, untraced, with its 95% interval"),
    _Panel("less_work", "Factor 1, less work: below 1 the same operators took longer"),
    _Panel("more_overlap", "Factor 2, more overlap: lanes running at once"),
    _Panel("less_idle", "Factor 3, less idle: share of the step with anything running"),
)


def draw(sweep: Sweep) -> str:
    """Return four charts, one above the other, as one SVG picture."""
    inside = _WIDTH - 2 * _MARGIN
    parts = [
        element("rect", 'width="100%" height="100%" fill="#fff"'),
        label("From where on does running together pay?", f"{_MARGIN}", 32, strong=True),
    ]
    for place, panel in enumerate(_PANELS):
        top = _HEADING + place * (_CHART + _TITLE)
        parts.append(label(panel.title, f"{_MARGIN}", top + 18, strong=True))
        box = f'x="{_MARGIN}" y="{top + _TITLE}" width="{inside}" height="{_CHART}"'
        parts.append(element("svg", box, _chart(sweep, panel)))
    height = _HEADING + len(_PANELS) * (_CHART + _TITLE)
    attributes = (
        f'xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" color="#20242a" fill="currentColor" '
        'font-family="system-ui, sans-serif" font-size="14"'
    )
    return element("svg", attributes, *parts) + "\n"


def _chart(sweep: Sweep, panel: _Panel) -> str:
    return lines(
        list(_series(sweep, panel.attribute)),
        title=panel.title,
        x_title=_X_TITLE,
        y_title="",
        x_unit=Unit.TIME,
        y_unit=Unit.FACTOR,
        log_x=True,
        reference=1.0,
    )


def _series(sweep: Sweep, attribute: str) -> Iterator[Series]:
    for mode in modes(sweep.points):
        for group in dict.fromkeys(point.group for point in sweep.points):
            marks = [
                mark
                for point in sweep.points
                if point.group == group
                and (figures := point.mode(mode)) is not None
                and (mark := _mark(point.operators.half_time_ns, figures, attribute)) is not None
            ]
            if marks:
                yield Series(f"{mode}, {group}" if group else mode, marks)


def _mark(ns: float, figures: ModeFigures, attribute: str) -> Mark | None:
    value = getattr(figures, attribute)
    if value is None:
        return None
    if isinstance(value, tuple):
        return Mark(ns, *value)
    return Mark(ns, value)

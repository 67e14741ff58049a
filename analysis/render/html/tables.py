"""Tables that can be sorted, searched and copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.document import Estimate, Unit
from analysis.render.charts.palette import STATE_TONES, tone_of
from analysis.render.html.markup import element, words
from analysis.render.markup import is_numeric
from analysis.units import text

if TYPE_CHECKING:
    from analysis.document import Cell, Column, Table
    from analysis.page import Place, Sheet

_MOST_ROWS = 500
"""A table has no more rows on a page; report.json has them all."""
_SEARCHED = 8
"""From so many rows on, a table has a search field."""


def table(content: Table, *, timeline: str = "", places: tuple[Place, ...] = ()) -> str:
    """Return a table with its caption."""
    heads = "".join(_head(column) for column in content.columns)
    rows = "".join(
        _row(values, content.columns, places[number] if number < len(places) else None, timeline)
        for number, values in enumerate(content.rows[:_MOST_ROWS])
    )
    left_out = len(content.rows) - _MOST_ROWS
    caption = content.caption + (
        f" {left_out:,} more rows are in the JSON beside this page." * (left_out > 0)
    )
    caption = element("caption", "", element("span", "", words(caption))) if caption else ""
    inside = element("thead", "", element("tr", "", heads)) + element("tbody", "", rows)
    return element("table", "", caption, inside)


def scrolled(drawn: str, name: str) -> str:
    """Return a table in a region of its own, which scrolls where the place is narrow."""
    return element(
        "div", f'class="scroll" tabindex="0" role="region" aria-label="{words(name)}"', drawn
    )


def sheet(content: Sheet, identity: str, timeline: str) -> str:
    """Return a table with its tools; rows with a place lead to it on the timeline."""
    tools = ""
    name = words(content.name)
    if len(content.table.rows) >= _SEARCHED:
        tools += (
            f'<label><span class="hidden">Search {name}</span>'
            f'<input type="search" placeholder="Search" autocomplete="off" '
            f'aria-controls="{identity}"></label>'
        )
    tools += (
        f'<button type="button" class="csv">Copy as CSV<span class="hidden"> {name}</span></button>'
    )
    drawn = table(content.table, timeline=timeline, places=content.places)
    return element(
        "div",
        f'class="sheet" id="{identity}"',
        element("div", 'class="tools"', tools, '<span class="said" role="status"></span>'),
        scrolled(drawn, content.name),
    )


def _head(column: Column) -> str:
    numeric = ' class="n"' if is_numeric(column) else ""
    return f'<th scope="col"{numeric}>{words(column.title)}</th>'


def _row(
    values: tuple[Cell, ...], columns: tuple[Column, ...], place: Place | None, timeline: str
) -> str:
    cells = [
        _cell(value, column, place if number == 0 and timeline else None, timeline)
        for number, (value, column) in enumerate(zip(values, columns, strict=True))
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _cell(value: Cell, column: Column, place: Place | None, timeline: str) -> str:
    shown = words(text(value, column.unit))
    state = column.unit is Unit.CODE and isinstance(value, str) and value in STATE_TONES
    if state:
        shown = f'<i class="swatch t-{tone_of(str(value)).key}"></i>{shown}'
    if place is not None:
        shown = (
            f'<button type="button" class="go" data-to="{timeline}" data-start="{place.start_ns}" '
            f'data-length="{place.length_ns}" title="Show on the timeline">{shown}</button>'
        )
    kind = (
        "n" if is_numeric(column) else "c s" if state else "c" if column.unit is Unit.CODE else ""
    )
    attributes = f' class="{kind}"' if kind else ""
    raw = value.value if isinstance(value, Estimate) else value
    if isinstance(raw, (int, float)):
        attributes += f' data-v="{raw:.12g}"' if isinstance(raw, float) else f' data-v="{raw}"'
    return f"<td{attributes}>{shown}</td>"

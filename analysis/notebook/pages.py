"""What a notebook shows of a result: a picture, and its most telling tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis import headline
from analysis.columns import Role, Trace
from analysis.compose import device as compose_device
from analysis.compose import diff as compose_diff
from analysis.compose.report import compose
from analysis.diff import Diff
from analysis.document import Bullets, Column, Paragraph, Table, Unit
from analysis.errors import SelectionError
from analysis.notebook import tabular
from analysis.notebook.plots import plot
from analysis.render.html.blocks import block
from analysis.render.html.markup import element, words
from analysis.report import DeviceFigures, Report, TraceReport
from analysis.report_tables import columns
from analysis.units import text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analysis.document import Block, Cell, Section
    from analysis.report_tables import Row

_MOST_ROWS = 50
_NS = "_ns"


def html(result: Any) -> str:
    """Return a result as a notebook shows it; everything from a trace is text."""
    return element("div", "", *BLOCKS.get(type(result), _result)(result))


def _report(report: Report) -> list[str]:
    return [_drawn(report), *_sections(compose(report).summary)]


def _diff(diff: Diff) -> list[str]:
    return [_drawn(diff), *_sections(compose_diff.compose(diff).summary)]


def _trace_report(trace: TraceReport) -> list[str]:
    found: list[Block] = [Paragraph(f"{trace.label}: {headline.of_trace(trace)}")]
    notes = (*trace.losses, *trace.notes)
    if notes:
        found.append(Bullets(notes))
    found += [compose_device.breakdown(device) for device in trace.devices]
    return [_drawn(trace), *map(_block, found)]


def _device(device: DeviceFigures) -> list[str]:
    return [_drawn(device), *map(_block, compose_device.blocks(device))]


def _trace(trace: Trace) -> list[str]:
    """Say what a trace holds; nothing is measured for a glance."""
    events = trace.events
    rows: list[tuple[Cell, ...]] = [
        (role.name.lower(), int((events.role == role).sum())) for role in Role
    ]
    held = tuple(row for row in rows if row[1])
    figures: tuple[tuple[Cell, ...], ...] = (("events in all", len(events)), *held)
    begin, end = events.span
    rank = "" if trace.rank is None else f", rank {trace.rank}"
    caption = (
        f"{trace.path}{rank}: {text(end - begin, Unit.TIME)} from the first event to the last."
    )
    kinds = (Column("kind", Unit.TEXT), Column("number", Unit.COUNT))
    found: list[Block] = [Table(kinds, figures, caption)]
    notes = (*trace.losses, *trace.notes)
    if notes:
        found.append(Bullets(notes))
    return list(map(_block, found))


def _result(result: Any) -> list[str]:
    name = tabular.main(result)
    tables = tabular.of(result)
    kind = type(result).__name__
    shown = [_as_table(tables[name], f"{kind}: {name}")] if name else []
    others = [f"to_frame({each!r})" for each in tables if each != name]
    if others:
        shown.append(_block(Paragraph(f"Further tables: {', '.join(others)}.")))
    return [_drawn(result), *shown]


BLOCKS: dict[type, Callable[[Any], list[str]]] = {
    Report: _report,
    TraceReport: _trace_report,
    DeviceFigures: _device,
    Trace: _trace,
    Diff: _diff,
}
"""By class; of others the picture and the table that says most."""


def _drawn(result: Any) -> str:
    try:
        return plot(result)._repr_html_()
    except SelectionError:
        return ""


def _sections(sections: Sequence[Section]) -> list[str]:
    found = []
    for section in sections:
        found += [element("h4", "", words(section.title)), *map(_block, section.blocks)]
    return found


def _block(content: Block) -> str:
    return block(content, "", "")


def _as_table(rows: Sequence[Row], caption: str) -> str:
    """Return rows as a table; a single one is turned on its side."""
    names = columns(rows)
    if len(rows) == 1:
        cells = tuple((name, _cell(name, rows[0].get(name))) for name in names)
        return _block(Table((Column("figure", Unit.TEXT), Column("", Unit.TEXT)), cells, caption))
    shown = tuple(tuple(_cell(name, row.get(name)) for name in names) for row in rows[:_MOST_ROWS])
    if further := len(rows) - len(shown):
        caption += f", the first {len(shown):,}; to_frame() has {further:,} more"
    return _block(Table(tuple(Column(name, Unit.TEXT) for name in names), shown, caption))


def _cell(name: str, value: Cell | bool) -> Cell:
    """Write a value by what its column is called."""
    if value is None or isinstance(value, (str, bool)):
        return None if value is None else str(value)
    time = name.endswith(_NS) or name == _NS[1:]
    unit = Unit.TIME if time else Unit.COUNT if isinstance(value, int) else Unit.NUMBER
    return text(value, unit)

"""Every kind of block as markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.document import Bullets, Estimate, Paragraph, Table
from analysis.page import (
    Claims,
    Facts,
    Heat,
    Lengths,
    RatioBars,
    Sheet,
    StateBars,
    TimelineBlock,
    ValueBars,
)
from analysis.render.charts import (
    NEUTRAL,
    Bar,
    Bin,
    Part,
    Ratios,
    Row,
    bars,
    histogram,
    matrix,
    ratio_bars,
    stacked_bars,
    tone_of,
)
from analysis.render.html.markup import element, words
from analysis.render.html.tables import scrolled, sheet, table
from analysis.render.html.timeline import legend, timeline
from analysis.units import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.page import Claim, Fact, PageBlock, Panel


def panel(content: Panel, identity: str, level: int) -> str:
    """Return a titled group of blocks; ids in it begin with the given one."""
    head = element(f"h{level}", f'id="{identity}"', words(content.title)) if content.title else ""
    named = f' aria-labelledby="{identity}"' if content.title else ""
    timeline_of = identity.rpartition("-")[0]
    inside = "".join(
        block(each, f"{identity}-{place}", f"{timeline_of}-time")
        for place, each in enumerate(content.blocks)
    )
    size = " wide" * content.wide + " tall" * content.tall
    return element("section", f'class="panel{size}"{named}', head, inside)


def block(content: PageBlock, identity: str, timeline_of: str) -> str:  # noqa: C901, PLR0911 - one arm a kind
    """Return a block.

    Args:
        content: the block.
        identity: what its ids begin with.
        timeline_of: id of the timeline that its rows have a place on.
    """
    match content:
        case Paragraph(prose):
            return element("p", "", words(prose))
        case Bullets(items):
            return element("ul", "", *(element("li", "", words(item)) for item in items))
        case Table():
            return scrolled(table(content), content.caption or "table")
        case Sheet():
            return sheet(content, identity, timeline_of)
        case Facts(items):
            return element("dl", 'class="facts"', *map(_fact, items))
        case Claims(items):
            return element("ol", 'class="claims"', *map(_claim, items))
        case TimelineBlock():
            return timeline(content, timeline_of)
        case StateBars(title, rows, explained):
            drawn = [Row(row.label, _parts(row.times_ns), row.note) for row in rows]
            key = legend(state for row in rows for state, ns in row.times_ns.items() if ns)
            return _figure(stacked_bars(drawn, title=title, key=False), below=key * explained)
        case ValueBars(title, unit, rows, reference):
            values = [Bar(row.label, row.value, note=row.note) for row in rows]
            return _figure(bars(values, title=title, unit=unit, reference=reference), title)
        case RatioBars(title, names, rows):
            ratios = [Ratios(row.label, row.ratios, row.note) for row in rows]
            return _figure(ratio_bars(names, ratios, title=title), title)
        case Lengths(title, bins):
            columns = [Bin(*each) for each in bins]
            return _figure(histogram(columns, title=title, log=True), title)
        case Heat(title, rows, columns, values, unit, state):
            tone = tone_of(state) if state else NEUTRAL
            cells = matrix(rows, columns, values, title=title, unit=unit, tone=tone)
            return _figure(cells, title)


def _parts(times: Mapping[str, int]) -> list[Part]:
    return [Part(tone_of(state), ns, state) for state, ns in times.items() if ns]


def _figure(drawn: str, caption: str = "", below: str = "") -> str:
    said = element("figcaption", "", words(caption)) * bool(caption)
    return element("figure", "", said, drawn, below)


def _fact(fact: Fact) -> str:
    value = fact.value.value if isinstance(fact.value, Estimate) else fact.value
    note = element("span", "", words(fact.note)) if fact.note else ""
    shown = element("dd", "", words(text(value, fact.unit)), note)
    return element("div", "", element("dt", "", words(fact.label)), shown)


def _claim(claim: Claim) -> str:
    return element(
        "li",
        "",
        element("p", 'class="claim"', words(claim.claim)),
        element("ul", "", *(element("li", "", words(place)) for place in claim.places)),
        element("p", "", "<b>Why</b> ", words(claim.cause), "."),
        element("p", "", "<b>Try</b> ", words(claim.advice), "."),
    )

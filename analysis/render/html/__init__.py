"""report.html: one file, without a network, for any browser, paper and screen readers.

Everything from a trace is text. A Content-Security-Policy allows the page's own style
and script, by their hashes, and nothing else: whatever might get into the page, it
would neither run nor be loaded.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from analysis.page import Chapter, Page, Panel
from analysis.render.charts import stacked_bars, tone_of
from analysis.render.charts.palette import TONES, css
from analysis.render.charts.stacked import Part, Row
from analysis.render.html.blocks import panel
from analysis.render.html.markup import element, words

if TYPE_CHECKING:
    from analysis.document import Document
    from analysis.page import Subject

MOST_BYTES = 5_000_000
"""A page is never larger."""

_ROOM = 4_900_000
"""What the parts of a page may take, in bytes; the rest is for what is said of those left out."""
_UNREAD = 50
_STRIPES = "repeating-linear-gradient({},var(--texture) 0 1px,#0000 1px 4px) "
_TEXTURES = {
    "solid": "",
    "rising": _STRIPES.format("135deg"),
    "falling": _STRIPES.format("45deg"),
    "crossed": f"{_STRIPES.format('45deg')},{_STRIPES.format('135deg')}",
    "dotted": "radial-gradient(var(--texture) 1px,#0000 1.2px) 0 0/4px 4px ",
    "lined": _STRIPES.format("0deg"),
}
"""The textures of the charts as backgrounds, each followed by a colour."""
_DASH = "\N{EN DASH}"


def render(document: Document) -> str:
    """Return the report as a page."""
    return _page(document.page or _without_pictures(document))


def _without_pictures(document: Document) -> Page:
    sections = (*document.summary, *document.details)
    chapters = tuple(
        Chapter(each.title, "", (Panel("", each.blocks, wide=True),)) for each in sections
    )
    return Page(document.summary[0].title if document.summary else "", chapters, (), ())


def _page(page: Page) -> str:
    chapters = [_chapter(each, f"c{place}") for place, each in enumerate(page.chapters)]
    unread = _unread(page)
    room = _ROOM - len(_assembled(page.finding, "", "").encode()) - len(unread.encode())
    parts, room = _fitting(chapters, room)
    subjects = []
    for place, each in enumerate(page.subjects):
        drawn = _subject(each, f"s{place}", page.finding, opened=place == 0)
        room -= len(drawn.encode())
        if room < 0:
            break
        subjects.append(drawn)
    left_out = len(page.subjects) - len(subjects)
    if subjects:
        title = "In detail" if len(page.subjects) > 1 else "The trace"
        heading = element("h2", 'id="detail"', title)
        parts.append(
            element("section", 'class="subjects" aria-labelledby="detail"', heading, *subjects)
        )
    if left_out:
        parts.append(_left_out(left_out, len(page.subjects)))
    links = [("#detail", "In detail")] if subjects else []
    links = [(f"#c{place}", each.title) for place, each in enumerate(page.chapters)] + links
    return _assembled(page.finding, "".join([*parts, unread]), _links(links))


def _fitting(drawn: list[str], room: int) -> tuple[list[str], int]:
    """Return the first parts that fit, and the room that is left."""
    kept = []
    for each in drawn:
        size = len(each.encode())
        if size <= room:
            kept.append(each)
            room -= size
    return kept, room


def _left_out(number: int, of: int) -> str:
    said = (
        f"{number:,} of {of:,} devices are not shown in detail, since a page of all of them would "
        "open slowly. Report on fewer traces at once, or read report.json, which holds all."
    )
    return element("p", 'class="notice"', words(said))


def _unread(page: Page) -> str:
    if not page.unread:
        return ""
    items = [element("li", "", words(each)) for each in page.unread[:_UNREAD]]
    if further := len(page.unread) - len(items):
        items.append(element("li", "", f"and {further:,} more, in the JSON beside this page"))
    heading = element("h2", 'id="unread"', "Not read")
    listed = element("ul", "", *items)
    return element("section", 'class="chapter" aria-labelledby="unread"', heading, listed)


def _chapter(chapter: Chapter, identity: str) -> str:
    panels = "".join(
        panel(each, f"{identity}-{place}", 3) for place, each in enumerate(chapter.panels)
    )
    lead = element("p", 'class="quiet"', words(chapter.lead)) if chapter.lead else ""
    return element(
        "section",
        f'class="chapter" aria-labelledby="{identity}"',
        element("h2", f'id="{identity}"', words(chapter.title)),
        lead,
        element("div", 'class="panels"', panels),
    )


def _subject(subject: Subject, identity: str, said: str, *, opened: bool) -> str:
    parts = [Part(tone_of(state), ns, state) for state, ns in subject.times_ns.items() if ns]
    bar = stacked_bars([Row("", parts, " ")], title=f"{subject.label} by state", key=False)
    panels = "".join(
        panel(each, f"{identity}-{place}", 4) for place, each in enumerate(subject.panels)
    )
    head = element(
        "summary",
        "",
        element("h3", "", words(subject.label)),
        element("p", "", words(subject.finding)) if subject.finding != said else "",
        element("div", 'class="mini"', bar) if parts else "",
    )
    return element(
        "details",
        f'class="subject" id="{identity}"{" open" * opened}',
        head,
        element("div", 'class="panels"', panels),
    )


def _links(links: list[tuple[str, str]]) -> str:
    items = [element("li", "", element("a", f'href="{to}"', words(title))) for to, title in links]
    return element("ul", "", *items) if len(items) > 1 else ""


@cache
def _resources() -> tuple[str, str]:
    """Return the style sheet, with the palette's colours in it, and the script."""
    folder = files("analysis.render.html")
    style = folder.joinpath("page.css").read_text(encoding="utf-8")
    script = folder.joinpath("page.js").read_text(encoding="utf-8")
    swatches = "".join(
        f".t-{tone.key}{{background:{_TEXTURES[tone.texture]}{tone.fill}}}"
        for tone in TONES.values()
    )
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{css('dark')}}}}}"
    return f":root{{{css('light')}}}{dark}{style}{swatches}", script


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _assembled(finding: str, main: str, links: str) -> str:
    style, script = _resources()
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return "".join(
        (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<meta name="referrer" content="no-referrer">',
            element("title", "", f"torch-overlap {_DASH} {words(finding)}"),
            element("style", "", style),
            "</head><body>",
            '<a class="skip" href="#main">Skip to the report</a>',
            element(
                "header",
                "",
                element("p", 'class="brand"', "torch-overlap"),
                element("nav", 'aria-label="Parts of the report"', links) if links else "",
            ),
            element(
                "main",
                'id="main"',
                element("h1", "", words(finding)),
                main,
            ),
            element(
                "footer",
                "",
                "<p>All figures are in the JSON beside this page; what they mean is in "
                "docs/measures.md of torch-overlap.</p>",
            ),
            element("script", "", script),
            "</body></html>\n",
        )
    )

"""What every chart is built of: elements, texts, textures and the frame around them.

Charts are as wide as their place: positions along it are per cent, so that letters
keep their size on a phone and on paper alike. There is no style attribute, script or
style sheet in them, which a strict Content-Security-Policy would refuse.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from analysis.render.xml import printable
from analysis.units import one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.render.charts.palette import Tone

LETTER = 6.6
"""Width of a letter, in pixels, on average."""

LINE = 18
"""Height of a line of text, in pixels."""

FAINT = ".16"
"""Opacity of rules and grids."""

_QUIET = ".72"
_FONT = "system-ui, -apple-system, 'Segoe UI', sans-serif"
_TOLD, _SPOKEN = 300, 2_000
"""The most letters of what is told of a mark, and of a chart."""
_WIDTH, _BORDER = 760, 24
"""Of a chart that stands alone, in pixels."""
_NARROW = 340
"""The width, in pixels, in which legends must fit."""

_TEXTURES = {
    "rising": '<path d="M-1 7L7 -1M5 7L7 5M-1 1L1 -1" stroke="{ink}" stroke-width="1.1"/>',
    "falling": '<path d="M-1 -1L7 7M5 -1L7 1M-1 5L1 7" stroke="{ink}" stroke-width="1.1"/>',
    "crossed": '<path d="M0 0L6 6M0 6L6 0" stroke="{ink}" stroke-width=".8"/>',
    "dotted": '<circle cx="3" cy="3" r="1.1" fill="{ink}"/>',
    "lined": '<path d="M0 3H6" stroke="{ink}" stroke-width="1"/>',
}
_INK = "var(--texture, #ffffff80)"


def clean(string: str) -> str:
    """Return text of one line that is safe inside an element, shortened if it is long."""
    return escape(printable(shortened(one_line(string))))


def element(name: str, attributes: str = "", *children: str) -> str:
    """Return an element; its children are markup already."""
    head = f"<{name} {attributes}".rstrip()
    return f"{head}>{''.join(children)}</{name}>" if children else f"{head}/>"


def label(
    string: str,
    x: str,
    y: float,
    *,
    anchor: str = "start",
    quiet: bool = False,
    strong: bool = False,
) -> str:
    """Return a text in the colour of the text around the chart."""
    attributes = f'x="{x}" y="{y:g}"'
    if anchor != "start":
        attributes += f' text-anchor="{anchor}"'
    if quiet:
        attributes += f' fill-opacity="{_QUIET}"'
    if strong:
        attributes += ' font-weight="600"'
    return element("text", attributes, clean(string))


def told(string: str) -> str:
    """Return what a pointer is told that rests on the element around it."""
    return element("title", "", escape(printable(_bounded(string, _TOLD))))


def percent(share: float) -> str:
    """Return a share of the width as a coordinate."""
    return f"{100 * share:.3f}".rstrip("0").rstrip(".") + "%"


def frame(
    title: str, body: Iterable[str], height: float, tones: Iterable[Tone], told_as: str = ""
) -> str:
    """Return a whole chart.

    Args:
        title: what it shows, for those who cannot see it.
        body: markup of its parts; textures are asked for by `painted`.
        height: in pixels.
        tones: all that are painted in it.
        told_as: its figures in words; a chart without them stands beside a table.
    """
    inside = "".join(body)
    key = hashlib.sha256(f"{title}{inside}".encode("utf-8", "replace")).hexdigest()[:8]
    patterns = "".join(_pattern(tone, key) for tone in dict.fromkeys(tones) if _textured(tone))
    spoken = _bounded(f"{shortened(one_line(title))}. {told_as}" if told_as else title, _SPOKEN)
    attributes = (
        f'xmlns="http://www.w3.org/2000/svg" class="chart" width="100%" height="{height:g}" '
        f'role="img" aria-label={quoteattr(printable(spoken))} font-family="{_FONT}" '
        'font-size="12" fill="currentColor"'
    )
    definitions = element("defs", "", patterns) if patterns else ""
    return element("svg", attributes, definitions, inside.replace("url(#~", f"url(#{key}-"))


def alone(chart: str, title: str) -> str:
    """Return a chart as a file of its own: on white, so wide, its title above it."""
    height = float(chart.partition(' height="')[2].partition('"')[0])
    width, tall = _WIDTH + 2 * _BORDER, height + 3 * _BORDER
    inside = f'x="{_BORDER}" y="{2 * _BORDER}" width="{_WIDTH}" height="{height:g}"'
    return element(
        "svg",
        f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {tall:g}" width="{width}" '
        f'height="{tall:g}" font-family="{_FONT}" fill="#20242a" color="#20242a"',
        element("rect", 'width="100%" height="100%" fill="#fff"'),
        element(
            "text",
            f'x="{_BORDER}" y="{1.2 * _BORDER:g}" font-size="15" font-weight="600"',
            clean(title),
        ),
        element("svg", inside, chart),
    )


def painted(tone: Tone, geometry: str, spoken: str, *, shape: str = "rect") -> str:
    """Return a shape in a tone and its texture, which says what it is when pointed at."""
    mark = element(shape, f'{geometry} class="mark" fill="{tone.fill}"', told(spoken))
    if not _textured(tone):
        return mark
    over = f'{geometry} fill="url(#~{tone.key})" pointer-events="none"'
    return mark + element(shape, over)


def legend(tones: Sequence[tuple[Tone, str]], top: float) -> tuple[str, float]:
    """Return a key to the tones and the height that it takes.

    Entries stand one under the other where a narrow place could not hold them side by side.
    """
    columns = 2 if all(len(words) * LETTER + 24 < _NARROW / 2 for _, words in tones) else 1
    parts = []
    for place, (tone, words) in enumerate(tones):
        row, column = divmod(place, columns)
        y = top + row * LINE
        inner = painted(tone, f'x="0" y="{y + 3:g}" width="12" height="12" rx="2"', words)
        text = label(words, "18", y + 13)
        parts.append(element("svg", f'x="{percent(column / columns)}" width="100%"', inner, text))
    return "".join(parts), LINE * -(-len(tones) // columns)


def _bounded(string: str, length: int) -> str:
    """Return text of one line that ends in an ellipsis where it would be longer."""
    # What is left of so many characters is more than enough, whatever they are.
    line = one_line(string[: 8 * length])
    return line if len(line) <= length else f"{line[: length - 1]}\N{HORIZONTAL ELLIPSIS}"


def _textured(tone: Tone) -> bool:
    return tone.texture != "solid"


def _pattern(tone: Tone, key: str) -> str:
    attributes = f'id="{key}-{tone.key}" width="6" height="6" patternUnits="userSpaceOnUse"'
    return element("pattern", attributes, _TEXTURES[tone.texture].format(ink=_INK))

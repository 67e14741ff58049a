"""A dependency graph as a picture: as it ran above, as its edges would allow it below."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

from analysis.diagram import Run
from analysis.document import Unit
from analysis.render.xml import printable
from analysis.units import one_line, shortened, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.diagram import Diagram, Node

_WIDTH = 1200
_LEFT, _RIGHT, _TOP = 150, 20, 64
_ROW, _BAR = 20, 16
_BETWEEN = 64
_MOST_ROWS = 40
_MOST_ARROWS = 300
_LETTER = 6.3
"""Width of a letter of the labels, in pixels, on average."""

_CRITICAL = "#b3261e"
_BRANCHES = ("#4a7fb5", "#6a9f58", "#c08a2d", "#7d6bb0", "#4a9a9a", "#9a6a4f")
_NO_BRANCH = "#8a9099"
_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
    'width="{width}" height="{height}" role="img">'
)
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#20242a}.t{font-size:16px;font-weight:600}"
    ".l{font-size:11px;fill:#fff;pointer-events:none}.m{fill:#5b626c}.e{text-anchor:end}"
    ".a{fill:none;stroke:#7a828c;stroke-opacity:.55}.g{stroke:#e3e6ea}"
)


class _Bar(NamedTuple):
    row: int
    begin: float
    end: float
    color: str
    label: str
    told: str


class _Panel(NamedTuple):
    """A schedule to be drawn; `top` in pixels."""

    title: str
    length: int
    names: Sequence[str]
    bars: list[_Bar]
    top: int

    @property
    def bottom(self) -> int:
        return self.top + min(len(self.names), _MOST_ROWS) * _ROW


def render(diagram: Diagram) -> str:
    """Return the step as an SVG picture, the longest path in red, both parts to one scale."""
    scale = (_WIDTH - _LEFT - _RIGHT) / max(diagram.recorded_ns, diagram.span_ns, 1)
    recorded = _Panel(
        "As it ran",
        diagram.recorded_ns,
        diagram.lanes,
        [_bar(diagram, run, diagram.nodes[run.node].name, scale) for run in diagram.runs],
        _TOP + 30,
    )
    allowed = _Panel(
        "As its dependencies would allow",
        diagram.span_ns,
        ["longest path", *[""] * (diagram.rows - 1)],
        [_bar(diagram, run, _called(diagram.nodes[run.node]), scale) for run in _allowed(diagram)],
        recorded.bottom + _BETWEEN,
    )
    height = allowed.bottom + 56
    parts = [
        _SVG.format(width=_WIDTH, height=height),
        f"<title>{_clean(diagram.title)}</title><style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text class="t" x="20" y="28">{_clean(_headline(diagram))}</text>',
        f'<text class="m" x="20" y="48">{_clean(_below_headline(diagram))}</text>',
        *_drawn(recorded, scale),
        *_drawn(allowed, scale),
    ]
    if len(diagram.arrows) <= _MOST_ARROWS:
        parts += _arrows(diagram, allowed.top, scale)
    return "\n".join([*parts, _legend(diagram, height - 16), "</svg>", ""])


def _allowed(diagram: Diagram) -> Iterator[Run]:
    for number, node in enumerate(diagram.nodes):
        yield Run(number, node.row, node.earliest_ns, node.earliest_ns + node.length_ns)


def _headline(diagram: Diagram) -> str:
    available = diagram.work_ns / diagram.span_ns if diagram.span_ns else 1.0
    return (
        f"{diagram.title}: {text(diagram.work_ns, Unit.TIME)} of work, "
        f"{text(diagram.span_ns, Unit.TIME)} on the longest path: "
        f"{text(available, Unit.NUMBER)} could run at once"
    )


def _below_headline(diagram: Diagram) -> str:
    condensed = len(diagram.nodes) < diagram.operators
    chains = f" (below as {len(diagram.nodes):,} chains)" if condensed else ""
    hidden = ", too many to draw" if len(diagram.arrows) > _MOST_ARROWS else ""
    return f"{diagram.operators:,} operators{chains}, {len(diagram.arrows):,} dependencies{hidden}"


def _called(node: Node) -> str:
    return node.name + (f" and {node.operators - 1:,} more" if node.operators > 1 else "")


def _bar(diagram: Diagram, run: Run, called: str, scale: float) -> _Bar:
    node = diagram.nodes[run.node]
    where = f" ({diagram.branches[node.branch]})" if node.branch >= 0 else ""
    begin, length = text(run.start_ns, Unit.TIME), text(run.end_ns - run.start_ns, Unit.TIME)
    return _Bar(
        run.row,
        _LEFT + run.start_ns * scale,
        _LEFT + run.end_ns * scale,
        _CRITICAL if node.critical else _color(node.branch),
        called.removeprefix("aten::"),
        f"{shortened(one_line(called))}{where}: {length} from {begin}",
    )


def _color(branch: int) -> str:
    return _BRANCHES[branch % len(_BRANCHES)] if branch >= 0 else _NO_BRANCH


def _drawn(panel: _Panel, scale: float) -> Iterator[str]:
    end = _LEFT + panel.length * scale
    title = f"{panel.title}: {text(panel.length, Unit.TIME)}"
    yield f'<text x="20" y="{panel.top - 10}">{_clean(title)}</text>'
    yield _line(end, end, panel.top - 6, panel.bottom + 2)
    for number, name in enumerate(panel.names[:_MOST_ROWS]):
        y = panel.top + number * _ROW
        yield _line(_LEFT, _WIDTH - _RIGHT, y + _ROW, y + _ROW)
        shown = _clean(_cut(name, (_LEFT - 20) / _LETTER))
        yield f'<text class="m e" x="{_LEFT - 8}" y="{y + 13}">{shown}</text>'
    if (further := len(panel.names) - _MOST_ROWS) > 0:
        words = f"and {further:,} rows more"
        yield f'<text class="m" x="{_LEFT}" y="{panel.bottom + 14}">{words}</text>'
    for bar in _visible(panel.bars):
        yield from _box(bar, panel.top)


def _line(x1: float, x2: float, y1: float, y2: float) -> str:
    return f'<line class="g" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1}" y2="{y2}"/>'


def _visible(bars: list[_Bar]) -> Iterator[_Bar]:
    """Leave out the rows that have no room, and draw as one what no eye can tell apart."""
    shown = sorted(bar for bar in bars if bar.row < _MOST_ROWS)
    pending: _Bar | None = None
    for bar in shown:
        if pending is None:
            pending = bar
        elif _alike(pending, bar) and bar.end - pending.begin < 1:
            pending = pending._replace(end=max(bar.end, pending.end))
        else:
            yield pending
            pending = bar
    if pending is not None:
        yield pending


def _alike(one: _Bar, other: _Bar) -> bool:
    return one.row == other.row and one.color == other.color


def _box(bar: _Bar, top: int) -> Iterator[str]:
    width = max(bar.end - bar.begin, 0.4)
    y = top + bar.row * _ROW + 2
    gap = 0.5 if width > 3 else 0.0
    yield (
        f'<rect x="{bar.begin:.2f}" y="{y}" width="{width - gap:.2f}" height="{_BAR}" '
        f'fill="{bar.color}"><title>{_clean(bar.told)}</title></rect>'
    )
    if width > _LETTER * 4:
        label = _cut(one_line(bar.label), (width - 6) / _LETTER)
        yield f'<text class="l" x="{bar.begin + 3:.1f}" y="{y + 12}">{_clean(label)}</text>'


def _arrows(diagram: Diagram, top: int, scale: float) -> Iterator[str]:
    for arrow in diagram.arrows:
        source, target = diagram.nodes[arrow.source], diagram.nodes[arrow.target]
        if source.row == target.row or max(source.row, target.row) >= _MOST_ROWS:
            continue
        x1 = _LEFT + (source.earliest_ns + source.length_ns) * scale
        x2 = _LEFT + target.earliest_ns * scale
        y1, y2 = (top + node.row * _ROW + _ROW / 2 for node in (source, target))
        bend = max((x2 - x1) / 2, 8)
        yield (
            f'<path class="a" d="M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} '
            f'{x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"/>'
        )


def _legend(diagram: Diagram, y: int) -> str:
    named = [("on the longest path", _CRITICAL)]
    for branch in sorted({node.branch for node in diagram.nodes if not node.critical}):
        name = diagram.branches[branch] if branch >= 0 else "other operators"
        named.append((name, _color(branch)))
    parts, x = [], 20.0
    for name, color in named:
        if x > _WIDTH - 220:
            parts.append(f'<text class="m" x="{x:.1f}" y="{y}">and more branches</text>')
            break
        shown = _cut(name, 30)
        parts.append(f'<rect x="{x:.1f}" y="{y - 10}" width="12" height="12" fill="{color}"/>')
        parts.append(f'<text x="{x + 18:.1f}" y="{y}">{_clean(shown)}</text>')
        x += 36 + len(shown) * _LETTER
    return "".join(parts)


def _cut(name: str, letters: float) -> str:
    """Shorten a text to so many letters."""
    room = int(letters)
    return name if len(name) <= room else name[: max(room - 1, 0)] + "\N{HORIZONTAL ELLIPSIS}"


def _clean(words: str) -> str:
    return escape(printable(one_line(words)))

"""The summary as a terminal shows it: to its width, and plain where there are no colours."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as Grid

from analysis.document import Bullets, Paragraph, Table
from analysis.render.bars import TITLE, draw
from analysis.render.markup import is_numeric
from analysis.units import encodable, one_line, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.text import Text

    from analysis.document import Block, Document, Section
    from analysis.render.bars import Row

_LEAST_WIDTH = 40
_GAP = 2


def render(
    document: Document,
    *,
    width: int,
    color: bool,
    encoding: str = "utf-8",
    bars: Sequence[Row] = (),
) -> str:
    """Return the document's summary as lines of text.

    Args:
        document: of which the summary is shown.
        width: columns of the terminal; fewer than 40 are taken for 40.
        color: whether ANSI codes may be used.
        encoding: of the terminal; what it lacks is replaced by plain characters.
        bars: of states, to be drawn after the document's title.
    """
    page = io.StringIO()
    # All is said here, so that nothing is asked of the environment.
    console = Console(
        file=page,
        width=max(width, _LEAST_WIDTH),
        height=100,
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        legacy_windows=False,
        force_interactive=False,
        force_jupyter=False,
        markup=False,
        emoji=False,
        highlight=False,
    )
    writer = _Writer(console, encoding)
    drawn = draw(bars, width=console.width, encoding=encoding)
    for section in document.summary:
        writer.section(section)
        if section.level == 1:
            writer.bars(drawn)
    return "".join(f"{line.rstrip(' ')}\n" for line in page.getvalue().split("\n")[:-1])


class _Writer:
    """Prints the parts of a document; their text holds no markup."""

    def __init__(self, console: Console, encoding: str) -> None:
        self._console = console
        self._encoding = encoding

    def section(self, section: Section) -> None:
        if section.title:
            self._console.print(self._plain(section.title), style="bold")
        for block in section.blocks:
            self._block(block)
            self._console.print()

    def bars(self, lines: Sequence[Text]) -> None:
        """Print bars under their title; nothing where there are none."""
        if not lines:
            return
        self._console.print(TITLE, style="bold")
        for line in lines:
            self._console.print(line, no_wrap=True, overflow="crop", crop=True)
        self._console.print()

    def _block(self, block: Block) -> None:
        match block:
            case Paragraph(prose):
                self._console.print(self._plain(prose))
            case Bullets(items):
                self._bullets(items)
            case Table():
                self._table(block)

    def _bullets(self, items: Sequence[str]) -> None:
        grid = Grid.grid(padding=(0, 1, 0, 0))
        grid.add_column(width=1)
        grid.add_column(overflow="fold")
        for item in items:
            grid.add_row("-", self._plain(item))
        self._console.print(grid)

    def _table(self, table: Table) -> None:
        if table.caption:
            self._console.print(self._plain(table.caption), style="dim")
            self._console.print()
        for i, part in enumerate(_parts(self._columns(table), self._console.width)):
            if i:
                self._console.print()
            self._console.print(_grid(part))

    def _columns(self, table: Table) -> list[_Column]:
        """Return each column as text, no wider than leaves room for another beside it."""
        widest = (self._console.width - _GAP) // 2
        columns = []
        for position, column in enumerate(table.columns):
            cells = tuple(
                encodable(text(row[position], column.unit), self._encoding) for row in table.rows
            )
            title = self._plain(column.title)
            # A title may be broken between words, a figure may not.
            needed = max(map(cell_len, (*title.split(), *cells)), default=0)
            columns.append(_Column(title, cells, is_numeric(column), min(needed, widest)))
        return columns

    def _plain(self, prose: str) -> str:
        return encodable(one_line(prose), self._encoding)


class _Column(NamedTuple):
    title: str
    cells: tuple[str, ...]
    numeric: bool
    width: int


def _parts(columns: Sequence[_Column], width: int) -> Iterator[list[_Column]]:
    """Divide the columns among tables that fit the width, each led by the first column."""
    first, *rest = columns
    part, used = [first], first.width
    for column in rest:
        if used + _GAP + column.width > width:
            yield part
            part, used = [first], first.width
        part.append(column)
        used += _GAP + column.width
    yield part


def _grid(columns: Sequence[_Column]) -> Grid:
    grid = Grid(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    for column in columns:
        grid.add_column(
            column.title,
            justify="right" if column.numeric else "left",
            width=column.width,
            overflow="fold",
            vertical="bottom",
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        grid.add_row(*row)
    return grid

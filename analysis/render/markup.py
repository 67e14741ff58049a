"""The walk over a document that all text formats share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from analysis.document import Bullets, Paragraph, Table, Unit
from analysis.units import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.document import Block, Column, Document, Section

_LEFT = frozenset({Unit.TEXT, Unit.CODE})


def is_numeric(column: Column) -> bool:
    """Tell whether the column holds figures, to be aligned on the right."""
    return column.unit not in _LEFT


class Markup(ABC):
    """A text format: what it must say of itself, and what follows from that."""

    @abstractmethod
    def heading(self, title: str, level: int) -> str:
        """Return a title; 1 is the document's own."""

    @abstractmethod
    def paragraph(self, prose: str) -> str:
        """Return a paragraph."""

    @abstractmethod
    def bullets(self, items: Sequence[str]) -> str:
        """Return a list of sentences."""

    @abstractmethod
    def cell(self, shown: str, unit: Unit) -> str:
        """Return one formatted value, so that nothing in it can end the cell."""

    @abstractmethod
    def row(self, cells: Sequence[str]) -> str:
        """Return one line of a table."""

    @abstractmethod
    def divider(self, columns: Sequence[Column]) -> str:
        """Return what stands between a table's titles and its rows."""

    def document(self, document: Document) -> str:
        """Return the whole document."""
        sections = (*document.summary, *document.details)
        return "\n\n".join(map(self._section, sections)) + "\n"

    def _section(self, section: Section) -> str:
        parts = [self.heading(section.title, section.level), *map(self._block, section.blocks)]
        return "\n\n".join(parts)

    def _block(self, block: Block) -> str:
        match block:
            case Paragraph(prose):
                return self.paragraph(prose)
            case Bullets(items):
                return self.bullets(items)
            case Table():
                return self._table(block)

    def _table(self, table: Table) -> str:
        lines = [
            self.row([self.cell(column.title, Unit.TEXT) for column in table.columns]),
            self.divider(table.columns),
        ]
        for values in table.rows:
            pairs = zip(values, table.columns, strict=True)
            lines.append(
                self.row([self.cell(text(value, of.unit), of.unit) for value, of in pairs])
            )
        shown = "\n".join(lines)
        return f"{self.paragraph(table.caption)}\n\n{shown}" if table.caption else shown

"""A report as it is read: titles, sentences and tables of raw values.

Renderers turn a `Document` into text; values keep their units until then, so
that every format shows the same figures.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

if TYPE_CHECKING:
    from analysis.page import Page


class Unit(enum.Enum):
    """How a column's values are to be written; see `analysis.units`."""

    TEXT = "text"
    CODE = "code"
    COUNT = "count"
    TIME = "time"
    """int ns"""
    CHANGE = "change"
    """int or float ns with its sign"""
    SHARE = "share"
    """0 to 1, written as per cent"""
    FACTOR = "factor"
    """a ratio, written as 1.50x"""
    NUMBER = "number"
    """a plain figure such as an average of lanes"""


class Estimate(NamedTuple):
    """A value with its 95% interval."""

    value: float
    low: float
    high: float


Cell: TypeAlias = str | int | float | Estimate | None


class Column(msgspec.Struct, frozen=True):
    """One column of a table."""

    title: str
    unit: Unit


class Table(msgspec.Struct, frozen=True):
    """Rows of raw values; each row has a cell per column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""


class Paragraph(msgspec.Struct, frozen=True):
    """Plain text, to be wrapped."""

    text: str


class Bullets(msgspec.Struct, frozen=True):
    """A list of sentences."""

    items: tuple[str, ...]


Block: TypeAlias = Table | Paragraph | Bullets


class Section(msgspec.Struct, frozen=True):
    """A titled part of the document; level 1 is the document's own title."""

    title: str
    level: int
    blocks: tuple[Block, ...]


class Document(msgspec.Struct, frozen=True):
    """The whole report.

    Attributes:
        summary: what a person in a hurry needs; the terminal shows this alone.
        details: everything else.
        page: the same for a page with pictures; None where none were prepared.
    """

    summary: tuple[Section, ...]
    details: tuple[Section, ...]
    page: Page | None = None

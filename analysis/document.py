"""A report as it is read: titles, sentences and tables of raw values.

Renderers turn a `Document` into text; values keep their units until then, so
that every format shows the same figures.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

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


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    title: str
    unit: Unit


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of raw values; each row has a cell per column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain text, to be wrapped."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


Block: TypeAlias = Table | Paragraph | Bullets


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of the document; level 1 is the document's own title."""

    title: str
    level: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The whole report.

    Attributes:
        summary: what a person in a hurry needs; the terminal shows this alone.
        details: everything else.
        page: the same for a page with pictures; None where none were prepared.
    """

    summary: tuple[Section, ...]
    details: tuple[Section, ...]
    page: Page | None = None

"""A report as a page with pictures: what is said, drawn and listed, in the order of reading.

Raw values, as in a `Document`, whose blocks may stand among these; a renderer knows how
each looks, and nothing is left to be worked out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from analysis.document import Block, Cell, Estimate, Table, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.metrics.picture import Picture


class Fact(NamedTuple):
    """One figure that is seen first."""

    label: str
    value: Cell
    unit: Unit
    note: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """A few figures side by side."""

    items: tuple[Fact, ...]


class StateRow(NamedTuple):
    """Times by state, of one mode, rank or device."""

    label: str
    times_ns: Mapping[str, int]
    note: str = ""


@dataclass(frozen=True, slots=True)
class StateBars:
    """What each row's time consists of; `explained` says what the states mean."""

    title: str
    rows: tuple[StateRow, ...]
    explained: bool = True


class ValueRow(NamedTuple):
    """A value, with its interval if it has one."""

    label: str
    value: float | Estimate
    note: str = ""


@dataclass(frozen=True, slots=True)
class ValueBars:
    """Values of one unit, against a reference if there is one."""

    title: str
    unit: Unit
    rows: tuple[ValueRow, ...]
    reference: float | None = None


class RatioRow(NamedTuple):
    """Ratios of one row, in the order of `RatioBars.names`; None where there is none."""

    label: str
    ratios: tuple[float | None, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class RatioBars:
    """Ratios that are more or less than 1."""

    title: str
    names: tuple[str, ...]
    rows: tuple[RatioRow, ...]


class Length(NamedTuple):
    """How many times lie in [low_ns, high_ns), and what more is to be said of them."""

    low_ns: int
    high_ns: int
    number: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Lengths:
    """How many times there are of each length."""

    title: str
    bins: tuple[Length, ...]


@dataclass(frozen=True, slots=True)
class Heat:
    """A value for each row and column; `state` names the one that all are of, if one is."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    unit: Unit
    state: str | None = None


@dataclass(frozen=True, slots=True)
class TimelineBlock:
    """A device's time, to be looked at closely.

    Attributes:
        picture: what is drawn.
        noun: what a lane is: "stream" or "thread".
        path: of the trace.
        begins_ns: when the window begins, from the trace's first event.
        narrowed: whether the window is that of a range.
    """

    picture: Picture
    noun: str
    path: str
    begins_ns: int
    narrowed: bool


class Place(NamedTuple):
    """A time on the device's timeline, from the window's start."""

    start_ns: int
    length_ns: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table to sort, search and copy.

    Attributes:
        table: its rows.
        name: what it holds, in a word or two.
        places: of each row on the timeline; none where it has no place there.
    """

    table: Table
    name: str
    places: tuple[Place, ...] = ()


class Claim(NamedTuple):
    """One thing that was found, and wherever it holds."""

    claim: str
    places: tuple[str, ...]
    cause: str
    advice: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What was found, the most important first."""

    items: tuple[Claim, ...]


PageBlock: TypeAlias = (
    Block
    | Facts
    | StateBars
    | ValueBars
    | RatioBars
    | Lengths
    | Heat
    | TimelineBlock
    | Sheet
    | Claims
)


@dataclass(frozen=True, slots=True)
class Panel:
    """A titled group of blocks; a wide one takes the whole width, a tall one two rows."""

    title: str
    blocks: tuple[PageBlock, ...]
    wide: bool = False
    tall: bool = False


@dataclass(frozen=True, slots=True)
class Chapter:
    """A titled part of the page."""

    title: str
    lead: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """One device of one trace, in all detail.

    Attributes:
        label: of the trace, and of the device where it has several.
        finding: in a sentence.
        times_ns: its window by state.
        panels: what is shown of it.
    """

    label: str
    finding: str
    times_ns: Mapping[str, int]
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page.

    Attributes:
        finding: the report in one sentence.
        chapters: comparisons and findings.
        subjects: the devices, one by one.
        unread: what could not be read.
    """

    finding: str
    chapters: tuple[Chapter, ...]
    subjects: tuple[Subject, ...]
    unread: tuple[str, ...]

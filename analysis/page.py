"""A report as a page with pictures: what is said, drawn and listed, in the order of reading.

Raw values, as in a `Document`, whose blocks may stand among these; a renderer knows how
each looks, and nothing is left to be worked out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

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


class Facts(msgspec.Struct, frozen=True):
    """A few figures side by side."""

    items: tuple[Fact, ...]


class StateRow(NamedTuple):
    """Times by state, of one mode, rank or device."""

    label: str
    times_ns: Mapping[str, int]
    note: str = ""


class StateBars(msgspec.Struct, frozen=True):
    """What each row's time consists of; `explained` says what the states mean."""

    title: str
    rows: tuple[StateRow, ...]
    explained: bool = True


class ValueRow(NamedTuple):
    """A value, with its interval if it has one."""

    label: str
    value: float | Estimate
    note: str = ""


class ValueBars(msgspec.Struct, frozen=True):
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


class RatioBars(msgspec.Struct, frozen=True):
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


class Lengths(msgspec.Struct, frozen=True):
    """How many times there are of each length."""

    title: str
    bins: tuple[Length, ...]


class Heat(msgspec.Struct, frozen=True):
    """A value for each row and column; `state` names the one that all are of, if one is."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    unit: Unit
    state: str | None = None


class TimelineBlock(msgspec.Struct, frozen=True):
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


class Sheet(msgspec.Struct, frozen=True):
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


class Claims(msgspec.Struct, frozen=True):
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


class Panel(msgspec.Struct, frozen=True):
    """A titled group of blocks; a wide one takes the whole width, a tall one two rows."""

    title: str
    blocks: tuple[PageBlock, ...]
    wide: bool = False
    tall: bool = False


class Chapter(msgspec.Struct, frozen=True):
    """A titled part of the page."""

    title: str
    lead: str
    panels: tuple[Panel, ...]


class Subject(msgspec.Struct, frozen=True):
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


class Page(msgspec.Struct, frozen=True):
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

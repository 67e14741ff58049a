"""One device of one trace, as the page shows it: what was not worked out is absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import headline
from analysis.compose import device as compose_device
from analysis.compose import graph as compose_graph
from analysis.document import Bullets, Column, Table, Unit
from analysis.hta import section as hta_section
from analysis.metrics.breakdown import Breakdown
from analysis.metrics.dependencies import DependencyGraph
from analysis.metrics.lanes import Lanes
from analysis.metrics.launches import LaunchFigures
from analysis.metrics.parallelism import Parallelism, ratio
from analysis.metrics.usage import Usage
from analysis.page import (
    Fact,
    Facts,
    Heat,
    Length,
    Lengths,
    Panel,
    Place,
    Sheet,
    StateBars,
    StateRow,
    Subject,
    TimelineBlock,
    ValueBars,
    ValueRow,
)
from analysis.replay import section as ceilings_section
from analysis.units import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.metrics.by_name import Totals
    from analysis.page import PageBlock
    from analysis.report import DeviceFigures, Drawn, TraceReport

_ROWS = 1_600
"""Rows of a kind of table, of all devices together."""
_MOST_ROWS, _FEWEST_ROWS = 100, 10


def of_trace(trace: TraceReport, drawn: int) -> Iterator[Subject]:
    """Describe each device of a trace.

    Args:
        trace: its report.
        drawn: how many devices the page shows in all; the more, the shorter each table.
    """
    rows = min(max(_ROWS // max(drawn, 1), _FEWEST_ROWS), _MOST_ROWS)
    for place, device in enumerate(trace.devices):
        panels = [*_of_device(trace, device, rows), *(() if place else _of_whole(trace))]
        notes = (*trace.losses, *trace.notes)
        if notes:
            panels.append(Panel("Notes on trust", (Bullets(notes),), wide=True))
        yield Subject(
            label=label(trace, device),
            finding=headline.of_device(device),
            times_ns=device.of(Breakdown).breakdown_ns,
            panels=tuple(panels),
        )


def label(trace: TraceReport, device: DeviceFigures) -> str:
    """Name a device, and its trace."""
    return f"{trace.label}, device {device.device}" if len(trace.devices) > 1 else trace.label


def _of_device(trace: TraceReport, device: DeviceFigures, rows: int) -> Iterator[Panel]:
    yield Panel("", (_facts(device),), wide=True)
    if device.drawn is not None and device.window_ns:
        yield Panel("Timeline", (_timeline(trace, device, device.drawn),), wide=True)
    times = device.of(Breakdown).breakdown_ns
    if any(times.values()):
        bars = StateBars("The window by state", (StateRow("window", times),), explained=False)
        states = Sheet(compose_device.breakdown(device), "states")
        yield Panel("Where the time went", (bars, states), wide=True)
    yield from _idle(device, rows)
    yield from _lanes(device)
    yield from _parallel(device)
    yield from _ceilings(device)
    yield from _missed(device, rows)
    if device.drawn is not None:
        yield from _names(device, device.drawn, rows)
    launched = device.if_any(LaunchFigures)
    if launched is not None and launched.calls:
        yield Panel("Launches", (compose_device.launches(launched),), wide=True)


def _of_whole(trace: TraceReport) -> Iterator[Panel]:
    """Show what is of the trace rather than of one device."""
    blocks: list[PageBlock] = []
    if trace.spread:
        blocks.append(compose_device.spread(trace))
    if len(trace.steps) > 1:
        blocks.append(Sheet(compose_device.steps(trace), "steps"))
    if blocks:
        yield Panel("Steps", tuple(blocks), wide=True)
    if trace.hta:
        yield Panel("Beside HTA", tuple(hta_section.blocks(trace.hta)), wide=True)


def _facts(device: DeviceFigures) -> Facts:
    usage, parallel, window = device.of(Usage), device.of(Parallelism), device.window_ns
    lanes = len(device.of(Lanes).lanes)
    found = [
        Fact("window", window, Unit.TIME, f"{text(usage.activities, Unit.COUNT)} activities"),
        Fact("busy", ratio(usage.busy_ns, window), Unit.SHARE, text(usage.busy_ns, Unit.TIME)),
        Fact(
            "two or more lanes",
            ratio(usage.overlap_ns, window),
            Unit.SHARE,
            text(usage.overlap_ns, Unit.TIME),
        ),
        Fact(
            "achieved",
            parallel.achieved,
            Unit.NUMBER,
            f"of {lanes} {_noun(device)}{'s' * (lanes != 1)}, while any ran",
        ),
    ]
    if parallel.available is not None:
        note = "lanes, by what depends on what"
        found.append(Fact("available", parallel.available, Unit.NUMBER, note))
    return Facts(tuple(found))


def _noun(device: DeviceFigures) -> str:
    return "thread" if device.kind == "cpu" else "stream"


def _timeline(trace: TraceReport, device: DeviceFigures, drawn: Drawn) -> TimelineBlock:
    return TimelineBlock(
        drawn.picture, _noun(device), trace.path, drawn.begins_ns, narrowed=drawn.narrowed
    )


def _idle(device: DeviceFigures, rows: int) -> Iterator[Panel]:
    blocks: list[PageBlock] = []
    if device.drawn is not None and device.drawn.picture.gaps:
        bins = tuple(
            Length(*each[:3], text(each.total_ns, Unit.TIME)) for each in device.drawn.picture.gaps
        )
        blocks.append(Lengths("Idle gaps by length", bins))
    if device.gaps.idle_gaps:
        found = device.gaps.idle_gaps[:rows]
        places = tuple(Place(gap.start_ns, gap.duration_ns) for gap in found)
        blocks.append(Sheet(compose_device.gaps(device, rows), "idle gaps", places))
    if blocks:
        yield Panel("Idle gaps", tuple(blocks), wide=True)


def _lanes(device: DeviceFigures) -> Iterator[Panel]:
    found = device.of(Lanes)
    pairs = found.lane_overlap_ns
    if pairs:
        busy = {lane.lane: lane.busy_ns for lane in found.lanes}
        together = {frozenset((a, b)): ns for a, b, ns in pairs}
        drawn = device.drawn.picture.lanes if device.drawn else tuple(busy)
        names = tuple(lane for lane in drawn if any(lane in pair for pair in together))
        values = tuple(
            tuple(
                None if a == b else ratio(together.get(frozenset((a, b)), 0), min(busy[a], busy[b]))
                for b in names
            )
            for a in names
        )
        title = f"Time that two {_noun(device)}s ran together, of the less busy one's"
        yield Panel(
            "Lanes together", (Heat(title, names, names, values, Unit.SHARE, "overlapped"),)
        )
    yield Panel("Lanes", (Sheet(compose_device.lanes(device), "lanes"),), wide=not pairs)


def _parallel(device: DeviceFigures) -> Iterator[Panel]:
    graph = device.if_any(DependencyGraph)
    if graph is None:
        return
    parallel = device.of(Parallelism)
    known = (
        ("achieved", parallel.achieved),
        ("available, branch by branch", parallel.available_branches),
        ("available, operator by operator", parallel.available),
    )
    rows = tuple(ValueRow(words, value) for words, value in known if value is not None)
    title = "Lanes running while any ran, and how many could have"
    bars = ValueBars(title, Unit.NUMBER, rows, reference=1.0)
    blocks = (bars, *compose_graph.structure(parallel, graph))
    yield Panel("Available and achieved", blocks, wide=True)


def _ceilings(device: DeviceFigures) -> Iterator[Panel]:
    found = device.ceilings
    if found is None:
        return
    rows = [ValueRow("as recorded", device.window_ns)]
    rows += [
        ValueRow(words, window, "" if speed is None else text(speed, Unit.FACTOR))
        for words, window, speed in zip(
            ceilings_section.CONSTRAINTS.values(), found.window_ns, found.speed_up, strict=True
        )
        if window is not None
    ]
    bars = ValueBars("The window, and what a replay predicts", Unit.TIME, tuple(rows))
    yield Panel("Ceilings", (bars, *ceilings_section.blocks(device)), wide=True)


def _missed(device: DeviceFigures, rows: int) -> Iterator[Panel]:
    graph = device.if_any(DependencyGraph)
    if graph is None or not graph.missed_overlap:
        return
    places = tuple(
        Place(each.start_ns, max(sum(each.breakdown_ns.values()) // each.count, 1))
        for each in graph.missed_overlap[:rows]
    )
    sheet = Sheet(compose_graph.missed(graph, rows), "missed overlaps", places)
    yield Panel("Missed overlaps", (sheet,), wide=True)


def _names(device: DeviceFigures, drawn: Drawn, rows: int) -> Iterator[Panel]:
    kind = "Operators that ran" if device.kind == "cpu" else "Kernels, copies and sets"
    if drawn.activities.number:
        table = _totals(kind, drawn.activities, drawn.activities.total_ns, rows)
        yield Panel(kind, (Sheet(table, "activities"),), wide=True)
    if drawn.operators.number:
        words = "Operators of the host, each with all that it calls"
        table = _totals(words, drawn.operators, device.window_ns, rows)
        yield Panel("Operators", (Sheet(table, "operators"),), wide=True)


def _totals(words: str, found: Totals, whole: int, most: int) -> Table:
    shown = found.listed[:most]
    listed = sum(each.number for each in shown), sum(each.total_ns for each in shown)
    columns = (
        Column("name", Unit.CODE),
        Column("number", Unit.COUNT),
        Column("in all", Unit.TIME),
        Column("share", Unit.SHARE),
        Column("mean", Unit.TIME),
        Column("longest", Unit.TIME),
    )
    rows = tuple(
        (
            each.name,
            each.number,
            each.total_ns,
            ratio(each.total_ns, whole),
            each.total_ns / each.number,
            each.longest_ns,
        )
        for each in shown
    )
    caption = f"{words}, by their time"
    if found.names == len(shown):
        return Table(columns, rows, f"{caption}.")
    others = text(found.number - listed[0], Unit.COUNT)
    took = text(found.total_ns - listed[1], Unit.TIME)
    rest = f"{len(shown)} of {found.names:,} names; the others: {others}, {took}"
    return Table(columns, rows, f"{caption}: {rest}.")

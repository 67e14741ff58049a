"""What depends on what, as it is read in a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.document import Bullets, Column, Document, Section, Table, Unit
from analysis.metrics.dependencies import DependencyGraph
from analysis.metrics.parallelism import Parallelism, ratio

if TYPE_CHECKING:
    from analysis.document import Block, Cell
    from analysis.metrics.missed import Missed
    from analysis.report import DeviceFigures, TraceReport

_SHOWN_OPERATORS = 10
_SHOWN_PAIRS = 10


def document(trace: TraceReport) -> Document:
    """Return what is said of a trace's graphs when nothing else is asked for."""
    found = [block for device in trace.devices for block in blocks(device)]
    if trace.notes:
        found.append(Bullets(trace.notes))
    return Document((Section(f"What depends on what: {trace.label}", 1, tuple(found)),), ())


def blocks(device: DeviceFigures) -> list[Block]:
    """Return the tables of a device's dependency graph; none without one."""
    graph = device.results.get("graph")
    if not isinstance(graph, DependencyGraph):
        return []
    found: list[Block] = structure(device.of(Parallelism), graph)
    if graph.missed_overlap:
        found.append(missed(graph))
    return found


def structure(parallel: Parallelism, graph: DependencyGraph) -> list[Block]:
    """Return work and span, and what the longest paths consist of."""
    return [_figures(parallel, graph), _span(graph)]


def _figures(parallel: Parallelism, graph: DependencyGraph) -> Table:
    rows: list[tuple[Cell, ...]] = [
        ("operators", graph.work_ns, graph.span_ns, parallel.available),
    ]
    if graph.branch_span_ns is not None:
        rows.append(("branches", graph.work_ns, graph.branch_span_ns, parallel.available_branches))
    columns = (
        Column("of", Unit.TEXT),
        Column("work", Unit.TIME),
        Column("span", Unit.TIME),
        Column("available", Unit.NUMBER),
    )
    parts = "1 part" if graph.parts == 1 else f"{graph.parts:,} independent parts"
    steps = "1 step" if graph.steps == 1 else f"{graph.steps:,} steps"
    caption = (
        f"What depends on what: {graph.nodes:,} operators and {graph.edges:,} dependencies in "
        f"{steps}, up to {graph.max_width:,} wide and {graph.depth:,} deep, in "
        f"{parts} ({graph.large_parts:,} of a hundredth of the work or more)."
    )
    return Table(columns, tuple(rows), caption)


def _span(graph: DependencyGraph) -> Table:
    shown = graph.span_operators[:_SHOWN_OPERATORS]
    rows = tuple((each.name, each.count, each.ns, ratio(each.ns, graph.span_ns)) for each in shown)
    columns = (
        Column("operator", Unit.CODE),
        Column("times", Unit.COUNT),
        Column("time", Unit.TIME),
        Column("of span", Unit.SHARE),
    )
    return Table(columns, rows, "On the longest paths, which no parallelism shortens.")


def missed(graph: DependencyGraph, most: int = _SHOWN_PAIRS) -> Table:
    """Return the kinds of pairs that could have run together, the costliest first."""
    shown = graph.missed_overlap[:most]
    rows = tuple(
        (
            _name(each.first, each.first_branch),
            _name(each.second, each.second_branch),
            each.count,
            each.saved_ns,
            each.reason,
            _strongest(each),
        )
        for each in shown
    )
    columns = (
        Column("operator", Unit.CODE),
        Column("could run beside", Unit.CODE),
        Column("times", Unit.COUNT),
        Column("would save", Unit.TIME),
        Column("the later one was", Unit.CODE),
        Column("meanwhile", Unit.CODE),
    )
    total = graph.missed_overlap_kinds
    listed = f"{len(shown):,} of {total:,} kinds" if len(shown) < total else "all kinds"
    return Table(columns, rows, f"Missed overlap, {listed}: independent, and run in turn.")


def _name(operator: str, branch: str | None) -> str:
    return operator if branch is None else f"{operator} ({branch.removeprefix('overlap.')})"


def _strongest(missed: Missed) -> str | None:
    states = missed.breakdown_ns
    return max(states, key=lambda state: states[state], default=None)

"""The dependency graph of a window: how large, how deep, and what overlap it allows in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.metrics.missed import Missed, missed
from analysis.metrics.parallelism import lacks_too_much
from analysis.showing import Tabular

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.graph import Graph
    from analysis.graph.spans import Spans
    from analysis.metrics.view import View

_LISTED = 20
_LARGE = 100
"""A part of a step counts as large from one hundredth of the step's work."""


class OnSpan(msgspec.Struct, frozen=True):
    """The nodes of one operator's name on the longest paths."""

    name: str
    count: int
    ns: int


class DependencyGraph(Tabular, msgspec.Struct, frozen=True):
    """What depends on what in a window; definitions in docs/measures.md.

    Attributes:
        steps: of the window that the graph covers.
        nodes: operators that did work of their own.
        edges: pairs of them of which one must wait for the other.
        work_ns: summed work of the nodes.
        span_ns: summed lengths of the steps' longest paths.
        branch_span_ns: the same where each branch runs in turn; None without branches.
        lost_ns: summed length of activities that are of no node.
        depth: nodes on the longest way by count through any step.
        max_width: most nodes of a step that are equally deep.
        parts: parts of a step that nothing connects; the most of any step.
        large_parts: those of them with a hundredth of the step's work or more.
        span_operators: what the longest paths consist of, by name, longest first.
        missed_overlap_ns: what operators off the longest path could have saved.
        missed_overlap_kinds: how many kinds of pairs there are, listed or not.
        missed_overlap: pairs that could have run together and ran in turn, by kind.
    """

    steps: int
    nodes: int
    edges: int
    work_ns: int
    span_ns: int
    branch_span_ns: int | None
    lost_ns: int
    depth: int
    max_width: int
    parts: int
    large_parts: int
    span_operators: tuple[OnSpan, ...]
    missed_overlap_ns: int
    missed_overlap_kinds: int
    missed_overlap: tuple[Missed, ...]


def dependencies(view: View) -> DependencyGraph | None:
    """Describe the dependency graph of a window; None where there is none."""
    graph, spans = view.graph, view.spans
    if graph is None or spans is None or not len(graph):
        return None
    # What is of no operator may tie together all that seems independent.
    found = [] if lacks_too_much(graph, spans) else missed(view, graph, spans)
    parts, large = _parts(graph, spans)
    return DependencyGraph(
        steps=len(np.unique(graph.step)),
        nodes=len(graph),
        edges=len(graph.edges.source),
        work_ns=spans.work_ns,
        span_ns=spans.span_ns,
        branch_span_ns=spans.branch_span_ns,
        lost_ns=graph.lost_ns,
        depth=int(spans.earliest.depth.max()) + 1,
        max_width=int(widths(graph, spans).max()),
        parts=parts,
        large_parts=large,
        span_operators=_on_span(graph, spans),
        missed_overlap_ns=sum(each.saved_ns for each in found),
        missed_overlap_kinds=len(found),
        missed_overlap=tuple(found[:_LISTED]),
    )


def widths(graph: Graph, spans: Spans) -> NDArray[np.int64]:
    """Count the nodes of each depth in each step; shape (steps, depths)."""
    depth = spans.earliest.depth
    step = np.unique(graph.step, return_inverse=True)[1]
    depths = int(depth.max(initial=0)) + 1
    table = np.bincount(step * depths + depth, minlength=depths * (int(step.max(initial=0)) + 1))
    return table.reshape(-1, depths)


def _parts(graph: Graph, spans: Spans) -> tuple[int, int]:
    """Return the most parts, and the most large ones, of any step."""
    part, first, of = np.unique(spans.parts, return_index=True, return_inverse=True)
    step = graph.step[first]
    work = np.zeros(len(part), np.int64)
    np.add.at(work, of, graph.work)
    of_step = np.bincount(graph.step)
    total = np.zeros(len(of_step), np.int64)
    np.add.at(total, graph.step, graph.work)
    large = work * _LARGE >= total[step]
    return int(np.bincount(step).max()), int(np.bincount(step[large]).max(initial=0))


def _on_span(graph: Graph, spans: Spans) -> tuple[OnSpan, ...]:
    names, counts = np.unique(graph.name[spans.critical], return_counts=True)
    times = np.zeros(len(graph.names), np.int64)
    np.add.at(times, graph.name[spans.critical], graph.length[spans.critical])
    rows = [
        OnSpan(graph.names[code], count, int(times[code]))
        for code, count in zip(names.tolist(), counts.tolist(), strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: (-row.ns, row.name))[:_LISTED])

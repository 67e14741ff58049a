"""Work and span of a graph: how much could run at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.graph.hazards import Dependency, edges, joined
from analysis.graph.paths import components, earliest
from analysis.groups import stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.graph.graph import Graph
    from analysis.graph.hazards import Edges
    from analysis.graph.paths import Earliest

    Ints = NDArray[np.int64]


class Spans(msgspec.Struct, frozen=True, eq=False):
    """The longest paths of a graph, step by step.

    Attributes:
        work_ns: summed work of the nodes.
        span_ns: summed lengths of the steps' longest paths.
        branch_span_ns: the same where each branch runs its nodes one after the other;
            None without two branches.
        earliest: when each node could run, from its own step's begin.
        critical: nodes of the steps' longest paths, step by step, first to last; ascending.
        parts: per node a number of the part that it is connected with.
    """

    work_ns: int
    span_ns: int
    branch_span_ns: int | None
    earliest: Earliest
    critical: Ints
    parts: NDArray[np.int32]

    @property
    def available(self) -> float | None:
        """Return work / span (Brent's bound), None where nothing ran."""
        return self.work_ns / self.span_ns if self.span_ns else None

    @property
    def available_branches(self) -> float | None:
        """Return the same for branches as they are."""
        return self.work_ns / self.branch_span_ns if self.branch_span_ns else None


def spans(graph: Graph) -> Spans:
    """Measure work and span of every step of a graph."""
    by_operator = earliest(graph.length, graph.edges)
    critical, span = _longest(graph, by_operator)
    branch_span = None
    if len(graph.branches) > 1:
        in_turn = joined([graph.edges, _in_turn(graph)])
        _, branch_span = _longest(graph, earliest(graph.length, in_turn))
    return Spans(
        work_ns=int(graph.work.sum()),
        span_ns=span,
        branch_span_ns=branch_span,
        earliest=by_operator,
        critical=critical,
        parts=components(len(graph), graph.edges),
    )


def _longest(graph: Graph, found: Earliest) -> tuple[Ints, int]:
    """Return the nodes of a longest path of each step, and their summed lengths."""
    paths = []
    for low, high in stretches(graph.step):
        path = [low + int(np.argmax(found.end[low:high]))]
        while (before := int(found.previous[path[-1]])) >= 0:
            path.append(before)
        paths.append(path[::-1])
    nodes = np.array([node for path in paths for node in path], np.int64)
    return nodes, int(graph.length[nodes].sum())


def _in_turn(graph: Graph) -> Edges:
    """Tie the nodes of each branch of a step in the order in which they were launched."""
    rows = np.flatnonzero(graph.branch >= 0)
    rows = rows[np.lexsort((rows, graph.branch[rows], graph.step[rows]))]
    same = (np.diff(graph.branch[rows]) == 0) & (np.diff(graph.step[rows]) == 0)
    at = np.flatnonzero(same)
    return edges(rows[at], rows[at + 1], Dependency.SAME_BRANCH)

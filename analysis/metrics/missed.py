"""Overlap that the graph allows and that did not happen.

In the earliest schedule that the edges allow, the nodes of a step's longest path follow
each other without a gap, and every other node runs beside one of them: at that moment no
path leads from either to the other. Each node off the path is paired with the one on it
that runs at the middle of its own time. Two that ran in turn all the same could have
saved what they share in that schedule, as far as both ran alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from analysis.groups import begins
from analysis.metrics.lanes import STAGE_NAMES
from analysis.metrics.parallelism import lacks_too_much

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analysis.graph import Graph
    from analysis.graph.spans import Spans
    from analysis.metrics.timeline import Timeline
    from analysis.metrics.view import View

    Ints = NDArray[np.int64]

_SAME_LANE, _OTHER_LANE = "same_lane", "not_started"


class Missed(msgspec.Struct, frozen=True):
    """Pairs of one kind: names, branches and reason are the same.

    Attributes:
        first: the operator that ran first.
        second: the other.
        first_branch: the branch that it was in; None if in none.
        second_branch: the same of the other.
        reason: what the second was in when the first started: a stage, or on a CPU
            `same_lane` (the same thread ran both) or `not_started`.
        count: how many pairs.
        saved_ns: what overlapping could have saved, summed.
        breakdown_ns: states from the first's start to the second's, summed.
        start_ns: from the window's start to that of the pair that would save most.
    """

    first: str
    second: str
    first_branch: str | None
    second_branch: str | None
    reason: str
    count: int
    saved_ns: int
    breakdown_ns: dict[str, int]
    start_ns: int


class Pair(NamedTuple):
    """Two nodes of the graph that ran in turn.

    Attributes:
        first: the one that ran first.
        second: the other.
        reason: as of `Missed`.
        saved_ns: what overlapping could have saved.
    """

    first: int
    second: int
    reason: str
    saved_ns: int


class _Pairs(NamedTuple):
    """Nodes that ran in turn: arrays of shape (k,)."""

    first: Ints
    second: Ints
    saved: Ints


def missed(view: View, graph: Graph, spans: Spans) -> list[Missed]:
    """Find the pairs of a window, kind by kind, those that would save most first."""
    pairs = _pairs(view, graph, spans)
    if not len(pairs.first):
        return []
    reasons, reason = _reasons(view, graph, pairs)
    keys = np.stack(
        (
            graph.name[pairs.first],
            graph.name[pairs.second],
            graph.branch[pairs.first],
            graph.branch[pairs.second],
            reason,
        ),
        axis=1,
    )
    kinds, of = np.unique(keys, axis=0, return_inverse=True)
    of = of.reshape(-1)
    saved = np.zeros(len(kinds), np.int64)
    np.add.at(saved, of, pairs.saved)
    count = np.bincount(of, minlength=len(kinds))
    states = _states(view.timeline, graph, pairs, of, len(kinds))
    # The pair of each kind that would save most; of several, the earliest.
    order = np.lexsort((graph.start[pairs.first], -pairs.saved, of))
    best = order[begins(of[order])]
    names = (*graph.branches, None)
    found = [
        Missed(
            first=graph.names[first],
            second=graph.names[second],
            first_branch=names[first_branch],
            second_branch=names[second_branch],
            reason=reasons[why],
            count=int(count[kind]),
            saved_ns=int(saved[kind]),
            breakdown_ns={
                view.timeline.states[state]: ns
                for state, ns in enumerate(states[kind].tolist())
                if ns
            },
            start_ns=int(graph.start[pairs.first[best[kind]]]) - view.low,
        )
        for kind, (first, second, first_branch, second_branch, why) in enumerate(kinds.tolist())
    ]
    return sorted(found, key=lambda each: (-each.saved_ns, each.start_ns, each.first, each.second))


def pairs(view: View) -> Iterator[Pair]:
    """Yield the pairs of a window one by one, by the second's start; none without a graph."""
    graph, spans = view.graph, view.spans
    if graph is None or spans is None or not len(graph) or lacks_too_much(graph, spans):
        return
    found = _pairs(view, graph, spans)
    reasons, reason = _reasons(view, graph, found)
    order = np.lexsort((found.first, graph.start[found.second]))
    for row in order.tolist():
        yield Pair(
            int(found.first[row]),
            int(found.second[row]),
            reasons[int(reason[row])],
            int(found.saved[row]),
        )


def _pairs(view: View, graph: Graph, spans: Spans) -> _Pairs:
    """Pair every node off the longest path of its step with one that is on it."""
    path = spans.critical
    # The steps' schedules one behind the other, so that the paths follow each other too.
    lengths = np.zeros(int(graph.step.max(initial=0)) + 1, np.int64)
    np.add.at(lengths, graph.step[path], graph.length[path])
    begin = (np.cumsum(lengths) - lengths)[graph.step]
    start, end = begin + spans.earliest.start, begin + spans.earliest.end
    off = np.ones(len(graph), np.bool_)
    off[path] = False
    rows = np.flatnonzero(off & (graph.length > 0))
    path = path[graph.length[path] > 0]
    middle = start[rows] + (graph.length[rows] - 1) // 2
    beside = path[np.searchsorted(start[path], middle, side="right") - 1]
    shared = np.minimum(end[rows], end[beside]) - np.maximum(start[rows], start[beside])
    alone = np.maximum(graph.length - _accompanied(view.timeline, graph.start, graph.end), 0)
    saved = np.minimum(shared, np.minimum(alone[rows], alone[beside]))
    later = graph.start[rows] >= graph.end[beside]
    in_turn = later | (graph.start[beside] >= graph.end[rows])
    kept = in_turn & (saved > 0)
    return _Pairs(
        np.where(later, beside, rows)[kept], np.where(later, rows, beside)[kept], saved[kept]
    )


def _accompanied(line: Timeline, start: Ints, end: Ints) -> Ints:
    """Return for how long of each interval two or more lanes ran."""
    return _time_in(line, line.running > 1, start, end)


def _time_in(line: Timeline, wanted: NDArray[np.bool_], start: Ints, end: Ints) -> Ints:
    """Return the time of each interval that lies in segments that are wanted."""
    total = np.concatenate(([0], np.cumsum(np.where(wanted, line.lengths, 0))))

    def until(time: Ints) -> Ints:
        inside = np.clip(time, line.edges[0], line.edges[-1])
        segment = np.clip(np.searchsorted(line.edges, inside, side="right") - 1, 0, len(wanted) - 1)
        partly = np.where(wanted[segment], inside - line.edges[segment], 0)
        result: Ints = total[segment] + partly
        return result

    return until(end) - until(start)


def _states(line: Timeline, graph: Graph, pairs: _Pairs, kind: Ints, kinds: int) -> Ints:
    """Sum per kind of pair the states from the first's start to the second's."""
    start, end = graph.start[pairs.first], graph.start[pairs.second]
    result = np.zeros((kinds, len(line.states)), np.int64)
    for state in np.unique(line.state).tolist():
        np.add.at(result[:, state], kind, _time_in(line, line.state == state, start, end))
    return result


def _reasons(view: View, graph: Graph, pairs: _Pairs) -> tuple[tuple[str, ...], Ints]:
    """Return the reasons there are, and per pair the one for which its second was not running."""
    if view.stages is None:
        same = graph.lane[pairs.first] == graph.lane[pairs.second]
        return (_SAME_LANE, _OTHER_LANE), np.where(same, 0, 1).astype(np.int64)
    stage = view.stages.at(
        graph.node_activity[pairs.second].astype(np.int64), graph.start[pairs.first]
    )
    return STAGE_NAMES, stage.astype(np.int64)

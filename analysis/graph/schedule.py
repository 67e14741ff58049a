"""One step of a graph as a diagram: as it was recorded, and as its edges would allow it."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from analysis.diagram import Arrow, Diagram, Node, Run
from analysis.graph.chains import chains
from analysis.graph.hazards import Dependency
from analysis.graph.spans import spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.device import Device
    from analysis.graph.graph import Graph
    from analysis.graph.spans import Spans

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]

_KINDS = {each.value: each.name.lower().replace("_", " ") for each in Dependency}
_CRITICAL_ROW = 0
_DEVICES = {"cpu": "process", "accelerator": "device"}


def median_step(graph: Graph, low: int, high: int) -> int | None:
    """Return the index of the step with the median span; None if no step has a node.

    Args:
        graph: of all steps.
        low: ns, from when on steps may begin.
        high: ns, before which they must have begun.
    """
    begins = np.array([step.low for step in graph.steps], np.int64)
    within = np.flatnonzero((begins >= low) & (begins < high))
    held = np.intersect1d(graph.step, within).tolist()
    by_span = sorted(held, key=lambda step: spans(graph.of_step(step)).span_ns)
    return by_span[len(by_span) // 2] if by_span else None


def diagram(
    trace: str, device: Device, graph: Graph, step: int, *, most: int | None = None
) -> Diagram:
    """Lay out one step of a graph.

    Args:
        trace: what to call it.
        device: whose graph it is.
        graph: of all steps.
        step: index into the graph's steps.
        most: of more nodes than this, chains are drawn as one; None: never.
    """
    part = graph.of_step(step)
    measured = spans(part)
    critical = np.zeros(len(part), np.bool_)
    critical[measured.critical] = True
    origin = int(part.start.min())
    whole = most is None or len(part) <= most
    chain = np.arange(len(part), dtype=np.int32) if whole else chains(part, critical)
    lanes, row = np.unique(part.lane, return_inverse=True)
    return Diagram(
        title=", ".join(
            (trace, part.steps[step].name or "whole", f"{_DEVICES[device.kind]} {device.label}")
        ),
        nodes=_nodes(part, measured, critical, chain, origin),
        arrows=_arrows(part, chain),
        runs=tuple(
            map(
                Run,
                chain.tolist(),
                row.tolist(),
                (part.start - origin).tolist(),
                (part.end - origin).tolist(),
            )
        ),
        lanes=tuple(device.lanes[lane] for lane in lanes.tolist()),
        branches=part.branches,
        rows=int(_rows(measured, critical, chain).max()) + 1,
        recorded_ns=int(part.end.max()) - origin,
        work_ns=measured.work_ns,
        span_ns=measured.span_ns,
        operators=len(part),
    )


def _nodes(
    graph: Graph, measured: Spans, critical: NDArray[np.bool_], chain: Codes, origin: int
) -> tuple[Node, ...]:
    first = np.unique(chain, return_index=True)[1]
    count = np.bincount(chain)
    end = np.zeros(len(first), np.int64)
    np.maximum.at(end, chain, graph.end)
    length = np.zeros(len(first), np.int64)
    np.add.at(length, chain, graph.length)
    longest = np.empty(len(first), np.int64)
    by_length = np.argsort(graph.length, kind="stable")
    longest[chain[by_length]] = by_length
    return tuple(
        map(
            Node,
            [graph.names[code] for code in graph.name[longest].tolist()],
            graph.branch[first].tolist(),
            count.tolist(),
            (graph.start[first] - origin).tolist(),
            (end - origin).tolist(),
            length.tolist(),
            measured.earliest.start[first].tolist(),
            _rows(measured, critical, chain).tolist(),
            critical[first].tolist(),
        )
    )


def _arrows(graph: Graph, chain: Codes) -> tuple[Arrow, ...]:
    source, target = chain[graph.edges.source], chain[graph.edges.target]
    apart = source != target
    pairs, at = np.unique(
        np.stack((source[apart], target[apart]), axis=1), axis=0, return_index=True
    )
    kinds = graph.edges.kind[apart][at]
    return tuple(
        Arrow(first, second, _KINDS[kind])
        for (first, second), kind in zip(pairs.tolist(), kinds.tolist(), strict=True)
    )


def _rows(measured: Spans, critical: NDArray[np.bool_], chain: Codes) -> NDArray[np.int64]:
    """Give each chain a row of the earliest schedule; no two of a row at once.

    A chain goes on the row of what it waits for last, if that is free, else on the one
    that has been free for the longest time, else on a new one.
    """
    first = np.unique(chain, return_index=True)[1]
    last = len(chain) - 1 - np.unique(chain[::-1], return_index=True)[1]
    begin, end = measured.earliest.start[first].tolist(), measured.earliest.end[last].tolist()
    before = [chain[node] if node >= 0 else -1 for node in measured.earliest.previous[first]]
    row = [_CRITICAL_ROW] * len(first)
    on_path = critical[first].tolist()
    free = [0]
    by_end: list[tuple[int, int]] = []
    for each in np.lexsort((first, measured.earliest.start[first])).tolist():
        if on_path[each]:
            continue
        wanted = row[before[each]] if before[each] >= 0 else _CRITICAL_ROW
        if wanted == _CRITICAL_ROW or free[wanted] > begin[each]:
            wanted = _freed(by_end, free, begin[each])
        row[each] = wanted
        free[wanted] = end[each]
        heapq.heappush(by_end, (end[each], wanted))
    return np.array(row, np.int64)


def _freed(by_end: list[tuple[int, int]], free: list[int], at: int) -> int:
    """Return a row that is free at a time; a new one if none is."""
    while by_end and by_end[0][0] <= at:
        end, row = heapq.heappop(by_end)
        if free[row] == end:
            return row
    free.append(0)
    return len(free) - 1

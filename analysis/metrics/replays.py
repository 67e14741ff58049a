"""Replays of CUDA graphs: what their activities wait for, where the graph's edges are known.

The activities of one replay share their launch call; which node each of them is, and which
node must follow which, is told by the ids of graph and node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.columns import NONE
from analysis.groups import stretches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analysis.columns import CapturedGraph, Trace
    from analysis.device import Device, Launches

    Ints = NDArray[np.int64]
    Rows = NDArray[np.intp]


class Replays(msgspec.Struct, frozen=True, eq=False):
    """What graphs say of the n activities of a device.

    Attributes:
        told: bool, shape (n,), whether its graph's edges are known.
        held: shape (m,), rows that wait for another activity of their replay.
        source: shape (m,), the rows that these wait for.
    """

    told: NDArray[np.bool_]
    held: Rows
    source: Rows

    @property
    def roots(self) -> NDArray[np.bool_]:
        """Tell which activities wait for nothing in their replay."""
        roots = self.told.copy()
        roots[self.held] = False
        return roots


def replays(trace: Trace, device: Device, launches: Launches) -> Replays:
    """Tie the activities of each replay as the edges of its graph say.

    A node that ran nothing of its own, or whose activity says no node, hands on what it
    waits for. Where two activities of a replay say that they are the same node, nothing is
    known of that replay.
    """
    told = np.zeros(len(device), np.bool_)
    pairs: list[tuple[Rows, Rows]] = []
    shortened: dict[tuple[int, bytes], tuple[Rows, Rows]] = {}
    for rows, graph, nodes in _members(trace, device, launches):
        key = (graph, nodes.tobytes())
        if key not in shortened:
            shortened[key] = _among(trace.graphs[graph], nodes.tolist())
        held, source = shortened[key]
        told[rows] = True
        pairs.append((rows[held], rows[source]))
    none = np.empty(0, np.intp)
    return Replays(
        told,
        np.concatenate([none, *(held for held, _ in pairs)]),
        np.concatenate([none, *(source for _, source in pairs)]),
    )


def by_lanes(
    device: Device, launches: Launches, wanted: NDArray[np.bool_]
) -> list[tuple[tuple[int, ...], Rows]]:
    """Group the wanted activities of replays by the set of lanes of their replay."""
    rows = np.flatnonzero(launches.known & launches.graph)
    rows = rows[np.argsort(launches.call[rows], kind="stable")]
    groups: dict[tuple[int, ...], list[Rows]] = {}
    for low, high in stretches(launches.call[rows]):
        members = rows[low:high]
        lanes = tuple(np.unique(device.lane[members]).tolist())
        groups.setdefault(lanes, []).append(members[wanted[members]])
    return [(lanes, np.concatenate(members)) for lanes, members in groups.items()]


def _members(trace: Trace, device: Device, launches: Launches) -> Iterator[tuple[Rows, int, Ints]]:
    """Yield the rows of each replay by node, with its graph and the nodes."""
    rows = np.flatnonzero(launches.known & launches.graph & (device.graph_node != NONE))
    if not len(rows) or not trace.graphs:
        return
    said = device.graph_node[rows]
    graph, node = trace.graph_nodes.graph[said], trace.graph_nodes.node[said]
    order = np.lexsort((rows, node, graph, launches.call[rows]))
    rows, graph, node = rows[order], graph[order], node[order]
    replay = np.cumsum(
        (np.diff(launches.call[rows], prepend=NONE) != 0) | (np.diff(graph, prepend=NONE) != 0)
    )
    known = {graph: frozenset(each.nodes) for graph, each in trace.graphs.items()}
    for low, high in stretches(replay):
        nodes, of = node[low:high], int(graph[low])
        if of in known and (np.diff(nodes) > 0).all() and known[of].issuperset(nodes.tolist()):
            yield rows[low:high], of, nodes


def _among(graph: CapturedGraph, nodes: list[int]) -> tuple[Rows, Rows]:
    """Return the edges among some nodes of a graph, by their places: (held, source)."""
    before: dict[int, list[int]] = {}
    for source, target in graph.edges:
        before.setdefault(target, []).append(source)
    place = {node: number for number, node in enumerate(nodes)}
    pairs: list[tuple[int, int]] = []
    for node, number in place.items():
        seen: set[int] = set()
        pending = list(before.get(node, ()))
        while pending:
            source = pending.pop()
            if source in seen:
                continue
            seen.add(source)
            if source in place:
                pairs.append((number, place[source]))
            else:
                pending += before.get(source, ())
    found = np.array(sorted(pairs), np.intp).reshape(-1, 2)
    return found[:, 0], found[:, 1]

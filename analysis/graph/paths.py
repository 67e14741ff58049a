"""Longest paths through a graph whose nodes are numbered in an order in which they ran.

That order is topological, so one pass over the edges by target is all it takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.columns import NONE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.graph.hazards import Edges

    Ints = NDArray[np.int64]


class Earliest(msgspec.Struct, frozen=True, eq=False):
    """When each node could run if nothing but the edges held it; arrays of shape (n,).

    Attributes:
        start: int64 ns, from when the first could.
        end: int64 ns.
        depth: int64, nodes on the longest way to it by count, itself not counted.
        previous: int32 node that it waits for last, or -1.
    """

    start: Ints
    end: Ints
    depth: Ints
    previous: NDArray[np.int32]


def earliest(length: Ints, edges: Edges) -> Earliest:
    """Let every node start when the last one that it waits for has ended.

    Args:
        length: int64 ns per node.
        edges: by target, from lower to higher numbers.
    """
    begin = [0] * len(length)
    depth = [0] * len(length)
    previous = [NONE] * len(length)
    duration: list[int] = length.tolist()
    for source, target in zip(edges.source.tolist(), edges.target.tolist(), strict=True):
        end = begin[source] + duration[source]
        if end > begin[target] or (previous[target] < 0 and end == begin[target]):
            begin[target] = end
            previous[target] = source
        if depth[source] >= depth[target]:
            depth[target] = depth[source] + 1
    start = np.array(begin, np.int64)
    return Earliest(start, start + length, np.array(depth, np.int64), np.array(previous, np.int32))


def components(nodes: int, edges: Edges) -> NDArray[np.int32]:
    """Number the parts of a graph that no edge connects, from 0; shape (n,).

    Every node takes the least number among its neighbours', and then that one's, until
    nothing changes.
    """
    label = np.arange(nodes, dtype=np.int32)
    while True:
        least = np.minimum(label[edges.source], label[edges.target])
        before = label.copy()
        np.minimum.at(label, label[edges.source], least)
        np.minimum.at(label, label[edges.target], least)
        label = label[label]
        if (label == before).all():
            break
    return np.unique(label, return_inverse=True)[1].astype(np.int32)

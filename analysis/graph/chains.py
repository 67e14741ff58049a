"""Chains: nodes of which each waits for the one before it alone, and that one lets go no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.graph.graph import Graph

    Codes = NDArray[np.int32]


def chains(graph: Graph, critical: NDArray[np.bool_]) -> Codes:
    """Number the chain of each node, from 0 in the order of their first nodes; shape (n,).

    A chain stays within one branch, and is on the longest path as a whole or not at all.
    """
    leaving = np.bincount(graph.edges.source, minlength=len(graph))
    entering = np.bincount(graph.edges.target, minlength=len(graph))
    source, target = graph.edges.source, graph.edges.target
    single = (leaving[source] == 1) & (entering[target] == 1)
    single &= graph.branch[source] == graph.branch[target]
    single &= critical[source] == critical[target]
    before = np.arange(len(graph))
    before[target[single]] = source[single]
    # Every node looks twice as far back as in the round before.
    while (before != (further := before[before])).any():
        before = further
    return np.unique(before, return_inverse=True)[1].astype(np.int32)

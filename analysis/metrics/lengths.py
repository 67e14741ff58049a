"""How long operators take: what running them together has to pay for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis import groups
from analysis.showing import Tabular

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.metrics.view import View


class OperatorLengths(Tabular, msgspec.Struct, frozen=True):
    """The lengths of what ran in a window; definitions in docs/measures.md.

    Attributes:
        count: how many there are; of the operators of a graph, in a step.
        median_ns: half of them are no longer (nearest rank).
        half_time_ns: half of the time is spent in those at least so long.
    """

    count: int
    median_ns: int
    half_time_ns: int


def lengths(view: View) -> OperatorLengths | None:
    """Measure the operators of a CPU by its dependency graph, else the device's activities.

    On a CPU the outermost operators, which are its activities, may enclose a whole GRU;
    the nodes of the graph are those that do work of their own. A thread may lose its core
    in any of them: each operator counts by its median over the steps.

    Returns:
        None where nothing ran that took time.
    """
    graph = view.graph
    if view.process is not None and graph is not None and len(graph):
        _, medians = groups.medians(graph.operator, graph.work)
        return of_lengths(medians)
    device = view.device
    return of_lengths((device.end - device.start)[view.inside()])


def of_lengths(each: NDArray[np.int64]) -> OperatorLengths | None:
    """Summarise lengths; of shape (n,), in ns."""
    if not each.any():
        return None
    longest_first = np.sort(each)[::-1]
    # As the N50 of genome assemblies: from the longest down to half of the sum.
    reached = np.cumsum(longest_first)
    place = int(np.searchsorted(2 * reached, reached[-1]))
    return OperatorLengths(
        count=len(each),
        median_ns=int(longest_first[len(each) // 2]),
        half_time_ns=int(longest_first[place]),
    )

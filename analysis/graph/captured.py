"""From replays of CUDA graphs to the dependency graph of a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.columns import NONE
from analysis.graph.activities import length_of, named
from analysis.graph.graph import Graph
from analysis.graph.hazards import Dependency, edges, joined
from analysis.graph.matching import Span
from analysis.groups import distinct, stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.device import Device, Launches

    Rows = NDArray[np.intp]


def captured(
    device: Device, launches: Launches, told: NDArray[np.bool_], held: Rows, source: Rows
) -> Graph:
    """Make a device's dependency graph of what its CUDA graphs say: a node per activity.

    A step is a replay: CUDA runs one launch of a graph after the other.

    Args:
        device: an accelerator.
        launches: its launches.
        told: bool, shape (n,), the activities of replays whose edges are known.
        held: rows that wait for another activity of their replay.
        source: the rows that these wait for.
    """
    rows = np.flatnonzero(told)
    # Numbered as they ran, so that an edge leads from a lower number to a higher.
    rows = rows[np.lexsort((device.end[rows], device.start[rows], launches.call[rows]))]
    node = np.full(len(device), NONE, np.int32)
    node[rows] = np.arange(len(rows), dtype=np.int32)
    length = device.end[rows] - device.start[rows]
    # An edge that the recording contradicts is none.
    forward = device.start[source] < device.start[held]
    forward |= (device.start[source] == device.start[held]) & (
        device.end[source] < device.end[held]
    )
    lost = np.flatnonzero(~told & (device.end > device.start))
    codes = distinct(device.name[rows])
    of_replay = [rows[low:high] for low, high in stretches(launches.call[rows])]
    return Graph(
        step=np.repeat(
            np.arange(len(of_replay), dtype=np.int32), [len(each) for each in of_replay]
        ),
        operator=np.full(len(rows), NONE, np.int32),
        name=np.searchsorted(codes, device.name[rows]).astype(np.int32),
        branch=np.full(len(rows), NONE, np.int32),
        lane=device.lane[rows],
        start=device.start[rows],
        end=device.end[rows],
        length=length,
        work=length,
        edges=joined([edges(node[source[forward]], node[held[forward]], Dependency.CAPTURED)]),
        names=tuple(device.names[code] for code in codes.tolist()),
        branches=(),
        steps=tuple(
            Span(f"replay {number}", int(device.start[each[0]]), int(device.end[each].max()))
            for number, each in enumerate(of_replay, start=1)
        ),
        activity_node=node,
        node_activity=rows.astype(np.int32),
        lost_ns=length_of(device, lost),
        lost=named(device, lost, "of no replay whose edges are known"),
    )

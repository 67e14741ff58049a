"""The dependency graph of one device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import msgspec
import numpy as np

from analysis.columns import NONE
from analysis.graph.hazards import Edges
from analysis.groups import numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.device import Device
    from analysis.graph.matching import Span

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]


_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


class Graph(msgspec.Struct, frozen=True, eq=False):
    """What depends on what on one device.

    Attributes:
        step: int32 index into `steps`, shape (n,), ascending.
        operator: int32 row of the execution trace, -1 without one, shape (n,).
        name: int32 code into `names`, shape (n,).
        branch: int32 index into `branches`, or -1, shape (n,).
        lane: int32 index of the device's lane, shape (n,).
        start: int64 ns, when its first activity started, shape (n,).
        end: int64 ns, when its last one ended, shape (n,).
        length: int64 ns in which any of its activities ran, shape (n,).
        work: int64 ns, the same summed over lanes, shape (n,).
        edges: which node waits for which.
        names: of operators.
        branches: names of the annotated branches.
        steps: what each step covers.
        activity_node: int32, per activity of the device its node, or -1.
        node_activity: int32, shape (n,), the first activity of each node.
        lost_ns: summed length of the steps' activities that are of no node.
        lost: which these are, in words.
        mismatches: where the execution trace does not fit the trace, in words.
    """

    step: Codes
    operator: Codes
    name: Codes
    branch: Codes
    lane: Codes
    start: Ints
    end: Ints
    length: Ints
    work: Ints
    edges: Edges
    names: tuple[str, ...]
    branches: tuple[str, ...]
    steps: tuple[Span, ...]
    activity_node: Codes
    node_activity: Codes
    lost_ns: int = 0
    lost: tuple[str, ...] = ()
    mismatches: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.start)

    @property
    def notes(self) -> tuple[str, ...]:
        """Return all that it lacks, in words."""
        return (*self.mismatches, *self.lost)

    def activity_edges(self, device: Device) -> tuple[Codes, Codes]:
        """Return the edges as rows of the device's activities: (source, target).

        Where a node has activities on several lanes, an edge leaves the last and enters
        the first on each; on one lane they follow each other. No pair occurs twice, and
        none ties an activity to itself.
        """
        if device.launches is None:
            ends = (self.node_activity[self.edges.source], self.node_activity[self.edges.target])
            return _pairs([ends])
        rows = np.flatnonzero(self.activity_node >= 0)
        rows = rows[np.lexsort((rows, self.activity_node[rows]))].astype(np.int32)
        node, lane = self.activity_node[rows], device.lane[rows]
        first = (np.diff(node, prepend=NONE) != 0) | (np.diff(lane, prepend=NONE) != 0)
        last = np.append(first[1:], [True] * bool(len(rows)))
        chained = np.flatnonzero(~first)
        between = _products(self.edges, (node[last], rows[last]), (node[first], rows[first]))
        return _pairs([between, (rows[chained - 1], rows[chained])])

    def within(self, low: int, high: int) -> Self:
        """Return the part of the graph whose nodes start in [low, high), and the edges inside.

        `activity_node` keeps its length.
        """
        return self._kept((self.start >= low) & (self.start < high))

    def of_step(self, step: int) -> Self:
        """Return the part of the graph that is of one step, by its index into `steps`."""
        return self._kept(self.step == step)

    def _kept(self, keep: NDArray[np.bool_]) -> Self:
        if keep.all():
            return self
        rows = np.flatnonzero(keep)
        new = np.full(len(self) + 1, NONE, np.int32)
        new[rows] = np.arange(len(rows), dtype=np.int32)
        inside = keep[self.edges.source] & keep[self.edges.target]
        columns = {
            field: getattr(self, field)[rows]
            for field in ("step", "operator", "name", "branch", "lane", "start", "end")
        } | {field: getattr(self, field)[rows] for field in ("length", "work", "node_activity")}
        return msgspec.structs.replace(
            self,
            **columns,
            edges=Edges(
                new[self.edges.source[inside]],
                new[self.edges.target[inside]],
                self.edges.kind[inside],
            ),
            activity_node=new[self.activity_node],
        )


def _products(
    edges: Edges, leaving: tuple[Codes, Codes], entering: tuple[Codes, Codes]
) -> tuple[Codes, Codes]:
    """Tie all rows that leave an edge's source to all that enter its target.

    Args:
        edges: between nodes.
        leaving: nodes, ascending, and a row of each.
        entering: the same.
    """
    low, high = (np.searchsorted(leaving[0], edges.source, side=side) for side in _SIDES)
    begin, end = (np.searchsorted(entering[0], edges.target, side=side) for side in _SIDES)
    ins = end - begin
    edge, place = numbered((high - low) * ins)
    source = leaving[1][low[edge] + place // ins[edge]]
    target = entering[1][begin[edge] + place % ins[edge]]
    return source, target


def _pairs(parts: Sequence[tuple[NDArray[np.integer], NDArray[np.integer]]]) -> tuple[Codes, Codes]:
    source, target = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    apart = source != target
    pairs = np.unique(np.stack((source[apart], target[apart]), axis=1), axis=0)
    return pairs[:, 0].astype(np.int32), pairs[:, 1].astype(np.int32)

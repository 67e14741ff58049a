"""Which operators must wait for which, by what they read and write.

A read waits for the last writes of its bytes, a write for the last writes and for all
reads since: read after write, write after write, write after read.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from analysis.columns import NONE
from analysis.graph.geometry import Region, meet, share, within
from analysis.groups import begins, numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.graph.execution import Accesses, Handles

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]


class Dependency(enum.IntEnum):
    """Why a node waits for another; of several reasons the first counts."""

    READ_AFTER_WRITE = 0
    WRITE_AFTER_WRITE = 1
    WRITE_AFTER_READ = 2
    VIEW = 3
    """It is given a tensor object that the other made."""
    HOST_READ = 4
    """The host waited for a value of the other's before it launched this one."""
    BACKWARD = 5
    """It is the backward of the other."""
    SAME_OPERATOR = 6
    """One operator launched both, or launched the one and called the other."""
    CAPTURED = 8
    """A CUDA graph, of which both are nodes, says so."""
    SAME_BRANCH = 7
    """They are of one branch, whose nodes run in turn where branches are looked at."""


class Edges(NamedTuple):
    """Edges between nodes; arrays of shape (m,).

    Attributes:
        source: int32 node that comes first; below `target`.
        target: int32 node that waits for it.
        kind: int8, a `Dependency`.
    """

    source: Codes
    target: Codes
    kind: NDArray[np.int8]

    def shifted(self, by: int) -> Edges:
        """Return the same edges between nodes that are numbered from `by`."""
        shift = np.int32(by)
        return Edges(self.source + shift, self.target + shift, self.kind)


def edges(
    source: Sequence[int] | NDArray[np.integer],
    target: Sequence[int] | NDArray[np.integer],
    kind: Dependency,
) -> Edges:
    """Make edges of one kind."""
    return Edges(
        np.asarray(source, np.int32),
        np.asarray(target, np.int32),
        np.full(len(source), kind, np.int8),
    )


def joined(parts: Sequence[Edges]) -> Edges:
    """Return all edges, in order of target and source, each pair of nodes once."""
    if not parts:
        return edges([], [], Dependency.READ_AFTER_WRITE)
    source, target, kind = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((kind, source, target))
    source, target, kind = source[order], target[order], kind[order]
    first = np.ones(len(source), np.bool_)
    first[1:] = (source[1:] != source[:-1]) | (target[1:] != target[:-1])
    return Edges(source[first], target[first], kind[first])


def of_bytes(accesses: Accesses, operator: Codes) -> Edges:
    """Find the edges between nodes that touch the same bytes.

    Args:
        accesses: of all operators.
        operator: per node the operator that it is, or is a part of; the nodes in an order
            in which they ran.

    Returns:
        The edges, from lower to higher numbers.
    """
    at, rows = _of_nodes(accesses.operator, operator)
    # Within a node what it reads comes before what it writes.
    order = np.lexsort((accesses.write[rows], at, accesses.generation[rows]))
    at, rows = at[order], rows[order]
    generation, write = accesses.generation[rows], accesses.write[rows]
    starts = begins(generation)
    counts = np.diff(starts, append=len(rows))
    writes = np.add.reduceat(write.astype(np.int64), starts) if len(starts) else counts
    # Most storages are written once, when they are made, and then only read.
    made = (writes == 1) & write[starts] if len(starts) else writes == 1
    found = [_after_first(accesses, rows, at, starts[made], counts[made])]
    rest = ~made & (writes > 0)
    kept = np.repeat(rest, counts)
    found.append(_in_order(accesses, rows[kept], at[kept]))
    return joined(found)


def _of_nodes(operator: Codes, of_node: Codes) -> tuple[Codes, NDArray[np.intp]]:
    """Return node and row of what each node touches, given each row's operator, ascending."""
    low = np.searchsorted(operator, of_node, side="left")
    high = np.searchsorted(operator, of_node, side="right")
    at, place = numbered(high - low)
    return at.astype(np.int32), low[at] + place


def _after_first(
    accesses: Accesses, rows: NDArray[np.intp], node: Codes, starts: Ints, counts: Ints
) -> Edges:
    """Tie all that reads a storage to the one node that wrote it."""
    storage, place = numbered(counts - 1)
    writer = starts[storage]
    reader = writer + 1 + place
    touch = share(accesses.bytes.take(rows[writer]), accesses.bytes.take(rows[reader]))
    touch &= node[writer] != node[reader]
    return edges(node[writer[touch]], node[reader[touch]], Dependency.READ_AFTER_WRITE)


_Access: TypeAlias = tuple[int, Region]
# What the writes and the reads before it mean to a read, and to a write.
_KINDS = (
    (Dependency.READ_AFTER_WRITE, None),
    (Dependency.WRITE_AFTER_WRITE, Dependency.WRITE_AFTER_READ),
)


def _in_order(accesses: Accesses, rows: NDArray[np.intp], node: Codes) -> Edges:
    """Go through accesses, storage by storage; what a write covers need not be kept."""
    found: list[tuple[int, int, int]] = []
    current = NONE
    live: tuple[list[_Access], list[_Access]] = ([], [])
    for generation, region, writes, own in zip(
        accesses.generation[rows].tolist(),
        accesses.bytes.take(rows).regions(),
        accesses.write[rows].tolist(),
        node.tolist(),
        strict=True,
    ):
        if generation != current:
            current, live = generation, ([], [])
        for earlier, kind in zip(live, _KINDS[writes], strict=True):
            if kind is not None:
                found += [
                    (by, own, kind) for by, other in earlier if by != own and meet(other, region)
                ]
        if writes:
            for earlier in live:
                earlier[:] = [each for each in earlier if not within(each[1], region)]
        live[not writes].append((own, region))
    table = np.array(found, np.int64).reshape(-1, 3)
    return Edges(
        table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), table[:, 2].astype(np.int8)
    )


def of_handles(handles: Handles, operator: Codes) -> Edges:
    """Find the edges from the node that made a tensor last to those that are given it.

    Args:
        handles: of all operators.
        operator: as for `of_bytes`.
    """
    at, rows = _of_nodes(handles.operator, operator)
    order = np.lexsort((handles.made[rows], at, handles.tensor[rows]))
    at, rows = at[order], rows[order]
    tensor, made = handles.tensor[rows], handles.made[rows]
    maker = np.maximum.accumulate(np.where(made, np.arange(len(rows)), -1))
    given = np.flatnonzero(~made & (maker >= 0))
    by = maker[given]
    same = (tensor[by] == tensor[given]) & (at[by] != at[given])
    return edges(at[by[same]], at[given[same]], Dependency.VIEW)

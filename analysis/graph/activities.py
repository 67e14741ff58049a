"""Which activities of a device are the work of which operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis import vocabulary
from analysis.columns import NONE
from analysis.groups import grouped_running_max

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.device import Device
    from analysis.graph.execution import Execution
    from analysis.graph.forest import Forest
    from analysis.graph.matching import Match

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Rows = NDArray[np.intp]

_BEFORE_ALL = -(2**62)
_LISTED = 3


class Work(msgspec.Struct, frozen=True, eq=False):
    """Nodes of a graph with their times, step by step as launched; arrays of shape (n,).

    Attributes:
        step: int32 index into the matched steps, ascending.
        operator: int32 row of the execution trace.
        order: int32 row of the operator that had begun last when the node was launched.
        start: int64 ns.
        end: int64 ns.
        length: int64 ns in which any activity of the node ran.
        work: int64 ns, the same summed over lanes.
        first: int32 row of the node's first activity.
        node: int32, per activity of the device its node, or -1.
        lost_ns: summed length of the steps' activities that are of no node.
        lost: which these are, in words.
    """

    step: Codes
    operator: Codes
    order: Codes
    start: Ints
    end: Ints
    length: Ints
    work: Ints
    first: Codes
    node: Codes
    lost_ns: int
    lost: tuple[str, ...]


def outermost(
    device: Device, forest: Forest, matches: Sequence[Match], execution: Execution
) -> Work:
    """Divide the outermost operators of a CPU among the nodes inside them.

    Each node takes the time from the end of the one before it, so that together they
    take all of it: what a composite operator spends between two that it calls is the
    price of the second.
    """
    chosen = working(execution)
    rows = [each.row[chosen[each.row]] for each in matches]
    calls = [each.call[chosen[each.row]] for each in matches]
    step = np.repeat(np.arange(len(matches), dtype=np.int32), [len(each) for each in rows])
    operator = _joined(rows).astype(np.int32)
    call = _joined(calls)
    activity = _activity_of(device, forest, call)
    kept = activity >= 0
    step, operator, call, activity = step[kept], operator[kept], call[kept], activity[kept]
    begin, end = forest.start[call], forest.end[call]
    order = np.lexsort((begin, activity))
    of = activity[order]
    first = np.diff(of, prepend=NONE) != 0
    last = np.append(first[1:], True)
    low = np.where(first, device.start[of], np.roll(end[order], 1))
    high = np.where(last, device.end[of], end[order])
    start_of, end_of = np.empty_like(begin), np.empty_like(end)
    start_of[order], end_of[order] = low, np.maximum(high, low)
    node = np.full(len(device), NONE, np.int32)
    node[of] = order.astype(np.int32)
    length = end_of - start_of
    hidden = ~vocabulary.namespaced(device.names)[device.name]
    lost = _lost(device, device.start, matches, (node < 0) | hidden)
    return Work(
        step=step,
        operator=operator,
        order=operator,
        start=start_of,
        end=end_of,
        length=length,
        work=length,
        first=activity.astype(np.int32),
        node=node,
        lost_ns=length_of(device, lost),
        lost=named(device, lost, "whose work is not that of operators"),
    )


def working(execution: Execution) -> NDArray[np.bool_]:
    """Tell which operators are nodes on a CPU: the outermost that are not purely composite.

    A composite one that calls nothing is one too, since its time is its own.
    """
    able = vocabulary.namespaced(execution.names) & ~execution.annotation
    leaf = execution.last == np.arange(len(execution))
    able &= ~execution.composite | leaf
    # What autograd runs for a node of its own only calls others, too.
    able &= ~execution.backward | leaf
    result = np.zeros(len(execution), np.bool_)
    inside: list[bool] = []
    for row, (parent, own) in enumerate(zip(execution.parent.tolist(), able.tolist(), strict=True)):
        above = parent >= 0 and (inside[parent] or bool(result[parent]))
        inside.append(above)
        result[row] = own and not above
    return result


def _activity_of(device: Device, forest: Forest, call: Rows) -> Rows:
    """Return the outermost operator of the device that each call lies in, or -1."""
    result = np.full(len(call), NONE, np.intp)
    lane_of = {label: lane for lane, label in enumerate(device.lanes)}
    lane_of_tid = np.array([lane_of.get(label, NONE) for label in forest.tids], np.intp)
    own = np.array([label == device.label for label in forest.pids], np.bool_)[forest.pid[call]]
    lane = np.where(own, lane_of_tid[forest.tid[call]], NONE)
    for code in np.unique(lane[lane >= 0]).tolist():
        low, high = np.searchsorted(device.lane, [code, code + 1])
        rows = np.flatnonzero(lane == code)
        begin = forest.start[call[rows]]
        place = low + np.searchsorted(device.start[low:high], begin, side="right") - 1
        inside = (place >= low) & (begin < device.end[np.maximum(place, 0)])
        # An operator of no length at the end of another is inside it too.
        result[rows] = np.where(inside, place, NONE)
    return result


def launched(device: Device, forest: Forest, matches: Sequence[Match]) -> Work:
    """Give each activity of an accelerator to the innermost operator around its launch.

    An operator that calls another between two launches of its own is two nodes, one before
    and one after.
    """
    if device.launches is None:
        raise TypeError("a CPU's activities have no launches; see `outermost`")
    time = np.where(device.launches.known, device.launches.start, 0)
    begun = forest.begun(device.launches.thread, time)
    begun[~device.launches.known] = NONE
    inside = forest.enclosing(begun, time)
    step_of, row_of = _rows_of(forest, matches)
    # The last place is that of no operator.
    known = (inside >= 0) & (step_of[inside] >= 0) & (step_of[begun] == step_of[inside])
    rows = np.flatnonzero(known)
    step, operator, order = step_of[inside[rows]], row_of[inside[rows]], row_of[begun[rows]]
    depth = forest.depth[inside[rows]]
    by = np.lexsort((device.start[rows], -depth, order, step))
    rows, step, operator, order = rows[by], step[by], operator[by], order[by]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (np.diff(step) != 0) | (np.diff(operator) != 0) | (np.diff(order) != 0)
    number = np.cumsum(new) - 1
    node = np.full(len(device), NONE, np.int32)
    node[rows] = number
    count = int(number[-1]) + 1 if len(rows) else 0
    start = np.full(count, 2**62, np.int64)
    end = np.full(count, _BEFORE_ALL, np.int64)
    np.minimum.at(start, number, device.start[rows])
    np.maximum.at(end, number, device.end[rows])
    lanes = len(device.lanes)
    lost = _lost(device, time, matches, (node < 0) & device.launches.known)
    return Work(
        step=step[new].astype(np.int32),
        operator=operator[new].astype(np.int32),
        order=order[new].astype(np.int32),
        start=start,
        end=end,
        length=_covered(number, device.start[rows], device.end[rows], count),
        work=_covered(
            number * lanes + device.lane[rows], device.start[rows], device.end[rows], count * lanes
        )
        .reshape(count, lanes)
        .sum(axis=1),
        first=rows[new].astype(np.int32),
        node=node,
        lost_ns=length_of(device, lost),
        lost=named(device, lost, "that no operator launched"),
    )


def _rows_of(forest: Forest, matches: Sequence[Match]) -> tuple[Rows, Rows]:
    """Return per call its step and its row of the execution trace, -1 where it has none."""
    step_of = np.full(len(forest) + 1, NONE, np.intp)
    row_of = np.full(len(forest) + 1, NONE, np.intp)
    for step, each in enumerate(matches):
        step_of[each.call] = step
        row_of[each.call] = each.row
    return step_of, row_of


def _covered(group: Ints, start: Ints, end: Ints, groups: int) -> Ints:
    """Return the time that the intervals of each group cover together."""
    order = np.lexsort((start, group))
    group, start, end = group[order], start[order], end[order]
    reach = grouped_running_max(end, group, _BEFORE_ALL)
    total = np.zeros(groups, np.int64)
    np.add.at(total, group, np.maximum(end - np.maximum(start, reach), 0))
    return total


def _lost(device: Device, time: Ints, matches: Sequence[Match], without: NDArray[np.bool_]) -> Rows:
    """Return the activities of the matched steps that are of no node."""
    inside = np.zeros(len(device), np.bool_)
    for each in matches:
        inside |= (time >= each.span.low) & (time < each.span.high)
    return np.flatnonzero(without & inside & (device.end > device.start))


def length_of(device: Device, rows: Rows) -> int:
    """Return the summed length of activities in ns."""
    return int((device.end[rows] - device.start[rows]).sum())


def named(device: Device, rows: Rows, why: str) -> tuple[str, ...]:
    """Say how many activities are lost, and the names of most."""
    if not len(rows):
        return ()
    codes, counts = np.unique(device.name[rows], return_counts=True)
    common = [device.names[codes[place]] for place in np.argsort(-counts, kind="stable")[:_LISTED]]
    named = ", ".join(common) + ", ..." * (len(codes) > _LISTED)
    return (f"{len(rows):,} activities {why} ({named}): what they depend on is not known.",)


def _joined(parts: Sequence[Rows]) -> Rows:
    return np.concatenate(parts) if parts else np.zeros(0, np.intp)

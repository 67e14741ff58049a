"""From a trace and an execution trace to the dependency graph of a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis import vocabulary
from analysis.columns import NONE
from analysis.graph.activities import launched, outermost
from analysis.graph.forest import forest as arrange
from analysis.graph.graph import Graph
from analysis.graph.hazards import Dependency, Edges, edges, joined, of_bytes, of_handles
from analysis.graph.matching import match
from analysis.groups import stretches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.columns import Trace
    from analysis.device import Device
    from analysis.graph.execution import Execution
    from analysis.graph.matching import Match

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]


def build(trace: Trace, device: Device, execution: Execution) -> Graph:
    """Make the dependency graph of a device.

    Args:
        trace: that holds the device's activities, and the operators.
        device: an accelerator of the trace, or a process's CPU.
        execution: of the same program, of this run or of another.

    Returns:
        The graph; it says where the two do not fit, and what it lacks.
    """
    calls = arrange(trace)
    matches = match(trace, calls, execution)
    fitting = [each for each in matches if not each.mismatch]
    if device.launches is None:
        work = outermost(device, calls, fitting, execution)
    else:
        work = launched(device, calls, fitting)
    cache: dict[bytes, Edges] = {}
    found, at = [], 0
    for low, high in stretches(work.step):
        operator, order = work.operator[low:high], work.order[low:high]
        key = operator.tobytes() + order.tobytes()
        if key not in cache:
            cache[key] = _step_edges(execution, operator, order, handles=device.launches is None)
        found.append(cache[key].shifted(at))
        at += high - low
    branches, branch = _branches(execution)
    names = tuple(dict.fromkeys(execution.names))
    code = {name: number for number, name in enumerate(names)}
    name = np.array([code[each] for each in execution.names], np.int32)
    return Graph(
        step=work.step,
        operator=work.operator,
        name=name[work.operator],
        branch=branch[work.operator],
        lane=device.lane[work.first],
        start=work.start,
        end=work.end,
        length=work.length,
        work=work.work,
        edges=_all(found),
        names=names,
        branches=branches,
        steps=tuple(each.span for each in matches if not each.mismatch),
        activity_node=work.node,
        node_activity=work.first,
        lost_ns=work.lost_ns,
        lost=work.lost,
        mismatches=_mismatches(execution, matches),
    )


def _all(parts: Sequence[Edges]) -> Edges:
    """Put edges of steps one behind the other, which keeps them in order."""
    if not parts:
        return joined([])
    return Edges(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _step_edges(execution: Execution, operator: Codes, order: Codes, *, handles: bool) -> Edges:
    """Find the edges of one step.

    Args:
        execution: the operators.
        operator: per node its operator.
        order: per node the operator that had begun last when it was launched.
        handles: whether tensors that were made without writing count too: on a CPU, where
            the view that makes one takes time.
    """
    parts = [
        of_bytes(execution.accesses, operator),
        _after_host_reads(execution, operator),
        _backward(execution, operator),
        _inside_operators(execution, operator, order),
    ]
    if handles:
        parts.append(of_handles(execution.handles, operator))
    return joined(parts)


def _after_host_reads(execution: Execution, operator: Codes) -> Edges:
    """Tie all that a thread launches after the host read a value to that read."""
    reads = execution.host_read[operator]
    if not reads.any():
        return edges([], [], Dependency.HOST_READ)
    thread = execution.thread[operator]
    by_thread = np.argsort(thread, kind="stable")
    place = np.where(reads[by_thread], np.arange(len(by_thread)), NONE)
    latest = np.maximum.accumulate(np.concatenate(([NONE], place[:-1])))
    own = latest >= 0
    own &= thread[by_thread[np.maximum(latest, 0)]] == thread[by_thread]
    return edges(by_thread[latest[own]], by_thread[own], Dependency.HOST_READ)


def _backward(execution: Execution, operator: Codes) -> Edges:
    """Tie the backward of an operator to it, by their sequence number.

    Of the forward operators of one number the last to begin made autograd's node.
    """
    heads = np.flatnonzero(execution.backward & (execution.sequence >= 0))
    if not len(heads):
        return edges([], [], Dependency.BACKWARD)
    forward = np.flatnonzero(~execution.backward & (execution.sequence >= 0))
    keys = zip(
        execution.forward_thread[heads].tolist(), execution.sequence[heads].tolist(), strict=True
    )
    maker = {
        key: row
        for row, key in zip(
            forward.tolist(),
            zip(
                execution.thread[forward].tolist(),
                execution.sequence[forward].tolist(),
                strict=True,
            ),
            strict=True,
        )
    }
    node = _Places(execution, operator)
    source, target = [], []
    for head, key in zip(heads.tolist(), keys, strict=True):
        if key in maker:
            ends, begins = node.of(maker[key]), node.inside(head)
            # The last part of the forward operator, and all that its backward does.
            for each in begins:
                if ends and ends[-1] < each:
                    source.append(ends[-1])
                    target.append(each)
    return edges(source, target, Dependency.BACKWARD)


class _Places:
    """Which nodes lie in an operator, or in which an operator lies."""

    def __init__(self, execution: Execution, operator: Codes) -> None:
        self._execution = execution
        self._order = np.argsort(operator, kind="stable")
        self._sorted = operator[self._order]

    def inside(self, row: int) -> list[int]:
        """Return the nodes of an operator and of all that it called, ascending."""
        low = np.searchsorted(self._sorted, row, side="left")
        high = np.searchsorted(self._sorted, self._execution.last[row], side="right")
        found = self._order[low:high]
        # Between an operator's begin and end other threads began some too.
        thread = self._execution.thread
        return sorted(found[thread[self._sorted[low:high]] == thread[row]].tolist())

    def of(self, row: int) -> list[int]:
        """Return the nodes inside of an operator, or else those of the innermost around it."""
        while row >= 0:
            found = self.inside(row)
            if found:
                return found
            row = int(self._execution.parent[row])
        return []


def _inside_operators(execution: Execution, operator: Codes, order: Codes) -> Edges:
    """Tie what an operator launched itself to all that it called before and after.

    What it passes on inside, a temporary tensor say, need not show.
    """
    source, target = [], []
    by_thread = np.lexsort((np.arange(len(operator)), execution.thread[operator]))
    begun = order[by_thread]
    thread = execution.thread[operator[by_thread]]
    several = _with_several(execution, operator)
    for row in several:
        low, high = np.searchsorted(thread, [execution.thread[row], execution.thread[row] + 1])
        first = low + np.searchsorted(begun[low:high], row, side="left")
        behind = low + np.searchsorted(begun[low:high], execution.last[row], side="right")
        nodes = by_thread[first:behind].tolist()
        pending: list[int] = []
        own: int | None = None
        for node in nodes:
            if own is not None:
                source.append(own)
                target.append(node)
            if operator[node] == row:
                source += pending
                target += [node] * len(pending)
                own, pending = node, []
            else:
                pending.append(node)
    return edges(source, target, Dependency.SAME_OPERATOR)


def _with_several(execution: Execution, operator: Codes) -> list[int]:
    """Return the operators with nodes of their own and further nodes inside."""
    rows, counts = np.unique(operator, return_counts=True)
    inside = np.searchsorted(rows, execution.last[rows], side="right") - np.arange(len(rows))
    result: list[int] = rows[(counts > 1) | (inside > 1)].tolist()
    return result


def _branches(execution: Execution) -> tuple[tuple[str, ...], Codes]:
    """Return the names of the branches, and per operator the one that it is in, or -1."""
    mark = execution.annotation & vocabulary.branch(execution.names)
    names = tuple(sorted({execution.names[row] for row in np.flatnonzero(mark).tolist()}))
    code = {name: number for number, name in enumerate(names)}
    branch: list[int] = []
    for row, (parent, marked) in enumerate(
        zip(execution.parent.tolist(), mark.tolist(), strict=True)
    ):
        above = branch[parent] if parent >= 0 else NONE
        branch.append(code[execution.names[row]] if marked else above)
    return names, np.array(branch, np.int32)


def _mismatches(execution: Execution, matches: Sequence[Match]) -> tuple[str, ...]:
    """Say how many steps the execution trace does not fit, and where the first begins to differ."""
    if not matches:
        return (f"{execution.path} holds no step of the trace.",)
    wrong = [(number, each) for number, each in enumerate(matches, start=1) if each.mismatch]
    if not wrong:
        return ()
    number, first = wrong[0]
    fits = len(matches) - len(wrong)
    return (f"The graph fits {fits} of {len(matches)} steps: in step {number} {first.mismatch}.",)

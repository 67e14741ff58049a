"""Finds the operators of an execution trace among those of a trace.

The two may be of different runs: operators are matched by order and nesting, thread by
thread and step by step. A step either matches whole or not at all.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from analysis import vocabulary
from analysis.columns import Role
from analysis.groups import stretches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from analysis.columns import Trace
    from analysis.graph.execution import Execution
    from analysis.graph.forest import Forest

    Rows = NDArray[np.intp]


class Span(NamedTuple):
    """A step of the trace, [low, high) in ns; the whole trace where it marks none."""

    name: str
    low: int
    high: int


class Match(msgspec.Struct, frozen=True, eq=False):
    """One step of the trace and the operators of the execution trace that are its own.

    Attributes:
        span: the step.
        row: rows of the execution trace, ascending.
        call: rows of the forest that they are, of the same shape.
        mismatch: where the two first differ, in words; then nothing is matched.
    """

    span: Span
    row: Rows
    call: Rows
    mismatch: str | None = None


class _Tree(NamedTuple):
    """Rows of one outermost operator with all that it encloses, and what they look like."""

    rows: Rows
    form: bytes


def match(trace: Trace, forest: Forest, execution: Execution) -> tuple[Match, ...]:
    """Match every step of the trace.

    Where both mark steps of the same names, each is matched with its namesake; else
    every step of the trace with the first of the execution trace.
    """
    names = {name: code for code, name in enumerate(forest.names)}
    theirs = _Theirs(execution, names)
    spans = list(steps(trace))
    by_name = {name: theirs.threads(name) for name in theirs.steps()}
    first = next(iter(by_name.values()), None)
    several = len({span.name for span in spans} & set(by_name)) > 1
    found = []
    for span in spans:
        expected = by_name.get(span.name) if several else first
        if expected is not None:
            found.append(_matched(span, expected, forest, execution))
    return tuple(found)


def steps(trace: Trace) -> Iterator[Span]:
    """Yield the steps that the trace marks, by begin: the recorder's own, or the profiler's."""
    events = trace.events
    annotation = events.role == Role.ANNOTATION
    for kind in (vocabulary.own_step, vocabulary.profiler_step):
        rows = np.flatnonzero(annotation & kind(events.names)[events.name])
        if len(rows):
            for row in rows[np.argsort(events.start[rows], kind="stable")].tolist():
                name = events.names[events.name[row]]
                yield Span(name, int(events.start[row]), int(events.end[row]))
            return
    if len(events):
        yield Span("", int(events.start.min()), int(events.end.max()) + 1)


class _Theirs:
    """The execution trace, cut into steps, threads and trees."""

    def __init__(self, execution: Execution, names: dict[str, int]) -> None:
        named = vocabulary.namespaced(execution.names)
        branch = vocabulary.branch(execution.names)
        self._kept = np.where(execution.annotation, branch, named)
        # What the trace has no name for is told apart by codes of its own.
        self._code = np.array(
            [names.get(name, len(names) + row) for row, name in enumerate(execution.names)],
            np.int32,
        )
        self._depth = _depths(execution, self._kept)
        self._execution = execution
        own = vocabulary.own_step(execution.names) & execution.annotation
        marks = own if own.any() else vocabulary.profiler_step(execution.names)
        self._marks = np.flatnonzero(marks & execution.annotation)

    def steps(self) -> list[str]:
        """Return the names of the steps, in order; one without a name if none is marked."""
        if not len(self._marks):
            return [""]
        return list(dict.fromkeys(self._execution.names[row] for row in self._marks.tolist()))

    def threads(self, name: str) -> list[list[_Tree]]:
        """Return the trees of each thread in the first step of a name."""
        inside = self._kept.copy()
        if len(self._marks):
            at = next(
                place
                for place, row in enumerate(self._marks.tolist())
                if self._execution.names[row] == name
            )
            mark = int(self._marks[at])
            end = int(self._marks[at + 1]) if at + 1 < len(self._marks) else len(inside)
            rows = np.arange(len(inside))
            inside &= (rows > mark) & (rows < end)
            # On the step's own thread what is not inside it came after it.
            elsewhere = self._execution.thread != self._execution.thread[mark]
            inside &= elsewhere | (rows <= self._execution.last[mark])
        rows = np.flatnonzero(inside)
        return _threads(rows, self._execution.thread, self._depth, self._code)


def _depths(execution: Execution, kept: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return how many of those that are kept enclose each row."""
    depth: list[int] = []
    counts: list[bool] = kept.tolist()
    for parent in execution.parent.tolist():
        depth.append(depth[parent] + counts[parent] if parent >= 0 else 0)
    return np.array(depth, np.int32)


def _threads(
    rows: Rows,
    thread: NDArray[np.integer],
    depth: NDArray[np.int32],
    code: NDArray[np.int32],
) -> list[list[_Tree]]:
    """Cut rows, in order of their begin, into threads and trees."""
    rows = rows[np.argsort(thread[rows], kind="stable")]
    found = []
    for low, high in stretches(thread[rows]):
        own = rows[low:high]
        # What a step's begin cuts off its parent is outermost in it.
        shallowest = depth[own] - np.minimum.accumulate(depth[own])
        form = np.stack((shallowest, code[own]), axis=1).astype(np.int32)
        found.append(
            [_Tree(own[a:b], form[a:b].tobytes()) for a, b in stretches(np.cumsum(shallowest == 0))]
        )
    return found


def _matched(
    span: Span, expected: Sequence[list[_Tree]], forest: Forest, execution: Execution
) -> Match:
    inside = np.flatnonzero((forest.start >= span.low) & (forest.start < span.high))
    found = _threads(inside, forest.thread, forest.depth, forest.name)
    pairs, missing, left = _pair_threads(expected, found)
    left.sort(key=lambda tree: int(forest.start[tree.rows[0]]))
    alike, lost, over = _pair_trees(missing, left)
    if not lost and not over:
        lost, over = _out_of_turn(alike, forest, execution) or (None, None)
    pairs += alike
    nothing = np.zeros(0, np.intp)
    if lost or over:
        return Match(span, nothing, nothing, _difference(lost, over, forest, execution, span))
    if not pairs:
        return Match(span, nothing, nothing, "neither has an operator")
    row = np.concatenate([theirs.rows for theirs, _ in pairs])
    call = np.concatenate([ours.rows for _, ours in pairs])
    order = np.argsort(row, kind="stable")
    return Match(span, row[order], call[order])


def _pair_threads(
    expected: Sequence[list[_Tree]], found: Sequence[list[_Tree]]
) -> tuple[list[tuple[_Tree, _Tree]], list[_Tree], list[_Tree]]:
    """Pair threads that did the same; return the pairs, and the trees of all others."""
    waiting: dict[tuple[bytes, ...], list[list[_Tree]]] = defaultdict(list)
    for trees in found:
        waiting[tuple(tree.form for tree in trees)].append(trees)
    pairs: list[tuple[_Tree, _Tree]] = []
    missing: list[_Tree] = []
    for trees in expected:
        same = waiting[tuple(tree.form for tree in trees)]
        if same:
            pairs.extend(zip(trees, same.pop(0), strict=True))
        else:
            missing += trees
    left = [tree for several in waiting.values() for trees in several for tree in trees]
    return pairs, missing, left


def _pair_trees(
    expected: list[_Tree], found: list[_Tree]
) -> tuple[list[tuple[_Tree, _Tree]], _Tree | None, _Tree | None]:
    """Pair trees that look alike, in order; return the first of each that is left over."""
    waiting: dict[bytes, list[_Tree]] = defaultdict(list)
    for tree in found:
        waiting[tree.form].append(tree)
    pairs = []
    lost = None
    for tree in sorted(expected, key=lambda tree: int(tree.rows[0])):
        same = waiting[tree.form]
        if same:
            pairs.append((tree, same.pop(0)))
        elif lost is None:
            lost = tree
    paired = {id(ours) for _, ours in pairs}
    return pairs, lost, next((tree for tree in found if id(tree) not in paired), None)


def _out_of_turn(
    pairs: Sequence[tuple[_Tree, _Tree]], forest: Forest, execution: Execution
) -> tuple[_Tree, _Tree] | None:
    """Return the first pair that ran earlier than another that its thread is to run before it.

    Which thread runs a tree may change, the order in which one runs its trees may not.
    """
    latest: dict[int, tuple[int, _Tree]] = {}
    for theirs, ours in pairs:
        thread = int(execution.thread[theirs.rows[0]])
        start = int(forest.start[ours.rows[0]])
        if thread in latest and start < latest[thread][0]:
            return latest[thread][1], ours
        latest[thread] = start, theirs
    return None


def _difference(
    lost: _Tree | None, over: _Tree | None, forest: Forest, execution: Execution, span: Span
) -> str:
    """Say where two trees begin to differ, or which of them has no counterpart."""
    theirs = [execution.names[row] for row in lost.rows.tolist()] if lost else []
    ours = [forest.names[code] for code in forest.name[over.rows].tolist()] if over else []
    pairs = zip(theirs, ours, strict=False)
    place = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(theirs), len(ours)))
    expected = theirs[place] if place < len(theirs) else "nothing more"
    if over is None or place >= len(ours):
        return f"the graph goes on with {expected}, and the trace does not"
    at = int(forest.start[over.rows[place]]) - span.low
    return f"the trace has {ours[place]} at {at:,} ns, where the graph has {expected}"

"""One step of a dependency graph as it is drawn: raw values, ready to be written in any format.

Renderers turn a `Diagram` into a picture or a file; nothing is left to be worked out.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Node(NamedTuple):
    """An operator, or a chain of them of which each waits for the one before alone.

    Attributes:
        name: of the operator; of a chain, of its longest.
        branch: index into the diagram's branches, or -1.
        operators: how many it stands for.
        start_ns: when it ran, from the step's first.
        end_ns: when it had run.
        length_ns: how long any of its activities ran.
        earliest_ns: from when the edges would let it run.
        row: of the schedule that the edges allow; the longest path has row 0.
        critical: whether it is on the longest path.
    """

    name: str
    branch: int
    operators: int
    start_ns: int
    end_ns: int
    length_ns: int
    earliest_ns: int
    row: int
    critical: bool


class Run(NamedTuple):
    """A stretch of one operator as it was recorded, on a row per lane."""

    node: int
    row: int
    start_ns: int
    end_ns: int


class Arrow(NamedTuple):
    """One node waits for another."""

    source: int
    target: int
    kind: str


class Diagram(msgspec.Struct, frozen=True):
    """What depends on what in one step.

    Attributes:
        title: the trace, the step and the device.
        nodes: in the order in which they were launched.
        arrows: from lower to higher indices into `nodes`.
        runs: every operator as recorded; more than `nodes` where those are chains.
        lanes: names of the recorded rows.
        branches: names of the annotated branches.
        rows: of the schedule that the edges allow.
        recorded_ns: from the first start to the last end.
        work_ns: summed work.
        span_ns: length of the longest path.
        operators: how many the nodes stand for.
    """

    title: str
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    runs: tuple[Run, ...]
    lanes: tuple[str, ...]
    branches: tuple[str, ...]
    rows: int
    recorded_ns: int
    work_ns: int
    span_ns: int
    operators: int

"""Do the host's records make sense by themselves?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.columns import Role
from analysis.document import Unit
from analysis.overruns import overrunning_frames
from analysis.trust.doubt import Doubt, Gravity
from analysis.units import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analysis.trust.doubt import Evidence


def operators_not_nested(evidence: Evidence) -> Iterator[Doubt]:
    """On one thread, an operator lies inside of another or beside it."""
    operators = evidence.trace.events.of(Role.OPERATOR)
    if not len(operators):
        return
    thread = operators.pid.astype(np.int64) * len(operators.tids) + operators.tid
    tolerance = 2 * evidence.trace.resolution_ns
    order = np.lexsort((-operators.end, operators.start, thread))
    number = crossings(thread[order], operators.start[order], operators.end[order], tolerance)
    if number:
        yield Doubt(
            "operators_not_nested",
            Gravity.WARNING,
            f"{number:,} operators end after the one on their thread that they started in",
            "several threads may share a number, as they do in merged traces: split it by process",
        )


def python_not_nested(evidence: Evidence) -> Iterator[Doubt]:
    """On one thread, a Python frame ends before the one that called it."""
    frames = evidence.trace.events.of(Role.PYTHON)
    longer = np.flatnonzero(overrunning_frames(frames, 2 * evidence.trace.resolution_ns))
    if len(longer):
        name = text(frames.names[frames.name[longer[0]]], Unit.CODE)
        yield Doubt(
            "python_not_nested",
            Gravity.WARNING,
            f"Python frames end after the one on their thread that they began in ({len(longer):,} "
            f"of them, the first {name})",
            "their returns were not recorded; they are left out, and their callers count instead",
        )


def crossings(
    thread: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64], tolerance: int
) -> int:
    """Return how many intervals end after an earlier one that they start in.

    Args:
        thread: which intervals belong together, ascending; shape (n,).
        start: ascending in each thread.
        end: of two that start together, the longer one comes first.
        tolerance: by how much an end may lie behind, ns.
    """
    number = 0
    current = None
    open_ends: list[int] = []
    for each, begin, finish in zip(thread.tolist(), start.tolist(), end.tolist(), strict=True):
        if each != current:
            current, open_ends = each, []
        while open_ends and open_ends[-1] <= begin:
            open_ends.pop()
        if open_ends and finish > open_ends[-1] + tolerance:
            number += 1
        else:
            open_ends.append(finish)
    return number

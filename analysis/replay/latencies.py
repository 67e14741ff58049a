"""The few start latencies that a replay goes by, fitted to the recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.device import FOREVER
from analysis.replay.program import KINDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.replay.program import Program

    Ints = NDArray[np.int64]


class Latencies(msgspec.Struct, frozen=True):
    """Latencies in int ns; the tuples have an entry per `KINDS`.

    Attributes:
        after_launch: from the end of the launch call (of a blocking call: its begin)
            to the start of an activity that found its lane free.
        behind_own_lane: from the end of the activity before it on its lane.
        after_other_lane: from the end of what it waited for on another lane.
        to_return: from an activity's end to the return of the call that waited for it.
    """

    after_launch: tuple[int, ...]
    behind_own_lane: tuple[int, ...]
    after_other_lane: tuple[int, ...]
    to_return: int


def fit(program: Program, rows: NDArray[np.bool_], bound: int) -> Latencies:
    """Fit one latency for each kind of activity and each of the three situations.

    Each is the mean over the activities whose recorded start can only come from that one
    situation and lies no further than the bound from it; what started later waited
    for something else. A kind without any takes the mean of all kinds; without any at all, 0.

    Args:
        program: what the trace says.
        rows: bool, shape (n,), the activities to fit to, and the calls that waited for them.
        bound: ns, the longest start latency.
    """
    start, kind = program.device.start, program.kind
    waited = np.full(len(start), -FOREVER)
    np.maximum.at(waited, program.held, program.device.end[program.source])
    alone = rows & (waited == -FOREVER)
    free = alone & program.known & (program.behind <= program.launched)
    after_launch = _means(start - program.launched, free, kind, bound)
    ready = program.launched + np.array(after_launch, np.int64)[kind]
    queued = alone & program.known & (program.behind >= ready)
    behind_own_lane = _means(start - program.behind, queued, kind, bound)
    behind = program.behind + np.array(behind_own_lane, np.int64)[kind]
    released = rows & program.known & (waited >= ready) & (waited >= behind)
    after_other_lane = _means(start - waited, released, kind, bound)
    returns = [
        step.at - step.seen
        for step in program.steps
        if step.seen is not None and rows[list(step.awaited)].all()
    ]
    return Latencies(
        after_launch,
        behind_own_lane,
        after_other_lane,
        to_return=_mean(np.array(returns, np.int64)),
    )


def _means(
    delay: Ints, rows: NDArray[np.bool_], kind: NDArray[np.int8], bound: int
) -> tuple[int, ...]:
    rows = rows & (np.abs(delay) <= bound)
    every = _mean(delay[rows])
    return tuple(
        _mean(delay[chosen]) if (chosen := rows & (kind == code)).any() else every
        for code in range(len(KINDS))
    )


def _mean(values: Ints) -> int:
    return round(int(values.sum()) / len(values)) if len(values) else 0

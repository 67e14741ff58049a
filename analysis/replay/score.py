"""How well a replay with nothing removed repeats what it was not fitted to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis import vocabulary
from analysis.columns import NONE, Role
from analysis.replay.engine import replay
from analysis.replay.latencies import fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import Trace
    from analysis.replay.layout import Layout
    from analysis.replay.program import Program

    Ints = NDArray[np.int64]


def held_out_error(trace: Trace, program: Program, layout: Layout, bound: int) -> float | None:
    """Return the relative error of the windows that the latencies were not fitted to.

    The latencies are fitted to the steps of even place, and the others are compared: the
    summed absolute differences of their windows over the summed windows. The window of
    a step runs from the first start to the last end of what was launched in it. Where
    there are no two steps, the halves of the whole window are taken for steps.

    Returns:
        None where there is nothing to compare.
    """
    part = _steps(trace, program)
    if part.max(initial=NONE) < 1:
        part = _halves(program)
    device = program.device
    latencies = fit(program, (part != NONE) & (part % 2 == 0), bound)
    again = replay(program, latencies, layout, host=True)
    difference = total = 0
    for odd in range(1, int(part.max(initial=0)) + 1, 2):
        rows = part == odd
        recorded = _window(device.start[rows], device.end[rows])
        difference += abs(_window(again.start[rows], again.end[rows]) - recorded)
        total += recorded
    return difference / total if total else None


def _window(start: Ints, end: Ints) -> int:
    return int(end.max() - start.min()) if len(start) else 0


def _steps(trace: Trace, program: Program) -> Ints:
    """Return the place of the step in which each activity was launched, or -1.

    Steps that launched nothing have no place.
    """
    events, launches = trace.events, program.device.launches
    part = np.full(len(program.device), NONE, np.int64)
    for named in (vocabulary.own_step(events.names), vocabulary.profiler_step(events.names)):
        ranges = events.select((events.role == Role.ANNOTATION) & named[events.name])
        if launches is None or not len(ranges):
            continue
        ranges = ranges.select(np.argsort(ranges.start, kind="stable"))
        place = np.searchsorted(ranges.start, launches.start, side="right") - 1
        inside = launches.known & (place >= 0) & (launches.start < ranges.end[place])
        inside &= launches.pid == ranges.pid[place]
        part[inside] = np.unique(place[inside], return_inverse=True)[1]
        break
    return part


def _halves(program: Program) -> Ints:
    low, high = program.device.window
    return (program.device.start >= low + (high - low) // 2).astype(np.int64)

"""Replays a program by rules alone.

An activity starts at the latest of

- the end of its launch call, on its thread's clock, + latency after a launch,
- the latest end of what is before it on its chain + latency behind its own lane,
- the end of each activity that it waits for + latency after another lane;

a thread goes on at the latest of its stop + the least time that it stops, and the
end of each activity that it awaits + the latency of a return. Everything is a
maximum of sums, so that a replay with fewer terms is never longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.device import FOREVER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from analysis.replay.latencies import Latencies
    from analysis.replay.layout import Layout
    from analysis.replay.program import Program

    Ints = NDArray[np.int64]


class Replay(msgspec.Struct, frozen=True, eq=False):
    """When each activity starts and ends; int64 ns, shape (n,)."""

    start: Ints
    end: Ints


def replay(program: Program, latencies: Latencies, layout: Layout, *, host: bool) -> Replay:
    """Replay all activities; without the host, every launch is there from the window's begin.

    One pass of plain Python over lists: each start depends on the ones before.
    """
    device, count = program.device, len(program.device)
    floor = program.floor.tolist()
    launched = (program.launched + _lag(latencies.after_launch, program)).tolist()
    clock = program.clock.tolist()
    lags = _lag(latencies.behind_own_lane, program).tolist()
    duration = (device.end - device.start).tolist()
    chain, before = layout.chain.tolist(), layout.before
    awaits = sources(program, latencies, layout)
    ends = [-FOREVER] * len(before)
    start, done = [0] * count, [0] * count  # done: by when its chain has ended up to here
    shift = [0] * (len(program.steps) + 1)  # how much later than recorded; the last: as recorded

    def goes_on(place: int) -> int:
        step, to_return = program.steps[place], latencies.to_return
        least = min(to_return, step.at - step.begin) if step.least_ns is None else step.least_ns
        stopped = step.begin + max(shift[other] for other in program.clocks[place])
        awaited = step.awaited
        if not step.launched_them:
            awaited = tuple(last for row in awaited for last in layout.up_to(row))
        ended = max((done[row] for row in awaited), default=-FOREVER)
        return max(stopped + least, ended + to_return)

    for k in program.order.tolist() if host else program.order[program.order < count].tolist():
        if k >= count:
            shift[k - count] = goes_on(k - count) - program.steps[k - count].at
            continue
        at = floor[k]
        if host:
            at = max(at, launched[k] + shift[clock[k]])
        free = ends[chain[k]]
        if free == -FOREVER and before[chain[k]]:
            free = max(ends[place] for place in before[chain[k]])
        at = max(at, free + lags[k])
        for row, lag in awaits.get(k, ()):
            at = max(at, done[row] + lag)
        start[k] = at
        done[k] = ends[chain[k]] = max(free, at + duration[k])
    begin = np.array(start, np.int64)
    return Replay(begin, begin + device.end - device.start)


def sources(
    program: Program, latencies: Latencies, layout: Layout
) -> Mapping[int, list[tuple[int, int]]]:
    """Return what each activity waits for beside its chain: rows, and the latency after them."""
    lag = _lag(latencies.after_other_lane, program)
    found: dict[int, list[tuple[int, int]]] = {}
    for row, source in zip(program.held.tolist(), program.source.tolist(), strict=True):
        found.setdefault(row, []).extend((last, int(lag[row])) for last in layout.up_to(source))
    return found


def _lag(latency: tuple[int, ...], program: Program) -> Ints:
    return np.array(latency, np.int64)[program.kind]

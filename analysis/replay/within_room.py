"""A replay without the host in which kernels start only where the device has room for them.

Room makes the order in which activities start matter, so that this is a
simulation from event to event instead of a maximum of sums.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.columns import NONE
from analysis.metrics.room import Use, block, fits, limits, takes
from analysis.replay.engine import sources
from analysis.vocabulary import WorkClass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.device import Device
    from analysis.replay.latencies import Latencies
    from analysis.replay.layout import Layout
    from analysis.replay.program import Program

_END, _READY = 0, 1


class _Room(msgspec.Struct, frozen=True):
    """The room of one multiprocessor, and what the launch shapes need of it.

    Attributes:
        limit: all that there is.
        one: per launch shape, what a block takes.
        resident: per launch shape, what a running kernel takes.
    """

    limit: Use
    one: tuple[Use, ...]
    resident: tuple[Use, ...]


def window_within_room(program: Program, latencies: Latencies, layout: Layout) -> int | None:
    """Return the window, in ns, of a replay without the host but with the device's room.

    A kernel starts where nothing else runs, or where a block of it fits beside what runs;
    kernels that wait go by the time since which they do, and one that fits passes
    others that do not. Copies and memsets take no room of multiprocessors.

    Returns:
        None where the room or a kernel's launch shape is not known.
    """
    room = _room(program.device)
    if room is None:
        return None
    return _Simulation(program, latencies, layout, room).run() - program.origin


def _room(device: Device) -> _Room | None:
    limit = None if device.multiprocessors is None else limits(device.multiprocessors)
    kernels = (device.work != WorkClass.COPY) & (device.work != WorkClass.SET)
    if device.multiprocessors is None or limit is None or (device.shape[kernels] == NONE).any():
        return None
    return _Room(
        limit,
        tuple(block(device.multiprocessors, shape) for shape in device.shapes),
        tuple(takes(device.multiprocessors, limit, shape) for shape in device.shapes),
    )


class _Simulation:
    """Activities that wait for others, for room, or run."""

    def __init__(self, program: Program, latencies: Latencies, layout: Layout, room: _Room) -> None:
        device = program.device
        self._room = room
        self._shape = np.where(
            np.isin(device.work, (WorkClass.COPY, WorkClass.SET)), NONE, device.shape
        ).tolist()
        self._duration: list[int] = (device.end - device.start).tolist()
        self._ready: list[int] = program.floor.tolist()
        self._missing = [0] * len(device)
        self._next: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._taken = Use(0, 0, 0, 0)
        self._kernels = 0
        lag = np.array(latencies.behind_own_lane, np.int64)[program.kind].tolist()
        for row, before in _predecessors(layout):
            self._follow(row, before, lag[row])
        for row, found in sources(program, latencies, layout).items():
            for source, after in found:
                self._follow(row, source, after)

    def _follow(self, row: int, source: int, lag: int) -> None:
        self._next[source].append((row, lag))
        self._missing[row] += 1

    def run(self) -> int:
        """Return when the last activity ends."""
        events = [
            (self._ready[row], _READY, row)
            for row, missing in enumerate(self._missing)
            if not missing
        ]
        heapq.heapify(events)
        waiting: list[int] = []
        now = 0
        while events:
            now = events[0][0]
            while events and events[0][0] == now:
                _, what, row = heapq.heappop(events)
                if what == _READY:
                    waiting.append(row)
                    continue
                self._hold(row, -1)
                for follower in self._release(row, now):
                    heapq.heappush(events, (max(now, self._ready[follower]), _READY, follower))
            for row in [row for row in waiting if self._start(row)]:
                waiting.remove(row)
                heapq.heappush(events, (now + self._duration[row], _END, row))
        return now

    def _release(self, row: int, now: int) -> list[int]:
        """Return the activities that have nothing left to wait for, now that a row has ended."""
        released = []
        for follower, lag in self._next[row]:
            self._ready[follower] = max(self._ready[follower], now + lag)
            self._missing[follower] -= 1
            if not self._missing[follower]:
                released.append(follower)
        return released

    def _start(self, row: int) -> bool:
        """Start an activity if there is room for it; tell whether it did."""
        shape = self._shape[row]
        if (
            shape != NONE
            and self._kernels
            and not fits(self._room.limit, self._taken, self._room.one[shape])
        ):
            return False
        self._hold(row, +1)
        return True

    def _hold(self, row: int, sign: int) -> None:
        shape = self._shape[row]
        if shape != NONE:
            self._kernels += sign
            part = self._room.resident[shape]
            self._taken = Use(*(a + sign * b for a, b in zip(self._taken, part, strict=True)))


def _predecessors(layout: Layout) -> Sequence[tuple[int, int]]:
    """Return pairs of a row and a row before it on its chain, or on a chain before that one."""
    last: dict[int, int] = {}
    pairs = []
    for row, chain in enumerate(layout.chain.tolist()):
        earlier = [last[chain]] if chain in last else [last[c] for c in layout.before[chain]]
        pairs += [(row, before) for before in earlier]
        last[chain] = row
    return pairs

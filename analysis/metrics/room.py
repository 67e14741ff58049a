"""Whether a kernel that waits would fit beside the one that runs.

Limits per multiprocessor: the device's own properties, and the CUDA C++
Programming Guide's table of technical specifications per compute capability.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.columns import NONE
from analysis.groups import distinct
from analysis.intervals import Intervals, covered, depth, union
from analysis.metrics.stages import Stage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import LaunchShape, Multiprocessors
    from analysis.device import Device
    from analysis.metrics.stages import Stages

FULL = "one_device_full"
ROOM = "one_unrecorded_wait"
UNKNOWN = "one_room_unknown"

# Resident blocks per multiprocessor, by compute capability; a major version
# alone stands for all its minor ones that are not listed.
_BLOCKS = {
    (7,): 32,
    (7, 5): 16,
    (8,): 32,
    (8, 6): 16,
    (8, 7): 16,
    (8, 9): 24,
    (9,): 32,
    (10,): 32,
    (11,): 24,
    (12,): 24,
}
_REGISTERS_PER_WARP_UNIT = 256
_SHARED_UNIT = {7: 256}
_SHARED_UNIT_SINCE_8 = 128
_SHARED_RESERVED_SINCE_8 = 1024


class Use(NamedTuple):
    """What something takes, or leaves, of one multiprocessor."""

    blocks: int
    threads: int
    registers: int
    shared_memory: int


def waits_by_room(device: Device, stages: Stages) -> dict[str, Intervals]:
    """Split the time in which activities wait beyond the bound by what the running one leaves.

    Of use where one lane runs. If several activities run on it at once, or one
    of the two is no kernel with a known launch shape, the room is unknown.

    Returns:
        For each state, the strongest first, disjoint ascending intervals.
    """
    rows = np.flatnonzero((stages.last == Stage.WAIT) & (device.start > stages.released))
    everyone = union(Intervals(stages.released[rows], device.start[rows]))
    changes = np.concatenate((device.start, device.end))
    inside = changes[covered(everyone, changes)]
    edges = distinct(np.concatenate((inside, stages.released[rows], device.start[rows])))
    points = edges[:-1]
    running = _running_shape(device, points)
    found = {state: np.zeros(len(points), np.bool_) for state in (FULL, ROOM, UNKNOWN)}
    for shape in distinct(device.shape[rows]).tolist():
        own = rows[device.shape[rows] == shape]
        waits = covered(union(Intervals(stages.released[own], device.start[own])), points)
        for state, holds in _rooms(device, running, shape).items():
            found[state] |= waits & holds
    return {
        state: union(Intervals(points[holds], edges[1:][holds])) for state, holds in found.items()
    }


def _running_shape(device: Device, points: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the shape of the one activity that runs at each point; -1 if it is not known."""
    result = np.full(len(points), NONE, np.int32)
    count = np.zeros(len(points), np.int64)
    for shape in distinct(device.shape).tolist():
        rows = device.shape == shape
        runs = depth(Intervals(device.start[rows], device.end[rows]), points)
        result[runs == 1] = shape
        count += runs
    return np.where(count == 1, result, NONE).astype(np.int32)


def _rooms(device: Device, running: NDArray[np.int32], shape: int) -> dict[str, NDArray[np.bool_]]:
    """Tell at which points the running shape leaves room for `shape`, or not, or who knows."""
    state_of = np.full(len(device.shapes) + 1, UNKNOWN, object)
    if device.multiprocessors is not None and shape != NONE:
        for code in distinct(running[running != NONE]).tolist():
            room = has_room(device.multiprocessors, device.shapes[code], device.shapes[shape])
            if room is not None:
                state_of[code] = ROOM if room else FULL
    return {state: (state_of == state)[running] for state in (FULL, ROOM, UNKNOWN)}


def has_room(device: Multiprocessors, running: LaunchShape, waiting: LaunchShape) -> bool | None:
    """Tell whether a block of `waiting` fits beside the blocks of `running`.

    The blocks of a kernel are spread evenly; the multiprocessor with the fewest
    of them decides.

    Returns:
        None for a device whose limits are not known.
    """
    limit = limits(device)
    if limit is None:
        return None
    return fits(limit, takes(device, limit, running), block(device, waiting))


def fits(limit: Use, taken: Use, one: Use) -> bool:
    """Tell whether a block finds room in what is not taken."""
    left = Use(*(have - take for have, take in zip(limit, taken, strict=True)))
    return _most(left, one) > 0


def takes(device: Multiprocessors, limit: Use, running: LaunchShape) -> Use:
    """Return what a running kernel takes of the multiprocessor with the fewest of its blocks."""
    one = block(device, running)
    resident = min(running.blocks // device.number, _most(limit, one))
    return Use(*(resident * take for take in one))


def resident_threads(device: Multiprocessors, shape: LaunchShape) -> int | None:
    """Return how many threads of a kernel the device holds at once, its blocks spread evenly.

    In whole warps; a kernel that ran fits at least once.

    Returns:
        None for a device whose limits are not known.
    """
    limit = limits(device)
    if limit is None:
        return None
    one = block(device, shape)
    most = max(1, _most(limit, one)) * device.number
    return min(shape.blocks, most) * one.threads


def limits(device: Multiprocessors) -> Use | None:
    """Return what one multiprocessor holds; None for a device whose limits are not known."""
    major, minor = device.compute_capability
    blocks = _BLOCKS.get((major, minor), _BLOCKS.get((major,)))
    if blocks is None:
        return None
    return Use(blocks, device.threads, device.registers, device.shared_memory)


def block(device: Multiprocessors, shape: LaunchShape) -> Use:
    """Return what one block takes, rounded up as the hardware allocates."""
    warps = -(-shape.threads // device.warp)
    registers = warps * _up(shape.registers * device.warp, _REGISTERS_PER_WARP_UNIT)
    major = device.compute_capability[0]
    unit = _SHARED_UNIT.get(major, _SHARED_UNIT_SINCE_8)
    reserved = 0 if major in _SHARED_UNIT else _SHARED_RESERVED_SINCE_8
    shared = _up(shape.shared_memory + reserved, unit)
    return Use(1, warps * device.warp, registers, shared)


def _most(have: Use, take: Use) -> int:
    """Return how many times `take` fits into `have`."""
    return max(0, min(each // part for each, part in zip(have, take, strict=True) if part))


def _up(value: int, unit: int) -> int:
    return -(-value // unit) * unit

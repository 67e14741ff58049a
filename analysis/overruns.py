"""Activities and Python frames that cannot have lasted as long as recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.columns import Role
from analysis.device import thread_codes
from analysis.groups import stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import Events
    from analysis.device import Device

    Bools = NDArray[np.bool_]
    Ints = NDArray[np.int64]

_NEXT = 2
"""With programmatic dependent launch an activity may begin before the one ahead of it on its
stream has ended; two that both end before it, it cannot have let pass."""


def overruns(device: Device, tolerance: int) -> NDArray[np.intp]:
    """Return the rows of activities that hold the next two of their own stream.

    A stream runs what it is given in order. Graph launches are left out, since several of
    their branches may be recorded on one stream, and so are activities whose launch is not
    recorded, which may be a graph's; streams of several processes may share a number.

    Args:
        device: an accelerator; on a CPU's lanes nothing is held.
        tolerance: by how much two may overlap without it meaning anything, ns.
    """
    if device.launches is None:
        return np.zeros(0, np.intp)
    rows = np.flatnonzero(device.launches.known & ~device.launches.graph)
    held = np.ones(max(len(rows) - _NEXT, 0), np.bool_)
    for later in range(1, _NEXT + 1):
        one, other = rows[: len(held)], rows[later : later + len(held)]
        held &= device.lane[one] == device.lane[other]
        held &= device.launches.pid[one] == device.launches.pid[other]
        held &= device.start[other] < device.end[one] - tolerance
        held &= device.end[other] <= device.end[one]
    return rows[np.flatnonzero(held)]


def overrunning_frames(events: Events, tolerance: int) -> Bools:
    """Tell which events are Python frames that end after the one on their thread that called them.

    A frame whose return the recorder missed is closed when the recording stops, as if all that
    its callers did after it had been inside of it. When it ended is not known, only that its
    caller was open until then.

    Args:
        events: of any threads and roles, in any order.
        tolerance: by how much an end may lie behind, ns.
    """
    result = np.zeros(len(events), np.bool_)
    frames = np.flatnonzero(events.role == Role.PYTHON)
    thread, start, end = thread_codes(events)[frames], events.start[frames], events.end[frames]
    order = np.lexsort((-end, start, thread))
    for low, high in stretches(thread[order]):
        rows = order[low:high]
        if not _nested(start[rows], end[rows]):
            result[frames[rows]] = end[rows] > _latest(start[rows], end[rows]) + tolerance
    return result


def _nested(start: Ints, end: Ints) -> bool:
    """Tell whether intervals lie inside of each other or apart.

    They do if each is closed when it is the innermost one: at the depth it was opened at.

    Args:
        start: ascending; shape (n,).
        end: of two that start together, the longer one comes first.
    """
    lasting = end > start
    start, end = start[lasting], end[lasting]
    number = np.arange(len(start))
    # Of two that end together the inner one is closed first.
    closed = len(start) - 1 - np.argsort(end[::-1], kind="stable")
    end = end[closed]
    opened_at = number + 1 - np.searchsorted(end, start, side="right")
    closed_at = np.searchsorted(start, end, side="left") - number
    return bool((opened_at[closed] == closed_at).all())


def _latest(start: Ints, end: Ints) -> Ints:
    """Return the latest ends that let each interval lie inside of those that it begins in."""
    result = []
    around: list[int] = []
    for begin, finish in zip(start.tolist(), end.tolist(), strict=True):
        while around and around[-1] <= begin:
            around.pop()
        around.append(min([finish, *around[-1:]]))
        result.append(around[-1])
    return np.array(result, np.int64)

"""Activities that cannot have lasted as long as recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.device import Device

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

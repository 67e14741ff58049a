"""How much of the multiprocessors the kernels could use while they ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.columns import NONE
from analysis.groups import distinct
from analysis.intervals import Intervals, union
from analysis.metrics.parallelism import ratio
from analysis.metrics.room import resident_threads
from analysis.showing import Tabular
from analysis.vocabulary import is_kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.metrics.view import View

    Ints = NDArray[np.int64]


class Occupancy(Tabular, msgspec.Struct, frozen=True):
    """Use of the multiprocessors (SMs), estimated from the kernels' launch shapes.

    Attributes:
        multiprocessors: of the device.
        kernels_ns: at least one kernel running.
        sm_idle_ns: SMs without a block while a kernel ran, summed over SMs.
        sm_efficiency: share of the SMs with a block, on average over the window: at
            every moment min(1, sum over the running kernels of blocks / SMs); the
            definition of the PyTorch profiler's plugin for TensorBoard.
        sm_efficiency_busy: the same while a kernel ran; None if none did.
        occupancy: resident threads / the most that the SMs hold, averaged over
            kernels by their duration, as that plugin does; None if none ran or the
            limits of the compute capability are not known.
        occupancy_busy: the same while a kernel ran, where what runs at once adds up,
            to 1 at most.
    """

    multiprocessors: int
    kernels_ns: int
    sm_idle_ns: int
    sm_efficiency: float | None
    sm_efficiency_busy: float | None
    occupancy: float | None
    occupancy_busy: float | None


def occupancy(view: View) -> Occupancy | None:
    """Estimate the use of the SMs; None where a kernel's shape or the device's is not known."""
    device = view.device
    card = device.multiprocessors
    ran = (device.end > device.start) & (device.start < view.high) & (device.end > view.low)
    rows = np.flatnonzero(ran & is_kernel(device.work))
    shape = device.shape[rows]
    if card is None or (shape == NONE).any():
        return None
    times = Intervals(device.start[rows], device.end[rows]).clip(view.low, view.high)
    busy = union(times).total()
    blocks = np.array([min(each.blocks, card.number) for each in device.shapes], np.int64)
    sm_time = _capped(times, blocks[shape], card.number)
    whole = card.number * card.threads
    threads = [resident_threads(card, each) for each in device.shapes]
    known = all(threads[code] is not None for code in distinct(shape).tolist())
    held = np.array([each or 0 for each in threads], np.int64)[shape] if known else None
    return Occupancy(
        multiprocessors=card.number,
        kernels_ns=busy,
        sm_idle_ns=busy * card.number - sm_time,
        sm_efficiency=ratio(sm_time, view.length * card.number),
        sm_efficiency_busy=ratio(sm_time, busy * card.number),
        occupancy=None
        if held is None
        else ratio(int((held * (times.end - times.start)).sum()), whole * times.total()),
        occupancy_busy=None if held is None else ratio(_capped(times, held, whole), whole * busy),
    )


def _capped(times: Intervals, amount: Ints, most: int) -> int:
    """Integrate min(most, sum of what runs) over time."""
    edges = np.concatenate(times)
    order = np.argsort(edges, kind="stable")
    running = np.cumsum(np.concatenate((amount, -amount))[order])
    return int((np.diff(edges[order]) * np.minimum(running[:-1], most)).sum())

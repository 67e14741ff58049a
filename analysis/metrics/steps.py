"""Windows that ranges of the host give a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis import vocabulary
from analysis.columns import Role

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import Trace
    from analysis.device import Device


@dataclass(frozen=True, slots=True)
class Window:
    """A named stretch [low, high) of a device's time, in ns."""

    name: str
    low: int
    high: int


def profiler_steps(trace: Trace, device: Device) -> tuple[Window, ...]:
    """Return the windows of torch.profiler's `ProfilerStep#N` marks."""
    return _windows(trace, device, vocabulary.profiler_step(trace.events.names))


def own_steps(trace: Trace, device: Device) -> tuple[Window, ...]:
    """Return the windows of the recorder's step ranges."""
    return _windows(trace, device, vocabulary.own_step(trace.events.names))


def _windows(trace: Trace, device: Device, named: NDArray[np.bool_]) -> tuple[Window, ...]:
    """Return one window per range, by begin.

    It spans from the range's begin to its end or, if later, the end of the last
    activity of the device that its process launched inside it.
    """
    events = trace.events
    ranges = events.select((events.role == Role.ANNOTATION) & named[events.name])
    ranges = ranges.select(np.lexsort((ranges.end, ranges.start)))
    windows = []
    for pid, name, begin, end in zip(
        ranges.pid.tolist(),
        ranges.name.tolist(),
        ranges.start.tolist(),
        ranges.end.tolist(),
        strict=True,
    ):
        if device.launches is None:
            own = device.label == events.pids[pid]
            inside = (device.start >= begin) & (device.start < end)
        else:
            launches = device.launches
            of_process = launches.known & (launches.pid == pid)
            own = bool(of_process.any())
            inside = of_process & (launches.start >= begin) & (launches.start < end)
        if own:
            last = int(device.end[inside].max(initial=end))
            windows.append(Window(events.names[name], begin, max(end, last)))
    return tuple(windows)

"""Windows that ranges of the host give a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis import vocabulary
from analysis.columns import Role
from analysis.intervals import Intervals, union

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import Trace
    from analysis.device import Device, Launches


class Window(msgspec.Struct, frozen=True):
    """A stretch [low, high) of a device's time that a range of the host names, or two times, in ns.

    Attributes:
        name: of the range.
        low: begin of the range.
        high: its end, or the end of the last activity launched inside it.
        foreign_busy_ns: time in the window in which an activity ran that had been
            launched outside the range; None on a CPU.
    """

    name: str
    low: int
    high: int
    foreign_busy_ns: int | None


def profiler_steps(trace: Trace, device: Device) -> tuple[Window, ...]:
    """Return the windows of torch.profiler's `ProfilerStep#N` marks."""
    return _windows(trace, device, vocabulary.profiler_step(trace.events.names))


def own_steps(trace: Trace, device: Device) -> tuple[Window, ...]:
    """Return the windows of the recorder's step ranges."""
    return _windows(trace, device, vocabulary.own_step(trace.events.names))


def named(trace: Trace, device: Device, name: str) -> tuple[Window, ...]:
    """Return the windows of the ranges of a name, or of the k-th alone for `name#k`."""
    found = _of_name(trace, device, name)
    base, mark, place = name.rpartition("#")
    if found or not mark or not (place.isascii() and place.isdigit()):
        return found
    return _of_name(trace, device, base)[int(place) - 1 : int(place)] if int(place) else ()


def _of_name(trace: Trace, device: Device, name: str) -> tuple[Window, ...]:
    """Return the windows of the ranges of a name; where none has it, of the operators.

    Until torch 1.10 ranges were written as operators are. Those of the dispatcher are none.
    """
    marks = np.array([each == name for each in trace.events.names], np.bool_)
    found = _windows(trace, device, marks)
    return found or _windows(
        trace, device, marks & vocabulary.may_be_range(trace.events.names), Role.OPERATOR
    )


def between(device: Device, begin: int, end: int) -> Window:
    """Return the window of two times on the trace's clock, as if a range lasted so."""
    if device.launches is None:
        inside = (device.start >= begin) & (device.start < end)
        return _window(device, "", begin, end, inside)
    return _window(device, "", begin, end, _launched(device.launches, begin, end))


def _windows(
    trace: Trace, device: Device, named: NDArray[np.bool_], role: Role = Role.ANNOTATION
) -> tuple[Window, ...]:
    """Return one window per range, by begin.

    It spans from the range's begin to its end or, if later, the end of the last
    activity of the device that its process launched inside it.
    """
    events = trace.events
    ranges = events.select((events.role == role) & named[events.name])
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
            of_process = device.launches.pid == pid
            own = bool(of_process.any())
            inside = of_process & _launched(device.launches, begin, end)
        if own:
            windows.append(_window(device, events.names[name], begin, end, inside))
    return tuple(windows)


def _launched(launches: Launches, begin: int, end: int) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (launches.start >= begin) & (launches.start < end)
    return launches.known & inside


def _window(device: Device, name: str, begin: int, end: int, inside: NDArray[np.bool_]) -> Window:
    """Return the window of a range, given what belongs to it."""
    high = max(end, int(device.end[inside].max(initial=end)))
    launches = device.launches
    foreign = None if launches is None else _busy(device, launches.known & ~inside, begin, high)
    return Window(name, begin, high, foreign)


def _busy(device: Device, rows: NDArray[np.bool_], low: int, high: int) -> int:
    return union(Intervals(device.start[rows], device.end[rows]).clip(low, high)).total()

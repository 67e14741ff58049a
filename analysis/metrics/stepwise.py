"""What two recordings are compared by: figures of each step, down to the names of what ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.metrics.breakdown import by_state
from analysis.metrics.operators import Launching, OwnTimes, tallied

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import Trace
    from analysis.device import Device
    from analysis.metrics.operators import Tally
    from analysis.metrics.parallelism import Parallelism
    from analysis.metrics.timeline import Timeline


class StepValues(msgspec.Struct, frozen=True):
    """The figures of one step, or of the whole window; all times in ns.

    Attributes:
        wall_ns: its length.
        work_ns: summed busy time of the lanes.
        busy_ns: at least one lane running.
        overlap_ns: two or more lanes running.
        breakdown_ns: by state; they add up to the length.
        names: what ran, by name: kernels and copies, on a CPU operators.
        operators: the same by the innermost operator around the launch; on a CPU what
            the operators that began in the step did themselves, without those that they
            call.
    """

    wall_ns: int
    work_ns: int
    busy_ns: int
    overlap_ns: int
    breakdown_ns: dict[str, int]
    names: dict[str, Tally]
    operators: dict[str, Tally]

    @property
    def idle_ns(self) -> int:
        """Return the time with no lane running."""
        return self.wall_ns - self.busy_ns


class DeviceSteps(msgspec.Struct, frozen=True):
    """One device, step by step.

    Attributes:
        device: its id; on a CPU the process id.
        kind: "accelerator" or "cpu".
        whole: the figures of its whole window.
        parallelism: achieved and available over the whole window.
        steps: those of each step, by the tightest ranges recorded; none without marks.
    """

    device: str
    kind: str
    whole: StepValues
    parallelism: Parallelism
    steps: tuple[StepValues, ...]


class Stepwise:
    """Answers for one device, whose activities are sorted once."""

    def __init__(self, trace: Trace, device: Device, line: Timeline) -> None:
        """Take a device with its timeline over all windows that will be asked for."""
        self._line = line
        self._order = order = np.argsort(device.start, kind="stable")
        self._start, self._end = device.start[order], device.end[order]
        self._reach = np.maximum.accumulate(self._end)
        self._names, self._name = device.names, device.name[order].astype(np.int64)
        launches = device.launches
        self._launching = None if launches is None else Launching(trace, launches)
        self._own = OwnTimes(trace, device.label) if launches is None else None

    def values(self, low: int, high: int) -> StepValues:
        """Return the figures of the window [low, high)."""
        line = self._line.cut(low, high)
        rows = self._inside(low, high)
        length = np.minimum(self._end[rows], high) - np.maximum(self._start[rows], low)
        return StepValues(
            wall_ns=high - low,
            work_ns=line.work_ns,
            busy_ns=line.time_where(line.running > 0),
            overlap_ns=line.time_where(line.running > 1),
            breakdown_ns=by_state(line),
            names=tallied(self._names, self._name[rows], length),
            operators=self._operators(rows, length, low, high),
        )

    def _operators(
        self, rows: NDArray[np.intp], length: NDArray[np.int64], low: int, high: int
    ) -> dict[str, Tally]:
        if self._launching is not None:
            return self._launching.tallied(self._order[rows], length)
        return {} if self._own is None else self._own.tallied(low, high)

    def _inside(self, low: int, high: int) -> NDArray[np.intp]:
        """Return what runs, or happens in no time, inside the window."""
        # What lies before `first` had ended by `low`: the ends so far never fall.
        first = int(np.searchsorted(self._reach, low, side="left"))
        last = int(np.searchsorted(self._start, high, side="right"))
        start, end = self._start[first:last], self._end[first:last]
        runs = (start < high) & (end > low)
        return first + np.flatnonzero(runs | ((start == end) & (start >= low)))

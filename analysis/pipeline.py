"""Columns to figures: every metric of every device, whole and step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import metrics, notes
from analysis.device import accelerators
from analysis.errors import SelectionError
from analysis.host import Host
from analysis.metrics import accelerator, cpu, steps
from analysis.metrics.gaps import gaps as idle_gaps
from analysis.metrics.stages import stages
from analysis.metrics.timeline import lane_runs
from analysis.metrics.view import View
from analysis.metrics.waits import waits
from analysis.processes import processes
from analysis.report import DeviceFigures, StepFigures, StepTotals, TraceReport
from analysis.thresholds import Thresholds
from analysis.vocabulary import PROFILER_STEP

if TYPE_CHECKING:
    from analysis.columns import Trace
    from analysis.device import Device
    from analysis.metrics.stages import Stages
    from analysis.metrics.steps import Window
    from analysis.processes import Process

DEFAULT_GAPS = 100
"""How many idle gaps are listed one by one."""


def analyze(
    trace: Trace,
    *,
    gaps: int = DEFAULT_GAPS,
    step: int | None = None,
    thresholds: Thresholds | None = None,
) -> TraceReport:
    """Measure everything that the trace allows.

    Args:
        trace: what `load` returned.
        gaps: how many of the longest idle gaps of each device to list.
        step: measure the window of `ProfilerStep#step` instead of the whole one.
        thresholds: the constants of the measures, if others than the documented ones.

    Returns:
        The figures of every device: accelerators, or in their absence each
        process that ran operators on the CPU.

    Raises:
        SelectionError: the trace has no such step.
    """
    host = Host(trace)
    bounds = thresholds or Thresholds()
    measured = [_Measured(trace, device, None, host, bounds) for device in accelerators(trace)]
    if not measured:
        measured = [
            _Measured(trace, process.device, process, host, bounds) for process in processes(trace)
        ]
    return TraceReport(
        path=trace.path,
        label=trace.path,
        rank=trace.rank,
        resolution_ns=trace.resolution_ns,
        notes=(*trace.notes, *notes.of_trace(trace, [each.device for each in measured])),
        devices=_devices(trace, measured, gaps, step),
        steps=_steps(measured),
        totals=tuple(total for each in measured for total in each.totals()),
    )


def _devices(
    trace: Trace, measured: list[_Measured], gaps: int, step: int | None
) -> tuple[DeviceFigures, ...]:
    if step is None:
        return tuple(each.figures(each.window, gaps) for each in measured)
    name = f"{PROFILER_STEP}{step}"
    chosen = tuple(
        each.figures((window.low, window.high), gaps)
        for each in measured
        for window in each.steps
        if window.name == name
    )
    if not chosen:
        names = sorted({window.name for each in measured for window in each.steps})
        held = ", ".join(names) if names else "none: it was recorded without a schedule"
        raise SelectionError(f"{trace.path}: has no {name}; its steps are: {held}")
    return chosen


class _Measured:
    """One device with all that its windows share, worked out once."""

    def __init__(
        self,
        trace: Trace,
        device: Device,
        process: Process | None,
        host: Host,
        thresholds: Thresholds,
    ) -> None:
        self.device = device
        self.window = device.window
        self.steps = steps.profiler_steps(trace, device)
        self._own_steps = steps.own_steps(trace, device)
        self._process = process
        self._host = host
        self._runs = lane_runs(device)
        windows = (*self.steps, *self._own_steps)
        span = (
            min([self.window[0], *(window.low for window in windows)]),
            max([self.window[1], *(window.high for window in windows)]),
        )
        self._stages: Stages | None = None
        if process is None:
            self._stages = stages(device, waits(trace, device), thresholds)
            self._line = accelerator.timeline(
                device, self._runs, self._stages, host, thresholds=thresholds, span=span
            )
        else:
            self._line = cpu.timeline(process, self._runs, span)

    def figures(self, window: tuple[int, int], gaps: int) -> DeviceFigures:
        """Compute all metrics in one window."""
        view = self._view(*window)
        return DeviceFigures(
            device=self.device.label,
            kind=self.device.kind,
            window_start_ns=view.low,
            window_ns=view.length,
            latency_bound_ns=None if self._stages is None else self._stages.latency_bound_ns,
            results={name: metric(view) for name, metric in metrics.METRICS.items()},
            gaps=idle_gaps(view, gaps),
        )

    def totals(self) -> list[StepTotals]:
        """Return wall, work and busy time of each step, tightest ranges first."""
        return [
            StepTotals(self.device.label, window.high - window.low, *self._work_and_busy(window))
            for window in self._own_steps or self.steps
        ]

    def _work_and_busy(self, window: Window) -> tuple[int, int]:
        line = self._line.cut(window.low, window.high)
        # At each moment the running lanes do that many seconds of work a second.
        return int((line.lengths * line.running).sum()), line.time_where(line.running > 0)

    def _view(self, low: int, high: int) -> View:
        return View(
            device=self.device,
            runs=self._runs,
            timeline=self._line.cut(low, high),
            low=low,
            high=high,
            host=self._host,
            stages=self._stages,
            process=self._process,
        )


def _steps(measured: list[_Measured]) -> tuple[StepFigures, ...]:
    """Collect each step's figures over the devices, by the step's begin."""
    windows = sorted(
        ((window, each) for each in measured for window in each.steps),
        key=lambda pair: pair[0].low,
    )
    by_name: dict[str, list[DeviceFigures]] = {}
    for window, each in windows:
        by_name.setdefault(window.name, []).append(each.figures((window.low, window.high), gaps=0))
    return tuple(StepFigures(name, tuple(devices)) for name, devices in by_name.items())

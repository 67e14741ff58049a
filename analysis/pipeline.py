"""Columns to figures: every metric of every device, whole and step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from analysis import metrics, notes
from analysis.columns import Role
from analysis.dependencies import dependency_graph
from analysis.device import accelerators
from analysis.document import Unit
from analysis.errors import SelectionError
from analysis.graph.spans import spans
from analysis.host import Host
from analysis.metrics import accelerator, by_name, cpu, steps
from analysis.metrics.gaps import gaps as idle_gaps
from analysis.metrics.launches import heads
from analysis.metrics.parallelism import parallelism
from analysis.metrics.picture import picture
from analysis.metrics.stages import stages
from analysis.metrics.steps import Window
from analysis.metrics.stepwise import DeviceSteps, Stepwise
from analysis.metrics.timeline import lane_runs
from analysis.metrics.view import View
from analysis.metrics.waits import waits
from analysis.processes import processes
from analysis.replay import ceilings, cpu_ceilings
from analysis.report import DeviceFigures, Drawn, StepFigures, StepTotals, TraceReport
from analysis.spread import spread
from analysis.thresholds import Thresholds
from analysis.together import together
from analysis.units import text
from analysis.vocabulary import WorkClass

if TYPE_CHECKING:
    from analysis.columns import Events, Trace
    from analysis.device import Device
    from analysis.graph import Execution
    from analysis.metrics.stages import Stages
    from analysis.metrics.waits import Waits
    from analysis.processes import Process
    from analysis.replay import Ceilings
    from analysis.report import Together

DEFAULT_GAPS = 100
"""How many idle gaps are listed one by one."""

_LISTED = 20


class Times(NamedTuple):
    """A stretch of time to measure, in ns from the trace's first event.

    Attributes:
        begin: int.
        end: int; None, or what lies beyond it, for the trace's end.
    """

    begin: int
    end: int | None = None


def analyze(
    trace: Trace,
    *,
    gaps: int = DEFAULT_GAPS,
    within: str | Times | None = None,
    thresholds: Thresholds | None = None,
    execution: Execution | None = None,
    marks: int | None = None,
) -> TraceReport:
    """Measure everything that the trace allows.

    Args:
        trace: what `load` returned.
        gaps: how many of the longest idle gaps of each device to list.
        within: measure the window of this range (`record_function`, `ProfilerStep#N`)
            instead of the whole one; `name#k` is the k-th range of a name. Or of these
            times, which count as a range of the host.
        thresholds: the constants of the measures, if others than the documented ones.
        execution: what depends on what, as `analysis.graph.read` reads it.
        marks: prepare pictures with so many activities one by one; None: no pictures.

    Returns:
        The figures of every device: accelerators, or in their absence each
        process that ran operators on the CPU.

    Raises:
        SelectionError: the trace has no such range, or several, or no such time.
    """
    if isinstance(within, Times):
        _check(trace, within)
    shared = _Shared(trace, Host(trace), thresholds or Thresholds(), within, execution)
    measured = _measured(shared)
    accelerated = any(each.process is None for each in measured)
    return TraceReport(
        path=trace.path,
        label=trace.path,
        rank=trace.rank,
        resolution_ns=trace.resolution_ns,
        losses=trace.losses,
        notes=(
            *trace.notes,
            *notes.of_trace(trace, [each.device for each in measured]),
            *(notes.of_host(shared.host) if accelerated else ()),
            *(note for each in measured if each.graph for note in each.graph.notes),
        ),
        devices=_devices(shared, measured, gaps, marks),
        steps=(every_step := _steps(measured)),
        spread=spread(every_step),
        totals=tuple(total for each in measured for total in each.totals()),
        together=_together(trace, measured),
    )


def by_step(
    trace: Trace,
    *,
    thresholds: Thresholds | None = None,
    execution: Execution | None = None,
) -> tuple[DeviceSteps, ...]:
    """Measure the steps of every device, down to the names of what ran in each.

    Args:
        trace: what `load` returned.
        thresholds: the constants of the measures, if others than the documented ones.
        execution: what depends on what, as `analysis.graph.read` reads it.
    """
    shared = _Shared(trace, Host(trace), thresholds or Thresholds(), None, execution)
    return tuple(each.stepwise() for each in _measured(shared))


def views(
    trace: Trace,
    *,
    thresholds: Thresholds | None = None,
    execution: Execution | None = None,
) -> tuple[View, ...]:
    """Return each device over its whole window, from which its figures are computed.

    Args:
        trace: what `load` returned.
        thresholds: as of `analyze`.
        execution: as of `analyze`.
    """
    shared = _Shared(trace, Host(trace), thresholds or Thresholds(), None, execution)
    return tuple(each.view(each.whole.low, each.whole.high) for each in _measured(shared))


def _together(trace: Trace, measured: list[_Measured]) -> Together | None:
    """Take the processes together that serve a step; accelerators never are."""
    if any(each.process is None for each in measured):
        return None
    return together(trace, [each.runs for each in measured])


class _Shared(msgspec.Struct, frozen=True):
    """What all devices of a trace are measured with."""

    trace: Trace
    host: Host
    thresholds: Thresholds
    within: str | Times | None
    execution: Execution | None


def _measured(shared: _Shared) -> list[_Measured]:
    """Return the accelerators, or in their absence the processes that ran operators."""
    found = [_Measured(shared, device, None) for device in accelerators(shared.trace)]
    if found:
        return found
    return [_Measured(shared, each.device, each) for each in processes(shared.trace)]


def _devices(
    shared: _Shared, measured: list[_Measured], gaps: int, marks: int | None
) -> tuple[DeviceFigures, ...]:
    if shared.within is None:
        found = [(each, each.whole) for each in measured]
    else:
        for each in measured:
            if len(each.chosen) > 1:
                raise SelectionError(_several(shared, each))
        found = [(each, window) for each in measured for window in each.chosen]
        if not found:
            raise SelectionError(_none(shared.trace, shared.within))
    return tuple(
        msgspec.structs.replace(
            each.figures(window, gaps),
            ceilings=each.ceilings() if shared.within is None else None,
            drawn=None if marks is None else each.drawn(window, marks // len(found)),
        )
        for each, window in found
    )


def _check(trace: Trace, times: Times) -> None:
    """Refuse times that the trace does not reach."""
    origin, last = trace.events.span
    length = last - origin
    shown = text(times.begin, Unit.TIME)
    if times.end is not None and times.begin >= times.end:
        raise SelectionError(
            f"{trace.path}: the time to measure begins at {shown} and ends at "
            f"{text(times.end, Unit.TIME)}; expected an end after the begin"
        )
    if times.begin < 0 or times.begin >= length:
        raise SelectionError(
            f"{trace.path}: has nothing at {shown}, where the time to measure begins: it lasts "
            f"{text(length, Unit.TIME)} from its first event, from which times count"
        )


def _chosen(shared: _Shared, device: Device) -> tuple[Window, ...]:
    """Return the windows that were asked for."""
    if shared.within is None:
        return ()
    if isinstance(shared.within, str):
        return steps.named(shared.trace, device, shared.within)
    origin, last = shared.trace.events.span
    begin, end = shared.within
    return (
        steps.between(device, origin + begin, last if end is None else min(origin + end, last)),
    )


def _several(shared: _Shared, measured: _Measured) -> str:
    choices = ", ".join(
        f"{shared.within}#{place} (at {window.low - measured.whole.low:,} ns)"
        for place, window in enumerate(measured.chosen[:_LISTED], start=1)
    )
    return (
        f"{shared.trace.path}: has {len(measured.chosen)} ranges named {shared.within}; "
        f"choose one: {choices}"
    )


def _none(trace: Trace, name: str | Times) -> str:
    if isinstance(name, Times):
        return f"{trace.path}: holds nothing to measure, at any time"
    annotations = trace.events.of(Role.ANNOTATION)
    names = sorted({annotations.names[code] for code in annotations.name.tolist()})
    listed = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
    held = f"its ranges are: {listed}" if names else "it holds no range (record_function)"
    return f"{trace.path}: has no range named {name} that launched anything; {held}"


class _Measured:
    """One device with all that its windows share, worked out once."""

    def __init__(self, shared: _Shared, device: Device, process: Process | None) -> None:
        trace = shared.trace
        self._shared = shared
        self.device = device
        self.whole = Window("", *device.window, foreign_busy_ns=None)
        self.steps = steps.profiler_steps(trace, device)
        self.chosen = _chosen(shared, device)
        self._own_steps = steps.own_steps(trace, device)
        self.process = process
        self.runs = lane_runs(device)
        self._compute_runs = lane_runs(device, WorkClass.COMPUTE)
        windows = (self.whole, *self.steps, *self._own_steps, *self.chosen)
        span = (min(window.low for window in windows), max(window.high for window in windows))
        self._heads = heads(device)
        self._stages: Stages | None = None
        self._waits: Waits | None = None
        if process is None:
            self._waits = waits(trace, device)
            self._stages = stages(device, self._waits, shared.thresholds)
            self._line = accelerator.timeline(
                device,
                self.runs,
                self._stages,
                shared.host,
                thresholds=shared.thresholds,
                span=span,
            )
        else:
            self._line = cpu.timeline(process, self.runs, span)
        replays = None if self._waits is None else self._waits.replays
        self.graph = dependency_graph(trace, device, replays, shared.execution)

    def figures(self, window: Window, gaps: int) -> DeviceFigures:
        """Compute all metrics in one window."""
        view = self.view(window.low, window.high)
        return DeviceFigures(
            device=self.device.label,
            kind=self.device.kind,
            window_start_ns=view.low,
            window_ns=view.length,
            foreign_busy_ns=window.foreign_busy_ns,
            latency_bound_ns=None if self._stages is None else self._stages.latency_bound_ns,
            results={name: metric(view) for name, metric in metrics.METRICS.items()},
            gaps=idle_gaps(view, gaps),
        )

    def drawn(self, window: Window, marks: int) -> Drawn:
        """Prepare what pictures of one window show."""
        view = self.view(window.low, window.high)
        return Drawn(
            picture(view, marks),
            by_name.activities(view),
            by_name.operators(self._operators(), view.low, view.high),
            begins_ns=view.low - self._shared.trace.events.span[0],
            narrowed=self._shared.within is not None,
        )

    def _operators(self) -> Events:
        """Return the operators of the process, or of all that launch on a device."""
        operators = self._shared.trace.events.of(Role.OPERATOR)
        if self.process is None:
            return operators
        own = np.array([pid == self.device.label for pid in operators.pids], np.bool_)
        return operators.select(own[operators.pid])

    def ceilings(self) -> Ceilings | None:
        """Replay the whole window; None where the trace does not say enough of it."""
        shared = self._shared
        if self._waits is None or self._stages is None:
            return (
                None
                if notes.unseen_device(shared.trace)
                else cpu_ceilings(shared.trace, self.device)
            )
        return ceilings(
            shared.trace,
            self.device,
            self._waits,
            self._stages,
            host=shared.host,
            thresholds=shared.thresholds,
        )

    def totals(self) -> list[StepTotals]:
        """Return wall, work and busy time of each step, tightest ranges first."""
        return [
            StepTotals(self.device.label, window.high - window.low, *self._work_and_busy(window))
            for window in self._own_steps or self.steps
        ]

    def stepwise(self) -> DeviceSteps:
        """Return the figures of the whole window and of each step, tightest ranges first."""
        found = Stepwise(self._shared.trace, self.device, self._line)
        whole = self.whole
        return DeviceSteps(
            device=self.device.label,
            kind=self.device.kind,
            whole=found.values(whole.low, whole.high),
            parallelism=parallelism(self.view(whole.low, whole.high)),
            steps=tuple(
                found.values(window.low, window.high) for window in self._own_steps or self.steps
            ),
        )

    def _work_and_busy(self, window: Window) -> tuple[int, int]:
        line = self._line.cut(window.low, window.high)
        return line.work_ns, line.time_where(line.running > 0)

    def view(self, low: int, high: int) -> View:
        """Return the device in the window [low, high)."""
        graph = None if self.graph is None else self.graph.within(low, high)
        return View(
            device=self.device,
            runs=self.runs,
            compute_runs=self._compute_runs,
            timeline=self._line.cut(low, high),
            low=low,
            high=high,
            host=self._shared.host,
            heads=self._heads,
            stages=self._stages,
            process=self.process,
            graph=graph,
            spans=None if graph is None else spans(graph),
        )


def _steps(measured: list[_Measured]) -> tuple[StepFigures, ...]:
    """Collect each step's figures over the devices, by the step's begin."""
    windows = sorted(
        ((window, each) for each in measured for window in each.steps),
        key=lambda pair: pair[0].low,
    )
    by_name: dict[str, list[DeviceFigures]] = {}
    for window, each in windows:
        by_name.setdefault(window.name, []).append(each.figures(window, gaps=0))
    return tuple(StepFigures(name, tuple(devices)) for name, devices in by_name.items())

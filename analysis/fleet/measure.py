"""One trace to all that is kept of it: the one function behind every way of running."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from analysis.errors import MissingExtraError, TraceError
from analysis.fleet.communication import bubble, communication
from analysis.fleet.identity import identity
from analysis.fleet.rank import Measured
from analysis.graph import read as read_graph
from analysis.hta import compare as compare_with_hta
from analysis.pipeline import analyze
from analysis.report import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.columns import Trace
    from analysis.directory import Source
    from analysis.graph import Execution
    from analysis.hta.agreement import Agreement
    from analysis.pipeline import Times
    from analysis.report import TraceReport
    from analysis.trace import Progress, Reading


class Options(NamedTuple):
    """How every trace is measured.

    Attributes:
        gaps: how many idle gaps of each device to list.
        within: measure the window of this range, or of these times, alone.
        marks: how many activities pictures show one by one; None for no pictures.
        hta: set HTA's figures beside ours.
    """

    gaps: int
    within: str | Times | None
    marks: int | None
    hta: bool


class Task(NamedTuple):
    """One trace to measure, and how."""

    source: Source
    options: Options
    reading: Reading


def measure(task: Task, progress: Callable[[Progress], None] = lambda _: None) -> Measured:
    """Read a trace, wherever it lies, and measure it.

    Raises:
        TraceError: it cannot be read.
        SelectionError: it has no such range, or several, or no such time.
        MissingExtraError: what it takes is not installed.
    """
    source, options, reading = task
    trace = reading.load(source.path, progress)
    manifest = source.manifest
    who = identity(trace, manifest.environment if manifest else None, source.path.name)
    report = _report(source, trace, options)
    window = None if options.within is None else _window(report)
    return Measured(
        report=report if who.rank is None else msgspec.structs.replace(report, rank=who.rank),
        identity=who,
        base_ns=trace.base_ns,
        communication=communication(trace, window),
        bubble=bubble(trace, window),
    )


def outcome(
    task: Task, progress: Callable[[Progress], None] = lambda _: None
) -> Measured | Failure:
    """Measure a trace, or say why it cannot be read: one of many must not stop the others."""
    try:
        return measure(task, progress)
    except (TraceError, MissingExtraError) as error:
        return Failure(str(task.source.path), str(error))


def _report(source: Source, trace: Trace, options: Options) -> TraceReport:
    gaps, within, marks, hta = options
    execution, unread = execution_beside(source)
    measured = analyze(trace, gaps=gaps, within=within, execution=execution, marks=marks)
    return msgspec.structs.replace(
        measured,
        label=source.label,
        notes=(*source.notes, *unread, *measured.notes),
        manifest=source.manifest,
        hta=_beside_hta(trace, measured, within) if hta else None,
    )


def _window(report: TraceReport) -> tuple[int, int]:
    """Return from when to when a report measures, in ns on the trace's clock."""
    return (
        min(each.window_start_ns for each in report.devices),
        max(each.window_start_ns + each.window_ns for each in report.devices),
    )


def execution_beside(source: Source) -> tuple[Execution | None, tuple[str, ...]]:
    """Read what depends on what, where that lies beside the trace; it is no condition."""
    if source.graph is None:
        return None, ()
    try:
        return read_graph(source.graph), ()
    except TraceError as error:
        return None, (f"No dependency graph: {error}",)


def _beside_hta(trace: Trace, measured: TraceReport, within: str | Times | None) -> Agreement:
    """HTA has no figures of a range alone."""
    return compare_with_hta(trace, measured if within is None else analyze(trace, gaps=0))

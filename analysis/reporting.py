"""Trace files to a report."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from analysis.comparison import compare
from analysis.directory import discover
from analysis.errors import TraceError
from analysis.findings import find
from analysis.graph import read as read_graph
from analysis.hta import compare as compare_with_hta
from analysis.hta import require as require_hta
from analysis.pipeline import DEFAULT_GAPS, analyze
from analysis.report import Failure, Report
from analysis.trace import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from analysis.columns import Trace
    from analysis.directory import Source
    from analysis.graph import Execution
    from analysis.hta.agreement import Agreement
    from analysis.pipeline import Times
    from analysis.report import TraceReport
    from analysis.trace import Progress

_MARKS = 24_000
"""Activities drawn one by one, of all traces together."""
_MARKS_PER_TRACE = 4_000
_FEWEST_MARKS = 200


def report(
    paths: Iterable[Path],
    *,
    gaps: int = DEFAULT_GAPS,
    within: str | Times | None = None,
    hta: bool = False,
    pictures: bool = False,
    reading: Reading | None = None,
    progress: Callable[[Path, Progress | None], None] = lambda *_: None,
) -> Report:
    """Load and measure every trace; one that cannot be read does not stop the others.

    Args:
        paths: trace files and directories.
        gaps: how many idle gaps of each device to list.
        within: measure the window of this range, or of these times, alone.
        hta: set HTA's figures beside ours, of the whole trace.
        pictures: prepare what pictures show, the less of each trace the more there are.
        reading: how traces are read; None: in the usual way.
        progress: called with each file before it is read, and then as it is read.

    Raises:
        TraceError: there is nothing to read at a path, or a trace that was named
            alone cannot be read.
        SelectionError: a trace has no such range, or several, or no such time.
        MissingExtraError: HTA was asked for and is not installed.
    """
    if hta:
        require_hta()
    sources = discover(paths)
    reading = reading or Reading()
    options = _Options(gaps, within, _marks(len(sources)) if pictures else None, hta=hta)
    traces: list[TraceReport] = []
    failures: list[Failure] = []
    for source in sources:
        progress(source.path, None)
        try:
            trace = reading.load(source.path, partial(progress, source.path))
            traces.append(_measure(source, trace, options))
        except TraceError as error:
            if len(sources) == 1:
                raise
            failures.append(Failure(str(source.path), str(error)))
    comparison = compare(traces)
    return Report(tuple(traces), comparison, tuple(failures), find(traces, comparison))


class _Options(NamedTuple):
    """How every trace is measured."""

    gaps: int
    within: str | Times | None
    marks: int | None
    hta: bool


def _marks(traces: int) -> int:
    """Return how many activities of each trace are drawn one by one, so that a page holds all."""
    return max(min(_MARKS // max(traces, 1), _MARKS_PER_TRACE), _FEWEST_MARKS)


def _measure(source: Source, trace: Trace, options: _Options) -> TraceReport:
    gaps, within, marks, hta = options
    execution, unread = execution_beside(source)
    measured = analyze(trace, gaps=gaps, within=within, execution=execution, marks=marks)
    return dataclasses.replace(
        measured,
        label=source.label,
        notes=(*source.notes, *unread, *measured.notes),
        manifest=source.manifest,
        hta=_beside_hta(trace, measured, within) if hta else None,
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

"""Trace files to a report."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from analysis.comparison import compare
from analysis.directory import discover
from analysis.findings import find
from analysis.fleet.job import jobs
from analysis.fleet.local import Pool
from analysis.fleet.measure import Options, Task, measure
from analysis.fleet.memory import worth_a_pool
from analysis.fleet.run import run
from analysis.hta import require as require_hta
from analysis.pipeline import DEFAULT_GAPS
from analysis.report import Failure, Report
from analysis.trace import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.fleet.rank import Measured
    from analysis.fleet.run import Telling, Way
    from analysis.location import Location
    from analysis.pipeline import Times

_MARKS = 24_000
"""Activities drawn one by one, of all traces together."""
_MARKS_PER_TRACE = 4_000
_FEWEST_MARKS = 200


def report(
    paths: Iterable[Location],
    *,
    gaps: int = DEFAULT_GAPS,
    within: str | Times | None = None,
    hta: bool = False,
    pictures: bool = False,
    reading: Reading | None = None,
    way: Way | None = None,
    progress: Telling = lambda *_: None,
) -> Report:
    """Load and measure every trace; one that cannot be read does not stop the others.

    Args:
        paths: trace files, directories, patterns and URLs.
        gaps: how many idle gaps of each device to list.
        within: measure the window of this range, or of these times, alone.
        hta: set HTA's figures beside ours, of the whole trace.
        pictures: prepare what pictures show, the less of each trace the more there are.
        reading: how traces are read; None: in the usual way.
        way: where several traces are measured; None: here, or on several processes of
            this machine where they are large together.
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
    options = Options(gaps, within, _marks(len(sources)) if pictures else None, hta=hta)
    tasks = [Task(source, options, reading) for source in sources]
    way = way if way is not None or not worth_a_pool(tasks) else Pool()
    found = [_alone(tasks[0], progress)] if len(tasks) == 1 else list(run(tasks, way, progress))
    measured = [each for each in found if not isinstance(each, Failure)]
    failures = tuple(each for each in found if isinstance(each, Failure))
    traces = tuple(each.report for each in measured)
    comparison = compare(traces)
    return Report(
        traces, comparison, failures, find(traces, comparison), jobs=tuple(jobs(measured))
    )


def _alone(task: Task, progress: Telling) -> Measured:
    path = task.source.path
    progress(path, None)
    return measure(task, partial(progress, path))


def _marks(traces: int) -> int:
    """Return how many activities of each trace are drawn one by one, so that a page holds all."""
    return max(min(_MARKS // max(traces, 1), _MARKS_PER_TRACE), _FEWEST_MARKS)

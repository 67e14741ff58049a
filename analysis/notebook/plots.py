"""A picture of every result: one function each, by the class of the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.columns import Trace
from analysis.compose.diff import breakdowns
from analysis.diff import Diff
from analysis.document import Unit
from analysis.errors import SelectionError
from analysis.metrics.breakdown import Breakdown
from analysis.metrics.dependencies import DependencyGraph
from analysis.metrics.gaps import Gaps
from analysis.metrics.lanes import Lanes
from analysis.metrics.launches import LaunchFigures
from analysis.metrics.lengths import OperatorLengths
from analysis.metrics.occupancy import Occupancy
from analysis.metrics.parallelism import Parallelism
from analysis.metrics.usage import Usage
from analysis.notebook.picture import Picture
from analysis.pipeline import analyze
from analysis.render.charts import Bar, Part, Row, bars, stacked_bars, tone_of
from analysis.replay.ceilings import Ceilings
from analysis.report import DeviceFigures, Report, TraceReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_SHOWN = 40
"""So many rows are drawn; tables hold all."""
_SHOWN_GAPS = 15
_STATES = "Where the time went, by state"
_CEILINGS = {
    "no_host": "without the host",
    "lane_per_branch": "a lane per branch",
    "both": "both",
    "both_within_room": "both, within the device's room",
}


def plot(result: Any) -> Picture:
    """Return the picture of a result.

    Raises:
        SelectionError: there is nothing to draw.
    """
    return PLOTS[type(result)](result)


def _states(
    rows: Iterable[tuple[str, Mapping[str, float]]], title: str = _STATES, *, shares: bool = True
) -> Picture:
    drawn = [
        Row(label, [Part(tone_of(state), ns, state) for state, ns in times.items() if ns])
        for label, times in rows
        if any(times.values())
    ]
    return Picture(title, stacked_bars(_some(drawn, title)[:_SHOWN], title=title, shares=shares))


def _bars(
    values: Iterable[tuple[str, float | None]],
    title: str,
    unit: Unit,
    reference: float | None = None,
) -> Picture:
    known = [Bar(label, value) for label, value in values if value is not None]
    chart = bars(_some(known, title)[:_SHOWN], title=title, unit=unit, reference=reference)
    return Picture(title, chart)


def _some(rows: list[Any], title: str) -> list[Any]:
    if not rows:
        raise SelectionError(f"{title}: there is nothing to draw")
    return rows


def _device(device: DeviceFigures, label: str | None = None) -> tuple[str, dict[str, int]]:
    return label or f"device {device.device}", device.of(Breakdown).breakdown_ns


def _trace(trace: TraceReport) -> list[tuple[str, dict[str, int]]]:
    several = len(trace.devices) > 1
    return [
        _device(device, f"{trace.label}, device {device.device}" if several else trace.label)
        for device in trace.devices
    ]


def _report(report: Report) -> Picture:
    return _states(row for trace in report.traces for row in _trace(trace))


def _usage(usage: Usage) -> Picture:
    rows = ((f"{lanes} at once", ns) for lanes, ns in enumerate(usage.concurrency_ns))
    return _bars(rows, "Time by the number of lanes running", Unit.TIME)


def _lanes(lanes: Lanes) -> Picture:
    ordered = sorted(lanes.lanes, key=lambda lane: -lane.busy_ns)
    return _bars(((each.lane, each.busy_ns) for each in ordered), "Busy time by lane", Unit.TIME)


def _parallelism(found: Parallelism) -> Picture:
    rows = (
        ("achieved", found.achieved),
        ("achieved, compute alone", found.achieved_compute),
        ("available, by operator", found.available),
        ("available, by branch", found.available_branches),
    )
    return _bars(rows, "Lanes at once, achieved and available", Unit.NUMBER, reference=1)


def _graph(graph: DependencyGraph) -> Picture:
    rows = (
        ("work", graph.work_ns),
        ("span, each branch in turn", graph.branch_span_ns),
        ("span", graph.span_ns),
    )
    return _bars(rows, "Work, and the longest path through it", Unit.TIME)


def _launches(found: LaunchFigures) -> Picture:
    rows = [
        (f"{title}, {words}", float(getattr(each, key)))
        for title, each in (("in the call", found.call_ns), ("queued", found.queue_ns))
        if each is not None
        for words, key in (("median", "median_ns"), ("95th percentile", "p95_ns"))
    ]
    return _bars(rows, "Launches: how long calls took and the launched waited", Unit.TIME)


def _lengths(found: OperatorLengths) -> Picture:
    rows = (
        ("half are no longer than", found.median_ns),
        ("half of the time is in those of at least", found.half_time_ns),
    )
    return _bars(rows, "Lengths of what ran", Unit.TIME)


def _occupancy(found: Occupancy) -> Picture:
    rows = (
        ("SMs with a block", found.sm_efficiency),
        ("SMs with a block while a kernel ran", found.sm_efficiency_busy),
        ("occupancy, by kernel", found.occupancy),
        ("occupancy while a kernel ran", found.occupancy_busy),
    )
    return _bars(rows, "Use of the multiprocessors, estimated", Unit.SHARE)


def _gaps(found: Gaps) -> Picture:
    rows = (
        (f"{i}: before {gap.after or 'the end'}", gap.breakdown_ns)
        for i, gap in enumerate(found.idle_gaps[:_SHOWN_GAPS], start=1)
    )
    return _states(rows, "Idle gaps, longest first, by state", shares=False)


def _ceilings(found: Ceilings) -> Picture:
    rows = ((words, getattr(found.speed_up, key)) for key, words in _CEILINGS.items())
    return _bars(rows, "Speed-up at most, with one constraint removed", Unit.FACTOR, reference=1)


PLOTS: dict[type, Callable[[Any], Picture]] = {
    Report: _report,
    TraceReport: lambda trace: _states(_trace(trace)),
    DeviceFigures: lambda device: _states([_device(device)]),
    Trace: lambda trace: _states(_trace(analyze(trace, gaps=0))),
    Diff: lambda diff: _states(breakdowns(diff), "A step before and after, by state"),
    Breakdown: lambda found: _states([("window", found.breakdown_ns)]),
    Usage: _usage,
    Lanes: _lanes,
    Parallelism: _parallelism,
    OperatorLengths: _lengths,
    DependencyGraph: _graph,
    LaunchFigures: _launches,
    Occupancy: _occupancy,
    Gaps: _gaps,
    Ceilings: _ceilings,
}
"""By class."""

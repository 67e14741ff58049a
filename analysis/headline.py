"""The finding of a trace, or of a mode, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.document import Unit
from analysis.metrics.breakdown import Breakdown
from analysis.metrics.usage import Usage
from analysis.notes import inconclusive
from analysis.units import text
from analysis.wording import CAUSES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.fleet.figures import Job
    from analysis.report import (
        DeviceFigures,
        ModeFigures,
        Report,
        RunComparison,
        Together,
        TraceReport,
    )

_WORTH_NAMING = 0.05
_MOST_CAUSES = 3
_AT_ONCE = 1.05
"""From so many lanes on, while any ran, lanes ran at once."""
_NAMED = 3
_FACTORS = (
    ("less_work", "less work", "more work"),
    ("more_overlap", "more overlap", "less overlap"),
    ("less_idle", "less idle time", "more idle time"),
)


def of_trace(trace: TraceReport) -> str:
    """Say what the trace shows, and why no more ran at once."""
    if not trace.devices:
        return " ".join(("Nothing to measure.", *trace.notes))
    if reason := inconclusive(trace.notes):
        return f"{reason}: no conclusion on parallelism."
    many = len(trace.devices) > 1
    said = [_of_device(device, many=many) for device in trace.devices]
    return " ".join([*_of_all(trace.together), *said])


def _of_all(found: Together | None) -> tuple[str, ...]:
    """Say how far processes that serve one step overlapped."""
    if found is None or not found.wall_ns:
        return ()
    share = text(found.overlap_ns / found.wall_ns, Unit.SHARE)
    return (f"{found.processes} processes for each step, {share} of its time overlapped.",)


def of_report(report: Report) -> str:
    """Say in short what all traces show: which mode pays, for which rank the others wait."""
    runs = report.comparison.runs if report.comparison else ()
    verdicts = [verdict for run in runs if (verdict := _of_whole_run(run))]
    verdicts += [waits for job in report.jobs if (waits := of_job(job))]
    if verdicts:
        return " ".join(verdicts)
    measured = [trace for trace in report.traces if trace.devices]
    if len(measured) == 1:
        return of_trace(measured[0])
    if not measured:
        return of_trace(report.traces[0]) if report.traces else "No trace was read."
    return _of_many(measured)


def of_job(job: Job) -> str | None:
    """Say how long ranks waited, and for which one; None where none did, or none can be named."""
    lost = sum(row.waited_ns or 0 for row in job.ranks)
    if not lost:
        return None
    worst = max(job.ranks, key=lambda row: (row.caused_ns or 0, -row.rank))
    return (
        f"The ranks waited {text(lost, Unit.TIME)} in all for the last one to come: "
        f"{text(worst.caused_ns or 0, Unit.TIME)} of it goes back to rank {worst.rank}."
    )


def _of_whole_run(run: RunComparison) -> str | None:
    """Say which mode is fastest and through what, and whether running at once paid."""
    others = [mode for mode in run.modes if mode.mode != run.baseline and mode.speed_up]
    if run.baseline is None or not others:
        return None
    best = max(others, key=lambda mode: mode.speed_up.value if mode.speed_up else 0.0)
    at_once = [mode for mode in others if (mode.achieved or 0.0) >= _AT_ONCE]
    if best.speed_up is not None and best.speed_up.low > 1:
        value = text(best.speed_up.value, Unit.FACTOR)
        first = f"{best.label} is the fastest, {value} as fast as {run.baseline}"
        if traced := best.disagreeing:
            shown = text(traced.value, Unit.FACTOR)
            first += f", which its trace (traced {shown}) does not explain"
        elif causes := _factor_words(best):
            first += f", by {causes}"
    else:
        first = f"No mode is faster than {run.baseline}"
    paid = [mode.label for mode in at_once if mode.speed_up and mode.speed_up.low > 1]
    if not at_once:
        second = "nothing ran at once in any mode"
    elif paid:
        second = f"running at once paid in {_listed(paid)}"
    else:
        second = f"{_listed([mode.label for mode in at_once])} ran at once and gained nothing by it"
    return f"{first}; {second}."


def _listed(names: list[str]) -> str:
    shown = names[:_NAMED]
    more = [f"{len(names) - len(shown)} more"] if len(names) > len(shown) else []
    *first, last = [*shown, *more]
    return f"{', '.join(first)} and {last}" if first else last


def _of_many(traces: list[TraceReport]) -> str:
    devices = [device for trace in traces for device in trace.devices if device.window_ns]
    told = [trace for trace in traces if not inconclusive(trace.notes)]
    if not devices or not told:
        return f"{len(traces)} traces: no conclusion on parallelism."
    shares = sorted(device.of(Usage).overlap_ns / device.window_ns for device in devices)
    low, high = (text(share, Unit.SHARE) for share in (shares[0], shares[-1]))
    busiest = max(devices, key=lambda device: device.window_ns)
    causes = "; ".join(f"{text(share, Unit.SHARE)} {words}" for share, words in _causes(busiest))
    between = f"{low} of the time" if low == high else f"between {low} and {high} of the time"
    return f"{len(traces)} traces, {between} overlapped; in the longest {causes}."


def of_device(device: DeviceFigures) -> str:
    """Say what one device of a trace shows."""
    return _of_device(device, many=False)


def _of_device(device: DeviceFigures, *, many: bool) -> str:
    window = device.window_ns
    usage = device.of(Usage)
    lanes = len(device.results["lanes"].lanes)
    noun = "thread" if device.kind == "cpu" else "lane"
    prefix = f"Device {device.device}: " if many else ""
    if not window:
        return f"{prefix}{lanes} {noun}{'s' * (lanes != 1)}, in no time."
    overlap = text(usage.overlap_ns / window, Unit.SHARE)
    causes = "; ".join(f"{text(share, Unit.SHARE)} {words}" for share, words in _causes(device))
    finding = f"{prefix}{lanes} {noun}{'s' * (lanes != 1)}, {overlap} of the time overlapped"
    return f"{finding}: {causes}." if causes else f"{finding}."


def _causes(device: DeviceFigures) -> list[tuple[float, str]]:
    times = device.of(Breakdown).breakdown_ns
    shares = [
        (sum(times.get(state) or 0 for state in states) / device.window_ns, words)
        for words, states in CAUSES
        if states != ("overlapped",)
    ]
    shares.sort(key=lambda pair: -pair[0])
    worth = [pair for pair in shares if pair[0] >= _WORTH_NAMING]
    largest = [pair for pair in shares[:1] if pair[0]]
    return worth[:_MOST_CAUSES] or largest


def of_run(run: RunComparison) -> tuple[str, ...]:
    """Say of each mode whether it pays, and through which factor."""
    return tuple(_of_mode(mode) for mode in run.modes if mode.mode != run.baseline)


def _of_mode(mode: ModeFigures) -> str:
    name = mode.label
    if mode.speed_up is None:
        return f"{name}: no baseline was recorded to compare it with."
    value = text(mode.speed_up.value, Unit.FACTOR)
    if mode.speed_up.low > 1:
        verdict = f"{value} as fast"
    elif mode.speed_up.high < 1:
        verdict = f"slower ({value})"
    else:
        verdict = f"too close to tell ({value})"
    parts = _factor_words(mode)
    if traced := mode.disagreeing:
        shown = text(traced.value, Unit.FACTOR)
        within = f", of {parts}" if parts else ""
        return f"{name}: {verdict}; its trace does not explain it (traced {shown}{within})."
    return f"{name}: {verdict}{': ' + parts if parts else ''}."


def _factor_words(mode: ModeFigures) -> str:
    return factor_words({key: getattr(mode, key) for key, _, _ in _FACTORS})


def factor_words(factors: Mapping[str, float | None]) -> str:
    """Name the factors that matter, the largest first.

    Args:
        factors: less_work, more_overlap and less_idle.
    """
    known = [
        (value, up if value >= 1 else down)
        for key, up, down in _FACTORS
        if (value := factors[key]) is not None and abs(value - 1) >= _WORTH_NAMING
    ]
    known.sort(key=lambda pair: -max(pair[0], 1 / pair[0]))
    return ", ".join(f"{words} ({text(value, Unit.FACTOR)})" for value, words in known)

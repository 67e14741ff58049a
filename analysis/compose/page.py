"""A report's data to the page with pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import headline
from analysis.compose import device as compose_device
from analysis.compose import findings as compose_findings
from analysis.compose import job as compose_job
from analysis.compose import modes as compose_modes
from analysis.compose import ranks as compose_ranks
from analysis.compose import subject as compose_subject
from analysis.document import Unit
from analysis.metrics.breakdown import Breakdown
from analysis.page import Chapter, Claims, Page, Panel, Sheet, StateBars, StateRow
from analysis.replay import section as ceilings_section
from analysis.units import text

if TYPE_CHECKING:
    from analysis.report import Report, RunComparison, TraceReport

_SHOWN_BARS = 64
"""So many devices are drawn side by side; their table holds all."""


def page(report: Report) -> Page | None:
    """Arrange the page; None where no pictures were prepared."""
    drawn = sum(device.drawn is not None for trace in report.traces for device in trace.devices)
    if not drawn:
        return None
    return Page(
        finding=headline.of_report(report),
        chapters=tuple(_chapters(report, drawn)),
        subjects=tuple(
            subject
            for trace in _in_order(report)
            for subject in compose_subject.of_trace(trace, drawn)
        ),
        unread=(
            *(failure.reason for failure in report.failures),
            *(f"{trace.label}: {loss}" for trace in report.traces for loss in trace.losses),
        ),
    )


def _in_order(report: Report) -> list[TraceReport]:
    """Return the traces of a run as its modes are compared, the baseline first."""
    runs = report.comparison.runs if report.comparison else ()
    modes = [mode.path for run in runs for mode in run.modes]
    places = {path: place for place, path in enumerate(modes)}
    shown = compose_ranks.one_by_one(report)
    return sorted(shown, key=lambda trace: places.get(trace.path, len(places)))


def _chapters(report: Report, drawn: int) -> list[Chapter]:
    runs = report.comparison.runs if report.comparison else ()
    by_path = {trace.path: trace for trace in report.traces}
    found = [_run(run, by_path) for run in runs]
    found += map(compose_job.chapter, report.jobs)
    shown = compose_ranks.one_by_one(report)
    alone = [trace for trace in shown if trace.manifest is None and trace.devices]
    if sum(len(trace.devices) for trace in alone) > 1:
        found.append(_side_by_side(alone))
    claims = compose_findings.claims(report.findings)
    if claims:
        panel = Panel("", (Claims(claims),), wide=True)
        lead = "The largest gain first; each with its evidence, its cause and what to try."
        found.append(Chapter("What stops the rest", lead, (panel,)))
    if drawn > 1:  # of a single one they stand beside its other figures
        lead = "What the window would come to with one constraint less, as a replay predicts it."
        found += [
            Chapter(section.title, lead, (Panel("", section.blocks, wide=True),))
            for section in ceilings_section.summary(report.traces, report.comparison)
        ]
    return found


def _run(run: RunComparison, traces: dict[str, TraceReport]) -> Chapter:
    return Chapter(
        compose_modes.title(run),
        compose_modes.where(run),
        compose_modes.panels(run, traces),
    )


def _side_by_side(traces: list[TraceReport]) -> Chapter:
    rows = tuple(
        StateRow(
            compose_subject.label(trace, device),
            device.of(Breakdown).breakdown_ns,
            text(device.window_ns, Unit.TIME),
        )
        for trace in traces
        for device in trace.devices
    )
    shown = StateBars("The window of each trace by state", rows[:_SHOWN_BARS])
    table = Sheet(compose_device.comparison(traces), "traces")
    more = len(rows) - len(shown.rows)
    lead = f"The first {_SHOWN_BARS} of {len(rows):,} are drawn." if more else ""
    panels = (
        Panel("Where the time went", (shown,), wide=True),
        Panel("All figures", (table,), wide=True),
    )
    return Chapter("Traces", lead, panels)

"""A report's data to the document that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import compose_device, compose_findings, headline
from analysis.document import (
    Bullets,
    Column,
    Document,
    Estimate,
    Paragraph,
    Section,
    Table,
    Unit,
)
from analysis.hta import section as hta_section
from analysis.replay import section as ceilings_section

if TYPE_CHECKING:
    from analysis.document import Block, Cell
    from analysis.report import ModeFigures, Report, RunComparison, TraceReport
    from analysis.statistics import Ratio
_APART = (
    "This run completes run {}, which was interrupted. It was timed apart from it, beside a "
    "baseline of its own: speed-ups compare within a run alone."
)


def compose(report: Report) -> Document:
    """Arrange the findings, the comparison and the details."""
    return Document(
        summary=tuple(_summary(report)),
        details=(
            *compose_findings.details(report.findings),
            *(_trace(trace) for trace in report.traces),
        ),
    )


def _summary(report: Report) -> list[Section]:
    sections = [_headlines(report), *compose_findings.summary(report.findings)]
    if report.comparison:
        sections.extend(map(_run, report.comparison.runs))
    alone = [trace for trace in report.traces if trace.manifest is None]
    if alone:
        sections.append(Section("Traces", 2, (compose_device.comparison(alone),)))
    sections += ceilings_section.summary(report.traces, report.comparison)
    sections += hta_section.summary(report.traces)
    unread = [
        *(failure.reason for failure in report.failures),
        *(f"{trace.label}: {loss}" for trace in report.traces for loss in trace.losses),
    ]
    if unread:
        sections.append(Section("Not read", 2, (Bullets(tuple(unread)),)))
    return sections


def _headlines(report: Report) -> Section:
    items = tuple(f"{trace.label}: {headline.of_trace(trace)}" for trace in report.traces)
    blocks: tuple[Block, ...] = (Bullets(items),) if items else (Paragraph("No trace was read."),)
    return Section("What ran in parallel", 1, blocks)


def _run(run: RunComparison) -> Section:
    columns = (
        Column("mode", Unit.TEXT),
        Column("wall per step", Unit.TIME),
        Column("speed-up", Unit.FACTOR),
        Column("strongest state", Unit.TEXT),
        Column("less work", Unit.FACTOR),
        Column("more overlap", Unit.FACTOR),
        Column("less idle", Unit.FACTOR),
        Column("traced speed-up", Unit.FACTOR),
        Column("busy", Unit.SHARE),
        Column("overlap", Unit.SHARE),
        Column("achieved", Unit.NUMBER),
        Column("available", Unit.NUMBER),
        Column("by branch", Unit.NUMBER),
        Column("CPU s/s", Unit.NUMBER),
    )
    caption = (
        "Wall and speed-up are untraced, with 95% intervals. The three factors multiply to the "
        "traced speed-up. Achieved and available are lanes: running on average while any ran, and "
        "allowed by what depends on what."
    )
    blocks: list[Block] = [Table(columns, tuple(map(_mode_row, run.modes)), caption)]
    verdicts = headline.of_run(run)
    if verdicts:
        blocks.append(Bullets(verdicts))
    if run.resumes is not None:
        blocks.append(Paragraph(_APART.format(run.resumes)))
    blocks.append(Paragraph(_where(run)))
    return Section(f"Modes of {run.preset} on {run.device}", 2, tuple(blocks))


def _mode_row(mode: ModeFigures) -> tuple[Cell, ...]:
    return (
        mode.label,
        Estimate(mode.wall_ns, *mode.wall_ci95_ns),
        _estimate(mode.speed_up),
        mode.strongest_state,
        mode.less_work,
        mode.more_overlap,
        mode.less_idle,
        mode.traced_speed_up and mode.traced_speed_up.value,
        mode.busy_share,
        mode.overlap_share,
        mode.achieved,
        mode.available,
        mode.available_branches,
        mode.cpu_seconds_per_wall_second,
    )


def _estimate(found: Ratio | None) -> Estimate | None:
    return None if found is None else Estimate(*found)


def _where(run: RunComparison) -> str:
    """Say what ran, on what: a comparison means nothing without it."""
    known = [f"Run {run.run}"]
    for key, words in (
        ("device_name", "on {}"),
        ("cpu_count", "{} CPU cores"),
        ("torch", "torch {}"),
        ("python", "Python {}"),
        ("torch_threads", "{} intra-op threads"),
    ):
        value = run.environment.get(key)
        if value is not None:
            known.append(words.format(value))
    sizes = ", ".join(f"{key} {value}" for key, value in run.workload.items())
    return ", ".join(known) + f". Workload: {sizes}."


def _trace(trace: TraceReport) -> Section:
    blocks: list[Block] = [Paragraph(headline.of_trace(trace))]
    if trace.losses or trace.notes:
        blocks.append(Bullets((*trace.losses, *trace.notes)))
    for device in trace.devices:
        blocks += compose_device.blocks(device)
        blocks += ceilings_section.blocks(device)
    if len(trace.steps) > 1:
        blocks.append(compose_device.steps(trace))
    if trace.spread:
        blocks.append(compose_device.spread(trace))
    if trace.hta:
        blocks += hta_section.blocks(trace.hta)
    return Section(trace.label, 2, tuple(blocks))

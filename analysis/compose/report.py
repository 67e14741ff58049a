"""A report's data to the document that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import headline
from analysis.compose import device as compose_device
from analysis.compose import findings as compose_findings
from analysis.compose import modes as compose_modes
from analysis.compose import page as compose_page
from analysis.compose import ranks as compose_ranks
from analysis.document import (
    Bullets,
    Document,
    Paragraph,
    Section,
)
from analysis.hta import section as hta_section
from analysis.replay import section as ceilings_section

if TYPE_CHECKING:
    from analysis.document import Block
    from analysis.report import Report, RunComparison, TraceReport


def compose(report: Report) -> Document:
    """Arrange the findings, the comparison and the details."""
    return Document(
        summary=tuple(_summary(report)),
        details=(
            *compose_ranks.details(report.jobs),
            *compose_findings.details(report.findings),
            *(_trace(trace) for trace in compose_ranks.one_by_one(report)),
        ),
        page=compose_page.page(report),
    )


def _summary(report: Report) -> list[Section]:
    shown = compose_ranks.one_by_one(report)
    sections = [_headlines(shown), *compose_ranks.summary(report.jobs)]
    sections += compose_findings.summary(report.findings)
    if report.comparison:
        sections.extend(map(_run, report.comparison.runs))
    alone = [trace for trace in shown if trace.manifest is None and trace.devices]
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


def _headlines(traces: tuple[TraceReport, ...]) -> Section:
    items = tuple(f"{trace.label}: {headline.of_trace(trace)}" for trace in traces)
    blocks: tuple[Block, ...] = (Bullets(items),) if items else (Paragraph("No trace was read."),)
    return Section("What ran in parallel", 1, blocks)


def _run(run: RunComparison) -> Section:
    blocks: list[Block] = [compose_modes.table(run)]
    verdicts = headline.of_run(run)
    if verdicts:
        blocks.append(Bullets(verdicts))
    blocks.append(Paragraph(compose_modes.where(run)))
    return Section(compose_modes.title(run), 2, tuple(blocks))


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

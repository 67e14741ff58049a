"""A report's data to the document that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import compose_findings, compose_graph, headline
from analysis.comparison import strongest_state
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
from analysis.metrics.breakdown import Breakdown
from analysis.metrics.lanes import Lanes
from analysis.metrics.launches import QUEUE_LIMIT, LaunchFigures
from analysis.metrics.occupancy import Occupancy
from analysis.metrics.parallelism import Parallelism, ratio
from analysis.metrics.usage import Usage
from analysis.replay import section as ceilings_section
from analysis.units import text
from analysis.wording import STATE_MEANING

if TYPE_CHECKING:
    from analysis.document import Block, Cell
    from analysis.report import DeviceFigures, ModeFigures, Report, RunComparison, TraceReport
    from analysis.statistics import Ratio

_SHOWN_GAPS = 10
_SHOWN_PAIRS = 20
_SHOWN_LANES = 32


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
        sections.append(Section("Traces", 2, (_trace_table(alone),)))
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


def _trace_table(traces: list[TraceReport]) -> Table:
    columns = (
        Column("trace", Unit.TEXT),
        Column("device", Unit.TEXT),
        Column("lanes", Unit.COUNT),
        Column("window", Unit.TIME),
        Column("busy", Unit.SHARE),
        Column("overlap", Unit.SHARE),
        Column("achieved", Unit.NUMBER),
        Column("queued", Unit.NUMBER),
        Column("strongest state", Unit.TEXT),
    )
    rows = tuple(_device_row(trace, device) for trace in traces for device in trace.devices)
    return Table(columns, rows)


def _device_row(trace: TraceReport, device: DeviceFigures) -> tuple[Cell, ...]:
    usage, window = device.of(Usage), device.window_ns
    launches = device.if_any(LaunchFigures)
    return (
        trace.label,
        device.device,
        len(device.of(Lanes).lanes),
        window,
        ratio(usage.busy_ns, window),
        ratio(usage.overlap_ns, window),
        device.of(Parallelism).achieved,
        None if launches is None else launches.queue.mean,
        strongest_state(device),
    )


def _trace(trace: TraceReport) -> Section:
    blocks: list[Block] = [Paragraph(headline.of_trace(trace))]
    if trace.losses or trace.notes:
        blocks.append(Bullets((*trace.losses, *trace.notes)))
    for device in trace.devices:
        blocks += _device(device)
        blocks += ceilings_section.blocks(device)
    if len(trace.steps) > 1:
        blocks.append(_steps(trace))
    if trace.spread:
        blocks.append(_spread(trace))
    if trace.hta:
        blocks += hta_section.blocks(trace.hta)
    return Section(trace.label, 2, tuple(blocks))


def _device(device: DeviceFigures) -> list[Block]:
    blocks: list[Block] = [_figures(device), _breakdown(device), _lanes(device)]
    pairs = device.of(Lanes).lane_overlap_ns
    if pairs:
        blocks.append(_pairs(device))
    launches = device.if_any(LaunchFigures)
    if launches is not None and launches.calls:
        blocks.append(_launches(launches))
    if device.gaps.idle_gaps:
        blocks.append(_gaps(device))
    blocks += compose_graph.blocks(device)
    return blocks


def _figures(device: DeviceFigures) -> Table:
    usage, window = device.of(Usage), device.window_ns
    rows: list[tuple[Cell, ...]] = [
        ("window", window, 1.0 if window else None),
        ("busy", usage.busy_ns, ratio(usage.busy_ns, window)),
        ("idle", usage.idle_ns, ratio(usage.idle_ns, window)),
        ("two or more lanes", usage.overlap_ns, ratio(usage.overlap_ns, window)),
        ("overlap on one lane", usage.same_lane_overlap_ns, None),
        ("exposed communication", usage.exposed_communication_ns, None),
        ("exposed copies", usage.exposed_copy_ns, None),
    ]
    kept = tuple(row for row in rows if row[1] or row[0] in ("window", "busy", "idle"))
    columns = (Column("", Unit.TEXT), Column("time", Unit.TIME), Column("of window", Unit.SHARE))
    parallel = device.of(Parallelism)
    caption = f"Device {device.device}: {usage.activities:,} activities"
    if parallel.achieved is not None:
        caption += f", {parallel.achieved:.2f} lanes running while any ran"
    use = device.if_any(Occupancy)
    if use is not None and use.sm_efficiency_busy is not None:
        held = text(use.sm_efficiency_busy, Unit.SHARE)
        caption += f"; while a kernel ran, {held} of {use.multiprocessors} SMs had a block"
        if use.occupancy_busy is not None:
            caption += f" ({text(use.occupancy_busy, Unit.SHARE)} occupancy)"
    return Table(columns, kept, caption + ".")


def _breakdown(device: DeviceFigures) -> Table:
    times = device.of(Breakdown).breakdown_ns
    present = sorted(((ns, state) for state, ns in times.items() if ns), reverse=True)
    rows = tuple(
        (state, ns, ratio(ns, device.window_ns), STATE_MEANING[state]) for ns, state in present
    )
    columns = (
        Column("state", Unit.CODE),
        Column("time", Unit.TIME),
        Column("of window", Unit.SHARE),
        Column("meaning", Unit.TEXT),
    )
    return Table(columns, rows, "Every nanosecond of the window, by state.")


def _lanes(device: DeviceFigures) -> Table:
    lanes = sorted(device.of(Lanes).lanes, key=lambda lane: -lane.busy_ns)
    columns = (
        Column("thread" if device.kind == "cpu" else "stream", Unit.TEXT),
        Column("activities", Unit.COUNT),
        Column("busy", Unit.TIME),
        Column("of window", Unit.SHARE),
    )
    rows = tuple(
        (lane.lane, lane.activities, lane.busy_ns, ratio(lane.busy_ns, device.window_ns))
        for lane in lanes[:_SHOWN_LANES]
    )
    return Table(columns, rows, _of_all("Lanes", len(rows), len(lanes)))


def _pairs(device: DeviceFigures) -> Table:
    found = device.of(Lanes)
    busy = {lane.lane: lane.busy_ns for lane in found.lanes}
    pairs = sorted(found.lane_overlap_ns, key=lambda pair: -pair[2])
    rows = tuple((a, b, ns, ratio(ns, min(busy[a], busy[b]))) for a, b, ns in pairs[:_SHOWN_PAIRS])
    columns = (
        Column("lane", Unit.TEXT),
        Column("and lane", Unit.TEXT),
        Column("together", Unit.TIME),
        Column("of the smaller", Unit.SHARE),
    )
    return Table(columns, rows, _of_all("Lanes that ran together", len(rows), len(pairs)))


def _launches(found: LaunchFigures) -> Table:
    columns = (
        Column("launches", Unit.TEXT),
        Column("number", Unit.COUNT),
        Column("median", Unit.TIME),
        Column("95th percentile", Unit.TIME),
        Column("longest", Unit.TIME),
        Column("in all", Unit.TIME),
    )
    rows = tuple(
        (title, each.count, each.median_ns, each.p95_ns, each.longest_ns, each.total_ns)
        for title, each in (("in the call", found.call_ns), ("queued", found.queue_ns))
        if each is not None
    )
    return Table(columns, rows, f"Launches: {_launch_words(found)}.")


def _launch_words(found: LaunchFigures) -> str:
    words = [f"{text(found.calls, Unit.COUNT)} calls"]
    if found.graph_replays:
        words.append(f"{text(found.graph_replays, Unit.COUNT)} of them replays of a graph")
    if found.activities_per_second is not None and found.activities_per_busy_second is not None:
        words.append(
            f"{text(round(found.activities_per_second), Unit.COUNT)} activities launched a second, "
            f"{text(round(found.activities_per_busy_second), Unit.COUNT)} run a busy second"
        )
    if found.short_kernel_share:
        share = text(found.short_kernel_share, Unit.SHARE)
        words.append(f"{share} of the kernels shorter than their launch")
    if found.queue.mean is not None:
        mean = text(found.queue.mean, Unit.NUMBER)
        words.append(f"{mean} waiting on average, {found.queue.longest:,} at most")
    if found.queue.full_ns:
        full = text(found.queue.full_ns, Unit.TIME)
        words.append(f"a queue full ({QUEUE_LIMIT:,}) for {full}")
    return "; ".join(words)


def _gaps(device: DeviceFigures) -> Table:
    found = device.gaps
    rows = tuple(
        (
            gap.start_ns,
            gap.duration_ns,
            max(gap.breakdown_ns, key=gap.breakdown_ns.__getitem__),
            gap.before,
            gap.after,
            (gap.host.operator or gap.host.call or gap.host.python) if gap.host else None,
        )
        for gap in found.idle_gaps[:_SHOWN_GAPS]
    )
    columns = (
        Column("at", Unit.TIME),
        Column("length", Unit.TIME),
        Column("mostly", Unit.CODE),
        Column("after activity", Unit.CODE),
        Column("before activity", Unit.CODE),
        Column("host in", Unit.CODE),
    )
    return Table(
        columns, rows, _of_all("Idle gaps, longest first", len(rows), found.idle_gaps_total)
    )


def _steps(trace: TraceReport) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (step.name, *_device_row(trace, device)[1:])
        for step in trace.steps
        for device in step.devices
    ]
    return Table(
        (Column("step", Unit.TEXT), *_trace_table([]).columns[1:]), tuple(rows), "Step by step."
    )


def _spread(trace: TraceReport) -> Table:
    columns = (
        Column("device", Unit.TEXT),
        Column("steps", Unit.COUNT),
        Column("window", Unit.TIME),
        Column("busy", Unit.TIME),
        Column("idle", Unit.TIME),
        Column("overlap", Unit.TIME),
        Column("achieved", Unit.NUMBER),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            each.device,
            each.steps,
            Estimate(*each.window_ns),
            Estimate(*each.busy_ns),
            Estimate(*each.idle_ns),
            Estimate(*each.overlap_ns),
            None if each.achieved is None else Estimate(*each.achieved),
        )
        for each in trace.spread
    )
    return Table(columns, rows, "Over the steps: the median (and the least to the greatest).")


def _of_all(what: str, shown: int, total: int) -> str:
    return f"{what}." if shown == total else f"{what}: {shown:,} of {total:,}."

"""What is said of one device, table by table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.comparison import strongest_state
from analysis.compose import graph as compose_graph
from analysis.document import Column, Estimate, Table, Unit
from analysis.metrics.breakdown import Breakdown
from analysis.metrics.lanes import Lanes
from analysis.metrics.launches import QUEUE_LIMIT, LaunchFigures
from analysis.metrics.occupancy import Occupancy
from analysis.metrics.parallelism import Parallelism, ratio
from analysis.metrics.usage import Usage
from analysis.units import text
from analysis.wording import STATE_MEANING

if TYPE_CHECKING:
    from analysis.document import Block, Cell
    from analysis.report import DeviceFigures, TraceReport

_SHOWN_GAPS = 10
_SHOWN_PAIRS = 20
_SHOWN_LANES = 32


def blocks(device: DeviceFigures) -> list[Block]:
    """Return all tables of a device."""
    found: list[Block] = [_figures(device), breakdown(device), lanes(device)]
    pairs = device.of(Lanes).lane_overlap_ns
    if pairs:
        found.append(_pairs(device))
    launched = device.if_any(LaunchFigures)
    if launched is not None and launched.calls:
        found.append(launches(launched))
    if device.gaps.idle_gaps:
        found.append(gaps(device))
    found += compose_graph.blocks(device)
    return found


def comparison(traces: list[TraceReport]) -> Table:
    """Return traces side by side, a row per device."""
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


def breakdown(device: DeviceFigures) -> Table:
    """Return the states of the window, and what they mean."""
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


def lanes(device: DeviceFigures) -> Table:
    """Return the use of each lane, the busiest first."""
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
    return Table(columns, rows, of_all("Lanes", len(rows), len(lanes)))


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
    return Table(columns, rows, of_all("Lanes that ran together", len(rows), len(pairs)))


def launches(found: LaunchFigures) -> Table:
    """Return how long launch calls took, and how long the launched waited."""
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


def gaps(device: DeviceFigures, most: int = _SHOWN_GAPS) -> Table:
    """Return the longest idle gaps, and what stood around them."""
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
        for gap in found.idle_gaps[:most]
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
        columns, rows, of_all("Idle gaps, longest first", len(rows), found.idle_gaps_total)
    )


def steps(trace: TraceReport) -> Table:
    """Return the figures of each step."""
    rows: list[tuple[Cell, ...]] = [
        (step.name, *_device_row(trace, device)[1:])
        for step in trace.steps
        for device in step.devices
    ]
    return Table(
        (Column("step", Unit.TEXT), *comparison([]).columns[1:]), tuple(rows), "Step by step."
    )


def spread(trace: TraceReport) -> Table:
    """Return how far the steps lie apart."""
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


def of_all(what: str, shown: int, total: int) -> str:
    """Say how much of a list is shown."""
    return f"{what}." if shown == total else f"{what}: {shown:,} of {total:,}."

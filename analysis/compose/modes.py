"""The modes of a recorded run side by side: their table, and how it is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.document import Column, Estimate, Table, Unit
from analysis.metrics.breakdown import Breakdown
from analysis.page import (
    Panel,
    RatioBars,
    RatioRow,
    Sheet,
    StateBars,
    StateRow,
    ValueBars,
    ValueRow,
)
from analysis.report import FORWARD
from analysis.units import text
from analysis.wording import environment_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.document import Cell
    from analysis.report import ModeFigures, RunComparison, TraceReport
    from analysis.statistics import Ratio

_APART = (
    "This run completes run {}, which was interrupted. It was timed apart from it, beside a "
    "baseline of its own: speed-ups compare within a run alone."
)
_FACTORS = ("less work", "more overlap", "less idle")


def table(run: RunComparison) -> Table:
    """Return a row per mode."""
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
    return Table(columns, tuple(map(_mode_row, run.modes)), caption)


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


def title(run: RunComparison) -> str:
    """Name the workload, the device, and what a step is unless it is a plain forward pass."""
    step = "" if run.step == FORWARD else f", {run.step}"
    return f"Modes of {run.preset} on {run.device}{step}"


def where(run: RunComparison) -> str:
    """Say what ran, on what: a comparison means nothing without it."""
    known = [f"Run {run.run}", *environment_words(run.environment)]
    sizes = ", ".join(f"{key} {value}" for key, value in run.workload.items())
    apart = "" if run.resumes is None else f"{_APART.format(run.resumes)} "
    return apart + ", ".join(known) + f". Workload: {sizes}."


def panels(run: RunComparison, traces: Mapping[str, TraceReport]) -> tuple[Panel, ...]:
    """Draw wall time, factors and states of each mode.

    Args:
        run: the modes.
        traces: their reports, by path.
    """
    baseline = next((mode for mode in run.modes if mode.mode == run.baseline), None)
    walls = tuple(
        ValueRow(
            mode.label,
            Estimate(mode.wall_ns, *mode.wall_ci95_ns),
            "" if mode.speed_up is None else text(mode.speed_up.value, Unit.FACTOR),
        )
        for mode in run.modes
    )
    found = [
        Panel(
            "Wall time per step",
            (
                ValueBars(
                    "Wall time per step, untraced, with its 95% interval, and the speed-up",
                    Unit.TIME,
                    walls,
                    None if baseline is None else baseline.wall_ns,
                ),
            ),
        )
    ]
    factors = tuple(
        RatioRow(
            mode.label,
            (mode.less_work, mode.more_overlap, mode.less_idle),
            "" if mode.traced_speed_up is None else text(mode.traced_speed_up.value, Unit.FACTOR),
        )
        for mode in run.modes
        if mode.mode != run.baseline and mode.less_work is not None
    )
    if factors:
        title = "The three factors of the traced speed-up, which is their product"
        found.append(Panel("Why: three factors", (RatioBars(title, _FACTORS, factors),), tall=True))
    states = tuple(
        row for mode in run.modes if mode.path in traces for row in _states(mode, traces[mode.path])
    )
    if states:
        bars = StateBars("The traced window of each mode by state", states)
        found.append(Panel("Where the time went", (bars,), wide=not factors))
    found.append(Panel("All figures", (Sheet(table(run), "modes"),), wide=True))
    return tuple(found)


def _states(mode: ModeFigures, trace: TraceReport) -> list[StateRow]:
    many = len(trace.devices) > 1
    return [
        StateRow(
            f"{mode.label}, device {device.device}" if many else mode.label,
            device.of(Breakdown).breakdown_ns,
            "" if mode.achieved is None else f"{text(mode.achieved, Unit.NUMBER)} lanes",
        )
        for device in trace.devices
    ]

"""Ceilings as they are read in a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.document import Bullets, Column, Paragraph, Section, Table, Unit
from analysis.units import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.document import Block, Cell
    from analysis.replay.ceilings import Ceilings
    from analysis.report import Comparison, DeviceFigures, RunComparison, TraceReport

CONSTRAINTS = {
    "no_host": "no host",
    "lane_per_branch": "a lane per branch",
    "both": "both",
    "both_within_room": "both, within room",
}
"""The ceilings, in words."""

LACKS = {
    "unrecorded_waits": "{} activities waited for something that is not recorded",
    "earlier_work": (
        "{} lanes began behind work from before the recording; they begin as recorded"
    ),
    "unknown_launches": "{} activities have no launch record, and start as their lane lets",
    "graph_activities": (
        "{} activities belong to graphs whose edges are not recorded; each waits for all that had "
        "ended before it"
    ),
    "same_lane_overlaps": "{} activities began before their lane was free",
    "unexplained_stops": "{} blocking calls returned for a reason that is not recorded",
    "further_threads": (
        "{} further threads launched work; what they waited for is told from their rest"
    ),
}
"""What a replay lacks, in words; the number is filled in."""

_CAPTION = (
    "Speed-up of the traced window that a replay predicts with one constraint removed: each a "
    "ceiling, not a sum. The error is that of the replay with nothing removed."
)
_UNSEEN = (
    " Of what streams wait for on each other it knows what is recorded (enable_cuda_sync_events): "
    "where they wait unseen, a ceiling is too high."
)


def summary(traces: Sequence[TraceReport], comparison: Comparison | None) -> list[Section]:
    """Return the ceilings of every trace that is compared with no other, and of the baselines.

    Beside them stands what was measured where the same run recorded such a mode.
    """
    baselines = {run.run: run.baseline for run in comparison.runs} if comparison else {}
    rows = tuple(
        row
        for trace in traces
        if trace.manifest is None or baselines.get(trace.manifest.run) == trace.manifest.mode
        for row in _rows(trace)
    )
    if not rows:
        return []
    columns = (
        Column("trace", Unit.TEXT),
        Column("device", Unit.TEXT),
        *(Column(words, Unit.FACTOR) for words in CONSTRAINTS.values()),
        Column("error", Unit.SHARE),
    )
    accelerators = any(each.kind == "accelerator" for trace in traces for each in trace.devices)
    blocks: list[Block] = [Table(columns, rows, _CAPTION + _UNSEEN * accelerators)]
    for run in comparison.runs if comparison else ():
        blocks += _beside_measured(run)
    return [Section("Ceilings", 2, tuple(blocks))]


def blocks(device: DeviceFigures) -> list[Block]:
    """Return the ceilings of one device."""
    found = device.ceilings
    if found is None:
        return []
    rows = (
        ("nothing", found.replayed_ns, None),
        *(
            (words, window, speed_up)
            for words, window, speed_up in zip(
                CONSTRAINTS.values(), found.window_ns, found.speed_up, strict=True
            )
            if window is not None
        ),
    )
    columns = (
        Column("removed", Unit.TEXT),
        Column("predicted window", Unit.TIME),
        Column("speed-up", Unit.FACTOR),
    )
    shown: list[Block] = [Table(columns, rows, f"Ceilings. {_basis(found)}")]
    lacking = tuple(
        f"{words.format(f'{count:,}')}."
        for name, words in LACKS.items()
        if (count := getattr(found.lacks, name, 0))
    )
    return [*shown, Bullets(lacking)] if lacking else shown


def _basis(found: Ceilings) -> str:
    if found.lacks is None:
        return "The operators of one thread and the time between them are kept as recorded."
    if found.error is None:
        return "There is too little to hold the replay against."
    return f"The replay's error is {text(found.error, Unit.SHARE)}."


def _rows(trace: TraceReport) -> Iterator[tuple[Cell, ...]]:
    for device in trace.devices:
        if device.ceilings is not None:
            yield trace.label, device.device, *device.ceilings.speed_up, device.ceilings.error


def _beside_measured(run: RunComparison) -> list[Block]:
    rows = tuple(
        (
            mode.label,
            CONSTRAINTS[mode.ceiling],
            mode.predicted_speed_up,
            mode.traced_speed_up and mode.traced_speed_up.value,
            mode.speed_up and mode.speed_up.value,
        )
        for mode in run.modes
        if mode.ceiling is not None and mode.predicted_speed_up is not None
    )
    if not rows:
        return []
    columns = (
        Column("mode", Unit.TEXT),
        Column("removes", Unit.TEXT),
        Column("predicted", Unit.FACTOR),
        Column("measured, traced", Unit.FACTOR),
        Column("measured, untraced", Unit.FACTOR),
    )
    words = (
        "The replay knows no contention: it keeps each duration where several run at once. What "
        "is measured below a ceiling is contention, or what the mode itself costs."
    )
    return [
        Table(columns, rows, f"Ceilings of {run.baseline} beside what was measured."),
        Paragraph(words),
    ]

"""What two recordings differ in, as a page with pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.compose import diff as compose_diff
from analysis.document import Bullets, Unit
from analysis.page import (
    Chapter,
    Page,
    Panel,
    RatioBars,
    RatioRow,
    Sheet,
    StateBars,
    StateRow,
)
from analysis.units import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.diff import DeviceDiff, Diff
    from analysis.diff.model import Part

_EVERY_NAME = 2_000
"""So many names are listed on the page, which sorts and searches them."""
_SHOWN_BARS = 64
_FACTORS = ("less work", "more overlap", "less idle")


def page(diff: Diff) -> Page:
    """Arrange the speed-up with its factors, the states before and after, and what moved."""
    return Page(
        finding=_finding(diff),
        chapters=(
            Chapter("What changed", "", (_sentences(diff),)),
            *_before_comparing(diff),
            _factors(diff),
            *_moved(diff),
        ),
        subjects=(),
        unread=compose_diff.not_compared(diff),
    )


def _finding(diff: Diff) -> str:
    devices = [(pair, device) for pair in diff.pairs for device in pair.devices]
    if len(devices) == 1:
        return f"{compose_diff.place(*devices[0])}: {compose_diff.finding(*devices[0])}."
    pairs = "1 trace" if len(diff.pairs) == 1 else f"{len(diff.pairs):,} traces"
    moved = sum(device.verdict == "moved" for _, device in devices)
    return f"{pairs} compared: {moved:,} of {len(devices):,} devices took another time per step."


def _sentences(diff: Diff) -> Panel:
    return Panel("", (Bullets(compose_diff.sentences(diff)),), wide=True)


def _before_comparing(diff: Diff) -> Iterator[Chapter]:
    for section in compose_diff.differing(diff):
        yield Chapter(section.title, "", (Panel("", section.blocks, wide=True),))


def _factors(diff: Diff) -> Chapter:
    ratios = tuple(
        RatioRow(
            label,
            tuple(map(_value, (device.less_work, device.more_overlap, device.less_idle))),
            text(_value(device.speed_up), Unit.FACTOR),
        )
        for label, device in _devices(diff)
    )[:_SHOWN_BARS]
    states = tuple(
        StateRow(label, {state: round(ns) for state, ns in times.items()})
        for label, times in compose_diff.breakdowns(diff)
    )[: 2 * _SHOWN_BARS]
    panels = [
        Panel("The factors of the speed-up", (RatioBars("Before / after", _FACTORS, ratios),)),
        Panel("States per step", (StateBars("Each step by state", states),), tall=True),
    ]
    panels += [Panel("", section.blocks, wide=True) for section in compose_diff.factors(diff)]
    return Chapter("Speed-up and its factors", "", tuple(panels))


def _moved(diff: Diff) -> Iterator[Chapter]:
    for pair in diff.pairs:
        panels = []
        for device in pair.devices:
            tables = compose_diff.tables(pair, device, top=_EVERY_NAME)
            panels += [
                Panel("", (Sheet(table, name),), wide=True) for name, table in tables.items()
            ]
        lead = "Means per step, with the least and the greatest; what moved most first."
        yield Chapter(f"What moved: {pair.title}", lead, tuple(panels))


def _devices(diff: Diff) -> Iterator[tuple[str, DeviceDiff]]:
    for pair in diff.pairs:
        for device in pair.devices:
            yield compose_diff.place(pair, device), device


def _value(part: Part | None) -> float | None:
    return None if part is None else part.value

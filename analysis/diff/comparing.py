"""Traces, before and after, to what they differ in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from analysis.columns import Trace
from analysis.diff import matching
from analysis.diff.changes import device_diff
from analysis.diff.conditions import differing, unknown
from analysis.diff.model import Diff, TraceDiff
from analysis.diff.recording import of_trace, read
from analysis.errors import SelectionError
from analysis.statistics import ratio_of_medians

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analysis.diff.recording import Recording
    from analysis.location import Location
    from analysis.metrics.stepwise import DeviceSteps
    from analysis.report import Failure
    from analysis.statistics import Ratio
    from analysis.thresholds import Thresholds
    from analysis.trace import Progress, Reading

Side: TypeAlias = "Trace | str | os.PathLike[str] | Sequence[str | os.PathLike[str]]"
"""A trace, a file, a directory of traces, or several of the latter two."""


def compare(
    before: Side,
    after: Side,
    *,
    thresholds: Thresholds | None = None,
    reading: Reading | None = None,
    progress: Callable[[Location, Progress | None], None] = lambda *_: None,
) -> Diff:
    """Say by what factor `after` is faster than `before`, through what, and what moved.

    Traces of directories belong together by mode and rank. What is compared are the
    steps that the traces mark; where one marks none, the whole windows.

    Args:
        before: the baseline: a trace, a file, a directory, or several of these.
        after: what is compared with it.
        thresholds: the constants of the measures, if others than the documented ones.
        reading: how traces are read; None: in the usual way.
        progress: called with each file before it is read, and then as it is read.

    Returns:
        Times per step in ns, and ratios before / after: above 1 is faster.

    Raises:
        TraceError: there is nothing to read at a path, or a trace that was named alone
            cannot be read.
        SelectionError: no trace of one side belongs to any of the other.
    """
    (earlier, failed), (later, failed_later) = (
        _recordings(side, thresholds, reading, progress) for side in (before, after)
    )
    pairs, only_before, only_after = matching.match(earlier, later)
    failures = (*failed, *failed_later)
    if not pairs:
        raise SelectionError(_nothing(only_before, only_after, failures))
    return Diff(
        pairs=tuple(trace_diff(*pair) for pair in pairs),
        only_before=tuple(only_before),
        only_after=tuple(only_after),
        failures=failures,
    )


def trace_diff(before: Recording, after: Recording) -> TraceDiff:
    """Compare two recordings."""
    pairs, only_before, only_after = matching.devices(before.devices, after.devices)
    resolution = max(before.resolution_ns, after.resolution_ns)
    return TraceDiff(
        label=after.label,
        rank=after.rank,
        before=before.path,
        after=after.path,
        differing=differing(before, after),
        notes=(
            *unknown(before, after),
            *_notes("before", before, only_before),
            *_notes("after", after, only_after),
            *(note for pair in pairs for note in _basis(*pair)),
        ),
        untraced_speed_up=_untraced(before, after),
        devices=tuple(device_diff(*pair, resolution) for pair in pairs),
    )


def _recordings(
    side: Side,
    thresholds: Thresholds | None,
    reading: Reading | None,
    progress: Callable[[Location, Progress | None], None],
) -> tuple[list[Recording], list[Failure]]:
    if isinstance(side, Trace):
        return [of_trace(side, thresholds=thresholds)], []
    paths = [side] if isinstance(side, (str, os.PathLike)) else side
    return read(
        [Path(path) for path in paths], reading=reading, thresholds=thresholds, progress=progress
    )


def _nothing(only_before: list[str], only_after: list[str], failures: tuple[Failure, ...]) -> str:
    sides = (("before", only_before), ("after", only_after))
    found = "; ".join(f"{side}: {', '.join(traces) or 'none'}" for side, traces in sides)
    unread = "".join(f"; not read: {failure.reason}" for failure in failures)
    return (
        "No trace of one side belongs to any of the other: modes (of recordings: what the manifest "
        f"says; else the files' names) and ranks must be the same. {found}{unread}. "
        "Name one file on each side to compare them whatever they are called"
    )


def _notes(side: str, recording: Recording, alone: list[str]) -> list[str]:
    lone = [f"device {each} has no counterpart" for each in alone]
    return [f"{side.capitalize()}: {note}" for note in (*recording.notes, *lone)]


def _basis(before: DeviceSteps, after: DeviceSteps) -> list[str]:
    if before.steps and after.steps:
        return []
    unmarked = [side for side, each in (("before", before), ("after", after)) if not each.steps]
    return [
        (
            f"Device {after.device}: no steps are marked {' nor '.join(unmarked)}, so the whole "
            "windows are compared, as if each were one step; whether both hold the same work, and "
            "what is noise, cannot be told."
        )
    ]


def _untraced(before: Recording, after: Recording) -> Ratio | None:
    earlier, later = before.manifest, after.manifest
    if earlier is None or later is None:
        return None
    return ratio_of_medians(
        earlier.timing.samples_ns, later.timing.samples_ns, rounds=earlier.run == later.run
    )

"""What was found, in plain words: each rule is one function in one list.

`find(traces, comparison)` asks every rule about every device of every trace. A rule is
given a `Subject` and returns a `Finding` or None; its name is the finding's. To add one,
write it beside those that look at the same thing and put it into `RULES`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.findings.finding import Ceiling, Finding, Subject
from analysis.findings.host import (
    blocking_copy,
    blocking_sync,
    graph_replay,
    launch_bound,
    short_kernels,
)
from analysis.findings.lanes import (
    default_stream,
    dependency,
    device_full,
    gil,
    nothing_to_overlap,
    same_stream,
)
from analysis.findings.measurement import (
    disturbed,
    launches_block,
    more_lanes_than_cores,
    one_connection,
    overlap_without_gain,
    too_few_steps,
    unseen_threads,
)
from analysis.notes import inconclusive

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analysis.report import Comparison, DeviceFigures, TraceReport

__all__ = ["RULES", "Ceiling", "Finding", "Subject", "find"]

RULES: tuple[Callable[[Subject], Finding | None], ...] = (
    launches_block,
    one_connection,
    overlap_without_gain,
    launch_bound,
    blocking_sync,
    blocking_copy,
    same_stream,
    dependency,
    default_stream,
    device_full,
    gil,
    short_kernels,
    graph_replay,
    nothing_to_overlap,
    more_lanes_than_cores,
    unseen_threads,
    disturbed,
    too_few_steps,
)
"""All rules; what they find without a gain keeps this order."""


def find(traces: Sequence[TraceReport], comparison: Comparison | None) -> tuple[Finding, ...]:
    """Return all findings, those with the largest gain first.

    Nothing is said of a trace whose device was not recorded, nor of an empty window.
    """
    modes = {
        mode.path: mode for run in (comparison.runs if comparison else ()) for mode in run.modes
    }
    subjects = [
        Subject(trace, device, modes.get(trace.path))
        for trace in traces
        if not inconclusive(trace.notes)
        for device in _devices(trace)
        if device.window_ns
    ]
    found = [
        finding for rule in RULES for subject in subjects if (finding := rule(subject)) is not None
    ]
    return tuple(sorted(found, key=lambda each: -(each.gain or 0.0)))


def _devices(trace: TraceReport) -> tuple[DeviceFigures, ...]:
    """The devices to say something of; processes that serve one step are said one thing of."""
    return trace.devices[:1] if trace.together else trace.devices

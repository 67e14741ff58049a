"""Was everything recorded, and finely enough?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from analysis import notes, unread
from analysis.columns import Role
from analysis.intervals import Intervals, union
from analysis.trust.doubt import Doubt, Gravity
from analysis.vocabulary import PROFILER_STEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.trust.doubt import Evidence

_OVERHEAD = "overhead"
_OF_THE_PROFILER = frozenset(
    {"Buffer Flush", "Instrumentation", "Resource", "Activity Buffer Request"}
)
"""What CUPTI says of itself, in Kineto's words (its `overheadKindString`).

Records of the same category about the program itself are no fault of the profiler: launches
that wait for room (Command Buffer Full), and modules and functions that are loaded.
"""
_XPU = "xpu_"
_MUCH = 0.05
_LISTED = 5
_AGAIN = "copy or record the trace again"
_MENDED = (
    "recorders write such text, and nothing that it says is lost here; for readers that refuse "
    "it, `analyze perfetto annotate` writes valid JSON"
)


def nothing_recorded(evidence: Evidence) -> Iterator[Doubt]:
    """Neither device activities nor operators."""
    if unread.format_of(evidence.trace):
        return
    if not evidence.devices and not len(evidence.trace.events.of(Role.OPERATOR)):
        verb, advice = _missing(evidence)
        yield Doubt(
            "nothing_recorded",
            Gravity.UNUSABLE,
            f"neither device activities nor operators are {verb}",
            f"{advice} activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]",
        )


def device_not_recorded(evidence: Evidence) -> Iterator[Doubt]:
    """Host calls that only a program with an accelerator makes, and no activity of one."""
    if evidence.devices or unread.format_of(evidence.trace):
        return
    signs = notes.device_signs(evidence.trace)
    if signs:
        verb, advice = _missing(evidence)
        yield Doubt(
            "device_not_recorded",
            Gravity.UNUSABLE,
            f"a device was used ({', '.join(signs)}), but none of its activities are {verb}",
            f"{advice} ProfilerActivity.CUDA (or that of the device)",
        )


def _missing(evidence: Evidence) -> tuple[str, str]:
    """Return what records that are not there are not, and how to come by them."""
    if evidence.trace.lost:
        return "left: part of the file is lost", f"{_AGAIN}, with"
    return "recorded", "profile with"


def format_not_read(evidence: Evidence) -> Iterator[Doubt]:
    """The form of another recorder."""
    if form := unread.format_of(evidence.trace):
        yield Doubt("format_not_read", Gravity.UNUSABLE, form.found, form.advice)


def unknown_categories(evidence: Evidence) -> Iterator[Doubt]:
    """Events of kinds that nothing is known of: they may be what a device did."""
    found = unread.unknown(evidence.trace)
    if found:
        yield Doubt(
            "unknown_categories",
            Gravity.WARNING if found.on_device else Gravity.NOTE,
            str(found),
            "they are in no figure: if they are a device's, its figures are wrong",
        )


def losses(evidence: Evidence) -> Iterator[Doubt]:
    """What of the file could not be read, or not as it stands."""
    for loss in evidence.trace.losses:
        harmless = loss in evidence.trace.mended
        gravity, advice = (Gravity.NOTE, _MENDED) if harmless else (Gravity.WARNING, _AGAIN)
        yield Doubt("losses", gravity, loss.rstrip("."), advice)


def missing_steps(evidence: Evidence) -> Iterator[Doubt]:
    """Holes in the numbers of the profiler's steps."""
    annotations = evidence.trace.events.of(Role.ANNOTATION)
    pattern = re.compile(re.escape(PROFILER_STEP) + r"(\d+)")
    found = (pattern.fullmatch(annotations.names[code]) for code in np.unique(annotations.name))
    numbers = sorted(int(match[1]) for match in found if match)
    missing = sorted(set(range(numbers[0], numbers[-1])) - set(numbers)) if numbers else []
    if missing:
        listed = ", ".join(map(str, missing[:_LISTED])) + (", …" if missing[_LISTED:] else "")
        yield Doubt(
            "missing_steps",
            Gravity.WARNING,
            f"{len(missing):,} steps are missing between {PROFILER_STEP}{numbers[0]} and "
            f"#{numbers[-1]} ({listed})",
            "compare figures per step, not per trace",
        )


def profiler_overhead(evidence: Evidence) -> Iterator[Doubt]:
    """Time that the profiler says it took itself, on any thread."""
    events = evidence.trace.events
    # The records of an XPU last longer than what they cost, which their `overhead cost` says.
    xpu = any(category.startswith(_XPU) for category in events.categories)
    if _OVERHEAD not in events.categories or xpu:
        return
    records = events.select(events.category == events.categories.index(_OVERHEAD))
    own = np.array([name in _OF_THE_PROFILER for name in records.names], np.bool_)[records.name]
    begin, end = events.span
    spent = union(Intervals(records.start[own], records.end[own]).clip(begin, end)).total()
    if spent > _MUCH * (end - begin):
        yield Doubt(
            "profiler_overhead",
            Gravity.WARNING,
            f"the profiler itself took {spent / (end - begin):.0%} of the recorded time",
            "warm it up (schedule(warmup=...)), and record fewer kinds of events",
        )


def coarse_times(evidence: Evidence) -> Iterator[Doubt]:
    """Times in whole microseconds."""
    if evidence.trace.resolution_ns > 1 and len(evidence.trace.events):
        yield Doubt(
            "coarse_times",
            Gravity.NOTE,
            "times are whole microseconds: differences below 2 us are noise",
            "record with torch 2.4 or later",
        )

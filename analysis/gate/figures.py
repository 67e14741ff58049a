"""The figures that a rule can name, and what is worse of each."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from analysis.diff.changes import FIGURES as TIMES
from analysis.metrics.cpu import STATES as CPU_STATES
from analysis.wording import STATE_MEANING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.diff.recording import Recording
    from analysis.metrics.stepwise import DeviceSteps, StepValues

Unit: TypeAlias = Literal["ns", "share", "ratio"]

LESS_IS_WORSE = frozenset({"overlap", "overlapped", "achieved", "available", "efficiency"})
OF_WHOLE = {
    "available": "available parallelism of operators, over the whole window",
    "efficiency": "(achieved - 1) / (available - 1), over the whole window",
}
RATIOS = {"achieved": "lanes running on average while any ran"} | OF_WHOLE
WINDOW, UNTRACED = "window", "untraced_wall"
MEANING = {
    "wall": "traced wall time",
    "work": "summed busy time of the lanes; as a share: lanes running on average",
    "busy": "at least one lane running",
    "idle": "no lane running",
    "overlap": "two or more lanes running",
    WINDOW: "from the first activity to the last, in all",
    UNTRACED: "wall time per step without the profiler, median, where a manifest has it",
    **RATIOS,
    **STATE_MEANING,
}
"""Every figure, by name."""
TIME_ALONE = frozenset({"wall", WINDOW, UNTRACED})
"""Figures that are no share of anything."""

_NEEDS = {
    "available": "an execution trace beside the trace",
    "efficiency": "an execution trace beside the trace, and parallelism to be had",
    UNTRACED: "the manifest that `profiling record` writes",
}


class Values(msgspec.Struct, frozen=True):
    """A figure of one device: its value, and step by step where it has steps."""

    value: Fraction
    by_step: tuple[Fraction, ...]


class AbsentError(LookupError):
    """A figure does not exist for this device; the text says why."""


def values(recording: Recording, device: DeviceSteps, figure: str, unit: Unit) -> Values:
    """Return a figure of one device, per step where steps are marked.

    Raises:
        AbsentError: this device has no such figure.
    """
    if figure in OF_WHOLE:
        found = getattr(device.parallelism, figure)
        if found is None:
            raise AbsentError(f"{figure} is not known; it needs {_NEEDS[figure]}")
        return Values(Fraction(found), ())
    if figure == WINDOW:
        return Values(Fraction(device.whole.wall_ns), ())
    if figure == UNTRACED:
        return _untraced(recording)
    steps = device.steps or (device.whole,)
    if figure == "achieved":
        return _divided([step.work_ns for step in steps], [step.busy_ns for step in steps], figure)
    times = [_time(step, figure, device.kind) for step in steps]
    if unit == "share":
        return _divided(times, [step.wall_ns for step in steps], figure)
    by_step = tuple(map(Fraction, times))
    return Values(sum(by_step, Fraction()) / len(by_step), by_step)


def _untraced(recording: Recording) -> Values:
    if recording.manifest is None:
        raise AbsentError(f"{UNTRACED} is not known; it needs {_NEEDS[UNTRACED]}")
    timing = recording.manifest.timing
    return Values(Fraction(timing.median_ns), tuple(map(Fraction, timing.samples_ns)))


def _time(step: StepValues, figure: str, kind: str) -> int:
    if figure in TIMES:
        return TIMES[figure](step)
    if figure not in step.breakdown_ns:
        own = "a CPU" if kind == "cpu" else "an accelerator"
        states = ", ".join(CPU_STATES if kind == "cpu" else step.breakdown_ns)
        raise AbsentError(f"{own} has no state {figure}; its states are {states}")
    return step.breakdown_ns[figure]


def _divided(numerators: Sequence[int], denominators: Sequence[int], figure: str) -> Values:
    """Divide the sums, and each step's where it can be."""
    if not sum(denominators):
        raise AbsentError(f"{figure} does not exist: nothing ran, or in no time")
    return Values(
        Fraction(sum(numerators), sum(denominators)),
        tuple(
            Fraction(above, below)
            for above, below in zip(numerators, denominators, strict=True)
            if below
        ),
    )

"""What of a device moved from one recording to another, and whether its steps explain it."""

from __future__ import annotations

from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING, TypeAlias

from analysis.diff.model import Change, DeviceDiff, OverSteps
from analysis.diff.speed_up import speed_up
from analysis.statistics import rank_test

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from analysis.diff.model import Verdict
    from analysis.metrics.operators import Tally
    from analysis.metrics.stepwise import DeviceSteps, StepValues

Rational: TypeAlias = int | Fraction

LEAST_STEPS = 5
"""With fewer on either side no rank test could tell at this level."""
LEVEL = 0.01
"""Of a hundred figures that did not move, one is said to have moved by chance."""

FIGURES: dict[str, Callable[[StepValues], int]] = {
    "wall": lambda step: step.wall_ns,
    "work": lambda step: step.work_ns,
    "busy": lambda step: step.busy_ns,
    "idle": lambda step: step.idle_ns,
    "overlap": lambda step: step.overlap_ns,
}
"""The figures of a step that are times, by name."""

_NOTHING = (0, 0)


def device_diff(before: DeviceSteps, after: DeviceSteps, resolution_ns: int) -> DeviceDiff:
    """Compare two devices step by step; whole windows where one of them has no steps."""
    marked = bool(before.steps and after.steps)
    earlier, later = (each.steps if marked else (each.whole,) for each in (before, after))
    changes = _Changes(earlier, later, resolution_ns)
    wall = changes.of("wall", FIGURES["wall"])
    parts = speed_up(earlier, later, intervals=changes.enough)
    return DeviceDiff(
        before=before.device,
        after=after.device,
        kind=after.kind,
        steps_before=len(earlier) if marked else 0,
        steps_after=len(later) if marked else 0,
        verdict=wall.verdict,
        speed_up=parts and parts.speed_up,
        less_work=parts and parts.less_work,
        more_overlap=parts and parts.more_overlap,
        less_idle=parts and parts.less_idle,
        figures=tuple(changes.of(name, figure) for name, figure in FIGURES.items()),
        states=changes.states(),
        names=changes.named(lambda step: step.names),
        operators=changes.named(lambda step: step.operators),
        factors=parts and parts.exact,
    )


def verdict(before: Sequence[Rational], after: Sequence[Rational], resolution_ns: int) -> Verdict:
    """Tell whether a figure moved, given its values step by step.

    It moved if a rank test says so at the level of 1%, if the medians agree with the means
    on the direction, and if the means differ by what the trace's clock can tell.
    """
    if sorted(before) == sorted(after):
        return "same"
    if min(len(before), len(after)) < LEAST_STEPS:
        return "untold"
    shift = _mean(after) - _mean(before)
    told = abs(shift) >= 2 * resolution_ns if resolution_ns > 1 else shift != 0
    agree = shift * (_median(after) - _median(before)) > 0
    apart = told and agree and rank_test(_floats(before), _floats(after)) < LEVEL
    return "moved" if apart else "noise"


class _Changes:
    """The steps of both sides, asked for one figure after the other."""

    def __init__(
        self, before: Sequence[StepValues], after: Sequence[StepValues], resolution_ns: int
    ) -> None:
        self._before, self._after, self._resolution_ns = before, after, resolution_ns
        self._walls = tuple(sum(step.wall_ns for step in side) for side in (before, after))
        self.enough = min(len(before), len(after)) >= LEAST_STEPS

    def of(self, name: str, figure: Callable[[StepValues], int]) -> Change:
        """Compare one figure."""
        return self._change(
            name, [figure(step) for step in self._before], [figure(step) for step in self._after]
        )

    def states(self) -> tuple[Change, ...]:
        """Compare every state that either side was in."""
        names = dict.fromkeys(
            state
            for step in (*self._before, *self._after)
            for state, ns in step.breakdown_ns.items()
            if ns
        )
        found = (self.of(name, _state(name)) for name in names)
        return tuple(sorted(found, key=_importance))

    def named(self, tallies: Callable[[StepValues], Mapping[str, Tally]]) -> tuple[Change, ...]:
        """Compare every name that ran on either side."""
        earlier, later = ([tallies(step) for step in side] for side in (self._before, self._after))
        names = dict.fromkeys(name for each in (*earlier, *later) for name in each)
        return tuple(sorted((self._name(name, earlier, later) for name in names), key=_importance))

    def _name(
        self,
        name: str,
        before: Sequence[Mapping[str, Tally]],
        after: Sequence[Mapping[str, Tally]],
    ) -> Change:
        (times, counts), (times_after, counts_after) = (
            zip(*(each.get(name, _NOTHING) for each in side), strict=True)
            for side in (before, after)
        )
        return self._change(
            name, times, times_after, counts=(float(_mean(counts)), float(_mean(counts_after)))
        )

    def _change(
        self,
        name: str,
        before: Sequence[int],
        after: Sequence[int],
        counts: tuple[float | None, float | None] = (None, None),
    ) -> Change:
        wall_before, wall_after = self._walls
        return Change(
            name=name,
            before=_over_steps(before),
            after=_over_steps(after),
            change_ns=float(_mean(after) - _mean(before)),
            before_share=sum(before) / wall_before if wall_before else None,
            after_share=sum(after) / wall_after if wall_after else None,
            verdict=verdict(before, after, self._resolution_ns),
            before_count=counts[0],
            after_count=counts[1],
        )


def _state(name: str) -> Callable[[StepValues], int]:
    return lambda step: step.breakdown_ns.get(name, 0)


def _importance(change: Change) -> tuple[bool, float, str]:
    """Put what moved before what only seems to, and the largest change first."""
    return (change.verdict in ("noise", "same"), -abs(change.change_ns), change.name)


def _over_steps(values: Sequence[int]) -> OverSteps:
    return OverSteps(float(_mean(values)), min(values), max(values))


def _median(values: Sequence[Rational]) -> Fraction:
    return median([Fraction(each) for each in values])


def _floats(values: Sequence[Rational]) -> list[float]:
    return [float(each) for each in values]


def _mean(values: Sequence[Rational]) -> Fraction:
    return sum(map(Fraction, values), Fraction()) / len(values)

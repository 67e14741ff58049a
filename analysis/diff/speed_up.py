"""The traced speed-up from one recording to another, with its three factors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.diff.model import Part
from analysis.factors import factors, per_step
from analysis.report import StepTotals
from analysis.statistics import interval, resampled_means

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.factors import Factors
    from analysis.metrics.stepwise import StepValues


class SpeedUp(NamedTuple):
    """The factors exactly, and the speed-up and its factors with their intervals."""

    exact: Factors
    speed_up: Part
    less_work: Part
    more_overlap: Part
    less_idle: Part


def speed_up(
    before: Sequence[StepValues], after: Sequence[StepValues], *, intervals: bool
) -> SpeedUp | None:
    """Divide the means over the steps; None where one side ran nothing, or in no time.

    Args:
        before: the baseline's steps.
        after: the other's.
        intervals: whether to resample the steps for intervals (percentile bootstrap).
    """
    baseline, now = per_step(_totals(before)), per_step(_totals(after))
    if baseline is None or now is None:
        return None
    exact = factors(baseline, now)
    values = [
        float(each)
        for each in (exact.speed_up, exact.less_work, exact.more_overlap, exact.less_idle)
    ]
    spans = _intervals(before, after) if intervals else [(None, None)] * len(values)
    parts = [Part(value, *span) for value, span in zip(values, spans, strict=True)]
    return SpeedUp(exact, *parts)


def _intervals(
    before: Sequence[StepValues], after: Sequence[StepValues]
) -> list[tuple[float, float]]:
    # The figures of one step stay together.
    (wall, work, busy), (wall_after, work_after, busy_after) = (
        resampled_means([(step.wall_ns, step.work_ns, step.busy_ns) for step in side], seed).T
        for seed, side in enumerate((before, after))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        resampled = (
            wall / wall_after,
            work / work_after,
            (work_after / busy_after) / (work / busy),
            (busy_after / wall_after) / (busy / wall),
        )
    return [interval(each[np.isfinite(each)]) for each in resampled]


def _totals(steps: Sequence[StepValues]) -> list[StepTotals]:
    return [StepTotals("", step.wall_ns, step.work_ns, step.busy_ns) for step in steps]

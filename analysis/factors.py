"""The three factors of a traced speed-up."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.report import StepTotals


class PerStep(msgspec.Struct, frozen=True):
    """Averages over the steps of one device, exact, in ns."""

    wall: Fraction
    work: Fraction
    busy: Fraction

    @property
    def achieved(self) -> Fraction:
        """Return the lanes running on average while at least one ran."""
        return self.work / self.busy

    @property
    def busy_share(self) -> Fraction:
        """Return the part of the wall time with a lane running."""
        return self.busy / self.wall


class Factors(msgspec.Struct, frozen=True):
    """Ratios of a mode to its baseline; above 1 is in the mode's favour.

    In a traced step wall = work / (achieved x busy share), so that the product
    of the three is the traced speed-up, exactly (docs/measures.md, "Factors").

    Attributes:
        less_work: work of the baseline / work. Below 1: the same operators took longer.
        more_overlap: achieved parallelism / that of the baseline.
        less_idle: busy share / that of the baseline.
    """

    less_work: Fraction
    more_overlap: Fraction
    less_idle: Fraction

    @property
    def in_order(self) -> tuple[Fraction, Fraction, Fraction]:
        """Return less work, more overlap, less idle."""
        return self.less_work, self.more_overlap, self.less_idle

    @property
    def speed_up(self) -> Fraction:
        """Return the product: wall of the baseline / wall."""
        return math.prod(self.in_order, start=Fraction(1))


def per_step(totals: Sequence[StepTotals]) -> PerStep | None:
    """Average the steps of one device; None where there is nothing to divide by."""
    count = len(totals)
    wall = sum(total.wall_ns for total in totals)
    busy = sum(total.busy_ns for total in totals)
    if not count or not wall or not busy:
        return None
    work = sum(total.work_ns for total in totals)
    return PerStep(Fraction(wall, count), Fraction(work, count), Fraction(busy, count))


def factors(baseline: PerStep, mode: PerStep) -> Factors:
    """Compare a mode with its baseline."""
    return Factors(
        less_work=baseline.work / mode.work,
        more_overlap=mode.achieved / baseline.achieved,
        less_idle=mode.busy_share / baseline.busy_share,
    )

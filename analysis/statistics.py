"""Ratios of repeated measurements, with their uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_RESAMPLES = 4000
_SEED = 20_111
_LOW, _HIGH = 2.5, 97.5


class Ratio(NamedTuple):
    """A ratio and its 95% percentile bootstrap interval."""

    value: float
    low: float
    high: float

    def excludes(self, other: Ratio) -> bool:
        """Tell whether the two intervals have nothing in common."""
        return self.high < other.low or other.high < self.low


def ratio_of_medians(numerator: Sequence[float], denominator: Sequence[float]) -> Ratio:
    """Return median(numerator) / median(denominator).

    Samples of the same round are resampled together where the rounds pair, so
    that what slows a whole round down cancels. Percentile bootstrap: Efron and
    Tibshirani, An Introduction to the Bootstrap, chapter 13.

    Args:
        numerator: n positive samples, by round.
        denominator: m positive samples; paired where m = n.
    """
    above, below = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    random = np.random.default_rng(_SEED)
    rows = random.integers(len(above), size=(_RESAMPLES, len(above)))
    paired = len(above) == len(below)
    columns = rows if paired else random.integers(len(below), size=(_RESAMPLES, len(below)))
    ratios = np.median(above[rows], axis=1) / np.median(below[columns], axis=1)
    return _ratio(float(np.median(above) / np.median(below)), ratios)


def ratio_of_means(numerator: Sequence[float], denominator: Sequence[float]) -> Ratio:
    """Return mean(numerator) / mean(denominator), resampling each on its own."""
    above, below = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    random = np.random.default_rng(_SEED)
    rows = random.integers(len(above), size=(_RESAMPLES, len(above)))
    columns = random.integers(len(below), size=(_RESAMPLES, len(below)))
    ratios = above[rows].mean(axis=1) / below[columns].mean(axis=1)
    return _ratio(float(above.mean() / below.mean()), ratios)


def _ratio(value: float, resampled: NDArray[np.float64]) -> Ratio:
    low, high = np.percentile(resampled, [_LOW, _HIGH])
    return Ratio(value, float(low), float(high))

"""Ratios of repeated measurements, with their uncertainty."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_RESAMPLES = 4000
_SEED = 20_111
_LOW, _HIGH = 2.5, 97.5
_DRAWN_AT_ONCE = 2_000_000
_EXACT = 40
"""Up to so many samples in all, a rank test counts every way to divide them."""


class Ratio(NamedTuple):
    """A ratio and its 95% percentile bootstrap interval."""

    value: float
    low: float
    high: float

    def excludes(self, other: Ratio) -> bool:
        """Tell whether the two intervals have nothing in common."""
        return self.high < other.low or other.high < self.low


def ratio_of_medians(
    numerator: Sequence[float], denominator: Sequence[float], *, rounds: bool = True
) -> Ratio:
    """Return median(numerator) / median(denominator).

    Samples of the same round are resampled together where the rounds pair, so
    that what slows a whole round down cancels. Percentile bootstrap: Efron and
    Tibshirani, An Introduction to the Bootstrap, chapter 13.

    Args:
        numerator: n positive samples, by round.
        denominator: m positive samples; paired where m = n.
        rounds: whether the two were measured in the same rounds; else nothing pairs.
    """
    above, below = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    random = np.random.default_rng(_SEED)
    rows = random.integers(len(above), size=(_RESAMPLES, len(above)))
    paired = rounds and len(above) == len(below)
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


def rank_test(a: Sequence[float], b: Sequence[float]) -> float:
    """Return how likely two samples of one distribution lie as far apart as these, by rank.

    Two-sided Mann-Whitney test on mid-ranks (Lehmann, Nonparametrics, chapter 1): exact
    for up to 40 values in all, ties included, and beyond that by the normal approximation
    with the corrections for ties and continuity.

    Args:
        a: n samples.
        b: m samples.
    """
    n, total = len(a), len(a) + len(b)
    ranks = _doubled_mid_ranks(
        np.concatenate((np.asarray(a, np.float64), np.asarray(b, np.float64)))
    )
    expected = n * (total + 1)
    off = abs(int(ranks[:n].sum()) - expected)
    if total <= _EXACT:
        ways = _ways(tuple(sorted(ranks.tolist())), n)
        sums = np.arange(len(ways))
        return float(ways[np.abs(sums - expected) >= off].sum() / ways.sum())
    _, ties = np.unique(ranks, return_counts=True)
    tied = float((ties.astype(np.float64) ** 3 - ties).sum()) / (total * (total - 1))
    deviation = math.sqrt(n * (total - n) / 12 * (total + 1 - tied))
    if not deviation:
        return 1.0
    return math.erfc(max(off / 2 - 0.5, 0) / deviation / math.sqrt(2))


def _doubled_mid_ranks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return twice each value's rank, those of equal values averaged: whole numbers."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    doubled: NDArray[np.int64] = (2 * last - count + 1)[place]
    return doubled


@lru_cache(maxsize=256)
def _ways(doubled_ranks: tuple[int, ...], chosen: int) -> NDArray[np.float64]:
    """Count the ways to choose so many of the ranks, by their sum."""
    ways = np.zeros((chosen + 1, sum(doubled_ranks) + 1))
    ways[0, 0] = 1
    for rank in doubled_ranks:
        ways[1:, rank:] += ways[:-1, :-rank].copy()
    found: NDArray[np.float64] = ways[chosen]
    return found


def resampled_means(rows: Sequence[Sequence[float]], seed: int) -> NDArray[np.float64]:
    """Return means over rows drawn with replacement, shape (resamples, columns)."""
    values = np.asarray(rows, np.float64)
    random = np.random.default_rng((_SEED, seed))
    means = np.empty((_RESAMPLES, values.shape[1]))
    # So many at a time that they take little room, however many rows there are.
    many = max(_DRAWN_AT_ONCE // values.size, 1)
    for begin in range(0, _RESAMPLES, many):
        part = means[begin : begin + many]
        drawn = random.integers(len(values), size=(len(part), len(values)))
        part[:] = values[drawn].mean(axis=1)
    return means


def interval(resampled: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95% percentile interval of resampled values."""
    low, high = np.percentile(resampled, [_LOW, _HIGH])
    return float(low), float(high)


def _ratio(value: float, resampled: NDArray[np.float64]) -> Ratio:
    return Ratio(value, *interval(resampled))

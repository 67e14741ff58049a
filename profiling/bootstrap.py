"""Medians with bootstrap intervals: what a repeated timing says, and how surely."""

import random
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

RESAMPLES = 2000
LEVEL = 0.95


class Estimate(NamedTuple):
    """A figure and the interval that holds it with 95% confidence."""

    value: float
    low: float
    high: float


def median_estimate(samples: Sequence[float], *, seed: int = 0) -> Estimate:
    """The median of the samples, with its percentile bootstrap interval."""
    return _estimate(
        len(samples), lambda rounds: median([samples[index] for index in rounds]), seed
    )


def ratio_estimate(
    numerator: Sequence[float], denominator: Sequence[float], *, seed: int = 0
) -> Estimate:
    """The ratio of two medians, with its interval over paired rounds.

    Rounds are drawn as pairs: what disturbed a round disturbed both of its samples.

    Args:
        numerator: one sample per round.
        denominator: one sample per round, of the same rounds.
        seed: of the resampling.
    """
    if len(numerator) != len(denominator):
        raise ValueError(
            f"{len(numerator)} and {len(denominator)} rounds do not pair; expected equal numbers"
        )
    return _estimate(
        len(numerator),
        lambda rounds: (
            median([numerator[index] for index in rounds])
            / median([denominator[index] for index in rounds])
        ),
        seed,
    )


def _estimate(count: int, figure: Callable[[Sequence[int]], float], seed: int) -> Estimate:
    """The figure over all rounds, and its percentiles over rounds drawn with replacement."""
    rng = random.Random(seed)
    rounds = range(count)
    resampled = sorted(figure(rng.choices(rounds, k=count)) for _ in range(RESAMPLES))
    outside = round((1 - LEVEL) / 2 * RESAMPLES)
    return Estimate(figure(rounds), resampled[outside], resampled[-1 - outside])

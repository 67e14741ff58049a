"""Medians and their intervals, against the definition."""

from __future__ import annotations

import random
from itertools import product

import pytest

from profiling.bootstrap import median_estimate, ratio_estimate


def brute_median(samples: list[float]) -> float:
    ordered = sorted(samples)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return (low + high) / 2


def exact_quantiles(values: list[float]) -> tuple[float, float]:
    """The 2.5% and 97.5% quantiles of equally likely values."""
    ordered = sorted(values)
    return ordered[round(0.025 * len(ordered))], ordered[round(0.975 * len(ordered)) - 1]


@pytest.mark.parametrize("count", [1, 2, 5, 6, 101])
def test_median(count: int) -> None:
    rng = random.Random(count)
    samples = [rng.expovariate(1) for _ in range(count)]
    estimate = median_estimate(samples)
    assert estimate.value == brute_median(samples)
    assert min(samples) <= estimate.low <= estimate.value <= estimate.high <= max(samples)


def test_interval_is_that_of_all_resamples() -> None:
    samples = [3.0, 1.0, 7.0, 4.0, 12.0]
    every = [brute_median(list(drawn)) for drawn in product(samples, repeat=5)]
    estimate = median_estimate(samples)
    assert (estimate.low, estimate.high) == exact_quantiles(every)


def test_ratio_interval_is_that_of_all_paired_resamples() -> None:
    top, bottom = [3.0, 1.0, 7.0, 4.0, 12.0], [2.0, 2.5, 3.0, 1.0, 5.0]
    every = [
        brute_median([top[i] for i in drawn]) / brute_median([bottom[i] for i in drawn])
        for drawn in product(range(5), repeat=5)
    ]
    low, high = exact_quantiles(every)
    estimate = ratio_estimate(top, bottom)
    assert estimate.value == 4.0 / 2.5
    assert estimate.low == pytest.approx(low, rel=0.05)
    assert estimate.high == pytest.approx(high, rel=0.05)


def test_what_disturbs_both_of_a_pair_cancels() -> None:
    rng = random.Random(0)
    weather = [rng.uniform(1, 10) for _ in range(50)]
    estimate = ratio_estimate([2 * w for w in weather], weather)
    assert estimate == pytest.approx((2.0, 2.0, 2.0))
    shuffled = ratio_estimate([2 * w for w in weather], rng.sample(weather, k=50))
    assert shuffled.high - shuffled.low > 0.5


def test_interval_covers_the_true_median_about_as_often_as_it_says() -> None:
    rng = random.Random(7)
    covered = 0
    for trial in range(100):
        estimate = median_estimate([rng.gauss(10, 2) for _ in range(30)], seed=trial)
        covered += estimate.low <= 10 <= estimate.high
    assert 88 <= covered <= 100


def test_wider_samples_give_a_wider_interval() -> None:
    rng = random.Random(3)
    narrow = [rng.gauss(10, 1) for _ in range(40)]
    wide = [10 + 5 * (value - 10) for value in narrow]
    inner, outer = median_estimate(narrow), median_estimate(wide)
    assert outer.high - outer.low == pytest.approx(5 * (inner.high - inner.low))


def test_rounds_must_pair() -> None:
    with pytest.raises(ValueError, match="2 and 3 rounds do not pair"):
        ratio_estimate([1, 2], [1, 2, 3])

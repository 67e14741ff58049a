"""Samples that hang together are told apart from samples that only scatter."""

from __future__ import annotations

import random
from itertools import permutations
from statistics import fmean, pvariance

import pytest

from profiling.bootstrap import median_estimate
from profiling.steadiness import drift, von_neumann


def interval(samples: list[float]) -> tuple[float, float]:
    _, low, high = median_estimate(samples)
    return low, high


@pytest.mark.parametrize("count", [4, 6, 7])
def test_over_all_orders_the_ratio_is_standardised(count: int) -> None:
    """Bartels gives the mean exactly, and the variance too."""
    every = [von_neumann([float(rank) for rank in order]) for order in permutations(range(count))]
    # The ratio's mean is 2 n / (n - 1) over n / (n - 1): 2 exactly.
    assert fmean(every) == pytest.approx(0, abs=1e-9)
    assert pvariance(every) == pytest.approx(1, rel=1e-9)


def test_equal_samples_say_nothing() -> None:
    assert von_neumann([5.0] * 20) == 0
    assert drift([5.0] * 20, (5.0, 5.0)) is None


def test_chance_alone_is_hardly_ever_called_a_drift() -> None:
    rng = random.Random(5)
    alarms = 0
    for _ in range(200):
        samples = [rng.lognormvariate(0, 0.3) for _ in range(40)]
        alarms += drift(samples, interval(samples)) is not None
    assert alarms <= 2


def test_what_became_slower_half_way_is_found_with_its_extent() -> None:
    rng = random.Random(6)
    samples = [100 + rng.random() for _ in range(20)] + [130 + rng.random() for _ in range(20)]
    found = drift(samples, (100.5, 101.0))
    assert found is not None
    assert 100 < found.low_ns < 101
    assert 130 < found.high_ns < 131


def test_a_drift_within_the_interval_is_covered_by_it() -> None:
    samples = [100 + 0.1 * place for place in range(40)]
    assert drift(samples, (90.0, 110.0)) is None
    assert drift(samples, (101.0, 103.0)) is not None


def test_few_rounds_are_not_judged() -> None:
    assert drift([float(place) for place in range(11)], (5.0, 5.0)) is None
    assert drift([float(place) for place in range(12)], (5.0, 5.0)) is not None

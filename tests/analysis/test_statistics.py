import statistics
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.statistics import Ratio, ratio_of_means, ratio_of_medians

Of = Callable[[Sequence[float], Sequence[float]], Ratio]

samples = st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=9)


def percentiles(values: list[float]) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


@pytest.mark.parametrize(
    ("of", "centre"), [(ratio_of_medians, statistics.median), (ratio_of_means, statistics.fmean)]
)
@given(above=samples, below=samples)
@settings(max_examples=25)
def test_the_value_is_that_of_the_samples(
    of: Of, centre: Callable[[Sequence[float]], float], above: list[float], below: list[float]
) -> None:
    found = of(above, below)
    assert found.value == pytest.approx(centre(above) / centre(below), rel=1e-12)
    assert 0 < found.low <= found.high
    assert found.high <= max(above) / min(below) * (1 + 1e-12)
    assert found.low >= min(above) / max(below) * (1 - 1e-12)


@pytest.mark.parametrize("of", [ratio_of_medians, ratio_of_means])
def test_the_same_samples_give_the_same_interval(of: Of) -> None:
    above, below = np.random.default_rng(1).normal(100, 10, (2, 31)).tolist()
    assert of(above, below) == of(above, below) == of(tuple(above), tuple(below))


@pytest.mark.parametrize("of", [ratio_of_medians, ratio_of_means])
def test_without_spread_the_interval_is_the_value(of: Of) -> None:
    assert of([12.0] * 7, [8.0] * 7) == Ratio(1.5, 1.5, 1.5)
    assert of([12.0], [8.0]) == Ratio(1.5, 1.5, 1.5)
    assert of([12.0] * 3, [8.0] * 5) == Ratio(1.5, 1.5, 1.5)


def test_what_slows_a_whole_round_down_cancels() -> None:
    noise = [1.0, 3.0, 1.2, 9.0, 1.1, 2.0, 1.4, 5.0, 1.3]
    ratio = ratio_of_medians([2.0 * n for n in noise], list(noise))
    assert ratio == pytest.approx((2.0, 2.0, 2.0), rel=1e-12)


def test_rounds_pair_by_index_and_not_by_value() -> None:
    noise = [1.0, 3.0, 1.2, 9.0, 1.1, 2.0, 1.4, 5.0, 1.3]
    broken = ratio_of_medians([2.0 * n for n in noise], noise[::-1])
    assert broken.low < 1.5
    assert broken.high > 3


def test_means_are_resampled_each_on_its_own() -> None:
    noise = [1.0, 3.0, 1.2, 9.0, 1.1]
    ratio = ratio_of_means([2.0 * n for n in noise], list(noise))
    assert ratio.low < 1.5
    assert ratio.high > 2.5


ABOVE, BELOW = [4.0, 7.0, 9.0], [2.0, 3.0, 8.0]


def test_paired_interval_against_every_resample() -> None:
    ratios = [
        statistics.median(ABOVE[i] for i in rows) / statistics.median(BELOW[i] for i in rows)
        for rows in product(range(3), repeat=3)
    ]
    found = ratio_of_medians(ABOVE, BELOW)
    assert (found.low, found.high) == percentiles(ratios) == (1.125, 7 / 3)
    assert found.value == 7 / 3


def test_unpaired_interval_against_every_resample() -> None:
    short = [2.0, 3.0]
    ratios = [
        statistics.median(a) / statistics.median(b)
        for a in product(ABOVE, repeat=3)
        for b in product(short, repeat=2)
    ]
    found = ratio_of_medians(ABOVE, short)
    assert (found.low, found.high) == pytest.approx(percentiles(ratios), rel=0.01)
    assert (found.low, found.high) == pytest.approx((4 / 3, 4.5))


def test_interval_of_means_against_every_resample() -> None:
    ratios = [
        statistics.fmean(a) / statistics.fmean(b)
        for a in product(ABOVE, repeat=3)
        for b in product(BELOW, repeat=3)
    ]
    found = ratio_of_means(ABOVE, BELOW)
    assert (found.low, found.high) == pytest.approx(percentiles(ratios), rel=0.05)


def test_more_rounds_narrow_the_interval() -> None:
    random = np.random.default_rng(3)
    few = ratio_of_medians(*(random.normal(100, 10, (2, 10))).tolist())
    many = ratio_of_medians(*(random.normal(100, 10, (2, 250))).tolist())
    assert (many.high - many.low) < (few.high - few.low) / 2


@pytest.mark.parametrize("of", [ratio_of_medians, ratio_of_means])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(of: Of) -> None:
    random = np.random.default_rng(5)
    held = 0
    for _ in range(60):
        above, below = random.normal(200, 20, 30), random.normal(100, 10, 30)
        ratio = of(above.tolist(), below.tolist())
        held += ratio.low <= 2 <= ratio.high
    assert 52 <= held < 60


@pytest.mark.parametrize(
    ("a", "b", "apart"),
    [
        (Ratio(1.5, 1.4, 1.6), Ratio(2.0, 1.8, 2.2), True),
        (Ratio(1.5, 1.4, 1.6), Ratio(1.6, 1.55, 1.9), False),
        (Ratio(1.5, 1.4, 1.6), Ratio(1.7, 1.6, 1.8), False),
        (Ratio(1.5, 1.0, 2.0), Ratio(1.4, 1.3, 1.5), False),
    ],
)
def test_intervals_that_have_nothing_in_common(a: Ratio, b: Ratio, apart: bool) -> None:
    assert a.excludes(b) is apart
    assert b.excludes(a) is apart

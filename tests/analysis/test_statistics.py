import itertools
import math
import statistics
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import analysis.statistics
from analysis.statistics import Ratio, rank_test, ratio_of_means, ratio_of_medians

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


# --- ranks ----------------------------------------------------------------------------

few = st.lists(st.integers(0, 6), min_size=1, max_size=6)


@given(few, few)
def test_a_rank_test_counts_every_division(a: list[int], b: list[int]) -> None:
    values = [*a, *b]
    ranks = [2 * sum(x < y for x in values) + sum(x == y for x in values) + 1 for y in values]
    expected = len(a) * (len(values) + 1)
    off = abs(sum(ranks[: len(a)]) - expected)
    divisions = list(itertools.combinations(ranks, len(a)))
    as_far = sum(abs(sum(each) - expected) >= off for each in divisions)
    assert rank_test(a, b) == pytest.approx(as_far / len(divisions))


def test_five_steps_apart_from_five() -> None:
    assert rank_test([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == pytest.approx(2 / math.comb(10, 5))
    assert rank_test([1, 2, 3, 4], [6, 7, 8, 9]) > 0.01


@pytest.mark.parametrize("shift", [0, 3, 8])
@pytest.mark.parametrize("ties", [1, 4])
def test_many_are_tested_as_exactly_as_few(
    monkeypatch: pytest.MonkeyPatch, shift: int, ties: int
) -> None:
    a = [each // ties for each in range(20)]
    b = [(each + shift) // ties for each in range(20)]
    exact = rank_test(a, b)
    monkeypatch.setattr(analysis.statistics, "_EXACT", 0)
    assert rank_test(a, b) == pytest.approx(exact, abs=0.01)


def test_values_that_are_all_the_same_tell_nothing() -> None:
    assert rank_test([7] * 5, [7] * 5) == 1
    assert rank_test([7] * 50, [7] * 50) == 1


def test_rounds_of_two_runs_do_not_pair() -> None:
    slow_rounds = [100.0, 200.0, 100.0, 200.0, 100.0, 200.0, 100.0]
    assert ratio_of_medians(slow_rounds, slow_rounds) == (1, 1, 1)
    apart = ratio_of_medians(slow_rounds, slow_rounds, rounds=False)
    assert apart.low == 0.5
    assert apart.high == 2

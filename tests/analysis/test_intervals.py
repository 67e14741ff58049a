"""Interval algebra against sets of integers: a cell t stands for [t, t + 1)."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analysis.intervals import Intervals, covered, depth, intersect, union

Pairs = list[tuple[int, int]]

HORIZON = 24
POINTS = np.arange(-2, HORIZON + 3)

pairs = st.lists(
    st.tuples(st.integers(0, HORIZON), st.integers(0, 8)).map(lambda p: (p[0], p[0] + p[1])),
    max_size=8,
)


def intervals(found: Sequence[tuple[int, int]]) -> Intervals:
    table = np.array(found, np.int64).reshape(-1, 2)
    return Intervals(table[:, 0].copy(), table[:, 1].copy())


def listed(found: Intervals) -> Pairs:
    return list(zip(found.start.tolist(), found.end.tolist(), strict=True))


def cells(found: Sequence[tuple[int, int]]) -> set[int]:
    return {t for start, end in found for t in range(start, end)}


def runs(held: set[int]) -> Pairs:
    """Maximal runs of consecutive cells."""
    starts = sorted(t for t in held if t - 1 not in held)
    ends = sorted(t + 1 for t in held if t + 1 not in held)
    return list(zip(starts, ends, strict=True))


@given(pairs)
@example([])
@example([(3, 3)])
@example([(0, 5), (1, 2), (5, 6)])
@example([(0, 2), (3, 4)])
@example([(4, 6), (0, 2), (2, 4)])
def test_union_is_the_maximal_runs(found: Pairs) -> None:
    assert listed(union(intervals(found))) == runs(cells(found))


def test_union_leaves_its_input_alone() -> None:
    given_ = intervals([(4, 6), (0, 2), (1, 5)])
    union(given_)
    assert listed(given_) == [(4, 6), (0, 2), (1, 5)]


@given(pairs)
def test_covered_is_membership(found: Pairs) -> None:
    held = cells(found)
    assert covered(union(intervals(found)), POINTS).tolist() == [t in held for t in POINTS]


@given(pairs)
def test_depth_counts_the_intervals_at_a_point(found: Pairs) -> None:
    expected = [sum(start <= t < end for start, end in found) for t in POINTS]
    assert depth(intervals(found), POINTS).tolist() == expected


@given(pairs, pairs)
@example([(0, 4)], [(4, 8)])
@example([(0, 9)], [(1, 2), (3, 4), (5, 6)])
@example([], [(0, 1)])
def test_intersect_is_what_both_hold(a: Pairs, b: Pairs) -> None:
    both = listed(intersect(union(intervals(a)), union(intervals(b))))
    # The parts are not joined; no two of them touch, since in a and in b none do.
    assert both == runs(cells(a) & cells(b))


@given(pairs, st.integers(-2, HORIZON), st.integers(0, HORIZON))
def test_clip_keeps_what_lies_inside(found: Pairs, low: int, length: int) -> None:
    high = low + length
    kept = intervals(found).clip(low, high)
    window = set(range(low, high))
    assert [cells([pair]) for pair in listed(kept)] == [cells([pair]) & window for pair in found]
    assert kept.total() == sum(len(cells([pair]) & window) for pair in found)


@given(pairs)
def test_nonempty_keeps_the_order(found: Pairs) -> None:
    assert listed(intervals(found).nonempty()) == [pair for pair in found if pair[0] < pair[1]]


@given(pairs)
def test_total_counts_what_overlaps_as_often_as_it_does(found: Pairs) -> None:
    assert intervals(found).total() == sum(end - start for start, end in found)


@pytest.mark.parametrize("offset", [2**61, -(2**61)])
def test_times_of_today_are_exact(offset: int) -> None:
    found = intervals([(offset, offset + 3), (offset + 2, offset + 5), (offset + 6, offset + 7)])
    joined = union(found)
    assert listed(joined) == [(offset, offset + 5), (offset + 6, offset + 7)]
    assert joined.total() == 6
    points = np.arange(offset, offset + 8)
    assert covered(joined, points).tolist() == [True] * 5 + [False, True, False]
    assert depth(found, points).tolist() == [1, 1, 2, 1, 1, 0, 1, 0]
    assert intersect(joined, union(intervals([(offset + 4, offset + 9)]))).total() == 2


def test_no_intervals() -> None:
    empty = Intervals.empty()
    assert empty.start.dtype == empty.end.dtype == np.int64
    assert listed(union(empty)) == listed(intersect(empty, empty)) == []
    assert covered(empty, POINTS).tolist() == [False] * len(POINTS)
    assert depth(empty, POINTS).tolist() == [0] * len(POINTS)
    assert empty.total() == 0

"""Runs and groups against the obvious way to find them."""

from __future__ import annotations

from itertools import groupby
from statistics import median_low
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis.groups import (
    begins,
    contains,
    distinct,
    grouped_running_max,
    medians,
    numbered,
    stretches,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

small = st.lists(st.integers(-3, 3), max_size=12)
rows = st.lists(st.tuples(st.integers(0, 3), st.integers(-9, 9)), max_size=12)


def array(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


@given(small)
def test_distinct_values_ascend(values: list[int]) -> None:
    assert distinct(array(values)).tolist() == sorted(set(values))


@given(small)
def test_runs_begin_where_the_value_changes(values: list[int]) -> None:
    lengths = [len(list(run)) for _, run in groupby(values)]
    expected = [sum(lengths[:place]) for place in range(len(lengths))]
    assert begins(array(values)).tolist() == expected
    assert [low for low, _ in stretches(array(values))] == expected
    assert [high - low for low, high in stretches(array(values))] == lengths


@given(st.lists(st.integers(0, 4), max_size=6))
def test_members_are_numbered_in_their_groups(sizes: list[int]) -> None:
    group, place = numbered(array(sizes))
    expected = [(each, number) for each, size in enumerate(sizes) for number in range(size)]
    assert list(zip(group.tolist(), place.tolist(), strict=True)) == expected


@given(small, small)
def test_contained_values(ordered: list[int], values: list[int]) -> None:
    found = contains(array(sorted(ordered)), array(values))
    assert found.tolist() == [value in ordered for value in values]


@given(rows)
def test_the_greatest_value_before_in_the_group(rows: list[tuple[int, int]]) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    expected = [
        max((value for group, value in rows[:place] if group == rows[place][0]), default=-100)
        for place in range(len(rows))
    ]
    group, values = (array([row[column] for row in rows]) for column in (0, 1))
    assert grouped_running_max(values, group, -100).tolist() == expected


@given(rows)
def test_lower_medians_of_groups(rows: list[tuple[int, int]]) -> None:
    group, values = (array([row[column] for row in rows]) for column in (0, 1))
    found = zip(*(column.tolist() for column in medians(group, values)), strict=True)
    expected = {each: median_low([value for of, value in rows if of == each]) for each, _ in rows}
    assert dict(found) == expected

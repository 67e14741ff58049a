"""How long operators take, against sums by hand and by brute force."""

from __future__ import annotations

from statistics import median_low as median
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.metrics.lengths import OperatorLengths, lengths, of_lengths
from analysis.pipeline import analyze
from tests.builders import cpu_op, in_microseconds, kernel, launch

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis import Trace


def brute(values: list[int]) -> int:
    """The greatest length such that half of the time is in those at least so long."""
    return max(
        each
        for each in values
        if 2 * sum(other for other in values if other >= each) >= sum(values)
    )


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30).filter(any))
def test_half_of_the_time_is_spent_in_operators_at_least_so_long(values: list[int]) -> None:
    found = of_lengths(np.array(values, np.int64))
    assert found == OperatorLengths(len(values), median(values), brute(values))


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1000)), min_size=1).filter(
        lambda pairs: any(length for _, length in pairs)
    )
)
def test_an_operator_counts_by_its_median_over_the_steps(pairs: list[tuple[int, int]]) -> None:
    by_operator: dict[int, list[int]] = {}
    for operator, length in pairs:
        by_operator.setdefault(operator, []).append(length)
    medians = [median(each) for each in by_operator.values()]
    found = lengths(view_of_graph(pairs))
    if not any(medians):
        assert found is None
        return
    assert found is not None
    assert found.count == len(medians)
    assert found.median_ns == median(medians)
    assert found.half_time_ns == brute(medians)


class Graph(SimpleNamespace):
    def __len__(self) -> int:
        return len(self.operator)


def view_of_graph(pairs: list[tuple[int, int]]) -> Any:
    operator, work = zip(*pairs, strict=True)
    graph = Graph(operator=np.array(operator, np.int32), work=np.array(work, np.int64))
    return SimpleNamespace(graph=graph, process=object(), device=None)


def test_one_long_sample_of_a_thread_that_lost_its_core_moves_nothing() -> None:
    steady = [(operator, length) for operator, length in ((0, 10), (1, 90)) for _ in range(5)]
    disturbed = [*steady[:-1], (1, 10**9)]
    assert lengths(view_of_graph(disturbed)) == lengths(view_of_graph(steady))


@pytest.mark.parametrize(
    "events",
    [
        [cpu_op("aten::a", 0, 10), cpu_op("aten::b", 20, 60), cpu_op("aten::inside", 22, 58)],
        [
            *(launch(0, 1, correlation=1), launch(2, 3, correlation=2)),
            *(kernel("7", 5, 15, correlation=1), kernel("7", 20, 60, correlation=2)),
        ],
    ],
)
def test_without_a_graph_the_activities_are_measured(
    events: list[Any], load_events: Callable[..., Trace]
) -> None:
    (device,) = analyze(load_events(in_microseconds(events))).devices
    assert device.of(OperatorLengths) == OperatorLengths(2, 10_000, 40_000)

"""Figures of a step, down to the names of what ran: each against a count by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import analysis
from analysis.metrics.operators import NO_OPERATOR, Tally
from analysis.pipeline import by_step
from tests.builders import annotation, cpu_op, kernel, launch, write_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from analysis.columns import Trace
    from analysis.metrics.stepwise import DeviceSteps
    from tests.builders import Event

    Load = Callable[..., Trace]


def only(trace: Trace) -> DeviceSteps:
    (device,) = by_step(trace)
    return device


def test_one_step_by_hand(load_events: Load) -> None:
    device = only(
        load_events(
            [
                annotation("ProfilerStep#0", 0, 100),
                cpu_op("aten::linear", 1, 30),
                cpu_op("aten::mm", 5, 20),
                launch(6, 8, correlation=1),
                launch(22, 24, correlation=2),
                launch(40, 42, correlation=3),
                kernel("gemm", 10, 50, stream=7, correlation=1),
                kernel("bias", 30, 60, stream=8, correlation=2),
                # Launched in the step, hence the step lasts until its end.
                kernel("gemm", 110, 130, stream=7, correlation=3),
                # Of no step.
                kernel("gemm", 120, 500, stream=9),
            ]
        )
    )
    (step,) = device.steps
    assert (step.wall_ns, step.work_ns, step.busy_ns) == (130, 40 + 30 + 20 + 10, 70)
    assert (step.idle_ns, step.overlap_ns) == (60, 20 + 10)
    assert step.names == {"gemm": Tally(70, 3), "bias": Tally(30, 1)}
    assert step.operators == {
        "aten::mm": Tally(40, 1),
        "aten::linear": Tally(30, 1),
        NO_OPERATOR: Tally(30, 2),
    }
    assert sum(step.breakdown_ns.values()) == 130
    assert (device.whole.wall_ns, device.whole.names["gemm"]) == (490, Tally(440, 3))
    assert device.kind == "accelerator"


def test_the_tighter_marks_count(load_events: Load) -> None:
    device = only(
        load_events(
            [
                annotation("ProfilerStep#0", 0, 100),
                *(annotation("overlap.step", low, low + 20) for low in (10, 50)),
                cpu_op("aten::mm", 12, 22),
                cpu_op("aten::mm", 52, 57),
            ]
        )
    )
    assert [step.wall_ns for step in device.steps] == [20, 20]
    assert [step.names for step in device.steps] == [
        {"aten::mm": Tally(10, 1)},
        {"aten::mm": Tally(5, 1)},
    ]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 15), st.sampled_from("ab"), st.integers(7, 9)),
        min_size=1,
        max_size=12,
    ),
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), min_size=1, max_size=4),
)
def test_names_by_brute_force(
    tmp_path_factory: pytest.TempPathFactory,
    kernels: Sequence[tuple[int, int, str, int]],
    ranges: Sequence[tuple[int, int]],
) -> None:
    """Without launches a step's window is its range."""
    events: list[Event] = [
        launch(0, 0, correlation=1),
        kernel("a", 0, 0, correlation=1),
        *(kernel(name, at, at + length, stream=lane) for at, length, name, lane in kernels),
        *(annotation(f"ProfilerStep#{i}", at, at + n) for i, (at, n) in enumerate(sorted(ranges))),
    ]
    path: Path = tmp_path_factory.mktemp("steps") / "t.json"
    device = only(analysis.load(write_trace(path, events)))
    running = [(0, 0, "a"), *((at, at + length, name) for at, length, name, _ in kernels)]
    for step, (low, length) in zip(device.steps, sorted(ranges), strict=True):
        high = low + length
        expected: dict[str, list[int]] = {}
        for begin, end, name in running:
            within = [t for t in range(begin, end) if low <= t < high]
            if within or (begin == end and low <= begin <= high):
                total = expected.setdefault(name, [0, 0])
                total[0] += len(within)
                total[1] += 1
        assert step.names == {name: Tally(*total) for name, total in expected.items()}
        busy = {t for begin, end, _ in running for t in range(begin, end) if low <= t < high}
        assert (step.wall_ns, step.busy_ns) == (length, len(busy))


def test_operators_that_are_not_nested_take_no_negative_time(load_events: Load) -> None:
    device = only(load_events([cpu_op("aten::a", 0, 10), cpu_op("aten::b", 2, 30)]))
    assert device.whole.operators == {"aten::a": Tally(0, 1), "aten::b": Tally(28, 1)}


def test_the_figures_are_those_of_the_report() -> None:
    trace = analysis.load("traces/examples/cpu-post-threads.pt.trace.json.gz")
    device = only(trace)
    totals = [(each.wall_ns, each.work_ns, each.busy_ns) for each in analysis.analyze(trace).totals]
    assert [(each.wall_ns, each.work_ns, each.busy_ns) for each in device.steps] == totals
    (reported,) = analysis.analyze(trace).devices
    assert device.whole.breakdown_ns == reported.of(analysis.Breakdown).breakdown_ns
    assert device.parallelism == reported.of(analysis.Parallelism)
    # What operators did themselves is all that the outermost did.
    for step in device.steps:
        assert sum(each.ns for each in step.operators.values()) == pytest.approx(
            sum(each.ns for each in step.names.values()), rel=0.01
        )

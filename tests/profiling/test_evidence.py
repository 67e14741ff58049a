"""What a trace has to hold before its manifest may say so."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
import torch

from profiling.branches import Branch
from profiling.errors import UnprovenError
from profiling.evidence import Event, Evidence, check_marks, read_events

if TYPE_CHECKING:
    from pathlib import Path

MAIN, WORKER = (1, 10), (1, 11)


def span(name: str, start: float, end: float, *, category: str = "user_annotation") -> Event:
    return Event(name, category, MAIN, start, end)


TWO_STEPS = [
    span("overlap.step", 0, 10),
    span("overlap.branch 0", 1, 4),
    span("overlap.branch 1", 5, 9),
    span("overlap.step", 20, 30),
    span("overlap.branch 0", 20, 24),
    span("overlap.branch 1", 25, 29),
]


def evidence(events: list[Event]) -> Evidence:
    branches = [Branch(torch.tanh, torch.ones(1)) for _ in range(2)]
    return Evidence(branches, [], events, steps=2)


def test_a_whole_trace_passes() -> None:
    check_marks(evidence(TWO_STEPS), device="cpu", branch_ranges=True)


@pytest.mark.parametrize("missing", range(6))
def test_a_missing_mark_is_noticed(missing: int) -> None:
    events = [event for place, event in enumerate(TWO_STEPS) if place != missing]
    with pytest.raises(UnprovenError):
        check_marks(evidence(events), device="cpu", branch_ranges=True)


def test_a_branch_marked_twice_is_noticed() -> None:
    doubled = [*TWO_STEPS[:2], span("overlap.branch 0", 5, 9), *TWO_STEPS[3:]]
    with pytest.raises(UnprovenError, match=r"step 0 of the trace marks \['overlap.branch 0', 'ov"):
        check_marks(evidence(doubled), device="cpu", branch_ranges=True)


def test_marks_where_there_can_be_none_are_noticed() -> None:
    with pytest.raises(UnprovenError, match="expected one range for each of 0 branches"):
        check_marks(evidence(TWO_STEPS), device="cpu", branch_ranges=False)


def test_a_gpu_trace_without_kernels_is_none() -> None:
    with pytest.raises(UnprovenError, match="the profiler could not watch the GPU"):
        check_marks(evidence(TWO_STEPS), device="cuda", branch_ranges=True)
    kernel = span("gemm", 2, 3, category="kernel")
    check_marks(evidence([*TWO_STEPS, kernel]), device="cuda", branch_ranges=True)


def test_operators_belong_to_the_step_in_which_they_start() -> None:
    operators = [
        Event("aten::mm", "cpu_op", WORKER, 9.5, 25),
        Event("aten::mm", "cpu_op", MAIN, 10, 12),
        Event("aten::mm", "cpu_op", MAIN, 20, 22),
        Event("forward", "cpu_op", MAIN, 21, 22),
    ]
    assert evidence([*TWO_STEPS, *operators]).operator_threads() == [{WORKER}, {MAIN}]


def test_steps_are_in_order_of_time() -> None:
    assert [step.start for step in evidence(TWO_STEPS[::-1]).step_ranges()] == [0, 20]


def test_only_complete_events_of_threads_are_read(tmp_path: Path) -> None:
    rows = [
        {"ph": "X", "cat": "cpu_op", "name": "a", "pid": 1, "tid": 2, "ts": 3.5, "dur": 4},
        {"ph": "X", "cat": "Trace", "name": "b", "pid": "Spans", "tid": "x", "ts": 3, "dur": 4},
        {"ph": "i", "name": "c", "pid": 1, "tid": 2, "ts": 3},
    ]
    path = tmp_path / "trace.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"traceEvents": rows}).encode()))
    assert read_events(path) == [Event("a", "cpu_op", (1, 2), 3.5, 7.5)]

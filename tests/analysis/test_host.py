from collections.abc import Callable

import numpy as np
import pytest

from analysis import Trace
from analysis.columns import Role
from analysis.device import thread_codes
from analysis.host import Doing, Host, ThreadRecord
from tests.builders import Event, annotation, cpu_op, kernel, launch, python, runtime

LoadEvents = Callable[..., Trace]

EVENTS = [
    annotation("ProfilerStep#0", 0, 100),
    python("forward", 10, 90),
    cpu_op("aten::linear", 20, 80),
    cpu_op("aten::addmm", 30, 70),
    launch(40, 50, correlation=1),
    runtime("cudaStreamSynchronize", 55, 65),
    runtime("cudaEventQuery", 110, 120),
    kernel("gemm", 60, 90, correlation=1),
    # Another thread, and the same thread number in another process.
    cpu_op("aten::other", 0, 200, tid=2),
    runtime("cudaFree", 0, 200, pid=7),
]


def record_of(trace: Trace, pid: str, tid: str) -> ThreadRecord:
    events = trace.events
    row = next(
        row
        for row in range(len(events))
        if (events.pids[events.pid[row]], events.tids[events.tid[row]]) == (pid, tid)
    )
    return Host(trace).thread(int(thread_codes(events)[row]))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("time", "doing"),
    [
        (-1, Doing.NOTHING),
        (0, Doing.PYTHON),
        (19, Doing.PYTHON),
        (20, Doing.OPERATOR),
        (39, Doing.OPERATOR),
        (40, Doing.CALL),
        (49, Doing.CALL),
        (50, Doing.OPERATOR),
        (54, Doing.OPERATOR),
        (55, Doing.BLOCKING_CALL),
        (64, Doing.BLOCKING_CALL),
        (65, Doing.OPERATOR),
        (79, Doing.OPERATOR),
        (80, Doing.PYTHON),
        (99, Doing.PYTHON),
        (100, Doing.NOTHING),
        (110, Doing.CALL),
        (120, Doing.NOTHING),
    ],
)
def test_the_first_that_applies_counts(
    load_events: LoadEvents, time: int, doing: Doing, reverse: bool
) -> None:
    thread = record_of(load_events(EVENTS[::-1] if reverse else EVENTS), "100", "1")
    assert thread.doing(np.array([time])).tolist() == [doing]


def test_many_times_at_once(load_events: LoadEvents) -> None:
    thread = record_of(load_events(EVENTS), "100", "1")
    found = thread.doing(np.array([60, -5, 45, 45, 999]))
    assert found.dtype == np.int8
    assert found.tolist() == [
        Doing.BLOCKING_CALL,
        Doing.NOTHING,
        Doing.CALL,
        Doing.CALL,
        Doing.NOTHING,
    ]


@pytest.mark.parametrize(
    ("pid", "tid", "doing"), [("100", "2", Doing.OPERATOR), ("7", "1", Doing.BLOCKING_CALL)]
)
def test_threads_and_processes_are_not_mixed(
    load_events: LoadEvents, pid: str, tid: str, doing: Doing
) -> None:
    thread = record_of(load_events(EVENTS), pid, tid)
    assert thread.doing(np.array([0, 60, 199])).tolist() == [doing] * 3
    assert thread.stack(45, Role.OPERATOR) == (["aten::other"] if tid == "2" else [])
    assert thread.stack(45, Role.CALL) == (["cudaFree"] if pid == "7" else [])


def test_it_may_change_at_the_boundaries_only(load_events: LoadEvents) -> None:
    thread = record_of(load_events(EVENTS), "100", "1")
    boundaries = set(thread.boundaries().tolist())
    doing = thread.doing(np.arange(-10, 150)).tolist()
    changes = {t for t in range(-9, 150) if doing[t + 10] != doing[t + 9]}
    assert changes <= boundaries
    assert {0, 20, 40, 50, 55, 65, 80, 100, 110, 120} == changes


def test_the_stack_lists_the_outermost_first(load_events: LoadEvents) -> None:
    shuffled = [EVENTS[i] for i in (4, 3, 9, 2, 7, 0, 1, 8, 5, 6)]
    thread = record_of(load_events(shuffled), "100", "1")
    assert thread.stack(45, Role.OPERATOR) == ["aten::linear", "aten::addmm"]
    assert thread.stack(45, Role.CALL) == ["cudaLaunchKernel"]
    assert thread.stack(45, Role.PYTHON) == ["forward"]
    assert thread.stack(69, Role.OPERATOR) == ["aten::linear", "aten::addmm"]
    assert thread.stack(70, Role.OPERATOR) == ["aten::linear"]
    assert thread.stack(80, Role.OPERATOR) == []
    assert thread.stack(20, Role.OPERATOR) == ["aten::linear"]


def test_of_two_that_begin_together_the_longer_is_outside(load_events: LoadEvents) -> None:
    events = [cpu_op("inner", 10, 20), cpu_op("outer", 10, 30)]
    thread = record_of(load_events(events), "100", "1")
    assert thread.stack(15, Role.OPERATOR) == ["outer", "inner"]


@pytest.mark.parametrize("reverse", [False, True])
def test_of_two_with_the_same_times_the_order_of_the_file_decides_nothing(
    load_events: LoadEvents, *, reverse: bool
) -> None:
    both = [runtime("cudaLaunchKernel", 0, 9), runtime("cudaEventRecord", 0, 9)]
    record = record_of(load_events(both[::-1] if reverse else both), "100", "1")
    assert record.stack(5, Role.CALL) == ["cudaEventRecord", "cudaLaunchKernel"]


def test_a_call_without_length_holds_no_time(load_events: LoadEvents) -> None:
    thread = record_of(load_events([cpu_op("a", 0, 9), launch(5, 5, correlation=1)]), "100", "1")
    assert thread.doing(np.array([5])).tolist() == [Doing.OPERATOR]
    assert thread.stack(5, Role.CALL) == []


def test_device_side_ranges_are_no_host_activity(load_events: LoadEvents) -> None:
    events = [
        cpu_op("a", 0, 1),
        Event("gpu_user_annotation", "step", 100, 1, 2, 9, {}),
        Event("cuda_sync", "Stream Sync", 100, 1, 2, 9, {"stream": 7}),
    ]
    thread = record_of(load_events(events), "100", "1")
    assert thread.doing(np.array([5])).tolist() == [Doing.NOTHING]


def test_a_thread_that_recorded_nothing_does_nothing(load_events: LoadEvents) -> None:
    thread = Host(load_events([kernel("k", 0, 1)])).thread(12345)
    assert thread.doing(np.array([0])).tolist() == [Doing.NOTHING]
    assert thread.boundaries().tolist() == []
    assert thread.stack(0, Role.OPERATOR) == []

"""Literal traces with answers worked out by hand, one for every state, stage and figure.

Times are microseconds, in the traces and in the answers. An answer names some keys of a
device's entry; in breakdowns it lists what is not zero. In the drawings `=` runs and `-` is
a launch call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.builders import (
    Event,
    annotation,
    card,
    copy,
    cpu_op,
    fill,
    graph_launch,
    in_old_categories,
    kernel,
    launch,
    python,
    record_call,
    runtime,
    shape,
    stream_wait,
    wait_call,
)
from tests.room import Card

Answer = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """A trace and, by device, what must be reported of it and of its steps."""

    title: str
    events: Sequence[Event]
    answers: Mapping[str, Answer]
    steps: Mapping[str, Mapping[str, Answer]] = field(default_factory=dict)
    cards: Sequence[Card] = ()


def _case(title: str, events: Sequence[Event], **answer: Any) -> Case:
    """A case whose only device is the accelerator 0."""
    return Case(title, events, {"0": answer})


# a runs on lane 7 from 10 to 20 and was launched in good time: what follows is about the
# gap that begins at 20, or about the lane beside it.
A = [launch(2, 5, correlation=1), kernel("a", 10, 20, correlation=1)]
SYNC_BEFORE = [runtime("cudaDeviceSynchronize", 0, 1)]

FIGURES = [
    # column = 2 us
    # 7   =====
    # 20     ====
    _case(
        "two lanes overlap",
        [kernel("a", 0, 10), kernel("b", 6, 14, stream=20)],
        window_start_ns="0",
        window_ns=14,
        activities=2,
        busy_ns=14,
        idle_ns=0,
        overlap_ns=4,
        same_lane_overlap_ns=0,
        max_concurrency=2,
        concurrency_ns={"0": 0, "1": 10, "2": 4},
        lanes=[
            {"lane": "7", "activities": 1, "busy_ns": 10},
            {"lane": "20", "activities": 1, "busy_ns": 8},
        ],
        lane_overlap_ns=[["7", "20", 4]],
        class_overlap_ns={},
        breakdown_ns={"one_unknown": 6, "overlapped": 4, "one_nothing_queued": 4},
        breakdown_by_class_ns={
            "one_unknown": {"compute": 6},
            "overlapped": {"compute": 4},
            "one_nothing_queued": {"compute": 4},
        },
        parallelism={
            "achieved": Fraction(18, 14),
            "achieved_compute": Fraction(18, 14),
            "work_over_window": Fraction(18, 14),
            "available": None,
            "efficiency": None,
            "window_over_span": None,
        },
        idle_gaps_total=0,
        idle_gaps_unlisted_ns=0,
        idle_gaps=[],
    ),
    # column = 2 us; three at once from 6 to 8, and lanes in the order of their numbers
    # 7   =====
    # 20    ==
    # 100    ===
    _case(
        "three lanes overlap",
        [
            kernel("a", 0, 10, stream=7),
            kernel("b", 4, 8, stream=20),
            kernel("c", 6, 12, stream=100),
        ],
        max_concurrency=3,
        concurrency_ns={"0": 0, "1": 6, "2": 4, "3": 2},
        busy_ns=12,
        overlap_ns=6,
        lane_overlap_ns=[["7", "20", 4], ["7", "100", 4], ["20", "100", 2]],
        parallelism={
            "achieved": Fraction(20, 12),
            "achieved_compute": Fraction(20, 12),
            "work_over_window": Fraction(20, 12),
            "available": None,
            "efficiency": None,
            "window_over_span": None,
        },
    ),
    _case(
        "lanes that touch neither overlap nor leave a gap",
        [kernel("a", 0, 5), kernel("b", 5, 9, stream=20)],
        overlap_ns=0,
        lane_overlap_ns=[],
        idle_gaps_total=0,
        max_concurrency=1,
        concurrency_ns={"0": 0, "1": 9},
    ),
    # column = 2 us; one lane: a from 0 to 10, b from 6 to 12, c from 8 to 10
    # 7   ======
    #        ===
    #         =
    _case(
        "overlap on one lane is kept apart",
        [kernel("a", 0, 10), kernel("b", 6, 12), kernel("c", 8, 10)],
        same_lane_overlap_ns=4,
        overlap_ns=0,
        max_concurrency=1,
        busy_ns=12,
        lanes=[{"lane": "7", "activities": 3, "busy_ns": 12}],
        parallelism={
            "achieved": Fraction(1),
            "achieved_compute": Fraction(1),
            "work_over_window": Fraction(1),
            "available": None,
            "efficiency": None,
            "window_over_span": None,
        },
    ),
    # column = 2 us
    # 7   =====         ==      compute 0-10, set 28-32
    # 20     =======            communication 6-20
    # 100     ===========       copy 8-30
    _case(
        "classes overlap and are exposed",
        [
            kernel("gemm", 0, 10),
            fill("Memset (Device)", 28, 32),
            kernel("ncclDevKernel_AllReduce_Sum", 6, 20, stream=20),
            copy("Memcpy HtoD (Pinned -> Device)", 8, 30, stream=100),
        ],
        class_busy_ns={"compute": 10, "communication": 14, "copy": 22, "set": 4},
        class_overlap_ns={
            "communication+compute": 4,
            "communication+copy": 12,
            "compute+copy": 2,
            "copy+set": 2,
        },
        exposed_communication_ns=10,
        exposed_copy_ns=20,
        breakdown_ns={"one_unknown": 14, "overlapped": 16, "one_nothing_queued": 2},
        breakdown_by_class_ns={
            "one_unknown": {"compute": 6, "copy": 8},
            "overlapped": {
                "communication+compute": 2,
                "communication+compute+copy": 2,
                "communication+copy": 10,
                "copy+set": 2,
            },
            "one_nothing_queued": {"set": 2},
        },
        parallelism={
            "achieved": Fraction(50, 32),
            "achieved_compute": Fraction(1),
            "work_over_window": Fraction(50, 32),
            "available": None,
            "efficiency": None,
            "window_over_span": None,
        },
    ),
    _case(
        "without compute there is no achieved compute",
        [copy("Memcpy HtoD (Pinned -> Device)", 0, 10)],
        exposed_copy_ns=10,
        exposed_communication_ns=0,
        parallelism={
            "achieved": Fraction(1),
            "achieved_compute": None,
            "work_over_window": Fraction(1),
            "available": None,
            "efficiency": None,
            "window_over_span": None,
        },
    ),
    Case(
        "devices are never mixed",
        [kernel("a", 0, 10), kernel("b", 5, 12, device=1), kernel("c", 20, 30, device=1)],
        {
            "0": {"window_start_ns": "0", "window_ns": 10, "busy_ns": 10, "overlap_ns": 0},
            "1": {
                "window_start_ns": "5",
                "window_ns": 25,
                "busy_ns": 17,
                "idle_ns": 8,
                "overlap_ns": 0,
            },
        },
    ),
    _case(
        "old category names mean the same",
        in_old_categories(
            [
                launch(0, 4, correlation=1),
                copy("Memcpy HtoD (Pageable -> Device)", 6, 10, correlation=1),
                fill("Memset (Device)", 8, 12, stream=20),
                kernel("k", 10, 20, stream=100),
            ]
        ),
        class_busy_ns={"copy": 4, "set": 4, "compute": 10},
        overlap_ns=4,
        lane_breakdown_ns={
            "7": {"running": 4, "edge": 10},
            "20": {"unknown": 2, "running": 4, "edge": 8},
            "100": {"unknown": 4, "running": 10},
        },
    ),
    _case(
        "a lane without a stream is the row it is drawn on",
        [
            Event("kernel", "a", 0, 7, 0, 10),
            Event("kernel", "b", 0, "stream 9", 5, 12),
        ],
        lane_overlap_ns=[["7", "stream 9", 5]],
    ),
    # column = 2 us; z has no length: it ends no gap, and nothing that ran went before it
    # 7   ==   z ===
    _case(
        "an activity without length neither runs nor ends a gap",
        [kernel("a", 0, 4), kernel("Z", 4, 4), kernel("z", 10, 10), kernel("b", 12, 18)],
        activities=4,
        busy_ns=10,
        idle_gaps_total=1,
        idle_gaps=[
            {
                "start_ns": 4,
                "duration_ns": 8,
                "before": "a",
                "after": "b",
                "breakdown_ns": {"idle_unknown": 8},
            }
        ],
        lanes=[{"lane": "7", "activities": 4, "busy_ns": 10}],
    ),
    # The longest first, of equals the earlier; "before" is what ended last.
    _case(
        "gaps are listed by length",
        [
            kernel("a", 0, 4),
            kernel("long", 0, 6, stream=20),
            kernel("b", 8, 10),
            kernel("c", 12, 14),
            kernel("d", 19, 20),
        ],
        idle_ns=9,
        idle_gaps_total=3,
        idle_gaps=[
            {
                "start_ns": 14,
                "duration_ns": 5,
                "before": "c",
                "after": "d",
                "breakdown_ns": {"idle_unknown": 5},
            },
            {
                "start_ns": 6,
                "duration_ns": 2,
                "before": "long",
                "after": "b",
                "breakdown_ns": {"idle_unknown": 2},
            },
            {
                "start_ns": 10,
                "duration_ns": 2,
                "before": "b",
                "after": "c",
                "breakdown_ns": {"idle_unknown": 2},
            },
        ],
    ),
]

# The gap from 20 to 45 or so that k ends; its launch is [30, 40) unless the title says more.
#             20        30        40   45
# host                  ----------
# 7   =========|        |         |    =====
IDLE = [
    _case(
        "launching, then start latency",
        [*A, launch(30, 40, correlation=2), kernel("k", 45, 50, correlation=2)],
        breakdown_ns={
            "one_nothing_queued": 15,
            "idle_host_untraced": 10,
            "idle_launching": 10,
            "idle_start_latency": 5,
        },
        idle_gaps=[
            {
                "start_ns": 10,
                "duration_ns": 25,
                "before": "a",
                "after": "k",
                "breakdown_ns": {
                    "idle_host_untraced": 10,
                    "idle_launching": 10,
                    "idle_start_latency": 5,
                },
            }
        ],
        lane_breakdown_ns={
            "7": {"running": 15, "not_launched": 10, "launching": 10, "start_latency": 5}
        },
    ),
    _case(
        "a ready interval of just the bound is start latency",
        [*A, launch(30, 40, correlation=2), kernel("k", 50, 60, correlation=2)],
        breakdown_ns={
            "one_nothing_queued": 20,
            "idle_host_untraced": 10,
            "idle_launching": 10,
            "idle_start_latency": 10,
        },
    ),
    _case(
        "a longer ready interval is a wait, all of it",
        [*A, launch(30, 40, correlation=2), kernel("k", 51, 60, correlation=2)],
        breakdown_ns={
            "one_nothing_queued": 19,
            "idle_host_untraced": 10,
            "idle_launching": 10,
            "idle_unrecorded_wait": 11,
        },
        lane_breakdown_ns={"7": {"running": 19, "not_launched": 10, "launching": 10, "wait": 11}},
    ),
    _case(
        "ready begins when the lane is free",
        # Launched at 12 behind a, which ends at 20: ready from 20, not from 15.
        [*A, launch(12, 15, correlation=2), kernel("k", 31, 40, correlation=2)],
        breakdown_ns={
            "one_nothing_queued": 2 + 9,
            "one_launching": 3,
            "one_same_lane": 5,
            "idle_unrecorded_wait": 11,
        },
    ),
    _case(
        "an activity without length holds nothing back",
        # Ready from 25, not from 35 where z stood on the lane.
        [
            *A,
            launch(22, 25, correlation=2),
            kernel("z", 35, 35),
            kernel("k", 40, 50, correlation=2),
        ],
        breakdown_ns={
            "one_unknown": 10,
            "idle_host_untraced": 2,
            "idle_launching": 3,
            "idle_unrecorded_wait": 15,
            "one_nothing_queued": 10,
        },
        lane_breakdown_ns={"7": {"running": 20, "not_launched": 2, "launching": 3, "wait": 15}},
    ),
    _case(
        "an activity without length waits like others",
        # z was launched at 12 to 14 behind a; b runs alone from 20 to 40.
        [
            *A,
            launch(12, 14, correlation=2),
            kernel("z", 25, 25, correlation=2),
            kernel("b", 20, 40, stream=20),
        ],
        breakdown_ns={
            # b: unknown from the window's start, behind what is stronger.
            "one_unknown": 2,
            "one_launching": 2,
            "one_same_lane": 6,
            "one_start_latency": 5,
            "one_nothing_queued": 15,
        },
    ),
    _case(
        "a call of 100 us is no slow launch",
        [*A, launch(30, 130, correlation=2), kernel("k", 130, 140, correlation=2)],
        breakdown_ns={"one_nothing_queued": 20, "idle_host_untraced": 10, "idle_launching": 100},
    ),
    _case(
        "a call of 101 us is a slow launch",
        [*A, launch(30, 131, correlation=2), kernel("k", 131, 140, correlation=2)],
        breakdown_ns={"one_nothing_queued": 19, "idle_host_untraced": 10, "idle_slow_launch": 101},
    ),
    _case(
        "launching ends where the activity starts, the call's length stays",
        [*A, launch(30, 140, correlation=2), kernel("k", 50, 60, correlation=2)],
        breakdown_ns={"one_nothing_queued": 20, "idle_host_untraced": 10, "idle_slow_launch": 20},
    ),
    _case(
        "a launch recorded after the start leaves the host's state",
        [*A, launch(55, 58, correlation=2), kernel("k", 50, 60, correlation=2)],
        breakdown_ns={"one_nothing_queued": 20, "idle_host_untraced": 30},
        lane_breakdown_ns={"7": {"running": 20, "not_launched": 30}},
    ),
    _case(
        "a blocking copy by its call, however slow",
        [
            *A,
            launch(30, 150, correlation=2, name="cudaMemcpy"),
            copy("Memcpy HtoD (Pinned -> Device)", 40, 50, correlation=2),
        ],
        breakdown_ns={"one_nothing_queued": 20, "idle_host_untraced": 10, "idle_blocking_copy": 10},
    ),
    _case(
        "a blocking copy by its pageable memory",
        [
            *A,
            launch(30, 45, correlation=2, name="cudaMemcpyAsync"),
            copy("Memcpy HtoD (Pageable -> Device)", 40, 50, correlation=2),
        ],
        breakdown_ns={"one_nothing_queued": 20, "idle_host_untraced": 10, "idle_blocking_copy": 10},
    ),
    _case(
        "a blocking copy of ROCm",
        [
            *A,
            launch(30, 45, correlation=2, name="hipMemcpyWithStream"),
            copy("Memcpy HtoD", 40, 50, correlation=2),
        ],
        breakdown_ns={"one_nothing_queued": 20, "idle_host_untraced": 10, "idle_blocking_copy": 10},
    ),
    _case(
        "an asynchronous copy of pinned memory is launched like a kernel",
        [
            *A,
            launch(30, 40, correlation=2, name="cudaMemcpyAsync"),
            copy("Memcpy HtoD (Pinned -> Device)", 40, 50, correlation=2),
        ],
        breakdown_ns={"one_nothing_queued": 20, "idle_host_untraced": 10, "idle_launching": 10},
    ),
    _case(
        "what is no copy blocks no copy",
        [
            *A,
            launch(30, 40, correlation=2, name="cudaMemset"),
            fill("Memset (Device)", 40, 50, correlation=2),
            launch(60, 70, correlation=3),
            kernel("MigratePageable", 70, 80, correlation=3),
        ],
        breakdown_ns={
            "one_nothing_queued": 30,
            "idle_host_untraced": 10 + 10,
            "idle_launching": 10 + 10,
        },
    ),
    # 20   40 42 45 50  60   65  70   80      100
    # sync    op call op|python      |nothing |launch
    _case(
        "what the launching thread did before the launch",
        [
            *A,
            runtime("cudaStreamSynchronize", 15, 40),
            cpu_op("aten::mm", 42, 60),
            runtime("cudaEventRecord", 45, 50),
            python("model.py(3): forward", 55, 70),
            annotation("my range", 65, 80),
            launch(100, 105, correlation=2),
            kernel("k", 105, 110, correlation=2),
            # The device's own copy of a range says nothing of the host, nor do another thread
            # and another process of the same thread id.
            Event("gpu_user_annotation", "my range", 100, 1, 80, 100),
            cpu_op("aten::add", 20, 100, tid=2),
            runtime("cudaDeviceSynchronize", 20, 100, pid=300),
        ],
        breakdown_ns={
            "one_nothing_queued": 15,
            "idle_host_sync": 20,
            "idle_host_untraced": 2 + 20,
            "idle_host_op": 3 + 10,
            "idle_host_call": 5,
            "idle_host_python": 20,
            "idle_launching": 5,
        },
    ),
    _case(
        "a blocking call inside an operator inside Python is a blocking call",
        [
            *A,
            python("f", 0, 100),
            annotation("range", 0, 100),
            cpu_op("aten::item", 20, 40),
            runtime("cudaMemcpy", 22, 38),
            runtime("cudaStreamSynchronize", 25, 30, category="cuda_driver"),
            launch(50, 55, correlation=2),
            kernel("k", 55, 60, correlation=2),
        ],
        breakdown_ns={
            "one_nothing_queued": 15,
            "idle_host_op": 2 + 2,
            "idle_host_sync": 16,
            "idle_host_python": 10,
            "idle_launching": 5,
        },
    ),
    # k has no launch record. z behind it on the lane was launched at 30: by then k was queued.
    # 7   a 10-20        k 50-60   z 60-70
    _case(
        "without a launch: unknown until a later one proves it queued, then ready",
        [
            *A,
            kernel("k", 50, 60),
            launch(30, 35, correlation=2),
            kernel("z", 60, 70, correlation=2),
        ],
        breakdown_ns={
            # 10-20 while a runs: k is unknown from 5, when the launch of a returned.
            "one_unknown": 10,
            "idle_unknown": 10,
            "idle_unrecorded_wait": 20,
            # 50-60 while k runs: z is behind its own lane.
            "one_same_lane": 10,
            "one_nothing_queued": 10,
        },
        lane_breakdown_ns={"7": {"running": 30, "unknown": 10, "wait": 20}},
    ),
    _case(
        "without a launch: a short ready interval is start latency",
        [
            *A,
            kernel("k", 40, 50),
            launch(30, 35, correlation=2),
            kernel("z", 50, 60, correlation=2),
        ],
        breakdown_ns={
            "one_unknown": 10,
            "idle_unknown": 10,
            "idle_start_latency": 10,
            "one_same_lane": 10,
            "one_nothing_queued": 10,
        },
    ),
    _case(
        "without a launch on the whole lane: unknown to its start",
        [*A, kernel("k", 40, 50)],
        breakdown_ns={"one_unknown": 10, "idle_unknown": 20, "one_nothing_queued": 10},
        lane_breakdown_ns={"7": {"running": 20, "unknown": 20}},
    ),
    # 7   a 10-20         g1 40-50
    # 20                           g2 55-60
    _case(
        "a graph replay: its gaps are the graph's",
        [
            *A,
            graph_launch(30, 35, correlation=2),
            kernel("g1", 40, 50, correlation=2),
            kernel("g2", 55, 60, stream=20, correlation=2),
        ],
        breakdown_ns={
            "one_nothing_queued": 10 + 5,
            "idle_host_untraced": 10,
            "idle_launching": 5,
            "idle_graph": 5 + 5,
            # While g1 runs, g2 is behind a lane of its replay.
            "one_same_lane": 10,
        },
        lane_breakdown_ns={
            "7": {"running": 20, "not_launched": 10, "launching": 5, "graph": 5, "edge": 10},
            "20": {"not_launched": 20, "launching": 5, "same_lane": 15, "graph": 5, "running": 5},
        },
    ),
    # The window begins with a. k is the first on lane 20, launched before, started at 40.
    _case(
        "left edge: what went before the first of a lane is not recorded",
        [*A, launch(6, 8, correlation=2), kernel("k", 40, 50, stream=20, correlation=2)],
        breakdown_ns={"one_unknown": 10, "idle_unknown": 20, "one_nothing_queued": 10},
        lane_breakdown_ns={
            "7": {"running": 10, "edge": 30},
            "20": {"unknown": 30, "running": 10},
        },
    ),
    _case(
        "left edge: unless a synchronise had returned",
        [
            *SYNC_BEFORE,
            *A,
            launch(6, 8, correlation=2),
            kernel("k", 40, 50, stream=20, correlation=2),
        ],
        breakdown_ns={"one_room_unknown": 10, "idle_unrecorded_wait": 20, "one_nothing_queued": 10},
    ),
    _case(
        "left edge: a synchronise that returned just as the launch began",
        [
            *A,
            runtime("cudaDeviceSynchronize", 0, 6, tid=2),
            launch(6, 8, correlation=2),
            kernel("k", 40, 50, stream=20, correlation=2),
        ],
        breakdown_ns={"one_room_unknown": 10, "idle_unrecorded_wait": 20, "one_nothing_queued": 10},
    ),
    # k and m begin together, k ends first and is the first of its lane.
    _case(
        "left edge: the first of those that begin together is the one that ends first",
        [
            *A,
            launch(6, 8, correlation=2),
            kernel("k", 40, 50, stream=20, correlation=2),
            launch(22, 25, correlation=3),
            kernel("m", 40, 60, stream=20, correlation=3),
        ],
        breakdown_ns={"one_unknown": 10, "idle_unknown": 20, "one_nothing_queued": 20},
        same_lane_overlap_ns=10,
    ),
    _case(
        "left edge: a synchronise that returned after the launch began proves nothing",
        [
            *A,
            runtime("cudaDeviceSynchronize", 0, 7, tid=2),
            launch(6, 8, correlation=2),
            kernel("k", 40, 50, stream=20, correlation=2),
        ],
        breakdown_ns={"one_unknown": 10, "idle_unknown": 20, "one_nothing_queued": 10},
    ),
    _case(
        "left edge: nor does one of another process, nor another blocking call",
        [
            runtime("cudaDeviceSynchronize", 0, 1, pid=300),
            runtime("cudaFree", 0, 1),
            *A,
            launch(6, 8, correlation=2),
            kernel("k", 40, 50, stream=20, correlation=2),
        ],
        breakdown_ns={"one_unknown": 10, "idle_unknown": 20, "one_nothing_queued": 10},
    ),
    _case(
        "left edge: within the bound it is start latency",
        [*A, launch(22, 25, correlation=2), kernel("k", 35, 40, stream=20, correlation=2)],
        breakdown_ns={
            "one_nothing_queued": 10 + 5,
            "idle_host_untraced": 2,
            "idle_launching": 3,
            "idle_start_latency": 10,
        },
    ),
    _case(
        "nothing follows in the window",
        [kernel("a", 0, 10), kernel("z", 20, 20)],
        breakdown_ns={"one_unknown": 10, "idle_edge": 10},
        lane_breakdown_ns={"7": {"running": 10, "edge": 10}},
        idle_gaps=[
            {
                "start_ns": 10,
                "duration_ns": 10,
                "before": "a",
                "after": None,
                "breakdown_ns": {"idle_edge": 10},
            }
        ],
    ),
    # k and m start together at 60; k was launched earlier and says why the gap was.
    _case(
        "of two that end a gap the earlier launched one explains it",
        [
            *A,
            kernel("w", 10, 15, stream=20),
            launch(30, 40, correlation=3),
            kernel("m", 60, 70, correlation=3),
            launch(22, 45, correlation=2, tid=2),
            kernel("k", 60, 70, stream=20, correlation=2),
        ],
        breakdown_ns={
            # 15-20: nothing of the rest is launched yet.
            "overlapped": 5 + 10,
            "one_nothing_queued": 5,
            "idle_host_untraced": 2,
            "idle_launching": 23,
            "idle_unrecorded_wait": 15,
        },
        idle_gaps=[
            {
                "start_ns": 10,
                "duration_ns": 40,
                "before": "a",
                "after": "k",
                "breakdown_ns": {
                    "idle_host_untraced": 2,
                    "idle_launching": 23,
                    "idle_unrecorded_wait": 15,
                },
            }
        ],
    ),
    # m has no launch, so k explains the gap, though it comes after m on their lane: it waits
    # for nothing that the trace tells of, and not at all beyond m.
    _case(
        "one that ends a gap together with one before it on its lane",
        [
            *A,
            kernel("m", 40, 45),
            launch(22, 25, correlation=2),
            kernel("k", 40, 60, correlation=2),
        ],
        breakdown_ns={
            "one_unknown": 10,
            "idle_host_untraced": 2,
            "idle_launching": 3,
            "idle_start_latency": 15,
            "one_nothing_queued": 20,
        },
        same_lane_overlap_ns=5,
    ),
    # m on lane 7 is unknown from 5 and to its start, k on lane 20 from 8 to 30.
    _case(
        "of two without a launch the one that is unknown for longest explains it",
        [
            *A,
            launch(6, 8, correlation=9),
            kernel("w", 10, 12, stream=20, correlation=9),
            kernel("m", 40, 50),
            kernel("k", 40, 50, stream=20),
            launch(30, 35, correlation=2),
            kernel("z", 50, 60, stream=20, correlation=2),
        ],
        breakdown_ns={"overlapped": 12, "one_unknown": 8, "idle_unknown": 20}
        | {"one_nothing_queued": 10},
    ),
    # One call launched three; k was ready from 20, m, the first on lane 20, perhaps from 5.
    _case(
        "of two of one launch the one whose lane was free first explains it",
        [
            *A,
            kernel("k", 40, 50, correlation=1),
            kernel("m", 40, 50, stream=20, correlation=1),
        ],
        breakdown_ns={"one_same_lane": 10, "idle_unknown": 20, "overlapped": 10},
    ),
    # Both wait for the replay's lanes until 20; lane 20 was free from 15.
    _case(
        "of two of one replay the one whose own lane was free first explains it",
        [
            *A,
            kernel("w", 10, 15, stream=20),
            graph_launch(30, 35, correlation=2),
            kernel("m", 50, 60, correlation=2),
            kernel("z", 50, 60, stream=20, correlation=2),
        ],
        idle_gaps=[
            {
                "start_ns": 10,
                "duration_ns": 30,
                "before": "a",
                "after": "z",
                "breakdown_ns": {
                    "idle_host_untraced": 10,
                    "idle_launching": 5,
                    "idle_graph": 15,
                },
            }
        ],
    ),
    # Nothing tells a and b apart but that a had work before it on its lane, and b none.
    _case(
        "of two without a launch the one whose lane was free first explains it",
        [
            kernel("w", 0, 5),
            kernel("a", 10, 15),
            kernel("b", 10, 15, stream=20),
        ],
        idle_gaps=[
            {
                "start_ns": 5,
                "duration_ns": 5,
                "before": "w",
                "after": "b",
                "breakdown_ns": {"idle_unknown": 5},
            }
        ],
    ),
    _case(
        "of two that end a gap the launched one explains it",
        [
            *A,
            kernel("b", 60, 70),
            launch(50, 60, correlation=2),
            kernel("k", 60, 70, stream=20, correlation=2),
        ],
        breakdown_ns={
            # b, which has no record, is unknown all the while that a runs.
            "one_unknown": 10,
            "idle_host_untraced": 30,
            "idle_launching": 10,
            "overlapped": 10,
        },
    ),
]

# Lane 7 is busy from 10 to 100 with a; w makes sure that k is not the first of lane 20.
BUSY = [
    launch(2, 5, correlation=1),
    kernel("a", 10, 100, correlation=1),
    launch(6, 8, correlation=9),
    kernel("w", 10, 12, stream=20, correlation=9),
]

ONE = [
    # 20   w    launch 20-25, ready 25-60, k 60-70
    _case(
        "one lane runs and another is ready beyond the bound",
        [
            *BUSY,
            launch(20, 25, correlation=2),
            kernel("k", 60, 70, stream=20, correlation=2),
        ],
        breakdown_ns={
            "overlapped": 2 + 10,
            "one_nothing_queued": 8 + 30,
            "one_launching": 5,
            "one_room_unknown": 35,
        },
        lane_breakdown_ns={
            "7": {"running": 90},
            "20": {"running": 12, "not_launched": 8, "launching": 5, "wait": 35, "edge": 30},
        },
    ),
    _case(
        "one lane runs and another is ready within the bound",
        [
            *BUSY,
            launch(20, 25, correlation=2),
            kernel("k", 35, 45, stream=20, correlation=2),
        ],
        breakdown_ns={
            "overlapped": 2 + 10,
            "one_nothing_queued": 8 + 55,
            "one_launching": 5,
            "one_start_latency": 10,
        },
    ),
    _case(
        "one lane runs and the next of a graph waits for what the trace does not tell",
        [
            *BUSY,
            graph_launch(20, 25, correlation=2),
            kernel("g1", 30, 40, stream=20, correlation=2),
            kernel("g2", 60, 70, stream=20, correlation=2),
        ],
        breakdown_ns={
            "overlapped": 2 + 10 + 10,
            "one_nothing_queued": 8 + 30,
            "one_launching": 5,
            # 25-30 before g1 and 40-60 before g2; while g1 runs two lanes do.
            "one_graph": 5 + 20,
        },
        lane_breakdown_ns={
            "7": {"running": 90},
            "20": {"running": 22, "not_launched": 8, "launching": 5, "graph": 25, "edge": 30},
        },
    ),
    _case(
        "a graph's activity is behind its replay's lanes, whatever was there before",
        # g2 on lane 100 follows the replay's lanes 20 and 100; on 20 ran w until 50.
        [
            launch(2, 5, correlation=1),
            kernel("w", 10, 50, stream=20, correlation=1),
            graph_launch(20, 25, correlation=2),
            kernel("g2", 70, 80, stream=100, correlation=2),
            kernel("g1", 80, 90, stream=20, correlation=2),
        ],
        breakdown_ns={
            "one_nothing_queued": 10 + 10,
            "one_launching": 5,
            # 25-50 behind w, both; 70-80 while g2 runs, g1 is behind g2, which began before.
            "one_same_lane": 25 + 10,
            "idle_graph": 20,
        },
        lane_breakdown_ns={
            # g1 comes after g2, so it is behind its replay from 50 to 80.
            "20": {"running": 50, "same_lane": 30},
            "100": {
                "not_launched": 10,
                "launching": 5,
                "same_lane": 25,
                "graph": 20,
                "running": 10,
                "edge": 10,
            },
        },
    ),
    _case(
        "one lane runs and the next on it waits its turn",
        [*A, launch(12, 15, correlation=2), kernel("k", 20, 30, correlation=2)],
        breakdown_ns={
            "one_nothing_queued": 2 + 10,
            "one_launching": 3,
            "one_same_lane": 5,
        },
    ),
    # 20   w 10-12   v 16-18    k 60-70, z 70-80, y 80-90
    #      v launched 14-22, z 40-45, y 50-55
    _case(
        "one lane runs and another's launch is not recorded",
        [
            *BUSY,
            launch(14, 22, correlation=3),
            kernel("v", 16, 18, stream=20, correlation=3),
            kernel("k", 60, 70, stream=20),
            launch(40, 45, correlation=2),
            kernel("z", 70, 80, stream=20, correlation=2),
            launch(50, 55, correlation=4),
            kernel("y", 80, 90, stream=20, correlation=4),
        ],
        breakdown_ns={
            "overlapped": 2 + 2 + 10 + 10 + 10,
            # 12-14 and, before v's launch returned, 18-22; then 90-100
            "one_nothing_queued": 2 + 4 + 10,
            "one_launching": 2,
            # k: unknown from when v's launch returned to when z's began, then ready for 20.
            "one_unknown": 18,
            "one_room_unknown": 20,
        },
    ),
    _case(
        "one lane runs and the host had launched nothing else",
        [*BUSY],
        breakdown_ns={"overlapped": 2, "one_nothing_queued": 88},
        breakdown_by_class_ns={
            "overlapped": {"compute": 2},
            "one_nothing_queued": {"compute": 88},
        },
    ),
    #            12   20   30   42   52   60   62   70   85   86   92   94   96   100
    # u  unknown  ========================================================= (to 95)
    # next             ----  behind a ======================================
    # g                          (-) graph ==========================
    # s                               (-) ====
    # r                                                ====
    _case(
        "the strongest stage of several wins",
        [
            *BUSY,
            # unknown on lane 8 from the window's start to its start
            kernel("u", 95, 96, stream=8),
            # launching 20-30, behind a 30-100
            launch(20, 30, correlation=2),
            kernel("next", 100, 110, correlation=2),
            # a graph on lane 30 and launching 40-42, graph 42-92
            graph_launch(40, 42, correlation=3),
            kernel("g", 92, 94, stream=30, correlation=3),
            # launching 50-52, start latency 52-60
            launch(50, 52, correlation=4),
            kernel("s", 60, 62, stream=20, correlation=4),
            # launching 68-70, ready beyond the bound 70-85
            launch(68, 70, correlation=5),
            kernel("r", 85, 86, stream=20, correlation=5),
            # launching 74-75, start latency 75-80, first on lane 40
            launch(74, 75, correlation=6),
            kernel("q", 80, 81, stream=40, correlation=6),
        ],
        breakdown_ns={
            "overlapped": 2 + 2 + 1 + 1 + 2 + 1,
            "one_unknown": 8,
            "one_launching": 10,
            # 30-42 and 94-95, 96-100
            "one_same_lane": 12 + 1 + 4,
            # 42-52, 62-70, 86-92
            "one_graph": 10 + 8 + 6,
            "one_start_latency": 8,
            # 70-80 and 81-85
            "one_room_unknown": 14,
            # 100-110
            "one_nothing_queued": 10,
        },
    ),
]

# k on lane 20 is launched at 20 to 25, while a runs on lane 7 until 100.
#             12   20   25                                100 105  115
# 7   ======================================================
# 20  w            --   ....................................  ====
K = [launch(20, 25, correlation=2), kernel("k", 105, 115, stream=20, correlation=2)]
RECORD = [record_call(9, 10, correlation=3)]
CALL = [wait_call(14, 15, correlation=4)]
ROW = [stream_wait(15, stream=20, on_stream=7, correlation=4, record=3)]

# What is said where k waits for a, and where no wait is known of.
WAITED = {
    "overlapped": 2,
    "one_nothing_queued": 8 + 10,
    "one_launching": 5,
    "one_dependency": 75,
    "idle_start_latency": 5,
}
NOT_WAITED = {
    "overlapped": 2,
    "one_nothing_queued": 8 + 10,
    "one_launching": 5,
    "one_room_unknown": 75,
    "idle_unrecorded_wait": 5,
}

# c runs on lane 8 from 10 to 50, b on lane 7 after a, from 100 to 110.
C = [launch(3, 4, correlation=7), kernel("c", 10, 50, stream=8, correlation=7)]
B = [launch(11, 13, correlation=5), kernel("b", 100, 110, correlation=5)]
K_AFTER_B = [launch(20, 25, correlation=2), kernel("k", 115, 120, stream=20, correlation=2)]
WAITED_FOR_B = {
    "overlapped": 2,
    "one_launching": 1,
    # b, behind a, until k is launched
    "one_same_lane": 7 + 5,
    "one_dependency": 75 + 10,
    "idle_start_latency": 5,
    "one_nothing_queued": 5,
}

RECORDED = [
    _case(
        "one lane runs and another waits for it",
        [*BUSY, *RECORD, *CALL, *ROW, *K],
        breakdown_ns=WAITED,
        breakdown_by_class_ns={
            "overlapped": {"compute": 2},
            "one_nothing_queued": {"compute": 18},
            "one_launching": {"compute": 5},
            "one_dependency": {"compute": 75},
        },
        lane_breakdown_ns={
            "7": {"running": 90, "edge": 15},
            "20": {
                "running": 12,
                "not_launched": 8,
                "launching": 5,
                "dependency": 75,
                "start_latency": 5,
            },
        },
    ),
    _case("without the wait it would be unrecorded", [*BUSY, *K], breakdown_ns=NOT_WAITED),
    _case(
        "the work awaited is what was launched before the record",
        [*BUSY, *B, *RECORD, *CALL, *ROW, *K_AFTER_B],
        breakdown_ns={
            "overlapped": 2,
            "one_launching": 1,
            "one_same_lane": 7 + 5,
            "one_dependency": 75,
            # from 100 on k is ready, for 15
            "one_room_unknown": 10,
            "idle_unrecorded_wait": 5,
            "one_nothing_queued": 5,
        },
    ),
    _case(
        "without the record's id it is what was launched before the wait",
        [
            *BUSY,
            *B,
            *RECORD,
            *CALL,
            stream_wait(15, stream=20, on_stream=7, correlation=4),
            *K_AFTER_B,
        ],
        breakdown_ns=WAITED_FOR_B,
    ),
    _case(
        "nor does an id of -1 say more, whatever calls have no id",
        [
            *BUSY,
            *B,
            *CALL,
            stream_wait(15, stream=20, on_stream=7, correlation=4, record=-1),
            *K_AFTER_B,
            runtime("cudaEventQuery", 9, 10),
            runtime("cudaEventQuery", 26, 27),
        ],
        breakdown_ns=WAITED_FOR_B,
    ),
    _case(
        "nor one whose call is not in the trace",
        [*BUSY, *B, *CALL, *ROW, *K_AFTER_B],
        breakdown_ns=WAITED_FOR_B,
    ),
    _case(
        "work launched as the record began is not awaited",
        [*BUSY, record_call(2, 3, correlation=3), *CALL, *ROW, *K],
        breakdown_ns=NOT_WAITED,
    ),
    _case(
        "work without a launch record is not awaited",
        [*BUSY[1:], *RECORD, *CALL, *ROW, *K],
        breakdown_ns=NOT_WAITED,
    ),
    _case(
        "a wait for a lane without work is satisfied",
        [*BUSY, *CALL, stream_wait(15, stream=20, on_stream=55, correlation=4), *K],
        breakdown_ns=NOT_WAITED,
    ),
    _case(
        "a wait for what has ended is satisfied",
        [
            *BUSY,
            wait_call(101, 102, correlation=4),
            stream_wait(102, stream=20, on_stream=7, correlation=4),
            launch(102, 103, correlation=2),
            kernel("k", 105, 115, stream=20, correlation=2),
        ],
        breakdown_ns={
            "overlapped": 2,
            "one_nothing_queued": 88 + 10,
            "idle_host_untraced": 1,
            "idle_host_call": 1,
            "idle_launching": 1,
            "idle_start_latency": 2,
        },
    ),
    _case(
        "the row stands in for a wait call that is not in the trace",
        [*BUSY, *RECORD, *ROW, *K],
        breakdown_ns=WAITED,
    ),
    # 20  w   k launched at 20, runs 60-65; m at 30, runs 105-115
    _case(
        "a wait binds what is launched next, at the same instant at the earliest",
        [
            *BUSY,
            launch(20, 25, correlation=2),
            kernel("k", 60, 65, stream=20, correlation=2),
            wait_call(30, 31, correlation=4, tid=2),
            stream_wait(30, stream=20, on_stream=7, correlation=4),
            launch(30, 32, correlation=6),
            kernel("m", 105, 115, stream=20, correlation=6),
        ],
        breakdown_ns={
            "overlapped": 2 + 5,
            "one_nothing_queued": 8 + 10,
            "one_launching": 5,
            # k is ready from 25 to 60, m behind it; m waits from 65 to 100.
            "one_room_unknown": 35,
            "one_dependency": 35,
            "idle_start_latency": 5,
        },
    ),
    _case(
        "of several waits for one activity the latest end counts",
        [
            *BUSY,
            *C,
            *CALL,
            *ROW,
            wait_call(16, 17, correlation=6),
            stream_wait(17, stream=20, on_stream=8, correlation=6),
            *K,
        ],
        breakdown_ns={
            "overlapped": 40,
            "one_dependency": 50,
            "idle_start_latency": 5,
            "one_nothing_queued": 10,
        },
    ),
    # The trace does not say when the event was recorded, so that b, which ran after k, seems
    # to have been awaited.
    #           20 22 24    30  35      50   55   60   70
    # 7   =======  b- wait                        =====
    # 20                    k---        ======
    _case(
        "awaited work that runs later than it should",
        [
            *A,
            launch(22, 23, correlation=5),
            kernel("b", 60, 70, correlation=5),
            wait_call(24, 25, correlation=4),
            stream_wait(25, stream=20, on_stream=7, correlation=4),
            launch(30, 35, correlation=2),
            kernel("k", 50, 55, stream=20, correlation=2),
        ],
        breakdown_ns={
            "one_nothing_queued": 10 + 10,
            "idle_host_untraced": 8,
            "idle_host_call": 2,
            "idle_launching": 5,
            "idle_dependency": 15,
            # b is ready from 23 to 60.
            "one_room_unknown": 5,
            "idle_unrecorded_wait": 5,
        },
        idle_gaps=[
            {
                "start_ns": 10,
                "duration_ns": 30,
                "before": "a",
                "after": "k",
                "breakdown_ns": {
                    "idle_host_untraced": 8,
                    "idle_host_call": 2,
                    "idle_launching": 5,
                    "idle_dependency": 15,
                },
            },
            {
                "start_ns": 45,
                "duration_ns": 5,
                "before": "k",
                "after": "b",
                "breakdown_ns": {"idle_unrecorded_wait": 5},
            },
        ],
    ),
    _case(
        "awaited work without length",
        [
            *A,
            launch(22, 23, correlation=5),
            kernel("z", 40, 40, correlation=5),
            wait_call(24, 25, correlation=4),
            stream_wait(25, stream=20, on_stream=7, correlation=4),
            launch(30, 35, correlation=2),
            kernel("k", 45, 55, stream=20, correlation=2),
        ],
        breakdown_ns={
            "one_nothing_queued": 10 + 10,
            "idle_host_untraced": 8,
            "idle_host_call": 2,
            "idle_launching": 5,
            "idle_dependency": 5,
            "idle_start_latency": 5,
        },
    ),
    _case(
        "left edge: once the wait is over",
        [
            *BUSY,
            *CALL,
            stream_wait(15, stream=30, on_stream=7, correlation=4),
            launch(20, 25, correlation=2),
            kernel("k", 115, 120, stream=30, correlation=2),
        ],
        breakdown_ns={
            "overlapped": 2,
            "one_nothing_queued": 8 + 5,
            "one_launching": 5,
            "one_dependency": 75,
            "idle_unknown": 15,
        },
    ),
    _case(
        "a graph's activities have no dependency stage",
        [
            *BUSY,
            *CALL,
            *ROW,
            graph_launch(20, 25, correlation=2),
            kernel("k", 105, 115, stream=20, correlation=2),
        ],
        breakdown_ns={
            "overlapped": 2,
            "one_nothing_queued": 8 + 10,
            "one_launching": 5,
            "one_graph": 75,
            "idle_graph": 5,
        },
    ),
    _case(
        "a wait of another device is none of this one's",
        [
            *BUSY,
            *RECORD,
            wait_call(14, 15, correlation=4, tid=2),
            stream_wait(15, stream=20, on_stream=7, correlation=4, record=3, device=1),
            *K,
        ],
        breakdown_ns=NOT_WAITED,
    ),
    # Process 200 has launched one activity of the device, 100 the others.
    _case(
        "a wait's calls are those of its own process",
        [
            record_call(0, 1, correlation=3, pid=200),
            *BUSY,
            *RECORD,
            *CALL,
            *ROW,
            *K,
            launch(50, 51, correlation=20, pid=200),
            kernel("other", 115, 120, stream=20, correlation=20),
            wait_call(50, 51, correlation=4, pid=200),
            record_call(95, 96, correlation=3, pid=200),
        ],
        breakdown_ns=WAITED | {"one_nothing_queued": 8 + 5, "one_same_lane": 10},
    ),
]

UNNAMED = [wait_call(14, 15)]

INFERRED = [
    _case(
        "a wait for who knows what is for what ended just before",
        [*BUSY, *UNNAMED, *K],
        breakdown_ns=WAITED,
        lane_breakdown_ns={
            "7": {"running": 90, "edge": 15},
            "20": {
                "running": 12,
                "not_launched": 8,
                "launching": 5,
                "dependency": 75,
                "start_latency": 5,
            },
        },
    ),
    _case(
        "a wait of ROCm, called as the launch began",
        [*BUSY, wait_call(20, 20, name="hipStreamWaitEvent"), *K],
        breakdown_ns=WAITED,
    ),
    _case(
        "a wait of the driver",
        [*BUSY, wait_call(14, 15, name="cuStreamWaitEvent_ptsz", correlation=4), *K],
        breakdown_ns=WAITED,
    ),
    _case(
        "a row that does not know whom it waits for leaves it to be inferred",
        [*BUSY, *CALL, stream_wait(15, stream=20, on_stream=-1, correlation=4), *K],
        breakdown_ns=WAITED,
    ),
    _case(
        "a call and a row without ids do not belong together",
        [*BUSY, *UNNAMED, stream_wait(15, stream=30, on_stream=7), *K],
        breakdown_ns=WAITED,
    ),
    _case(
        "what ended just the bound before was waited for",
        [
            *BUSY,
            *UNNAMED,
            launch(20, 25, correlation=2),
            kernel("k", 110, 115, stream=20, correlation=2),
        ],
        breakdown_ns=WAITED | {"idle_start_latency": 10, "one_nothing_queued": 8 + 5},
    ),
    _case(
        "what ended longer than the bound before was not",
        [
            *BUSY,
            *UNNAMED,
            launch(20, 25, correlation=2),
            kernel("k", 111, 116, stream=20, correlation=2),
        ],
        breakdown_ns=NOT_WAITED | {"idle_unrecorded_wait": 11, "one_nothing_queued": 8 + 5},
    ),
    _case(
        "of several that ended just before it is the latest",
        [
            *BUSY,
            launch(3, 4, correlation=7),
            kernel("c", 10, 97, stream=8, correlation=7),
            *UNNAMED,
            *K,
        ],
        breakdown_ns={
            "overlapped": 87,
            "one_dependency": 3,
            "idle_start_latency": 5,
            "one_nothing_queued": 10,
        },
    ),
    _case(
        "a graph's activities have no dependency stage, inferred or not",
        [
            *BUSY,
            *UNNAMED,
            graph_launch(20, 25, correlation=2),
            kernel("k", 105, 115, stream=20, correlation=2),
        ],
        breakdown_ns={
            "overlapped": 2,
            "one_nothing_queued": 8 + 10,
            "one_launching": 5,
            "one_graph": 75,
            "idle_graph": 5,
        },
    ),
    # k starts as a ends: the interval in which an end counts is closed there.
    _case(
        "what ended as it started was waited for",
        [
            *BUSY,
            *UNNAMED,
            launch(20, 25, correlation=2),
            kernel("k", 100, 110, stream=20, correlation=2),
        ],
        breakdown_ns={
            "overlapped": 2,
            "one_nothing_queued": 8 + 10,
            "one_launching": 5,
            "one_dependency": 75,
        },
    ),
    # b runs on lane 8 from 25 to 100.
    _case(
        "what was launched as the wait was called was not waited for",
        [
            launch(2, 5, correlation=1),
            kernel("a", 10, 40, correlation=1),
            *BUSY[2:],
            *UNNAMED,
            launch(14, 17, correlation=5, tid=2),
            kernel("b", 25, 100, stream=8, correlation=5),
            *K,
        ],
        breakdown_ns={
            "overlapped": 2 + 15,
            "one_nothing_queued": 2 + 10,
            "one_launching": 3,
            "one_start_latency": 8,
            "one_room_unknown": 60,
            "idle_unrecorded_wait": 5,
        },
    ),
    _case(
        "what has no launch record was not waited for",
        [*BUSY[1:], *UNNAMED, *K],
        breakdown_ns=NOT_WAITED,
    ),
    _case(
        "what ended on its own lane was not waited for",
        [
            *BUSY,
            *UNNAMED,
            launch(20, 25, correlation=2),
            launch(12, 13, correlation=5),
            kernel("u", 50, 55, stream=20, correlation=5),
            kernel("k", 60, 70, stream=20, correlation=2),
        ],
        # k: 5 after u; u, launched before the wait: 13 to 50, and k behind it
        breakdown_ns={
            "overlapped": 2 + 5 + 10,
            "one_launching": 1,
            "one_room_unknown": 37,
            "one_start_latency": 5,
            "one_nothing_queued": 30,
        },
    ),
    # z, at 55, moves nothing on its own lane and is on no other.
    _case(
        "nor what has no length on its own lane",
        [
            *BUSY,
            launch(12, 13, correlation=5),
            kernel("z", 55, 55, stream=20, correlation=5),
            *UNNAMED,
            launch(20, 25, correlation=2),
            kernel("k", 60, 70, stream=20, correlation=2),
        ],
        # z is ready from 13 to 55, k from 25 to 60.
        breakdown_ns={
            "overlapped": 2 + 10,
            "one_launching": 1,
            "one_room_unknown": 47,
            "one_nothing_queued": 30,
        },
    ),
    _case(
        "a wait called by another thread does not count",
        [*BUSY, wait_call(14, 15, tid=2), *K],
        breakdown_ns=NOT_WAITED,
    ),
    _case(
        "nor one of another process",
        [*BUSY, wait_call(14, 15, pid=200), *K],
        breakdown_ns=NOT_WAITED,
    ),
    _case(
        "nor one called after the launch",
        [*BUSY, wait_call(21, 22), *K],
        breakdown_ns=NOT_WAITED,
    ),
    # v on lane 20 runs from 20 to 22; its launch is the first after the wait.
    _case(
        "a wait is for the first that its thread launches on a lane",
        [
            *BUSY,
            *UNNAMED,
            launch(16, 17, correlation=5),
            kernel("v", 20, 22, stream=20, correlation=5),
            launch(24, 25, correlation=2),
            kernel("k", 105, 115, stream=20, correlation=2),
        ],
        breakdown_ns={
            "overlapped": 2 + 2,
            "one_nothing_queued": 4 + 2 + 10,
            "one_launching": 1 + 1,
            "one_start_latency": 3,
            "one_room_unknown": 75,
            "idle_unrecorded_wait": 5,
        },
    ),
    _case(
        "whatever other threads launch there",
        [
            *BUSY,
            *UNNAMED,
            launch(16, 17, correlation=5, tid=2),
            kernel("v", 20, 22, stream=20, correlation=5),
            launch(24, 25, correlation=2),
            kernel("k", 105, 115, stream=20, correlation=2),
        ],
        breakdown_ns={
            "overlapped": 2 + 2,
            "one_nothing_queued": 4 + 2 + 10,
            "one_launching": 1 + 1,
            "one_start_latency": 3,
            "one_dependency": 75,
            "idle_start_latency": 5,
        },
    ),
    # One call launched both; only the first of them can have waited.
    _case(
        "of what one call launched on a lane the first may have waited",
        [
            *BUSY,
            *UNNAMED,
            launch(16, 17, correlation=2),
            kernel("v", 20, 22, stream=20, correlation=2),
            kernel("k", 105, 115, stream=20, correlation=2),
        ],
        breakdown_ns={
            "overlapped": 2 + 2,
            "one_nothing_queued": 4 + 10,
            "one_launching": 1,
            "one_start_latency": 3,
            "one_room_unknown": 78,
            "idle_unrecorded_wait": 5,
        },
    ),
    _case(
        "a recorded wait is not inferred as well",
        [*BUSY, record_call(0, 1, correlation=3), *CALL, *ROW, *K],
        breakdown_ns=NOT_WAITED,
    ),
    _case(
        "a recorded wait, then an inferred one",
        [
            *BUSY,
            *C,
            *CALL,
            stream_wait(15, stream=20, on_stream=8, correlation=4),
            wait_call(16, 17),
            *K,
        ],
        breakdown_ns={
            "overlapped": 40,
            "one_dependency": 50,
            "idle_start_latency": 5,
            "one_nothing_queued": 10,
        },
    ),
    # c, 5 before k starts, ended before the recorded wait was over: a runs until then.
    _case(
        "nothing that ended before a recorded wait was over is inferred",
        [
            *BUSY,
            launch(3, 4, correlation=7),
            kernel("c", 10, 96, stream=8, correlation=7),
            *CALL,
            *ROW,
            wait_call(16, 17),
            *K,
        ],
        breakdown_ns={
            "overlapped": 86,
            "one_dependency": 4,
            "idle_start_latency": 5,
            "one_nothing_queued": 10,
        },
    ),
    _case(
        "left edge: a lane's first that was waiting",
        [
            *BUSY,
            *UNNAMED,
            launch(20, 25, correlation=2),
            kernel("k", 105, 115, stream=30, correlation=2),
        ],
        breakdown_ns=WAITED,
    ),
]

HALF = shape(10, 1024)
"""One block of 1024 threads on each of 10 SMs: half of what an SM has for threads."""
ONE_WARP = shape(1, 32)


def _room(
    title: str,
    state: str,
    running: Mapping[str, object],
    waiting: Mapping[str, object],
    *cards: Card,
) -> Case:
    """While a runs, k is ready from 25 to 60; the state of that time is asked for."""
    events = [
        BUSY[0],
        kernel("a", 10, 100, correlation=1, shape=running),
        *BUSY[2:],
        launch(20, 25, correlation=2),
        kernel("k", 60, 70, stream=20, correlation=2, shape=waiting),
    ]
    spent = {"overlapped": 2 + 10, "one_nothing_queued": 8 + 30, "one_launching": 5, state: 35}
    return Case(title, events, {"0": {"breakdown_ns": spent}}, cards=cards or [card()])


def _without(entry: Mapping[str, object], key: str) -> dict[str, object]:
    return {k: v for k, v in entry.items() if k != key}


FULL, FREE, UNKNOWN = "one_device_full", "one_unrecorded_wait", "one_room_unknown"
BLOCKS = {
    32: [(7, 0), (7, 2), (8, 0), (9, 0), (10, 0), (10, 3)],
    24: [(8, 9), (11, 0), (12, 0), (12, 1)],
    16: [(7, 5), (8, 6), (8, 7)],
}
"""The compute capabilities whose SMs hold so many blocks, 2,048 threads or not."""
OLDER = card(capability=(7, 0), shared=98_304)

# An SM of the card: 2048 threads, 65,536 registers, 167,936 bytes, 32 blocks.
ROOM = [
    _room("two blocks of 1024 threads fill an SM", FULL, shape(20, 1024), ONE_WARP),
    _room("one of them leaves room for another", FREE, HALF, HALF),
    _room("threads come in warps: 992 leave 64", FULL, shape(20, 992), shape(1, 65)),
    _room("and 64 fit", FREE, shape(20, 992), shape(1, 64)),
    _room("a running block's threads come in warps, too", FULL, shape(20, 993), ONE_WARP),
    _room("blocks and threads in three dimensions", FULL, shape([2, 5, 2], [32, 4, 8]), ONE_WARP),
    # 32 registers a thread: 32 warps x 1024 = 32,768, half of an SM's.
    _room("registers that fit", FREE, shape(10, 1024, registers=32), shape(1, 1024, registers=32)),
    _room(
        "registers that do not", FULL, shape(10, 1024, registers=32), shape(1, 1024, registers=33)
    ),
    # 33 registers a thread: 1056 a warp, rounded up to 1280: 40,960, which leaves 24,576, and
    # 24 and 25 registers a thread: 768 and 800, rounded up to 1024, a warp.
    _room(
        "registers come in 256 a warp",
        FREE,
        shape(10, 1024, registers=33),
        shape(1, 1024, registers=24),
    ),
    _room(
        "and rounded up they may not fit",
        FULL,
        shape(10, 1024, registers=33),
        shape(1, 1024, registers=25),
    ),
    # 82,944 bytes and 1024 reserved are 83,968, half of an SM's.
    _room("shared memory that fits", FREE, shape(10, shared=82_944), shape(1, shared=82_944)),
    _room("shared memory that does not", FULL, shape(10, shared=82_944), shape(1, shared=82_945)),
    _room(
        "shared memory comes in 128 bytes, a running block's, too",
        FULL,
        shape(10, shared=82_945),
        shape(1, shared=82_944),
    ),
    _room(
        "nothing is reserved before capability 8",
        FREE,
        shape(10, shared=49_152),
        shape(1, shared=49_152),
        OLDER,
    ),
    # 48,900 bytes are 49,152 and 49,280 are 49,408, which is 256 more than the other half.
    _room(
        "there it comes in 256 bytes",
        FULL,
        shape(10, shared=48_900),
        shape(1, shared=49_280),
        OLDER,
    ),
    _room(
        "and 49,152 would fit",
        FREE,
        shape(10, shared=48_900),
        shape(1, shared=49_152),
        OLDER,
    ),
    # 42,880 and 125,056 bytes with what is reserved: 335 and 977 times 128, and all of an SM's.
    _room("not in 256", FREE, shape(10, shared=41_856), shape(1, shared=124_032)),
    *(
        _room(
            f"on {major}.{minor}, {blocks} of {most} blocks",
            FULL if blocks == most else FREE,
            shape(10 * blocks),
            ONE_WARP,
            card(capability=(major, minor)),
        )
        for most, capabilities in BLOCKS.items()
        for major, minor in capabilities
        for blocks in (most - 1, most)
    ),
    _room("as many blocks run as fit an SM", FREE, shape(1000, 1000), ONE_WARP, card(threads=2080)),
    _room("fewer blocks than SMs leave one empty", FREE, shape(9, 1024), shape(1, 1024)),
    _room(
        "what does not fill another round of blocks does not count",
        FREE,
        shape(19, 1024),
        shape(1, 1024),
    ),
    _room(
        "a block that fits no SM has no room on an empty one",
        FULL,
        shape(9),
        shape(1, shared=167_936),
    ),
    _room("a warp of 64 threads", FULL, HALF, shape(1, 65), card(threads=1024 + 64, warp=64)),
    _room("and one that fits", FREE, HALF, shape(1, 64), card(threads=1024 + 64, warp=64)),
    _room("nothing is known of the device", UNKNOWN, HALF, HALF, card(1)),
    _room(
        "of two devices the entry of its number counts",
        FULL,
        shape(20, 1024),
        ONE_WARP,
        card(1, threads=4096),
        card(0),
    ),
    _room("no table for old capabilities", UNKNOWN, HALF, HALF, card(capability=(6, 1))),
    _room("nor for those to come", UNKNOWN, HALF, HALF, card(capability=(13, 0))),
    *(
        _room(f"without {key} of the running", UNKNOWN, _without(HALF, key), HALF)
        for key in sorted(HALF)
    ),
    *(
        _room(f"without {key} of the waiting", UNKNOWN, HALF, _without(HALF, key))
        for key in sorted(HALF)
    ),
    *(
        _room(f"without {key} of the device", UNKNOWN, HALF, HALF, _without(card(), key))
        for key in sorted(card().keys() - {"id", "name"})
    ),
    # As ROCm writes it: no shapes, and fewer fields of a device whose warps have 64 threads.
    _room(
        "a trace of ROCm",
        UNKNOWN,
        {},
        {},
        _without(_without(card(capability=(9, 0), warp=64), "regsPerMultiprocessor"), "numSms"),
    ),
    Case(
        "a copy that waits",
        [
            BUSY[0],
            kernel("a", 10, 100, correlation=1, shape=HALF),
            *BUSY[2:],
            launch(20, 25, correlation=2, name="cudaMemcpyAsync"),
            copy("Memcpy HtoD (Pinned -> Device)", 60, 70, stream=20, correlation=2),
        ],
        {
            "0": {
                "breakdown_ns": {
                    "overlapped": 12,
                    "one_nothing_queued": 38,
                    "one_launching": 5,
                    "one_room_unknown": 35,
                }
            }
        },
        cards=[card()],
    ),
    Case(
        "a copy that runs",
        [
            BUSY[0],
            copy("Memcpy HtoD (Pinned -> Device)", 10, 100, correlation=1),
            *BUSY[2:],
            launch(20, 25, correlation=2),
            kernel("k", 60, 70, stream=20, correlation=2, shape=HALF),
        ],
        {
            "0": {
                "breakdown_ns": {
                    "overlapped": 12,
                    "one_nothing_queued": 38,
                    "one_launching": 5,
                    "one_room_unknown": 35,
                }
            }
        },
        cards=[card()],
    ),
    # b begins on lane 7 while a runs, from 30 to 40.
    Case(
        "two kernels of one lane run together",
        [
            BUSY[0],
            kernel("a", 10, 100, correlation=1, shape=HALF),
            *BUSY[2:],
            launch(3, 4, correlation=5),
            kernel("b", 30, 40, correlation=5, shape=ONE_WARP),
            launch(20, 25, correlation=2),
            kernel("k", 60, 70, stream=20, correlation=2, shape=HALF),
        ],
        {
            "0": {
                "breakdown_ns": {
                    "overlapped": 12,
                    # b, behind a, from 12 to 25
                    "one_same_lane": 13,
                    "one_unrecorded_wait": 5 + 20,
                    "one_room_unknown": 10,
                    "one_nothing_queued": 30,
                },
                "breakdown_by_class_ns": {
                    "overlapped": {"compute": 12},
                    "one_same_lane": {"compute": 13},
                    "one_unrecorded_wait": {"compute": 25},
                    "one_room_unknown": {"compute": 10},
                    "one_nothing_queued": {"compute": 30},
                },
            }
        },
        cards=[card()],
    ),
    # Lane 7 runs a until 40 and then b, which fills the device.
    Case(
        "the room is that beside what runs at the time",
        [
            BUSY[0],
            kernel("a", 10, 40, correlation=1, shape=HALF),
            *BUSY[2:],
            launch(3, 4, correlation=5),
            kernel("b", 40, 100, correlation=5, shape=shape(20, 1024)),
            launch(20, 25, correlation=2),
            kernel("k", 60, 70, stream=20, correlation=2, shape=HALF),
        ],
        {
            "0": {
                "breakdown_ns": {
                    "overlapped": 12,
                    "one_same_lane": 13,
                    "one_unrecorded_wait": 15,
                    "one_device_full": 20,
                    "one_nothing_queued": 30,
                }
            }
        },
        cards=[card()],
    ),
    # m, on lane 30, is ready from 24; k, for which there is no room, from 25.
    Case(
        "of several that wait one without room decides",
        [
            *SYNC_BEFORE,
            BUSY[0],
            kernel("a", 10, 100, correlation=1, shape=HALF),
            *BUSY[2:],
            launch(21, 24, correlation=6, tid=2),
            kernel("m", 60, 70, stream=30, correlation=6, shape=HALF),
            launch(20, 25, correlation=2),
            kernel("k", 60, 70, stream=20, correlation=2, shape=shape(1, 1025)),
        ],
        {
            "0": {
                "breakdown_ns": {
                    "overlapped": 12,
                    "one_nothing_queued": 38,
                    "one_launching": 4,
                    "one_unrecorded_wait": 1,
                    "one_device_full": 35,
                }
            }
        },
        cards=[card()],
    ),
    Case(
        "then one with room",
        [
            *SYNC_BEFORE,
            BUSY[0],
            kernel("a", 10, 100, correlation=1, shape=HALF),
            *BUSY[2:],
            launch(21, 24, correlation=6, tid=2),
            kernel("m", 60, 70, stream=30, correlation=6),
            launch(20, 25, correlation=2),
            kernel("k", 60, 70, stream=20, correlation=2, shape=HALF),
        ],
        {
            "0": {
                "breakdown_ns": {
                    "overlapped": 12,
                    "one_nothing_queued": 38,
                    "one_launching": 4,
                    "one_room_unknown": 1,
                    "one_unrecorded_wait": 35,
                }
            }
        },
        cards=[card()],
    ),
    # k has no launch record; z behind it was launched at 20, so k was ready from then on.
    Case(
        "one without a launch waits for room like others",
        [
            BUSY[0],
            kernel("a", 10, 100, correlation=1, shape=shape(20, 1024)),
            *BUSY[2:],
            kernel("k", 60, 70, stream=20, shape=HALF),
            launch(20, 25, correlation=2),
            kernel("z", 70, 80, stream=20, correlation=2),
        ],
        {
            "0": {
                "breakdown_ns": {
                    "overlapped": 2 + 20,
                    "one_unknown": 8,
                    "one_device_full": 40,
                    "one_nothing_queued": 20,
                }
            }
        },
        cards=[card()],
    ),
]

LAUNCHES = [
    _case(
        "of nested calls of one correlation the outermost launched",
        [
            *A,
            runtime("cuLaunchKernel", 33, 36, correlation=2, category="cuda_driver"),
            launch(30, 40, correlation=2),
            kernel("k", 45, 50, correlation=2),
        ],
        breakdown_ns={
            "one_nothing_queued": 15,
            "idle_host_untraced": 10,
            "idle_launching": 10,
            "idle_start_latency": 5,
        },
    ),
    _case(
        "of calls that begin together the longest launched",
        [
            *A,
            runtime("cuLaunchKernel", 30, 33, correlation=2, category="cuda_driver"),
            launch(30, 40, correlation=2),
            kernel("k", 45, 50, correlation=2),
        ],
        breakdown_ns={
            "one_nothing_queued": 15,
            "idle_host_untraced": 10,
            "idle_launching": 10,
            "idle_start_latency": 5,
        },
    ),
    _case(
        "a correlation of 0 ties nothing",
        [
            Event("cuda_runtime", "cudaLaunchKernel", 100, 1, 22, 25, {"correlation": 0}),
            *A,
            Event("kernel", "k", 0, 7, 40, 50, {"stream": 7, "correlation": 0}),
        ],
        breakdown_ns={"one_unknown": 10, "idle_unknown": 20, "one_nothing_queued": 10},
    ),
    # Two ranks in one file use the same correlations. Device 0 belongs to process 100 (three
    # of its activities have a launch there), device 1 to process 200.
    Case(
        "merged traces are matched within a process",
        [
            launch(0, 2, correlation=1),
            kernel("a", 4, 10, correlation=1),
            launch(20, 22, correlation=2),
            kernel("b", 25, 30, correlation=2),
            launch(40, 42, correlation=3),
            kernel("c", 45, 50, correlation=3),
            launch(1, 3, correlation=4, pid=200),
            kernel("d", 4, 10, device=1, correlation=4),
            launch(13, 14, correlation=2, pid=200),
            kernel("e", 15, 20, device=1, correlation=2),
        ],
        {
            "0": {
                "breakdown_ns": {
                    "one_nothing_queued": 6 + 5 + 5,
                    "idle_host_untraced": 10 + 10,
                    "idle_launching": 2 + 2,
                    "idle_start_latency": 3 + 3,
                }
            },
            "1": {
                "breakdown_ns": {
                    "one_nothing_queued": 6 + 5,
                    "idle_host_untraced": 3,
                    "idle_launching": 1,
                    "idle_start_latency": 1,
                }
            },
        },
    ),
]


def _latencies(ready: Sequence[int]) -> list[Event]:
    """One lane, whose activities but the first wait so long each; the first waits 3."""
    events = [launch(0, 1, correlation=1), kernel("k1", 4, 5, correlation=1)]
    at = 5
    for i, wait in enumerate(ready, 2):
        events.append(launch(at, at + 1, correlation=i))
        events.append(kernel(f"k{i}", at + 1 + wait, at + 2 + wait, correlation=i))
        at += 2 + wait
    return events


LATENCY = [
    # 100 values, rank 99 of 100 is the lesser of the two of 16: 16 x 1.25 = 20.
    _case(
        "the bound is a quarter above the 99th percentile",
        _latencies([4] * 97 + [20] + [16] * 2),
        latency_bound_ns=20,
        breakdown_ns={
            "one_nothing_queued": 101,
            "idle_launching": 100,
            "idle_start_latency": 4 * 97 + 20 + 16 * 2,
        },
    ),
    _case(
        "a longer one than the fitted bound is a wait",
        _latencies([4] * 97 + [21] + [16] * 2),
        latency_bound_ns=20,
        breakdown_ns={
            "one_nothing_queued": 101,
            "idle_launching": 100,
            "idle_start_latency": 4 * 97 + 16 * 2,
            "idle_unrecorded_wait": 21,
        },
    ),
    _case(
        "the bound is never below 10 us",
        _latencies([4] * 100),
        latency_bound_ns=10,
        breakdown_ns={
            "one_nothing_queued": 101,
            "idle_launching": 100,
            "idle_start_latency": 400,
        },
    ),
    _case(
        "99 ready intervals are too few for a percentile",
        _latencies([16] * 99),
        latency_bound_ns=10,
        breakdown_ns={
            "one_nothing_queued": 100,
            "idle_launching": 99,
            "idle_unrecorded_wait": 16 * 99,
        },
    ),
    _case(
        "ready intervals without a launch and of graphs do not count",
        [
            *_latencies([16] * 99),
            launch(2000, 2001, correlation=200),
            kernel("without a launch", 2005, 2006),
            kernel("behind it", 2006, 2007, correlation=200),
            graph_launch(2010, 2011, correlation=201),
            kernel("of a graph", 2015, 2016, correlation=201),
        ],
        latency_bound_ns=10,
    ),
    _case(
        "empty ready intervals do not count",
        _latencies([16] * 99 + [0] * 5),
        latency_bound_ns=10,
    ),
    _case(
        "a bound of 100 us is used",
        _latencies([4] * 98 + [80] * 2),
        latency_bound_ns=100,
    ),
    _case(
        "above 100 us it is made of waits and is not",
        _latencies([4] * 98 + [84] * 2),
        latency_bound_ns=10,
        breakdown_ns={
            "one_nothing_queued": 101,
            "idle_launching": 100,
            "idle_start_latency": 4 * 98,
            "idle_unrecorded_wait": 84 * 2,
        },
    ),
]

# The last of 100 starts its launch at 1787, as the one before it ends.
LATENCY_OF_WAITS = [
    _case("100 ready intervals are enough", _latencies([16] * 100), latency_bound_ns=20),
    _case(
        "what a recorded wait held back does not count",
        [
            *_latencies([16] * 100),
            launch(2, 3, correlation=200),
            kernel("w", 6, 8, stream=20, correlation=200),
            wait_call(1787, 1787, correlation=300),
            stream_wait(1787, stream=7, on_stream=20, correlation=300),
        ],
        latency_bound_ns=10,
    ),
    _case(
        "what a satisfied one held back does",
        [
            *_latencies([16] * 100),
            wait_call(1787, 1787, correlation=300),
            stream_wait(1787, stream=7, on_stream=20, correlation=300),
        ],
        latency_bound_ns=20,
    ),
    _case(
        "what may have waited for who knows what does not, found or not",
        [*_latencies([16] * 100), wait_call(1787, 1787)],
        latency_bound_ns=10,
    ),
    # w ends at 1810, 15 before k starts: further than the least bound, but within the fitted.
    _case(
        "what is inferred lies within the fitted bound",
        [
            *_latencies([16] * 100),
            launch(2, 3, correlation=200),
            kernel("w", 6, 1810, stream=20, correlation=200),
            wait_call(1806, 1806),
            launch(1806, 1807, correlation=201),
            kernel("k", 1825, 1826, correlation=201),
        ],
        latency_bound_ns=20,
        lane_breakdown_ns={
            "7": {
                "running": 102,
                "not_launched": 1,
                "launching": 101,
                "dependency": 3,
                "start_latency": 16 * 100 + 15,
            },
            "20": {"start_latency": 2, "running": 1804, "edge": 16},
        },
    ),
]

# --- without a device -----------------------------------------------------------------


def _cpu_case(title: str, events: Sequence[Event], **answer: Any) -> Case:
    return Case(title, events, {"100": answer})


CPU = [
    # column = 2 us
    # 1   =====            ===   aten::mm 0-10, aten::add 34-40; Python 22-40
    # 2      =======             aten::addmm 6-20
    _cpu_case(
        "two threads overlap",
        [
            cpu_op("aten::mm", 0, 10),
            cpu_op("aten::as_strided", 2, 4),
            cpu_op("aten::addmm", 6, 20, tid=2),
            python("forward", 22, 40),
            cpu_op("aten::add", 34, 40),
        ],
        kind="cpu",
        window_ns=40,
        activities=3,
        busy_ns=26,
        idle_ns=14,
        overlap_ns=4,
        same_lane_overlap_ns=0,
        latency_bound_ns=None,
        max_concurrency=2,
        concurrency_ns={"0": 14, "1": 22, "2": 4},
        lanes=[
            {"lane": "1", "activities": 2, "busy_ns": 16},
            {"lane": "2", "activities": 1, "busy_ns": 14},
        ],
        lane_overlap_ns=[["1", "2", 4]],
        breakdown_ns={
            "overlapped": 4,
            "one_lane_alone": 22,
            "idle_untraced": 2,
            "idle_python": 12,
        },
        breakdown_by_class_ns={
            "overlapped": {"compute": 4},
            "one_lane_alone": {"compute": 22},
        },
        lane_breakdown_ns={
            "1": {"running": 16, "untraced": 12, "python": 12},
            "2": {"running": 14, "untraced": 26},
        },
        parallelism={
            "achieved": Fraction(30, 26),
            "achieved_compute": Fraction(30, 26),
            "work_over_window": Fraction(30, 40),
            "available": None,
            "efficiency": None,
            "window_over_span": None,
        },
        idle_gaps=[
            {
                "start_ns": 20,
                "duration_ns": 14,
                "before": "aten::addmm",
                "after": "aten::add",
                "breakdown_ns": {"idle_untraced": 2, "idle_python": 12},
            }
        ],
    ),
    # Branch 1 is open from 2 to 30, and runs an operator only from 10 to 20.
    _cpu_case(
        "one lane runs while another's branch is held up",
        [
            annotation("overlap.step", 0, 40),
            annotation("overlap.branch 0", 0, 34),
            cpu_op("aten::gru", 0, 34),
            annotation("overlap.branch 1", 2, 30, tid=2),
            cpu_op("aten::gru", 10, 20, tid=2),
            cpu_op("aten::stack", 38, 40),
        ],
        breakdown_ns={
            "one_lane_alone": 2 + 4 + 2,
            "one_lane_python": 8 + 10,
            "overlapped": 10,
            "idle_python": 4,
        },
        lane_breakdown_ns={
            "1": {"running": 36, "python": 4},
            "2": {"running": 10, "python": 18, "untraced": 12},
        },
    ),
    _cpu_case(
        "steps and collectives are no branches, nor is a thread without activities",
        [
            cpu_op("aten::gru", 0, 40),
            annotation("ProfilerStep#3", 0, 40, tid=2),
            annotation("overlap.step", 0, 40, tid=2),
            cpu_op("aten::gru", 10, 20, tid=2),
            annotation("a branch", 0, 40, tid=3),
        ],
        breakdown_ns={"one_lane_alone": 30, "overlapped": 10},
    ),
    # MyModule calls Inner, which calls two operators; nothing of its own is work.
    _cpu_case(
        "containers are opened",
        [
            cpu_op("MyModule", 0, 30),
            cpu_op("Inner", 2, 28),
            cpu_op("aten::mm", 4, 10),
            cpu_op("aten::empty", 5, 6),
            cpu_op("aten::add", 20, 24),
            cpu_op("LeafFunction", 32, 36),
        ],
        window_start_ns="4",
        window_ns=32,
        activities=3,
        busy_ns=14,
        breakdown_ns={"one_lane_alone": 14, "idle_untraced": 18},
    ),
    _cpu_case(
        "a container may begin with its first child, and an operator as another ends",
        [
            cpu_op("MyModule", 0, 30),
            cpu_op("aten::mm", 0, 10),
            cpu_op("aten::add", 10, 20),
            cpu_op("aten::relu", 30, 34),
        ],
        activities=3,
        busy_ns=24,
        same_lane_overlap_ns=0,
        breakdown_ns={"one_lane_alone": 24, "idle_untraced": 10},
    ),
    # The parent forks at 2, runs until 10 and waits until 30 for the forked function.
    _cpu_case(
        "a thread that waits for what it forked is not running",
        [
            cpu_op("forward", 0, 40),
            cpu_op("aten::gru", 2, 10),
            cpu_op("aten::stack", 30, 38),
            cpu_op("<forked function>", 4, 30, tid=2),
            cpu_op("aten::gru", 6, 28, tid=2),
            # a parent that has nothing to do but wait
            cpu_op("forward", 0, 40, tid=3),
        ],
        window_start_ns="2",
        window_ns=36,
        activities=3,
        overlap_ns=4,
        breakdown_ns={"one_lane_alone": 4 + 18 + 8, "overlapped": 4, "idle_untraced": 2},
        lanes=[
            {"lane": "1", "activities": 2, "busy_ns": 16},
            {"lane": "2", "activities": 1, "busy_ns": 22},
        ],
    ),
    _cpu_case(
        "compiled code is no container",
        [
            cpu_op("Torch-Compiled Region: 0/0", 0, 10),
            cpu_op("aten::mm", 2, 4),
            cpu_op("## Call CompiledFxGraph fab ##", 20, 30),
            cpu_op("extern_kernels.mm", 22, 24),
            cpu_op("Call CompiledFxGraph fac", 40, 50),
            cpu_op("aten::mm", 42, 44),
        ],
        activities=3,
        busy_ns=30,
    ),
    _cpu_case(
        "a container's collective may come before its first operator",
        [
            cpu_op("MyFunction", 0, 20),
            annotation("gloo:broadcast", 1, 5),
            cpu_op("aten::mm", 10, 15),
            # What the collective encloses is within MyFunction too; its child is the outer one.
            cpu_op("MyFunction", 30, 50),
            annotation("gloo:broadcast", 31, 45),
            cpu_op("c10d::broadcast_", 32, 33),
            # One that encloses no operator is work itself.
            cpu_op("MyFunction", 60, 70),
            annotation("gloo:broadcast", 61, 65),
        ],
        window_start_ns="1",
        window_ns=69,
        activities=4,
        class_busy_ns={"communication": 4 + 14, "compute": 5 + 10},
        breakdown_ns={"one_lane_alone": 33, "idle_untraced": 5 + 16 + 15},
    ),
    # The annotation is the outermost of its thread; within an operator it is not.
    _cpu_case(
        "collectives are communication",
        [
            annotation("gloo:all_reduce", 0, 20, tid=2),
            cpu_op("c10d::allreduce_", 5, 25),
            cpu_op("aten::mm", 15, 35, tid=3),
            annotation("nccl:broadcast", 16, 18, tid=3),
            annotation("overlap.branch 7", 0, 40, tid=2),
        ],
        activities=3,
        class_busy_ns={"communication": 25, "compute": 20},
        class_overlap_ns={"communication+compute": 10},
        exposed_communication_ns=15,
        breakdown_ns={
            "one_lane_alone": 5,
            "overlapped": 15 + 5,
            # 25-35: the branch on thread 2 is open and runs nothing.
            "one_lane_python": 10,
        },
        breakdown_by_class_ns={
            "one_lane_alone": {"communication": 5},
            "one_lane_python": {"compute": 10},
            "overlapped": {"communication": 10, "communication+compute": 10},
        },
    ),
    Case(
        "processes are never mixed",
        [
            cpu_op("aten::mm", 0, 10),
            cpu_op("aten::mm", 5, 15, pid=200),
            python("f", 15, 25, pid=200),
            cpu_op("aten::mm", 20, 30),
        ],
        {
            "100": {"overlap_ns": 0, "breakdown_ns": {"one_lane_alone": 20, "idle_untraced": 10}},
            "200": {"overlap_ns": 0, "breakdown_ns": {"one_lane_alone": 10}},
        },
    ),
]

# --- steps ----------------------------------------------------------------------------

STEPS = [
    # step#1 0-30, step#2 30-60 on the host; b of step#1 starts in step#2 and ends at 50.
    # 7   a 10-20, b 35-50, c 60-70
    Case(
        "a step lasts until the work that it launched ends",
        [
            annotation("ProfilerStep#1", 0, 30),
            launch(2, 5, correlation=1),
            kernel("a", 10, 20, correlation=1),
            # launched by another thread of the process, in a call that outlasts the step
            launch(22, 32, correlation=2, tid=2),
            kernel("b", 35, 50, correlation=2),
            annotation("ProfilerStep#2", 30, 60),
            launch(51, 55, correlation=3),
            kernel("c", 60, 70, correlation=3),
            # launched as the step ends: outside
            launch(60, 62, correlation=4),
            kernel("d", 72, 80, correlation=4),
        ],
        {"0": {"window_start_ns": "10", "window_ns": 70}},
        steps={
            "ProfilerStep#1": {
                "0": {
                    "window_start_ns": "0",
                    "window_ns": 50,
                    "activities": 2,
                    "busy_ns": 25,
                    "breakdown_ns": {
                        # 0-10 before a: thread 1 is in the step's own annotation
                        "idle_host_python": 2,
                        "idle_launching": 3 + 10,
                        "idle_start_latency": 5 + 3,
                        # 20-22 before b: thread 2 is in nothing
                        "idle_host_untraced": 2,
                        "one_nothing_queued": 25,
                    },
                    "lane_breakdown_ns": {
                        "7": {
                            "running": 25,
                            "not_launched": 4,
                            "launching": 13,
                            "start_latency": 8,
                        }
                    },
                }
            },
            "ProfilerStep#2": {
                "0": {
                    "window_start_ns": "30",
                    "window_ns": 40,
                    "activities": 2,
                    "busy_ns": 25,
                    "breakdown_ns": {
                        # 30-35 before b; 50-51, then the launch of c
                        "idle_start_latency": 3 + 5,
                        "idle_host_python": 1,
                        "idle_launching": 2 + 4,
                        # 60-62 d's launch, 62-70 behind c
                        "one_launching": 2,
                        "one_same_lane": 8,
                        "one_nothing_queued": 15,
                    },
                }
            },
        },
    ),
    Case(
        "nothing follows in the step",
        [
            annotation("ProfilerStep#7", 0, 40),
            launch(0, 5, correlation=1),
            kernel("a", 5, 20, correlation=1),
            launch(30, 35, correlation=2, pid=300),
            # begins as the step's window ends
            kernel("b", 40, 60, correlation=2),
        ],
        {"0": {"window_ns": 55}},
        steps={
            "ProfilerStep#7": {
                "0": {
                    "window_ns": 40,
                    "breakdown_ns": {
                        "idle_launching": 5,
                        "one_nothing_queued": 15,
                        "idle_edge": 20,
                    },
                    "lane_breakdown_ns": {"7": {"launching": 5, "running": 15, "edge": 20}},
                }
            }
        },
    ),
    Case(
        "a step of a processor lasts until the operators begun in it end",
        [
            annotation("ProfilerStep#0", 10, 30),
            cpu_op("aten::mm", 12, 20),
            cpu_op("aten::mm", 28, 45, tid=2),
            cpu_op("aten::add", 40, 60),
            cpu_op("aten::mm", 0, 100, pid=200),
        ],
        {"100": {"window_ns": 48}, "200": {"window_ns": 100}},
        steps={
            "ProfilerStep#0": {
                "100": {
                    "window_start_ns": "10",
                    "window_ns": 35,
                    "busy_ns": 25,
                    "breakdown_ns": {
                        "idle_python": 2 + 8,
                        "one_lane_alone": 8 + 12,
                        "overlapped": 5,
                    },
                }
            }
        },
    ),
]

CASES = [
    *FIGURES,
    *IDLE,
    *ONE,
    *RECORDED,
    *INFERRED,
    *ROOM,
    *LAUNCHES,
    *LATENCY,
    *LATENCY_OF_WAITS,
    *CPU,
    *STEPS,
]


# --- comparing ------------------------------------------------------------------------

_BREAKDOWNS = {"breakdown_ns", "breakdown_by_class_ns", "lane_breakdown_ns", "class_busy_ns"}


def normal(answers: Mapping[str, Answer], unit: int = 1) -> dict[str, Any]:
    """Answers as a report states them, flat: ratios as floats, times in units of `unit` ns."""
    return _flat({device: _normal("", answer, unit) for device, answer in answers.items()})


def said(devices: Mapping[str, Any], answers: Mapping[str, Answer]) -> dict[str, Any]:
    """What the report's devices say of the keys that the answers name, flat, without zeros."""
    return _flat(
        {
            name: {key: _said(key, devices[name].get(key), answer[key]) for key in answer}
            for name, answer in answers.items()
        }
    )


def _normal(key: str, value: Any, unit: int) -> Any:
    if isinstance(value, Mapping):
        inner = key if key.endswith("_ns") else ""
        return {k: _normal(inner or k, v, unit) for k, v in value.items()}
    if isinstance(value, list):
        return [_normal(key, v, unit) for v in value]
    if isinstance(value, Fraction):
        return float(value)
    if key == "window_start_ns":
        return str(int(value) * unit)
    return value * unit if key.endswith("_ns") and isinstance(value, int) else value


def _said(key: str, value: Any, answer: Any) -> Any:
    if key in _BREAKDOWNS and isinstance(value, Mapping):
        kept = {k: _said(key, v, None) for k, v in value.items()}
        return {k: v for k, v in kept.items() if v}
    if key == "parallelism":
        return {k: value[k] for k in answer}
    if key == "idle_gaps" and answer:
        return [{k: v for k, v in gap.items() if k in answer[0]} for gap in value]
    return value


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Every leaf under its path, so that a failing test names just those that differ."""
    if isinstance(value, Mapping) and value:
        pairs = [(f"{path}.{key}".lstrip("."), inner) for key, inner in value.items()]
    elif isinstance(value, list) and value:
        pairs = [(f"{path}[{i}]", inner) for i, inner in enumerate(value)]
    else:
        return {path: value}
    return {k: v for name, inner in pairs for k, v in _flat(inner, name).items()}

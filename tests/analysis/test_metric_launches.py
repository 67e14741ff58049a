"""The launches of a device: by hand, against a walk through time, and against HTA."""

from __future__ import annotations

import importlib
from collections import Counter
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings

import analysis
from analysis.hta import trace_analysis
from tests import reference, strategies
from tests.builders import Event, cpu_op, graph_launch, kernel, launch, runtime, write_trace
from tests.builders import copy as memory_copy
from tests.shared import ABSENT, real_traces

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from analysis import Trace
    from tests.reference import Device, Work

    LoadEvents = Callable[..., Trace]
    Plain = dict[str, Any]

# By the name of the function the package hides the module.
MODULE = importlib.import_module("analysis.metrics.launches")
TAKE_LONG = ("tracelens-h100-owlv2.json.gz", "tracelens-vllm-piecewise-graph.json.gz")


def of_one_device(trace: Trace) -> Plain:
    (device,) = analysis.analyze(trace).to_json()["devices"]
    return dict(device["launches"])


# --- by hand --------------------------------------------------------------------------


def test_by_hand(load_events: LoadEvents) -> None:
    """Two calls for kernels, one of them slower than its kernel, a copy and a replay of two."""
    found = of_one_device(
        load_events(
            [
                *(launch(0, 4, correlation=1), kernel("a", 10, 30, correlation=1)),
                *(launch(4, 14, correlation=2), kernel("b", 30, 33, correlation=2)),
                runtime("cudaMemcpyAsync", 14, 20, correlation=3),
                memory_copy("Memcpy HtoD", 15, 25, stream=8, correlation=3),
                graph_launch(20, 40, correlation=4),
                kernel("g1", 60, 61, stream=9, correlation=4),
                kernel("g2", 70, 80, stream=7, correlation=4),
            ]
        )
    )
    # Window [10, 80). Waiting: a [0, 10), b [4, 30), the copy [14, 15), the replay [20, 60).
    assert found == {
        "calls": 4,
        "graph_replays": 1,
        "call_ns": {"count": 4, "total_ns": 40, "median_ns": 6, "p95_ns": 20, "longest_ns": 20},
        "queue_ns": {"count": 3, "total_ns": 42, "median_ns": 16, "p95_ns": 20, "longest_ns": 20},
        "calls_per_second": 4e9 / 40,
        "activities_per_second": 5e9 / 40,
        # Busy: [10, 33), [60, 61) and [70, 80).
        "activities_per_busy_second": 5e9 / 34,
        "kernels": 2,
        "short_kernels": 1,
        "short_kernel_share": 0.5,
        "queue": {"lane": None, "longest": 2, "mean": 61 / 70, "full_ns": 0},
        "queues": [
            {"lane": "7", "longest": 1, "mean": 20 / 70, "full_ns": 0},
            {"lane": "8", "longest": 1, "mean": 1 / 70, "full_ns": 0},
            {"lane": "9", "longest": 1, "mean": 40 / 70, "full_ns": 0},
        ],
    }


@pytest.mark.parametrize(
    "name",
    [
        *("cudaLaunchKernel", "cudaLaunchKernelExC", "cuLaunchKernel", "cuLaunchKernelEx"),
        *("cudaLaunchKernelExC_ptsz", "cudaLaunchCooperativeKernel", "hipLaunchKernel"),
        *("hipExtLaunchKernel", "hipModuleLaunchKernel", "hipExtModuleLaunchKernel"),
    ],
)
def test_every_launch_call_counts(load_events: LoadEvents, name: str) -> None:
    found = of_one_device(
        load_events([launch(0, 5, correlation=1, name=name), kernel("a", 7, 9, correlation=1)])
    )
    assert (found["calls"], found["short_kernels"], found["graph_replays"]) == (1, 1, 0)
    assert found["queue_ns"]["total_ns"] == 2


def test_a_full_queue(load_events: LoadEvents) -> None:
    """One launch in each of the first 1,025 ns; the first kernel starts at 2,000."""
    limit = MODULE.QUEUE_LIMIT
    events = [kernel("before", 0, 1, stream=8)]
    for i in range(limit + 1):
        events.append(launch(i, i + 1, correlation=i + 1))
        events.append(kernel("k", 2000 + i, 2001 + i, correlation=i + 1))
    found = of_one_device(load_events(events))
    # The 1,024th is launched at 1,023; of 1,025 the second starts at 2,001.
    assert limit == 1024
    assert found["queue"]["longest"] == 1025
    assert found["queue"]["full_ns"] == found["queues"][0]["full_ns"] == 2001 - 1023


def test_without_any_launch(load_events: LoadEvents) -> None:
    found = of_one_device(load_events([kernel("a", 5, 5)]))
    assert found == {
        **dict.fromkeys(("calls", "graph_replays", "kernels", "short_kernels"), 0),
        **dict.fromkeys(("call_ns", "queue_ns", "calls_per_second", "short_kernel_share")),
        **dict.fromkeys(("activities_per_second", "activities_per_busy_second")),
        "queue": {"lane": None, "longest": 0, "mean": None, "full_ns": 0},
        "queues": [],
    }


def test_a_cpu_launches_nothing(load_events: LoadEvents) -> None:
    (device,) = analysis.analyze(load_events([cpu_op("aten::mm", 0, 9)])).to_json()["devices"]
    assert device["launches"] is None


# --- against a walk through time ------------------------------------------------------

NO_LIMITS = reference.Limits()
LIMIT = 2
"""So short a queue that random traces fill it."""


@settings(deadline=None, max_examples=300)
@given(strategies.accelerator_traces())
def test_agrees_with_a_walk_through_time(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event]
) -> None:
    path = write_trace(tmp_path_factory.getbasetemp() / "launches.json", events)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MODULE, "QUEUE_LIMIT", LIMIT)
        report = analysis.analyze(analysis.load(path)).to_json()
    devices = {str(device.process): device for device in reference._devices(events, NO_LIMITS, ())}
    for entry in report["devices"]:
        device = devices[entry["device"]]
        assert entry["launches"] == walked(device, *reference._window(device.works))
    marks = {event.name: event for event in events if event.name.startswith("ProfilerStep#")}
    for step in report["steps"]:
        for entry in step["devices"]:
            device = devices[entry["device"]]
            window = reference._step_window(device, marks[step["name"]])
            assert entry["launches"] == walked(device, *window)


def walked(device: Device, low: int, high: int) -> Plain:
    """The figures of a window, moment by moment."""
    of_call: dict[int, tuple[Event, list[Work]]] = {}
    for work in device.works:
        if work.launch is not None:
            of_call.setdefault(id(work.launch), (work.launch, []))[1].append(work)
    calls = [
        (call, min(works, key=lambda w: (w.start, w.end, w.event.name)), works)
        for call, works in of_call.values()
    ]
    inside = [each for each in calls if reference._touches(each[1], low, high)]
    waits = [head.start - call.end for call, head, _ in inside if head.start > call.end]
    own = [
        (call, head)
        for call, head, works in inside
        if len(works) == 1 and "Graph" not in call.name and head.kind in KERNELS
    ]
    short = [head.event for call, head in own if head.end - head.start < call.end - call.start]
    span = (
        max(call.end for call, _, _ in inside) - min(call.start for call, _, _ in inside)
        if inside
        else 0
    )
    busy = sum(any(work.runs(t) for work in device.works) for t in range(low, high))
    ran = sum(reference._touches(work, low, high) for work in device.works)
    waiting = [
        Counter(str(head.lane) for call, head, _ in calls if call.start <= t < head.start)
        for t in range(low, high)
    ]
    lanes = sorted({lane for at in waiting for lane in at}, key=reference._numerically)
    return {
        "calls": len(inside),
        "graph_replays": sum("Graph" in call.name for call, _, _ in inside),
        "call_ns": _distribution([call.end - call.start for call, _, _ in inside]),
        "queue_ns": _distribution(waits),
        "calls_per_second": _rate(len(inside), span),
        "activities_per_second": _rate(sum(len(works) for _, _, works in inside), span),
        "activities_per_busy_second": _rate(ran, busy),
        "kernels": len(own),
        "short_kernels": len(short),
        "short_kernel_share": len(short) / len(own) if own else None,
        "queue": {
            "lane": None,
            "longest": max((sum(at.values()) for at in waiting), default=0),
            "mean": sum(sum(at.values()) for at in waiting) / (high - low) if high > low else None,
            "full_ns": sum(any(n >= LIMIT for n in at.values()) for at in waiting),
        },
        "queues": [
            {
                "lane": lane,
                "longest": max(at[lane] for at in waiting),
                "mean": sum(at[lane] for at in waiting) / (high - low),
                "full_ns": sum(at[lane] >= LIMIT for at in waiting),
            }
            for lane in lanes
        ],
    }


KERNELS = ("compute", "communication")


def _rate(count: int, ns: int) -> float | None:
    return count * 10**9 / ns if ns else None


def _distribution(times: list[int]) -> Plain | None:
    if not times:
        return None
    ordered = sorted(times)
    return {
        "count": len(times),
        "total_ns": sum(times),
        "median_ns": ordered[ceil(len(times) / 2) - 1],
        "p95_ns": ordered[ceil(len(times) * 95 / 100) - 1],
        "longest_ns": ordered[-1],
    }


# --- against HTA ----------------------------------------------------------------------

TOLERANCE_US = 1.0
"""HTA's times are doubles of microseconds since the clock's zero: one that moves across 0 also
moves the median by a rank."""


@pytest.mark.skipif(not real_traces(), reason=ABSENT)
@pytest.mark.parametrize("path", real_traces(), ids=lambda path: path.name)
def test_agrees_with_hta_where_it_knows_every_call(path: Path) -> None:
    if path.name in TAKE_LONG:
        pytest.skip("HTA takes long to read it")
    trace = analysis.load(path)
    devices = analysis.analyze(trace).to_json()["devices"]
    if len(devices) != 1 or devices[0]["launches"] is None:
        pytest.skip("HTA has no figures of single devices, or of a CPU")
    ours = devices[0]["launches"]
    theirs = trace_analysis(trace, include_last_profiler_step=True, rounding=False)
    rank = next(iter(theirs.t.traces))
    stats = theirs.get_cuda_kernel_launch_stats(ranks=[rank], visualize=False)[rank]
    if len(stats) != ours["calls"]:
        pytest.skip(f"HTA knows {len(stats)} of {ours['calls']} calls by their names")
    assert stats["cpu_duration"].sum() == pytest.approx(ours["call_ns"]["total_ns"] / 1000)
    delays = stats["launch_delay"].to_numpy()
    assert delays.sum() == pytest.approx(ours["queue_ns"]["total_ns"] / 1000, rel=1e-6, abs=1)
    assert np.quantile(delays[delays > 0], 0.5, method="inverted_cdf") == pytest.approx(
        ours["queue_ns"]["median_ns"] / 1000, abs=TOLERANCE_US
    )
    series = theirs.get_queue_length_time_series(ranks=[rank])[rank]
    # Of changes at one time HTA takes either first; what is left after all of them is the same.
    settled = series.groupby(["stream", "ts"])["queue_length"].last()
    longest = settled.groupby("stream").max()
    assert {str(lane): most for lane, most in longest.items()} == {
        each["lane"]: each["longest"] for each in ours["queues"]
    }

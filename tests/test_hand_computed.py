"""The package against answers worked out by hand, in real magnitudes, from files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import analysis
from analysis import Thresholds
from tests import cases, reference
from tests.builders import (
    US,
    Event,
    copy,
    cpu_op,
    graph_launch,
    in_microseconds,
    kernel,
    launch,
    runtime,
    shifted,
    wait_call,
    write_trace,
)
from tests.room import Card


def report(
    path: Path, events: Sequence[Event], cards: Sequence[Card] = (), **layout: bool
) -> dict[str, Any]:
    header = {"deviceProperties": list(cards)} if cards else None
    file = path / "built.pt.trace.json"
    trace = analysis.load(write_trace(file, events, header=header, **layout))
    return analysis.analyze(trace, gaps=100, thresholds=Thresholds()).to_json()


def by_name(devices: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {device["device"]: device for device in devices}


def only_device(path: Path, events: Sequence[Event], **layout: bool) -> dict[str, Any]:
    (device,) = report(path, events, (), **layout)["devices"]
    return dict(device)


@pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.title)
def test_answers(case: cases.Case, tmp_path: Path) -> None:
    found = report(tmp_path, in_microseconds(case.events), case.cards)
    measured = by_name(found["devices"])
    assert cases.said(measured, case.answers) == cases.normal(case.answers, US)
    steps = {step["name"]: by_name(step["devices"]) for step in found["steps"]}
    if case.steps:
        assert steps.keys() == case.steps.keys()
    for name, answers in case.steps.items():
        assert cases.said(steps[name], answers) == cases.normal(answers, US)


def test_every_state_has_a_case() -> None:
    """No state, of a device or of a lane, goes without an answer worked out by hand."""
    answers = [a for case in cases.CASES for a in case.answers.values()]
    answers += [a for case in cases.CASES for step in case.steps.values() for a in step.values()]
    states = {state for a in answers for state in a.get("breakdown_ns", {})}
    assert states == {*reference.ACCELERATOR_STATES, *reference.CPU_STATES}
    lanes = [lane for a in answers for lane in a.get("lane_breakdown_ns", {}).values()]
    assert {state for lane in lanes for state in lane} == {
        *reference.ACCELERATOR_LANE_STATES,
        *reference.CPU_LANE_STATES,
    }


def test_all_states_are_listed(tmp_path: Path) -> None:
    device = only_device(tmp_path, [kernel("a", 0, 10), kernel("b", 20, 30)])
    zeros = dict.fromkeys(reference.ACCELERATOR_STATES, 0)
    assert device["breakdown_ns"] == zeros | {
        "one_unknown": 10,
        "one_nothing_queued": 10,
        "idle_unknown": 10,
    }
    lane = dict.fromkeys(reference.ACCELERATOR_LANE_STATES, 0)
    assert device["lane_breakdown_ns"] == {"7": lane | {"running": 20, "unknown": 10}}
    assert device["breakdown_by_class_ns"] == {
        state: {} for state in reference.ACCELERATOR_STATES if not state.startswith("idle_")
    } | {"one_unknown": {"compute": 10}, "one_nothing_queued": {"compute": 10}}


def test_all_states_of_a_processor_are_listed(tmp_path: Path) -> None:
    device = only_device(tmp_path, [cpu_op("aten::mm", 0, 10), cpu_op("aten::mm", 20, 30)])
    assert device["breakdown_ns"] == {
        "overlapped": 0,
        "one_lane_python": 0,
        "one_lane_alone": 20,
        "idle_python": 0,
        "idle_untraced": 10,
    }
    assert device["lane_breakdown_ns"] == {"1": {"running": 20, "python": 0, "untraced": 10}}
    assert device["breakdown_by_class_ns"] == {
        "overlapped": {},
        "one_lane_python": {},
        "one_lane_alone": {"compute": 20},
    }


def test_the_thresholds_default_to_the_specified_values() -> None:
    assert Thresholds() == Thresholds(
        latency_floor_ns=10_000,
        latency_ceiling_ns=100_000,
        latency_samples=100,
        slow_launch_ns=100_000,
    )


# --- names ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)", True),
        ("ncclKernel_AllGather_RING_LL_Sum_int8_t", True),
        ("RcclGenericKernel", True),
        ("nvshmemi_transfer_rma", True),
        ("void vllm::cross_device_reduce_1stage<float, 2>", True),
        ("custom_all_reduce_kernel", True),
        ("one_shot_all_reduce_kernel", True),
        ("two_shot_all_reduce_kernel", True),
        ("quickreduce::allreduce_prototype", True),
        ("quick_reduce_two_shot", True),
        ("multimem_all_reduce_kernel", True),
        ("void at::native::reduce_kernel<512, 1>", False),
        ("SyncThreadsKernel", False),
        ("AllReduceSync", False),
    ],
)
def test_communication_is_known_by_name(name: str, kind: bool, tmp_path: Path) -> None:
    device = only_device(tmp_path, [kernel(name, 0, 10)])
    assert device["exposed_communication_ns"] == (10 if kind else 0)
    assert device["class_busy_ns"] == {"communication" if kind else "compute": 10}


def test_a_copy_is_a_copy_whatever_its_name(tmp_path: Path) -> None:
    device = only_device(tmp_path, [copy("Memcpy PtoP by nccl", 0, 10)])
    assert device["exposed_copy_ns"] == 10
    assert device["exposed_communication_ns"] == 0


@pytest.mark.parametrize(
    "name",
    [
        *("cudaDeviceSynchronize", "cudaStreamSynchronize", "cudaEventSynchronize"),
        *("hipDeviceSynchronize", "hipStreamSynchronize", "hipEventSynchronize"),
        *("cuCtxSynchronize", "cuStreamSynchronize", "cuEventSynchronize"),
        *("cudaMemcpy", "cudaMemcpy2D", "cudaMemcpyToSymbol", "hipMemcpy", "hipMemcpyWithStream"),
        *("cuMemcpyHtoD_v2", "cuMemsetD8_v2", "cudaMemset", "hipMemset", "cudaFree", "hipFree"),
        *("cudaStreamSynchronize_ptsz", "cudaMemcpy_ptds", "hipStreamSynchronize_spt"),
        *("cuStreamSynchronize_ptsz", "cuMemcpyDtoH_v2_ptds"),
    ],
)
def test_calls_that_block(name: str, tmp_path: Path) -> None:
    assert _state_of_the_host_in(name, tmp_path) == "idle_host_sync"


@pytest.mark.parametrize(
    "name",
    [
        *("cudaMemcpyAsync", "cudaMemsetAsync", "hipMemcpyAsync", "cuMemcpyHtoDAsync_v2"),
        *("cudaEventQuery", "cudaStreamQuery", "cudaEventRecord", "cudaStreamWaitEvent"),
        *("cudaMalloc", "cudaFreeAsync", "cudaFreeHost", "cudaMemGetInfo", "cudaLaunchKernel"),
        *("cudaMemcpyAsync_ptsz", "cudaMemPrefetchAsync"),
    ],
)
def test_calls_that_do_not_block(name: str, tmp_path: Path) -> None:
    assert _state_of_the_host_in(name, tmp_path) == "idle_host_call"


def _state_of_the_host_in(call: str, path: Path) -> str:
    """The state of a gap that the launching thread spends in this call."""
    events = [
        *(launch(0, 2, correlation=1), kernel("a", 2, 5, correlation=1)),
        runtime(call, 5, 20),
        *(launch(20, 25, correlation=2), kernel("b", 25, 30, correlation=2)),
    ]
    states = only_device(path, events)["breakdown_ns"]
    (state,) = {s for s, ns in states.items() if ns == 15}
    return str(state)


@pytest.mark.parametrize(
    "name",
    [
        *("cudaGraphLaunch", "hipGraphLaunch", "cuGraphLaunch"),
        *("cudaGraphLaunch_ptsz", "cuGraphLaunch_ptsz", "hipGraphLaunch_spt"),
    ],
)
def test_calls_that_launch_a_graph(name: str, tmp_path: Path) -> None:
    events = [graph_launch(0, 1, correlation=1, name=name)]
    events += [kernel("g1", 2, 3, correlation=1), kernel("g2", 8, 9, correlation=1)]
    assert only_device(tmp_path, events)["breakdown_ns"]["idle_graph"] == 5


def test_a_call_that_makes_a_graph_launches_none(tmp_path: Path) -> None:
    events = [launch(0, 1, correlation=1, name="cudaGraphInstantiate")]
    events += [kernel("g1", 2, 3, correlation=1), kernel("g2", 8, 9, correlation=1)]
    assert only_device(tmp_path, events)["breakdown_ns"]["idle_graph"] == 0


# --- times ----------------------------------------------------------------------------


def test_the_bound_is_rounded_up_to_a_nanosecond(tmp_path: Path) -> None:
    """100 ready intervals of 10,001 ns: 10,001 x 1.25 = 12,501.25."""
    events = [launch(0, 1, correlation=1), kernel("first", 1, 2, correlation=1)]
    for i in range(2, 102):
        at = i * 20_000
        events.append(launch(at, at + 1, correlation=i))
        events.append(kernel(f"k{i}", at + 10_002, at + 10_003, correlation=i))
    assert only_device(tmp_path, events)["latency_bound_ns"] == 12_502


@pytest.mark.parametrize(("late", "found"), [(0, True), (1, False)])
def test_a_wait_is_inferred_within_the_bound_to_a_nanosecond(
    late: int, found: bool, tmp_path: Path
) -> None:
    """The kernel starts 10,000 ns and no more after the end of the one before the wait."""
    start = 60_000 + late
    events = [
        *(launch(0, 10, correlation=1), kernel("a", 10_000, 50_000, correlation=1)),
        *(launch(20, 30, correlation=2), kernel("w", 10_000, 11_000, stream=20, correlation=2)),
        *(wait_call(40, 50), launch(60, 70, correlation=3)),
        kernel("k", start, start + 1, stream=20, correlation=3),
    ]
    device = only_device(tmp_path, events)
    assert device["latency_bound_ns"] == 10_000
    states = device["breakdown_ns"]
    assert (states["one_dependency"], states["one_room_unknown"]) == (
        (39_000, 0) if found else (0, 39_000)
    )


TODAY = 4_523_444_017_000_000_123
"""Nanoseconds that no double holds as microseconds: its neighbours are 512 ns apart."""


def test_times_are_exact_where_a_double_is_not(tmp_path: Path) -> None:
    events = shifted([kernel("a", 0, 1), kernel("b", 2, 5), kernel("c", 4, 9, stream=20)], TODAY)
    device = only_device(tmp_path, events)
    assert device["window_start_ns"] == str(TODAY)
    assert (device["window_ns"], device["busy_ns"], device["overlap_ns"]) == (9, 8, 1)


def test_resolution_is_that_of_the_times_written(tmp_path: Path) -> None:
    coarse = [kernel("a", 0, 3000), kernel("b", 7000, 9000)]
    assert report(tmp_path, coarse)["resolution_ns"] == 1000
    assert report(tmp_path, [*coarse, kernel("c", 9000, 9001)])["resolution_ns"] == 1
    assert report(tmp_path, [*coarse, kernel("c", 9001, 10_001)])["resolution_ns"] == 1


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("pretty", [False, True])
@pytest.mark.parametrize("mixed", [False, True])
def test_the_layout_of_the_file_is_nothing(
    bare: bool, pretty: bool, mixed: bool, tmp_path: Path
) -> None:
    events = [e for case in cases.ONE for e in case.events]
    plain = report(tmp_path, events)
    assert report(tmp_path, events, bare=bare, pretty=pretty, mixed=mixed) == plain


# --- the list of gaps -----------------------------------------------------------------


def test_gaps_beyond_the_list_are_counted(tmp_path: Path) -> None:
    """Gaps of 1, 2, 3 and 4 ns, of which the longest two are listed."""
    events = [kernel(f"k{i}", at, at + 1) for i, at in enumerate([0, 2, 5, 9, 14])]
    trace = analysis.load(write_trace(tmp_path / "t.json", events))
    (device,) = analysis.analyze(trace, gaps=2).to_json()["devices"]
    assert [gap["duration_ns"] for gap in device["idle_gaps"]] == [4, 3]
    assert device["idle_gaps_total"] == 4
    assert device["idle_gaps_unlisted_ns"] == 3

"""Use of the multiprocessors: by hand, against a walk through time, and on real traces."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from gzip import decompress
from math import prod
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

import analysis
from tests import reference, room, strategies
from tests.builders import Event, card, cpu_op, kernel, shape, write_trace
from tests.builders import copy as memory_copy
from tests.shared import ABSENT, TRACES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analysis import Trace
    from tests.reference import Device
    from tests.room import Card

    LoadEvents = Callable[..., Trace]
    Plain = dict[str, Any]

CARD = card(0, sms=4, capability=(8, 0), threads=2048, shared=167_936)


def of_one_device(trace: Trace) -> Any:
    (device,) = analysis.analyze(trace).to_json()["devices"]
    return device["occupancy"]


def test_by_hand(load_events: LoadEvents) -> None:
    """On 4 SMs of 2,048 threads: 3 blocks for 40 ns, 2 of them beside for 10, a copy for 50."""
    events = [
        kernel("a", 0, 40, shape=shape(3, 256)),
        kernel("b", 20, 30, stream=8, shape=shape(2, 1024)),
        memory_copy("Memcpy HtoD", 50, 100),
    ]
    found = of_one_device(load_events(events, header={"deviceProperties": [CARD]}))
    assert found == {
        "multiprocessors": 4,
        "kernels_ns": 40,
        "sm_idle_ns": 1 * 30,
        "sm_efficiency": (3 * 30 + 4 * 10) / 400,
        "sm_efficiency_busy": (3 * 30 + 4 * 10) / 160,
        "occupancy": (768 * 40 + 2048 * 10) / (8192 * 50),
        "occupancy_busy": (768 * 40 + 2048 * 10) / (8192 * 40),
    }


def test_no_more_blocks_are_resident_than_fit(load_events: LoadEvents) -> None:
    """100 KiB of shared memory leave one block of 64 threads on each of 4 SMs."""
    events = [kernel("a", 0, 9, shape=shape(1000, 64, shared=102_400))]
    found = of_one_device(load_events(events, header={"deviceProperties": [CARD]}))
    assert (found["sm_efficiency"], found["occupancy"]) == (1.0, 64 / 2048)


def test_a_merge_of_ranks_renames_devices(load_events: LoadEvents) -> None:
    made = replace(kernel("a", 0, 40, shape=shape(3, 256)), pid="[TP01] 0")
    found = of_one_device(load_events([made], header={"deviceProperties": [CARD]}))
    assert found["multiprocessors"] == 4


def test_without_a_kernel(load_events: LoadEvents) -> None:
    events = [memory_copy("Memcpy HtoD", 0, 10)]
    found = of_one_device(load_events(events, header={"deviceProperties": [CARD]}))
    assert (found["sm_efficiency"], found["sm_efficiency_busy"], found["occupancy"]) == (
        0,
        None,
        None,
    )


def test_an_unknown_compute_capability_has_no_occupancy(load_events: LoadEvents) -> None:
    old = card(0, sms=4, capability=(6, 1))
    events = [kernel("a", 0, 40, shape=shape(3, 256))]
    found = of_one_device(load_events(events, header={"deviceProperties": [old]}))
    assert (found["sm_efficiency"], found["occupancy"], found["occupancy_busy"]) == (
        0.75,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("events", "cards"),
    [
        ([kernel("a", 0, 9)], [CARD]),
        ([kernel("a", 0, 9, shape=shape(3, 256))], []),
        ([cpu_op("aten::mm", 0, 9)], [CARD]),
    ],
    ids=["no shape", "no device", "a CPU"],
)
def test_what_is_not_recorded_is_null(
    load_events: LoadEvents, events: list[Event], cards: list[Card]
) -> None:
    assert of_one_device(load_events(events, header={"deviceProperties": cards})) is None


@settings(deadline=None, max_examples=200)
@given(strategies.accelerator_traces(), strategies.cards)
def test_agrees_with_a_walk_through_time(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event], cards: Sequence[Card]
) -> None:
    path = tmp_path_factory.getbasetemp() / "occupancy.json"
    trace = analysis.load(write_trace(path, events, header={"deviceProperties": list(cards)}))
    report = analysis.analyze(trace).to_json()
    devices = {str(d.process): d for d in reference._devices(events, reference.Limits(), ())}
    marks = {event.name: event for event in events if event.name.startswith("ProfilerStep#")}
    for entry in report["devices"]:
        device = devices[entry["device"]]
        window = reference._window(device.works)
        assert entry["occupancy"] == walked(device, cards, *window)
    for step in report["steps"]:
        for entry in step["devices"]:
            device = devices[entry["device"]]
            window = reference._step_window(device, marks[step["name"]])
            assert entry["occupancy"] == walked(device, cards, *window)


def walked(device: Device, cards: Sequence[Card], low: int, high: int) -> Plain | None:
    """The figures of a window, moment by moment, in exact fractions."""
    own = [c for c in cards if str(c["id"]) == str(device.process)]
    kernels = [
        work.event
        for work in device.works
        if work.kind in ("compute", "communication")
        and work.start < work.end
        and work.start < high
        and work.end > low
    ]
    if not own or not all(field in own[0] for field in room.FIELDS):
        return None
    if not all(room._has_sizes(event) for event in kernels):
        return None
    made = {field: room._whole(own[0][field]) for field in room.FIELDS}
    sms = made["numSms"]
    running = [[k for k in kernels if k.start <= t < k.end] for t in range(low, high)]
    busy = [at for at in running if at]
    used = [min(sms, sum(room._count(k) for k in at)) for at in busy]
    known = made["computeMajor"] in room.BLOCKS
    held = {id(k): _held(k, made) for k in kernels} if known else {}
    most = sms * made["maxThreadsPerMultiprocessor"]
    at_once = [min(most, sum(held[id(k)] for k in at)) for at in busy] if known else []
    times = [held[id(k)] for at in busy for k in at] if known else []
    return {
        "multiprocessors": sms,
        "kernels_ns": len(busy),
        "sm_idle_ns": sum(sms - n for n in used),
        "sm_efficiency": _share(sum(used), sms * (high - low)),
        "sm_efficiency_busy": _share(sum(used), sms * len(busy)),
        "occupancy": _share(sum(times), most * len(times)),
        "occupancy_busy": _share(sum(at_once), most * len(at_once)),
    }


def _held(event: Event, made: dict[str, int]) -> int:
    """Threads that are resident, block after block as long as one fits on an SM."""
    major = made["computeMajor"]
    limit = room.Sizes(
        room.BLOCKS_OF.get((major, made["computeMinor"]), room.BLOCKS[major]),
        made["maxThreadsPerMultiprocessor"],
        made["regsPerMultiprocessor"],
        made["sharedMemPerMultiprocessor"],
    )
    block = room._block(event, made)
    fit = 1
    while block.times(fit + 1).within(limit):
        fit += 1
    return min(room._count(event), fit * made["numSms"]) * block.threads


def _share(numerator: int, denominator: int) -> float | None:
    return float(Fraction(numerator, denominator)) if denominator else None


@pytest.mark.skipif(not TRACES.is_dir(), reason=ABSENT)
@pytest.mark.parametrize("name", ["tracelens-h100-qwen", "tracelens-b200-eager"])
def test_blocks_per_sm_are_those_that_were_recorded(name: str) -> None:
    """On one lane the efficiency is the recorded one, weighted by duration and capped."""
    path = TRACES / f"{name}.json.gz"
    events = json.loads(decompress(path.read_bytes()))["traceEvents"]
    kernels = [e for e in events if e.get("cat") == "kernel" and e["dur"] > 0]
    assert all(prod(e["args"]["grid"]) for e in kernels)
    recorded = sum(e["dur"] * min(1, e["args"]["blocks per SM"]) for e in kernels)
    (device,) = analysis.analyze(analysis.load(path)).to_json()["devices"]
    if device["same_lane_overlap_ns"] or device["overlap_ns"]:
        pytest.skip("kernels overlap, so that a sum over kernels is another figure")
    ours = device["occupancy"]["sm_efficiency"] * device["window_ns"] / 1000
    assert ours == pytest.approx(recorded, rel=1e-3)

"""Each check speaks where it should, and is silent where it should be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from analysis import Trace, analyze, trust
from analysis.cli import cli
from analysis.trust import CHECKS, Doubt, Gravity
from analysis.trust.host import crossings
from analysis.units import MICRO
from tests.builders import (
    HOST,
    THREAD,
    Event,
    annotation,
    chrome_trace,
    cpu_op,
    graph_launch,
    in_microseconds,
    kernel,
    launch,
    python,
    runtime,
    write_trace,
)
from tests.shared import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

LoadEvents = Callable[..., Trace]

HEALTHY = [
    annotation("ProfilerStep#3", 0, 4_001),
    annotation("ProfilerStep#4", 4_002, 9_000),
    cpu_op("aten::linear", 100, 900),
    cpu_op("aten::mm", 200, 800),
    runtime("cudaDeviceSynchronize", 8_000, 8_900),
    *(launch(300 * i + 1, 300 * i + 100, correlation=i + 1) for i in range(20)),
    *(kernel("gemm", 300 * i + 150, 300 * i + 350, correlation=i + 1) for i in range(20)),
]


def replay(correlation: int, at: int, kernels: int) -> list[Event]:
    return [
        graph_launch(at, at + 50, correlation=correlation),
        *(
            kernel("node", at + 100 * i, at + 100 * i + 90, correlation=correlation)
            for i in range(1, kernels + 1)
        ),
    ]


def overhead(name: str, start: int, end: int, thread: int = 1) -> Event:
    return replace(cpu_op(name, start, end, tid=thread), category="overhead")


DOUBTFUL: dict[str, tuple[Gravity, list[Event], str]] = {
    "nothing_recorded": (Gravity.UNUSABLE, [annotation("x", 0, 5)], "neither device activities"),
    "device_not_recorded": (
        Gravity.UNUSABLE,
        [cpu_op("aten::record_stream", 0, 5)],
        "a device was used (aten::record_stream)",
    ),
    "format_not_read": (
        Gravity.UNUSABLE,
        [cpu_op("aten::mm", 0, 8), Event("", "AscendCL@aclnnMm", 2000, 12, 6, 8)],
        "this is a trace_view.json of torch_npu",
    ),
    "unknown_categories": (
        Gravity.WARNING,
        [*HEALTHY, Event("mine_work", "k", 0, 7, 0, 5), Event("", "j", HOST, THREAD, 0, 5)],
        "2 complete events are of categories that are not known: mine_work, (none)",
    ),
    "no_correlations": (
        Gravity.WARNING,
        [
            replace(event, args={"stream": 7}) if event.category == "kernel" else event
            for event in HEALTHY
        ],
        "no activity names the call that launched it",
    ),
    "launches_without_activities": (
        Gravity.WARNING,
        [*HEALTHY, launch(7_000, 7_100, correlation=98), launch(400, 410, correlation=99)],
        "2 of 22 kernel launches have no recorded kernel (1 of them after the last one that has)",
    ),
    "activities_without_launches": (
        Gravity.WARNING,
        [*HEALTHY, kernel("stray", 7_000, 7_100)],
        "device 0: 1 of 21 activities have no recorded launch",
    ),
    "launches_alone": (
        Gravity.WARNING,
        [event for event in HEALTHY if event.name != "cudaDeviceSynchronize"],
        "of the runtime calls launches alone are recorded",
    ),
    "replays_that_differ": (
        Gravity.WARNING,
        [*HEALTHY, *replay(90, 10_000, 5), *replay(91, 12_000, 4), *replay(92, 14_000, 5)],
        "device 0: 1 of 1 graphs were replayed with different numbers of the same activities",
    ),
    "lanes_out_of_order": (
        Gravity.WARNING,
        [
            *HEALTHY,
            launch(9_100, 9_110, correlation=90),
            launch(9_120, 9_130, correlation=91),
            kernel("b", 9_300, 9_400, correlation=90),
            kernel("a", 9_200, 9_250, correlation=91),
        ],
        "device 0: 1 activities started before one that was launched earlier on the same stream",
    ),
    "streams_overrun": (
        Gravity.WARNING,
        [*HEALTHY[:-3], replace(HEALTHY[-3], end=9_000), *HEALTHY[-2:]],
        "device 0: 1 of 20 activities hold several later ones of their own stream, the longest",
    ),
    "clocks_apart": (
        Gravity.WARNING,
        [*HEALTHY, launch(9_500, 9_600, correlation=90), kernel("k", 9_001, 9_002, correlation=90)],
        "device 0: 1 of 21 activities start before their launch, by up to 0.5 us",
    ),
    "missing_steps": (
        Gravity.WARNING,
        [*HEALTHY, annotation("ProfilerStep#7", 9_001, 9_002)],
        "2 steps are missing between ProfilerStep#3 and #7 (5, 6)",
    ),
    "profiler_overhead": (
        Gravity.WARNING,
        [*HEALTHY, overhead("Buffer Flush", 5_000, 6_000)],
        "the profiler itself took 11% of the recorded time",
    ),
    "operators_not_nested": (
        Gravity.WARNING,
        [*HEALTHY, cpu_op("aten::add", 500, 1_000)],
        "1 operators end after the one on their thread that they started in",
    ),
    "python_not_nested": (
        Gravity.WARNING,
        [*HEALTHY, python("main", 0, 5_000), python("load", 100, 9_000)],
        "Python frames end after the one on their thread that they began in (1 of them, the first",
    ),
    "coarse_times": (Gravity.NOTE, list(in_microseconds(HEALTHY)), "times are whole microseconds"),
}


def doubts(trace: Trace) -> dict[str, Doubt]:
    return {doubt.check: doubt for doubt in trust.check(trace)}


def test_a_healthy_trace_raises_no_doubt(load_events: LoadEvents) -> None:
    assert trust.check(load_events(HEALTHY)) == ()


def test_replays_that_are_alike_raise_none(load_events: LoadEvents) -> None:
    events = [*HEALTHY, *replay(90, 10_000, 5), *replay(91, 12_000, 5)]
    assert trust.check(load_events(events)) == ()


@pytest.mark.parametrize(
    "kind", ["Command Buffer Full", "Lazy Function Loading", "Driver Compiler"]
)
def test_overhead_that_is_not_the_profilers_own_raises_none(
    load_events: LoadEvents, kind: str
) -> None:
    assert trust.check(load_events([*HEALTHY, overhead(kind, 0, 9_000)])) == ()


def test_overhead_of_an_xpu_raises_none(load_events: LoadEvents) -> None:
    # It lasts longer than what it costs.
    call = runtime("urEventWait", 8_900, 8_950, category="xpu_runtime")
    events = [*HEALTHY, call, overhead("Instrumentation", 0, 9_000)]
    assert trust.check(load_events(events)) == ()


def test_overhead_of_threads_at_once_counts_once(load_events: LoadEvents) -> None:
    flushes = [overhead("Buffer Flush", 5_000, 8_000 + i, i) for i in range(8)]
    elsewhere = overhead("Buffer Flush", 10**9, 2 * 10**9)  # on another clock
    found = doubts(load_events([*HEALTHY, *flushes, elsewhere]))["profiler_overhead"].found
    assert found == "the profiler itself took 33% of the recorded time"


@pytest.mark.parametrize("name", DOUBTFUL)
def test_each_check_speaks_alone(load_events: LoadEvents, name: str) -> None:
    gravity, events, found = DOUBTFUL[name]
    raised = doubts(load_events(events))
    assert set(raised) == {name}
    assert raised[name].gravity == gravity
    assert raised[name].found.startswith(found)
    assert raised[name].advice


@pytest.mark.parametrize(
    ("pid", "args", "gravity"),
    [
        (HOST, {}, Gravity.NOTE),
        (HOST, {"stream": 7}, Gravity.WARNING),
        (5, {}, Gravity.WARNING),
    ],
)
def test_unknown_events_are_graver_where_a_device_is(
    load_events: LoadEvents, pid: int, args: dict[str, object], gravity: Gravity
) -> None:
    trace = load_events([*HEALTHY, Event("mine", "x", pid, 9, 0, 5, args)])
    assert doubts(trace)["unknown_categories"].gravity == gravity


@pytest.mark.parametrize(
    "category",
    ["Trace", "overhead", "gpu_user_annotation", "cuda_event", "xpu_sync", "GCU_SYNC"],
)
def test_what_recorders_write_beside_what_ran_is_known(
    load_events: LoadEvents, category: str
) -> None:
    event = Event(category, "x", 0, 7, 0, 5, {"stream": 7})
    assert trust.check(load_events([*HEALTHY, event])) == ()


def test_torch_npu_is_known_by_its_queue_too(load_events: LoadEvents) -> None:
    queued = Event("dequeue", "Dequeue@aclnnMm", HOST, 12, 6, 9)
    trace = load_events([cpu_op("aten::mm", 0, 8), queued, Event("", "MatMulV2", 3000, 2, 12, 21)])
    assert set(doubts(trace)) == {"format_not_read"}
    unusable, form = analyze(trace).notes
    assert unusable.startswith("Device not read: ")
    assert form.startswith("This is a trace_view.json of torch_npu")


@pytest.mark.parametrize("process", ["CPU functions", "CUDA functions"])
def test_the_format_without_kineto_is_named(load_events: LoadEvents, process: str) -> None:
    row = Event("", "aten::mm", process, 1, 0, 8)
    trace = load_events([row])
    (doubt,) = trust.check(trace)
    assert (doubt.check, doubt.gravity) == ("format_not_read", Gravity.UNUSABLE)
    assert "without Kineto" in doubt.found
    assert "use_kineto=True" in doubt.advice
    (note,) = analyze(trace).notes
    assert note.startswith("This is the format of torch's profiler without Kineto")
    assert "without Kineto" in " ".join(analyze(load_events([*HEALTHY, row])).notes)


@pytest.mark.parametrize("category", ["cuda_runtime", "musa_runtime"])
def test_any_call_of_a_runtime_is_a_sign_of_a_device(
    load_events: LoadEvents, category: str
) -> None:
    events = [cpu_op("aten::mm", 0, 8), runtime("aCall", 1, 2, category=category)]
    assert doubts(load_events(events))["device_not_recorded"].found.startswith(
        "a device was used (aCall)"
    )


@pytest.mark.parametrize(
    ("start", "end", "tid", "lost"),
    [(10_005, 10_010, 1, 0), (10_005, 10_011, 1, 1), (10_005, 10_010, 2, 1), (9_999, 10_010, 1, 1)],
)
def test_a_drivers_call_inside_of_the_runtimes_is_no_launch_of_its_own(
    load_events: LoadEvents, start: int, end: int, tid: int, lost: int
) -> None:
    """On Intel's devices the driver's call has a number of its own."""
    inner = launch(start, end, correlation=91, tid=tid, name="zeCommandListAppendLaunchKernel")
    outer = launch(10_000, 10_010, correlation=90, name="urEnqueueKernelLaunch")
    events = [*HEALTHY, outer, inner, kernel("k", 10_100, 10_200, correlation=90)]
    assert len(trust.check(load_events(events))) == lost


LONG = (20_000, 30_000)
SHORT = [(21_000, 22_000), (23_000, 24_000)]


def pairs(*times: tuple[int, int], pid: int = HOST, first: int = 90) -> list[Event]:
    """Kernels on one stream, each with a launch of its own."""
    return [
        event
        for i, (start, end) in enumerate(times, start=first)
        for event in (
            launch(10_000 + 20 * i, 10_010 + 20 * i, correlation=i, pid=pid),
            kernel("k", start, end, correlation=i),
        )
    ]


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(pairs(LONG, (29_000, 31_000), (30_500, 32_000)), id="neighbours overlap"),
        pytest.param(pairs(LONG, (21_000, 31_000), (22_000, 32_000)), id="none is held"),
        pytest.param(pairs(LONG, SHORT[0], (30_000, 31_000)), id="one is held"),
        pytest.param(pairs(LONG, SHORT[0], (29_999, 29_999)), id="within the resolution"),
        pytest.param(
            [
                graph_launch(10_000, 10_010, correlation=90),
                *(kernel("k", *each, correlation=90) for each in (LONG, *SHORT)),
            ],
            id="branches of a graph",
        ),
        pytest.param(
            pairs(LONG) + pairs(*SHORT, pid=7, first=91), id="a stream's number in two processes"
        ),
    ],
)
def test_streams_that_may_be_in_order_raise_none(
    load_events: LoadEvents, events: list[Event]
) -> None:
    assert "streams_overrun" in doubts(load_events(pairs(LONG, *SHORT)))
    assert "streams_overrun" not in doubts(load_events(events))


@pytest.mark.parametrize(
    ("second", "doubtful"),
    [
        pytest.param((10_005, 10_008), False, id="inside of the first"),
        pytest.param((10_019, 10_030), False, id="begins in the first"),
        pytest.param((10_020, 10_030), False, id="begins as the first ends"),
        pytest.param((10_021, 10_030), True, id="begins later"),
    ],
)
def test_the_order_of_calls_at_once_is_open(
    load_events: LoadEvents, second: tuple[int, int], *, doubtful: bool
) -> None:
    events = [
        launch(10_000, 10_020, correlation=90),
        launch(*second, correlation=91, tid=2),
        kernel("a", 10_200, 10_300, correlation=90),
        kernel("b", 10_050, 10_100, correlation=91),
    ]
    assert ("lanes_out_of_order" in doubts(load_events([*HEALTHY, *events]))) is doubtful


def test_an_open_call_does_not_hide_the_one_before(load_events: LoadEvents) -> None:
    events = [
        launch(10_000, 10_010, correlation=90),
        launch(10_011, 10_030, correlation=91, tid=2),
        launch(10_020, 10_025, correlation=92),
        kernel("a", 10_300, 10_400, correlation=90),
        kernel("b", 10_450, 10_500, correlation=91),
        kernel("c", 10_100, 10_200, correlation=92),
    ]
    found = doubts(load_events([*HEALTHY, *events]))["lanes_out_of_order"].found
    assert found.startswith("device 0: 1 activities started before")


def test_overruns_are_noted_in_the_report(load_events: LoadEvents) -> None:
    (note,) = [note for note in analyze(load_events(pairs(LONG, *SHORT))).notes if "hold" in note]
    assert note == (
        "Device 0: 1 of 3 activities hold several later ones of their own stream, the longest k, "
        f"10.0 {MICRO}s. A stream runs one activity after the other: these ends are wrong, and so "
        "is what counts on them (busy time, overlap, ceilings)."
    )


def test_every_check_is_tried() -> None:
    assert {check.__name__ for check in CHECKS} == {*DOUBTFUL, "losses"}


def test_losses_are_doubts(load_bytes: Callable[..., Trace]) -> None:
    text = chrome_trace(HEALTHY)
    (doubt,) = trust.check(load_bytes(text.replace(b'"gemm"', b'"g\0mm"', 1)))
    assert (doubt.check, doubt.gravity) == ("losses", Gravity.WARNING)
    assert doubt.found.endswith("is damaged, zero bytes became blanks")
    assert doubt.advice == "copy or record the trace again"


def test_what_mending_costs_nothing_is_a_note(load_bytes: Callable[..., Trace]) -> None:
    text = chrome_trace(HEALTHY)
    (doubt,) = trust.check(load_bytes(text.replace(b'"gemm"', b'"g"mm"', 1)))
    assert (doubt.check, doubt.gravity) == ("losses", Gravity.NOTE)
    assert doubt.found.endswith("is not valid JSON, quotes inside a text were escaped")
    assert "record the trace again" not in doubt.advice
    cut = trust.check(load_bytes(text.replace(b'"gemm"', b'"g"mm"', 1)[:-40]))
    early, other = (doubt for doubt in cut if doubt.check == "losses")
    assert "ends early" in early.found
    assert (early.gravity, other.gravity) == (Gravity.WARNING, Gravity.NOTE)


ON_HOST = [event for event in HEALTHY if event.category != "kernel"]
KERNELS = [event for event in HEALTHY if event.category == "kernel"]


@pytest.mark.parametrize(
    ("events", "found", "advice"),
    [
        (
            ON_HOST,
            (
                "a device was used (cudaDeviceSynchronize, cudaLaunchKernel), but none of its "
                "activities are "
            ),
            "ProfilerActivity.CUDA (or that of the device)",
        ),
        (
            ON_HOST[:2],
            "neither device activities nor operators are ",
            "activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]",
        ),
    ],
)
def test_what_is_lost_may_have_been_recorded(
    load_bytes: Callable[..., Trace], events: list[Event], found: str, advice: str
) -> None:
    text = chrome_trace([*KERNELS, *events])
    recorded = chrome_trace(events).replace(b"ProfilerStep", b"Profiler\nStep")
    for changed, verb, remedy in (
        (text.replace(b'"kernel"', b'["kernel"]'), "left: part of the file is lost", "copy or "),
        (recorded, "recorded", "profile with "),
    ):
        gravest = trust.check(load_bytes(changed))[0]
        assert gravest.gravity == Gravity.UNUSABLE
        assert gravest.found == found + verb
        assert gravest.advice.startswith(remedy)
        assert gravest.advice.endswith(f"with {advice}")


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12), st.integers(0, 6)), max_size=8),
    st.integers(0, 2),
)
def test_crossings_are_none_exactly_where_all_are_nested(
    drawn: list[tuple[int, int, int]], tolerance: int
) -> None:
    intervals = sorted(
        ((thread, start, start + length) for thread, start, length in drawn),
        key=lambda each: (each[0], each[1], -each[2]),
    )
    thread, start, end = (np.array([each[i] for each in intervals], np.int64) for i in range(3))
    found = crossings(thread, start, end, tolerance)
    crossed = [
        (a, b)
        for a in intervals
        for b in intervals
        if a[0] == b[0] and a[1] <= b[1] < a[2] and b[2] > a[2] + tolerance
        if (a[1], -a[2]) <= (b[1], -b[2])
    ]
    if tolerance == 0:
        assert bool(found) is bool(crossed)
    else:
        assert not found or crossed


def test_command(tmp_path: Path) -> None:
    run = CliRunner().invoke
    good = write_trace(tmp_path / "good.json", HEALTHY)
    poor = write_trace(tmp_path / "poor.json", DOUBTFUL["clocks_apart"][1])
    (tmp_path / "bad.json").write_text("<html>")
    shown = run(cli, ["check-trace", str(good)], standalone_mode=False)
    assert shown.return_value == 0
    assert shown.output == f"{good}: can be trusted\n"
    shown = run(cli, ["check-trace", str(good), str(poor)], standalone_mode=False)
    assert shown.return_value == 1
    assert f"{poor}: can be trusted in part\n  warning   device 0: 1 of 21" in shown.output
    shown = run(cli, ["check-trace", "--json", str(tmp_path)], standalone_mode=False)
    assert shown.return_value == 2
    verdicts = {each["path"]: each for each in json.loads(shown.output)["traces"]}
    assert [verdicts[str(tmp_path / name)]["verdict"] for name in ("good.json", "bad.json")] == [
        "note",
        "unusable",
    ]
    assert "is not a Chrome trace" in verdicts[str(tmp_path / "bad.json")]["doubts"][0]["found"]


def test_our_own_recordings_can_be_trusted() -> None:
    folder = str(REPOSITORY / "traces/examples")
    assert CliRunner().invoke(cli, ["check-trace", folder], standalone_mode=False).return_value == 0

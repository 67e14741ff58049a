"""Runs of literal traces: what a mode's row says, and which warnings it carries."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis import Trace
from analysis.comparison import compare, main_device, strongest_state
from analysis.pipeline import analyze
from analysis.report import ModeFigures, RunComparison
from analysis.reporting import report
from analysis.statistics import Ratio
from tests.builders import Event, annotation, cpu_op, in_microseconds, kernel, launch

Record = Callable[..., Path]
LoadEvents = Callable[..., Trace]

US = 1000.0
NOISE = [1.0, 1.02, 0.99, 1.3, 1.01, 0.98, 1.0, 1.05, 1.0]
"""One factor per round, which both modes share."""


def times(us: float) -> list[float]:
    return [us * US * noise for noise in NOISE]


def steps(
    *lanes: tuple[int, int], wall: int, count: int = 2, mark: str = "overlap.step"
) -> list[Event]:
    """Steps of `wall` us; operator i runs on thread i + 1 from and to the given us."""
    events = []
    for step in range(count):
        begin = 10_000 * step
        events.append(annotation(mark, begin, begin + wall, tid=99))
        for i, (low, high) in enumerate(lanes):
            events.append(cpu_op(f"aten::op{i}", begin + low, begin + high, tid=i + 1))
    return in_microseconds(events)


def one_lane(*, wall: int, work: int, count: int = 2) -> list[Event]:
    return steps((0, work), wall=wall, count=count)


SEQUENTIAL = one_lane(wall=1000, work=800)
TWO_LANES = steps((50, 450), (50, 450), wall=500)
"""Half the wall time of SEQUENTIAL, all of it by overlap."""


def only_run(tmp_path: Path) -> RunComparison:
    comparison = report([tmp_path]).comparison
    assert comparison is not None
    (run,) = comparison.runs
    return run


def mode(tmp_path: Path, name: str) -> ModeFigures:
    (found,) = (each for each in only_run(tmp_path).modes if each.mode == name)
    return found


def test_a_mode_that_overlaps(record: Record, tmp_path: Path) -> None:
    record("sequential", SEQUENTIAL, times(1000))
    path = record("threads", TWO_LANES, times(500), timing={"cpu_seconds_per_wall_second": 1.6})
    found = mode(tmp_path, "threads")
    assert found.path == str(path)
    assert found.rank is None
    assert found.wall_ns == 500 * US
    assert found.wall_ci95_ns == (490 * US, 650 * US)
    assert found.speed_up == pytest.approx((2, 2, 2))
    assert found.traced_speed_up == Ratio(2, 2, 2)
    assert (found.less_work, found.more_overlap, found.less_idle) == (1, 2, 1)
    assert found.traced_wall_ns == 500 * US
    assert found.cpu_seconds_per_wall_second == 1.6
    assert found.achieved == 2
    # The window runs from the first operator to the last, 10.4 ms, and 0.8 ms of it are busy.
    assert found.busy_share == found.overlap_share == pytest.approx(800 / 10_400)
    assert found.strongest_state == "idle_untraced"


def processes(*work: tuple[int, int, int], wall: int, step_pid: int = 1) -> list[Event]:
    """Two steps, marked by a process; operators of others, as (process, from, to) in us."""
    events = []
    for begin in (0, 10_000):
        events.append(annotation("overlap.step", begin, begin + wall, pid=step_pid, tid=99))
        for pid, low, high in work:
            events.append(cpu_op("aten::mm", begin + low, begin + high, pid=pid, tid=pid))
    return in_microseconds(events)


def test_processes_that_serve_one_step_are_taken_together(record: Record, tmp_path: Path) -> None:
    """Steps of 500 us; one process works from 50 to 450, another from 150 to 350 us."""
    record("sequential", one_lane(wall=1000, work=600), times(1000))
    record("processes", processes((2, 50, 450), (3, 150, 350), wall=500), times(500))
    found = mode(tmp_path, "processes")
    assert found.traced_wall_ns == 500 * US
    assert (found.less_work, found.more_overlap) == (1, 1.5)
    assert found.less_idle == pytest.approx((400 / 500) / (600 / 1000))
    assert found.traced_speed_up is not None
    assert found.traced_speed_up.value == 2
    assert found.achieved == 1.5
    assert (found.busy_share, found.overlap_share) == (0.8, 0.4)
    assert found.strongest_state is None
    (trace,) = (each for each in report([tmp_path]).traces if each.label == "processes")
    assert [device.device for device in trace.devices] == ["2", "3"]
    assert trace.together is not None
    assert trace.together.to_json() == {
        "processes": 2,
        "steps": 2,
        "wall_ns": 1000 * US,
        "busy_ns": 800 * US,
        "work_ns": 1200 * US,
        "overlap_ns": 400 * US,
    }


def test_a_step_lasts_until_what_began_in_it_has_ended(record: Record, tmp_path: Path) -> None:
    record("processes", processes((2, 0, 700), (3, 0, 900), (4, 800, 900), wall=500), times(500))
    (trace,) = report([tmp_path]).traces
    assert trace.together is not None
    assert [each.wall_ns for each in trace.together.totals] == [900 * US] * 2
    assert [each.busy_ns for each in trace.together.totals] == [900 * US] * 2
    assert [each.work_ns for each in trace.together.totals] == [1600 * US] * 2
    assert trace.together.overlap_ns == 2 * 700 * US


@pytest.mark.parametrize(
    "events",
    [
        processes((2, 50, 450), wall=500),
        # The process that marks the steps works itself, as in a merged trace of ranks.
        processes((1, 50, 450), (3, 150, 350), wall=500),
        in_microseconds([cpu_op("aten::mm", 0, 9, pid=2), cpu_op("aten::mm", 0, 9, pid=3)]),
        in_microseconds([annotation("overlap.step", 0, 50, pid=1), kernel("k", 0, 9)]),
    ],
)
def test_other_processes_are_kept_apart(events: list[Event], load_events: LoadEvents) -> None:
    assert analyze(load_events(events)).together is None


def test_the_kind_of_step_is_part_of_the_run(record: Record, tmp_path: Path) -> None:
    record("sequential", SEQUENTIAL, times(1000))
    assert only_run(tmp_path).step == "forward"
    record("sequential", SEQUENTIAL, times(1000), **{"pass": "forward-backward"})
    assert only_run(tmp_path).step == "forward-backward"
    record("sequential", SEQUENTIAL, times(1000), grad=False, **{"pass": "forward"})
    assert only_run(tmp_path).step == "forward without gradients"


def test_the_baseline_is_compared_with_itself(record: Record, tmp_path: Path) -> None:
    record("sequential", SEQUENTIAL, times(1000), timing={"cpu_seconds_per_wall_second": 0.8})
    found = mode(tmp_path, "sequential")
    assert found.speed_up == Ratio(1, 1, 1)
    assert found.traced_speed_up == Ratio(1, 1, 1)
    assert (found.less_work, found.more_overlap, found.less_idle) == (1, 1, 1)
    assert found.achieved == 1
    assert found.overlap_share == 0


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (one_lane(wall=500, work=400), (2, 1, 1)),
        (one_lane(wall=800, work=800), (1, 1, 1.25)),
        (steps((0, 800), (0, 800), wall=1000), (0.5, 2, 1)),
        (steps((0, 300), (200, 700), wall=875), (1, 8 / 7, 1)),
        # A step lasts until all that was started in it has ended.
        (steps((0, 700), (0, 900), wall=800), (800 / 1600, 1600 / 900, 1.25)),
        (steps((0, 400), wall=500, count=5), (2, 1, 1)),
    ],
)
def test_the_factors_multiply_to_the_traced_speed_up(
    record: Record, tmp_path: Path, events: list[Event], expected: tuple[float, float, float]
) -> None:
    record("sequential", SEQUENTIAL, times(1000))
    record("other", events, times(1000))
    found = mode(tmp_path, "other")
    assert (found.less_work, found.more_overlap, found.less_idle) == pytest.approx(expected)
    assert found.traced_speed_up is not None
    assert found.traced_speed_up.value == pytest.approx(math.prod(expected), rel=1e-12)


def test_the_tighter_step_ranges_count(record: Record, tmp_path: Path) -> None:
    marked = [*SEQUENTIAL, *steps(wall=5000, mark="ProfilerStep#0", count=1)]
    record("sequential", marked, times(1000))
    record("other", steps((0, 800), wall=2000, mark="ProfilerStep#0"), times(1000))
    assert mode(tmp_path, "sequential").traced_wall_ns == 1000 * US
    # Without the recorder's own ranges the profiler's marks have to do.
    assert mode(tmp_path, "other").traced_wall_ns == 2000 * US


def test_without_steps_there_are_no_factors(record: Record, tmp_path: Path) -> None:
    record("sequential", SEQUENTIAL, times(1000))
    record("other", in_microseconds([cpu_op("aten::mm", 0, 500)]), times(500))
    found = mode(tmp_path, "other")
    assert found.speed_up is not None
    assert found.speed_up.value == pytest.approx(2)
    assert found.traced_wall_ns is None
    assert found.traced_speed_up is None
    assert found.less_work is found.more_overlap is found.less_idle is None
    assert found.achieved == 1


def test_without_operators_there_is_a_wall_time_all_the_same(
    record: Record, tmp_path: Path
) -> None:
    record("sequential", SEQUENTIAL, times(1000))
    record("other", [annotation("overlap.step", 0, 10)], times(500))
    found = mode(tmp_path, "other")
    assert found.wall_ns == 500 * US
    assert found.speed_up is not None
    assert found.busy_share is found.overlap_share is found.achieved is None
    assert found.strongest_state is None
    assert found.traced_speed_up is None


def test_without_a_baseline_nothing_is_compared(record: Record, tmp_path: Path) -> None:
    record("threads", TWO_LANES, times(500))
    run = only_run(tmp_path)
    assert run.baseline is None
    (found,) = run.modes
    assert found.speed_up is found.traced_speed_up is None
    assert found.less_work is found.more_overlap is found.less_idle is None
    assert found.traced_wall_ns == 500 * US


def test_modes_come_by_wall_time_after_the_baseline(record: Record, tmp_path: Path) -> None:
    for name, us in (("a", 900), ("b", 300), ("sequential", 500), ("c", 400), ("d", 1200)):
        record(name, one_lane(wall=1000, work=800), times(us))
    assert [each.mode for each in only_run(tmp_path).modes] == ["sequential", "b", "c", "a", "d"]


def test_runs_are_kept_apart(record: Record, tmp_path: Path) -> None:
    record("sequential", SEQUENTIAL, times(1000), run="b", name="b-s")
    record("threads", TWO_LANES, times(500), run="b", name="b-t")
    facts = {"preset": "wide", "device": "cuda", "workload": {"branches": 8}}
    record("threads", TWO_LANES, times(100), run="a", name="a-t", environment={"x": 1}, **facts)
    comparison = report([tmp_path]).comparison
    assert comparison is not None
    first, second = comparison.runs
    assert (first.run, second.run) == ("a", "b")
    assert (first.preset, first.device, first.workload) == ("wide", "cuda", {"branches": 8})
    assert first.environment == {"x": 1}
    assert first.baseline is None
    assert [each.speed_up for each in first.modes] == [None]
    assert second.baseline == "sequential"
    assert [each.mode for each in second.modes] == ["sequential", "threads"]
    assert compare(report([tmp_path]).traces[::-1]) == comparison


def test_traces_without_manifests_are_not_compared(load_events: LoadEvents) -> None:
    assert compare([analyze(load_events(SEQUENTIAL))]) is None
    assert compare([]) is None


def test_ranks_have_baselines_of_their_own(record: Record, tmp_path: Path) -> None:
    def rank(number: int) -> dict[str, Any]:
        return {"header": {"distributedInfo": {"rank": number}}}

    record("sequential", SEQUENTIAL, times(1000), name="s0", **rank(0))
    record("sequential", SEQUENTIAL, times(3000), name="s1", **rank(1))
    record("threads", TWO_LANES, times(500), name="t0", **rank(0))
    record("threads", TWO_LANES, times(600), name="t1", **rank(1))
    record("threads", TWO_LANES, times(700), name="t2", **rank(2))
    found = [
        (each.mode, each.rank, each.speed_up and round(each.speed_up.value, 6))
        for each in only_run(tmp_path).modes
    ]
    assert found == [
        ("sequential", 0, 1),
        ("sequential", 1, 1),
        ("threads", 0, 2),
        ("threads", 1, 5),
        ("threads", 2, None),
    ]


def test_the_device_that_did_most_stands_for_the_trace(load_events: LoadEvents) -> None:
    small = [kernel("k", 0, 100, device=0)]
    large = [kernel("k", 0, 60, device=1, stream=s) for s in (7, 8)]
    trace = analyze(load_events([*small, *large]))
    device = main_device(trace)
    assert device is not None
    assert device.device == "1"
    assert main_device(analyze(load_events([]))) is None


def test_other_devices_do_not_enter_the_factors(record: Record, tmp_path: Path) -> None:
    def run(kernels: list[Event]) -> list[Event]:
        return in_microseconds(
            [
                annotation("overlap.step", 0, 100),
                *(launch(0, 5, correlation=each.correlation) for each in kernels),
                *kernels,
            ]
        )

    alone = [kernel("a", 20, 80, device=1, correlation=1)]
    other = [kernel("b", 10, 20, device=0, correlation=2)]
    record("sequential", run(alone), times(100))
    record("threads", run([*alone, *other]), times(100))
    found = mode(tmp_path, "threads")
    assert found.traced_wall_ns == 100 * US
    assert (found.less_work, found.more_overlap, found.less_idle) == (1, 1, 1)


ON_DEVICE = in_microseconds(
    [
        annotation("overlap.step", 0, 100),
        launch(0, 5, correlation=1),
        launch(5, 10, correlation=2),
        kernel("a", 20, 80, stream=7, correlation=1),
        kernel("b", 20, 80, stream=8, correlation=2),
    ]
)


def test_the_strongest_state(load_events: LoadEvents) -> None:
    (device,) = analyze(load_events(ON_DEVICE)).devices
    assert strongest_state(device) == "overlapped"
    (device,) = analyze(load_events([kernel("k", 5, 5)])).devices
    assert strongest_state(device) is None

"""What is drawn of a window: sums that must agree with the figures, and each bin by brute force."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import analysis
from analysis.metrics.breakdown import Breakdown
from analysis.metrics.lanes import Lanes
from analysis.metrics.parallelism import Parallelism
from analysis.metrics.picture import LANES
from analysis.metrics.usage import Usage
from analysis.pipeline import Times
from analysis.report import DeviceFigures
from tests import strategies
from tests.builders import Event, cpu_op, kernel, launch, write_trace

quick = settings(deadline=None, max_examples=100)

Measure = Callable[..., tuple[DeviceFigures, ...]]


@pytest.fixture(scope="module")
def measure(tmp_path_factory: pytest.TempPathFactory) -> Measure:
    path: Path = tmp_path_factory.mktemp("traces") / "built.json"

    def run(
        events: Sequence[Event], marks: int, within: Times | None = None
    ) -> tuple[DeviceFigures, ...]:
        trace = analysis.load(write_trace(path, events))
        return analysis.analyze(trace, marks=marks, within=within).devices

    return run


def overlap(low: int, high: int, start: int, end: int) -> int:
    return max(min(high, end) - max(low, start), 0)


@quick
@given(
    events=st.one_of(strategies.accelerator_traces(), strategies.cpu_traces()),
    marks=st.sampled_from([0, 1, 3, 4_000]),
)
def test_a_picture_agrees_with_the_figures(
    events: list[Event], marks: int, measure: Measure
) -> None:
    found = measure(events, marks)
    budget = marks // max(len(found), 1)
    for device in found:
        assert device.drawn is not None
        drawn = device.drawn.picture
        assert drawn.window_ns == device.window_ns
        bins = len(drawn.edges_ns) - 1
        assert drawn.edges_ns[0] == 0
        assert drawn.edges_ns[-1] == device.window_ns
        assert len(drawn.running_ns) == len(drawn.most_running) == bins
        assert sum(drawn.running_ns) == device.of(Parallelism).work_ns
        assert max(drawn.most_running, default=0) == device.of(Usage).max_concurrency
        assert drawn.activities == device.of(Usage).activities
        assert len(drawn.marks) <= budget
        of_lane = {lane.lane: lane for lane in device.of(Lanes).lanes}
        for place, lane in enumerate(drawn.lanes):
            if drawn.busy_ns is not None:
                assert sum(drawn.busy_ns[place]) == of_lane[lane].busy_ns
                assert len(drawn.busy_ns[place]) == bins
            else:
                marks_of_lane = sum(mark.lane == place for mark in drawn.marks)
                assert marks_of_lane == of_lane[lane].activities
        assert drawn.lanes_total == len(of_lane)
        _check_states(device)
        assert sum(gap.number for gap in drawn.gaps) == device.gaps.idle_gaps_total
        assert sum(gap.total_ns for gap in drawn.gaps) == device.of(Usage).idle_ns
        assert device.drawn.activities.number == device.of(Usage).activities


def _check_states(device: DeviceFigures) -> None:
    assert device.drawn is not None
    drawn = device.drawn.picture
    times = dict.fromkeys(drawn.states, 0)
    if drawn.stretches is None:
        assert drawn.states_ns is not None
        for low, high, of_bin in zip(
            drawn.edges_ns[:-1], drawn.edges_ns[1:], drawn.states_ns, strict=True
        ):
            assert sum(of_bin) == high - low
            for state, ns in zip(drawn.states, of_bin, strict=True):
                times[state] += ns
    else:
        at, before = 0, None
        for state_code, start, end in drawn.stretches:
            assert start == at
            assert state_code != before
            at, before = end, state_code
            times[drawn.states[state_code]] += end - start
        assert at == drawn.window_ns
    assert times == device.of(Breakdown).breakdown_ns


KERNELS = [
    (1, 0, 40),
    (1, 30, 35),
    (2, 20, 21),
    (2, 21, 90),
    (3, 10, 13),
    (3, 70, 100),
    (1, 100, 100),
]


def _built() -> list[Event]:
    return [kernel(f"k{i}", *span, stream=lane) for i, (lane, *span) in enumerate(KERNELS)]


def test_each_bin_by_brute_force(measure: Measure) -> None:
    (device,) = measure(_built(), 2)
    assert device.drawn is not None
    drawn = device.drawn.picture
    assert drawn.busy_ns is not None
    assert len(drawn.edges_ns) == 61  # 60 bins of 100 ns
    for i, (low, high) in enumerate(zip(drawn.edges_ns[:-1], drawn.edges_ns[1:], strict=True)):
        lanes_at = [
            {lane for lane, start, end in KERNELS if start <= t < end} for t in range(low, high)
        ]
        assert drawn.running_ns[i] == sum(map(len, lanes_at))
        assert drawn.most_running[i] == max(map(len, lanes_at))
        for place, lane in enumerate((1, 2, 3)):
            assert drawn.busy_ns[place][i] == sum(lane in at for at in lanes_at)


def test_the_longest_are_kept_and_of_equals_the_first(measure: Measure) -> None:
    events = [kernel(f"k{i}", 20 * i, 20 * i + length) for i, length in enumerate([5, 9, 5, 9, 5])]
    (device,) = measure(events, 3)
    assert device.drawn is not None
    kept = device.drawn.picture
    assert [kept.names[mark.name] for mark in kept.marks] == ["k0", "k1", "k3"]
    assert not kept.whole
    assert [(mark.start_ns, mark.length_ns) for mark in kept.marks] == [(0, 5), (20, 9), (60, 9)]


def test_a_mark_says_what_came_before_it(measure: Measure) -> None:
    events = [
        kernel("first", 10_000, 50_000, correlation=1),
        kernel("second", 52_000, 60_000, correlation=2),
        launch(1_000, 4_000, correlation=1),
        launch(5_000, 9_000, correlation=2),
    ]
    (device,) = measure(events, 10)
    assert device.drawn is not None
    before = device.drawn.picture.marks[1].before
    assert before is not None
    assert (before.launch_ns, before.call_ns) == (-5_000, 4_000)
    # In its call to 9 us, behind the first to 50 us, then about to start to 52 us.
    assert before[2:] == (4_000, 41_000, 0, 2_000, "start_latency")


def test_an_unknown_launch_is_none(measure: Measure) -> None:
    (device,) = measure([kernel("alone", 0, 10)], 10)
    assert device.drawn is not None
    before = device.drawn.picture.marks[0].before
    assert before is not None
    assert before.launch_ns is before.call_ns is None


def test_the_busiest_lanes_are_drawn(measure: Measure) -> None:
    events = [kernel("k", 0, 10 + lane, stream=lane) for lane in range(1, LANES + 4)]
    (device,) = measure(events, 1_000)
    assert device.drawn is not None
    drawn = device.drawn.picture
    assert drawn.lanes == tuple(str(lane) for lane in range(4, LANES + 4))
    assert drawn.lanes_total == LANES + 3
    assert drawn.whole


def test_a_window_shows_what_runs_into_it(measure: Measure) -> None:
    (device,) = measure(_built(), 100, Times(25, 75))
    assert device.drawn is not None
    drawn = device.drawn.picture
    assert drawn.window_ns >= 50
    assert drawn.marks[0].start_ns == -25
    assert drawn.marks[0].length_ns == 40
    assert drawn.activities == len(drawn.marks) == 4


def test_names_are_summed(measure: Measure) -> None:
    events = [
        kernel("a", 0, 10),
        kernel("b", 20, 50),
        kernel("a", 60, 90),
        cpu_op("outer", 0, 100),
        cpu_op("inner", 10, 30),
        cpu_op("inner", 40, 90),
    ]
    (device,) = measure(events, 10)
    assert device.drawn is not None
    found = device.drawn.activities
    assert [tuple(each) for each in found.listed] == [("a", 2, 40, 30), ("b", 1, 30, 30)]
    assert (found.names, found.number, found.total_ns) == (2, 3, 70)
    # Cut to the window, which ends with the last kernel.
    called = device.drawn.operators
    assert [tuple(each) for each in called.listed] == [("outer", 1, 90, 90), ("inner", 2, 70, 50)]


def test_no_pictures_unless_asked_for(tmp_path: Path) -> None:
    trace = analysis.load(write_trace(tmp_path / "t.json", _built()))
    assert analysis.analyze(trace).devices[0].drawn is None

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import Trace
from analysis.columns import ACTIVITY_ROLES, Role
from analysis.device import accelerators
from analysis.launches import lane_key, match
from tests.builders import Event, Id, kernel, launch, runtime

LoadEvents = Callable[..., Trace]


def launched_by(trace: Trace) -> dict[str, str | None]:
    """By activity, the name of the call that launched it."""
    activities, calls = trace.events.of(*ACTIVITY_ROLES), trace.events.of(Role.CALL)
    rows = match(activities, calls).tolist()
    return {
        activities.names[name]: calls.names[calls.name[row]] if row >= 0 else None
        for name, row in zip(activities.name.tolist(), rows, strict=True)
    }


def call(name: str, start: int, end: int, correlation: int, pid: int | str = 100) -> Event:
    return launch(start, end, correlation=correlation, pid=pid, name=name)


def test_equal_correlations_are_tied(load_events: LoadEvents) -> None:
    trace = load_events(
        [
            call("b", 10, 20, 2),
            call("a", 0, 10, 1),
            kernel("k2", 40, 50, correlation=2),
            kernel("k1", 30, 40, correlation=1),
            kernel("k3", 50, 60, correlation=3),
        ]
    )
    assert launched_by(trace) == {"k1": "a", "k2": "b", "k3": None}


@pytest.mark.parametrize("correlation", [0, -1, -5])
def test_correlations_that_are_not_positive_tie_nothing(
    load_events: LoadEvents, correlation: int
) -> None:
    arguments = {"stream": 7, "correlation": correlation}
    trace = load_events(
        [
            Event("cuda_runtime", "a", 100, 1, 0, 10, {"correlation": correlation}),
            Event("kernel", "k", 0, 7, 20, 30, arguments),
        ]
    )
    assert launched_by(trace) == {"k": None}


def test_without_correlations_nothing_is_tied(load_events: LoadEvents) -> None:
    trace = load_events([runtime("a", 0, 10), kernel("k", 20, 30)])
    assert launched_by(trace) == {"k": None}


def test_without_calls_nothing_is_tied(load_events: LoadEvents) -> None:
    assert launched_by(load_events([kernel("k", 20, 30, correlation=1)])) == {"k": None}


def test_one_call_may_launch_several(load_events: LoadEvents) -> None:
    trace = load_events(
        [
            call("graph", 0, 10, 9),
            *(kernel(f"k{i}", 20 + i, 30, stream=i, correlation=9) for i in range(3)),
        ]
    )
    assert launched_by(trace) == {"k0": "graph", "k1": "graph", "k2": "graph"}


NESTED = [call("outer", 0, 20, 1), call("middle", 0, 15, 1), call("inner", 5, 15, 1)]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
def test_of_nested_calls_the_outermost_launched(
    load_events: LoadEvents, order: Sequence[int]
) -> None:
    activity = kernel("k", 30, 40, correlation=1)
    trace = load_events([activity, *(NESTED[i] for i in order)])
    assert launched_by(trace) == {"k": "outer"}


def test_the_outermost_call_may_be_the_drivers_or_come_late(load_events: LoadEvents) -> None:
    driver = runtime("cuLaunchKernel", 3, 9, correlation=1, category="cuda_driver")
    late = call("late", 35, 36, 1)
    trace = load_events([late, driver, kernel("k", 30, 40, correlation=1)])
    assert launched_by(trace) == {"k": "cuLaunchKernel"}


RANKS = [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2)]


def two_processes(first: Sequence[int], second: Sequence[int], pids: tuple[Id, Id]) -> list[Event]:
    """Calls of two processes with these correlations, and kernels with 1, 2 and 3."""
    return [
        *(call(f"first {c}", 10 * c, 10 * c + 5, c, pid=pids[0]) for c in first),
        *(call(f"second {c}", 10 * c, 10 * c + 5, c, pid=pids[1]) for c in second),
        *(kernel(f"k{c}", 100 * c, 100 * c + 50, correlation=c) for c in (1, 2, 3)),
    ]


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((1, 2, 3), (1, 2), ("first", "first", "first")),
        ((1, 2), (1, 2, 3), ("second", "second", "second")),
        # The other process is asked for what the first one did not launch.
        ((1, 2), (3,), ("first", "first", "second")),
        ((1,), (2, 3), ("first", "second", "second")),
        # What matters is how many of this device's activities, not how many calls.
        ((1, 4, 5, 6, 7), (1, 2), ("second", "second", None)),
        # A tie goes to the smaller process id.
        ((1, 2), (2, 3), ("first", "first", "second")),
        ((2, 3), (1, 2), ("second", "first", "first")),
        ((), (3,), (None, None, "second")),
    ],
)
def test_two_processes_number_alike(
    load_events: LoadEvents,
    first: Sequence[int],
    second: Sequence[int],
    expected: Sequence[str | None],
    swapped: bool,
) -> None:
    events = two_processes(first, second, (90, 700))
    trace = load_events(events[::-1] if swapped else events)
    found = launched_by(trace)
    assert [found[f"k{c}"] for c in (1, 2, 3)] == [
        None if process is None else f"{process} {c}"
        for c, process in zip((1, 2, 3), expected, strict=True)
    ]


@pytest.mark.parametrize("swapped", [False, True])
def test_of_a_tie_numbers_come_by_value_and_before_text(
    load_events: LoadEvents, swapped: bool
) -> None:
    for pids in ((9, 10), (10, "a"), ("a", "b")):
        events = two_processes((1, 2), (2, 3), pids)
        found = launched_by(load_events(events[::-1] if swapped else events))
        assert found["k2"] == "first 2"


def test_each_device_is_matched_on_its_own(load_events: LoadEvents) -> None:
    trace = load_events(
        [
            *(call(f"a{c}", c, c + 1, c, pid=1) for c in (1, 2, 3)),
            *(call(f"b{c}", c, c + 1, c, pid=2) for c in (2, 3, 4)),
            *(kernel("k", 100 * c, 100 * c + 9, device=0, correlation=c) for c in (1, 2, 3)),
            *(kernel("k", 100 * c, 100 * c + 9, device=1, correlation=c) for c in (2, 3, 4)),
        ]
    )
    pids = trace.events.pids
    of_device = {
        device.label: {pids[code] for code in device.launches.pid.tolist()}
        for device in accelerators(trace)
        if device.launches is not None
    }
    assert of_device == {"0": {"1"}, "1": {"2"}}


def test_of_merged_ranks_each_has_its_own_launches(load_events: LoadEvents) -> None:
    """Ranks launch alike, under the same numbers; here the first has a call too many."""
    calls = [call(f"{rank} {c}", 10 * c, 10 * c + 5, c, pid=f"[TP0{rank}] 9") for rank, c in RANKS]
    kernels = [
        replace(kernel(f"of {rank}: {c}", 100, 150, correlation=c), pid=f"[TP0{rank}] {rank}")
        for rank, c in RANKS
    ]
    expected = {f"of {rank}: {c}": f"{rank} {c}" for rank, c in RANKS}
    assert launched_by(load_events([*calls, *kernels])) == expected
    alone = [*calls, replace(kernel("other", 100, 150, correlation=2), pid="[DP07] 0")]
    assert launched_by(load_events(alone)) == {"other": "0 2"}


def test_the_launch_of_an_activity_reaches_its_device(load_events: LoadEvents) -> None:
    (device,) = accelerators(
        load_events(
            [
                call("cudaLaunchKernel", 10, 25, 1),
                call("cudaGraphLaunch_ptsz", 30, 45, 2),
                kernel("b", 60, 70, stream=9, correlation=2),
                kernel("a", 40, 50, stream=8, correlation=1),
                kernel("c", 80, 90, stream=10),
            ]
        )
    )
    assert [device.names[code] for code in device.name] == ["a", "b", "c"]
    assert device.lanes == ("8", "9", "10")
    launches = device.launches
    assert launches is not None
    assert launches.known.tolist() == [True, True, False]
    assert launches.start.tolist()[:2] == [10, 30]
    assert launches.end.tolist()[:2] == [25, 45]
    assert launches.start[2] == launches.end[2] == 2**62
    assert launches.graph.tolist() == [False, True, False]
    assert (
        launches.pid.tolist()[2] == launches.thread.tolist()[2] == launches.call.tolist()[2] == -1
    )


def test_lanes_and_devices_sort_as_people_do() -> None:
    labels = ["10", "9", "b", "-1", "a", "", "007", "²", "1e3", "--2"]
    assert sorted(labels, key=lane_key) == ["-1", "007", "9", "10", "", "--2", "1e3", "a", "b", "²"]


@given(st.lists(st.one_of(st.integers().map(str), st.text(max_size=3)), max_size=6))
def test_any_label_can_be_sorted(labels: list[str]) -> None:
    ordered = sorted(labels, key=lane_key)
    numbers = [int(label) for label in ordered if lane_key(label)[0] == 0]
    assert numbers == sorted(numbers)

"""Python frames that end after their callers did are told from those that do not."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import Trace, analyze
from analysis.columns import Events, Role
from analysis.device import thread_codes
from analysis.host import Doing, Host
from analysis.overruns import overrunning_frames
from tests.builders import Event, annotation, cpu_op, kernel, launch, python

LoadEvents = Callable[..., Trace]

MAIN = python("main", 0, 300)
LOAD = python("load", 4, 2_000)
"""Its return was not recorded."""


def overrunning(trace: Trace, tolerance: int = 0) -> set[str]:
    events = trace.events
    found = overrunning_frames(events, tolerance)
    return {events.names[code] for code in events.name[found].tolist()}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([MAIN, LOAD], {"load"}, id="over its caller"),
        pytest.param([MAIN, LOAD, python("read", 5, 2_000)], {"load", "read"}, id="all inside it"),
        pytest.param([MAIN, LOAD, python("read", 5, 9)], {"load"}, id="not what returned"),
        pytest.param([MAIN, LOAD, python("next", 300, 1_000)], {"load"}, id="not what came later"),
        pytest.param(
            [python("all", 0, 2_000), MAIN, LOAD], {"load"}, id="its caller's caller is open"
        ),
        pytest.param(
            [MAIN, python("read", 5, 9), python("load", 20, 400)], {"load"}, id="after another"
        ),
        pytest.param([MAIN, python("load", 4, 300)], set(), id="ends with its caller"),
        pytest.param([MAIN, python("load", 300, 2_000)], set(), id="begins as it ends"),
        pytest.param([MAIN, python("load", 0, 300)], set(), id="both the same"),
        pytest.param([MAIN, python("load", 300, 300)], set(), id="without length, at its end"),
        pytest.param([MAIN, python("load", 0, 0), LOAD], {"load"}, id="without length, before"),
        pytest.param([MAIN, python("load", 4, 2_000, tid=2)], set(), id="on another thread"),
        pytest.param([MAIN, python("load", 4, 2_000, pid=2)], set(), id="in another process"),
        pytest.param([MAIN, cpu_op("load", 4, 2_000)], set(), id="an operator"),
        pytest.param([annotation("x", 0, 300), LOAD], set(), id="over an annotation"),
    ],
)
def test_frames(
    load_events: LoadEvents, events: list[Event], expected: set[str], *, reverse: bool
) -> None:
    assert overrunning(load_events(events[::-1] if reverse else events)) == expected


def test_a_tolerance_lets_rounded_ends_be(load_events: LoadEvents) -> None:
    trace = load_events([MAIN, python("load", 4, 302)])
    assert overrunning(trace, 1) == {"load"}
    assert overrunning(trace, 2) == set()


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6)), max_size=8))
def test_some_overrun_exactly_where_two_cross(drawn: list[tuple[int, int]]) -> None:
    intervals = [(start, start + length) for start, length in drawn]
    crossed = any(a[0] < b[0] < a[1] < b[1] for a in intervals for b in intervals)
    assert bool(overrunning_frames(_frames(intervals), 0).any()) is crossed


def _frames(intervals: list[tuple[int, int]]) -> Events:
    """Python frames of one thread."""
    zeros = np.zeros(len(intervals), np.int32)
    return Events(
        role=np.full(len(intervals), Role.PYTHON, np.int8),
        start=np.array([start for start, _ in intervals], np.int64),
        end=np.array([end for _, end in intervals], np.int64),
        name=zeros,
        pid=zeros,
        tid=zeros,
        stream=zeros,
        correlation=zeros.astype(np.int64),
        shape=zeros,
        category=zeros,
        position=zeros,
        names=("f",),
        pids=("1",),
        tids=("1",),
        streams=("7",),
        shapes=(),
        categories=("python_function",),
    )


def test_the_host_does_what_the_caller_does(load_events: LoadEvents) -> None:
    trace = load_events([MAIN, LOAD, python("read", 5, 9)])
    thread = Host(trace).thread(int(thread_codes(trace.events)[0]))
    assert [thread.stack(time, Role.PYTHON) for time in (3, 6, 100, 300)] == [
        ["main"],
        ["main", "read"],
        ["main"],
        [],
    ]
    assert thread.doing(np.array([299, 300])).tolist() == [Doing.PYTHON, Doing.NOTHING]


def test_they_are_noted_in_the_report(load_events: LoadEvents) -> None:
    work = [launch(10, 20, correlation=1), kernel("k", 30, 40, correlation=1)]

    def said(*events: Event) -> list[str]:
        report = analyze(load_events([*work, *events]))
        return [note for note in report.notes if "Python frames" in note]

    assert said(MAIN) == []
    (note,) = said(MAIN, LOAD)
    assert note.startswith("Python frames end after the one that they began in (1 of them)")


def test_on_a_cpu_they_do_not_count_as_python(load_events: LoadEvents) -> None:
    operators = [cpu_op("aten::mm", 10, 100), cpu_op("aten::mm", 1_000, 1_100)]
    (device,) = analyze(load_events([MAIN, LOAD, *operators])).devices
    states = device.to_json()["breakdown_ns"]
    assert (states["idle_python"], states["idle_untraced"]) == (200, 700)

"""Replays held against a machine that works by the same rules, nanosecond by nanosecond."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import analysis
from analysis import Trace
from analysis.device import accelerators
from analysis.host import Host
from analysis.metrics.stages import stages
from analysis.metrics.waits import waits
from analysis.replay import Ceilings
from analysis.replay.ceilings import branch_layout
from analysis.replay.engine import replay
from analysis.replay.latencies import Latencies, fit
from analysis.replay.layout import Layout, by_lane
from analysis.replay.program import KINDS, Program, program
from analysis.thresholds import Thresholds
from tests import machine, strategies
from tests.builders import Event, annotation, write_trace
from tests.machine import BLOCKING, GRAPH, Instruction, Lag, Machine, Speeds

often = settings(max_examples=300)

Load = Callable[[Sequence[Event]], Trace]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    path = tmp_path_factory.mktemp("traces") / "built.json"
    return lambda events: analysis.load(write_trace(path, events))


# --- programs -------------------------------------------------------------------------

_STREAMS = st.sampled_from([7, 20])
_LENGTHS = st.integers(1, 12)
_GAPS = st.integers(0, 6)


@st.composite
def _launches(draw: st.DrawFn, branch: int, occurrence: int) -> machine.Launch:
    kind = draw(st.sampled_from(["kernel", "kernel", "kernel", "copy", "set", BLOCKING, GRAPH]))
    lengths = draw(st.lists(_LENGTHS, min_size=1, max_size=3 if kind == GRAPH else 1))
    call = draw(st.integers(1, 5))
    return machine.Launch(kind, draw(_STREAMS), call, tuple(lengths), branch, occurrence)


@st.composite
def _sections(draw: st.DrawFn, occurrence: int, *, events: bool) -> list[Instruction]:
    """Some launches of one branch, or of none, with other calls in between."""
    branch = draw(st.sampled_from([machine.NO_BRANCH, 0, 0, 1, 1, 2]))
    made: list[Instruction] = []
    for _ in range(draw(st.integers(1, 3))):
        made.append(machine.Work(draw(_GAPS)))
        what = draw(st.integers(0, 5))
        if what == 0:
            made.append(machine.Sync(draw(st.none() | _STREAMS)))
        elif what == 1 and events:
            event = draw(st.integers(0, 9))
            made += [machine.Record(draw(_STREAMS), event), machine.Work(draw(_GAPS))]
            made.append(machine.Wait(draw(_STREAMS), event))
        made.append(draw(_launches(branch, occurrence)))
    return made


@st.composite
def threads(draw: st.DrawFn, *, events: bool = True) -> list[Instruction]:
    """One thread's instructions."""
    made: list[Instruction] = []
    for occurrence in range(draw(st.integers(1, 5))):
        made += draw(_sections(occurrence, events=events))
    return made


@st.composite
def lags(draw: st.DrawFn) -> Lag:
    """Latencies of which that behind the own lane is no longer than that behind a launch."""
    own = draw(st.integers(0, 4))
    return Lag(launch=own + draw(st.integers(0, 4)), own=own, other=draw(st.integers(0, 6)))


@st.composite
def speeds(draw: st.DrawFn) -> Speeds:
    return Speeds({kind: draw(lags()) for kind in KINDS}, draw(st.integers(0, 5)))


def latencies(known: Speeds) -> Latencies:
    return Latencies(
        after_launch=tuple(known.lags[kind].launch for kind in KINDS),
        behind_own_lane=tuple(known.lags[kind].own for kind in KINDS),
        after_other_lane=tuple(known.lags[kind].other for kind in KINDS),
        to_return=known.to_return,
    )


def compiled(trace: Trace) -> Program:
    (device,) = accelerators(trace)
    thresholds = Thresholds()
    found = waits(trace, device)
    staged = stages(device, found, thresholds)
    bound = thresholds.latency_ceiling_ns
    return program(trace, device, found, staged, Host(trace), bound=bound)


def window(of: Program, known: Latencies, layout: Layout, *, host: bool) -> int:
    return int(replay(of, known, layout, host=host).end.max()) - of.origin


# --- what the machine did, again ------------------------------------------------------


@often
@given(threads(), speeds())
def test_a_replay_repeats_what_the_model_made(
    load: Load, thread: list[Instruction], known: Speeds
) -> None:
    made = compiled(load(Machine([thread], known).run().trace()))
    again = replay(made, latencies(known), by_lane(made.device), host=True)
    assert again.start.tolist() == made.device.start.tolist()
    assert again.end.tolist() == made.device.end.tolist()


@often
@given(st.lists(threads(events=False), min_size=2, max_size=3), speeds())
def test_threads_are_repeated_too(
    load: Load, several: list[list[Instruction]], known: Speeds
) -> None:
    made = compiled(load(Machine(several, known).run().trace()))
    again = replay(made, latencies(known), by_lane(made.device), host=True)
    assert again.start.tolist() == made.device.start.tolist()


# --- what it would have done ----------------------------------------------------------


@often
@given(threads(), speeds())
def test_without_the_host(load: Load, thread: list[Instruction], known: Speeds) -> None:
    made = compiled(load(Machine([thread], known).run().trace()))
    predicted = window(made, latencies(known), by_lane(made.device), host=False)
    assert predicted == Machine([thread], known, host=False).run().window


@often
@given(threads(), speeds())
def test_without_the_host_and_a_lane_per_branch(
    load: Load, thread: list[Instruction], known: Speeds
) -> None:
    trace = load(Machine([thread], known).run().trace())
    made = compiled(trace)
    layout = branch_layout(trace, made.device) or by_lane(made.device)
    predicted = window(made, latencies(known), layout, host=False)
    assert predicted == Machine([thread], known, host=False, branches=True).run().window


@often
@given(threads(), speeds())
def test_a_lane_per_branch(load: Load, thread: list[Instruction], known: Speeds) -> None:
    """Where nothing would start before the window began, which no ceiling lets it."""
    recorded = Machine([thread], known).run()
    expected = Machine([thread], known, branches=True).run()
    assume(expected.begin == recorded.begin)
    trace = load(recorded.trace())
    made = compiled(trace)
    layout = branch_layout(trace, made.device) or by_lane(made.device)
    assert window(made, latencies(known), layout, host=True) == expected.window


# --- the latencies --------------------------------------------------------------------


@often
@given(threads(), lags(), st.integers(0, 5))
def test_latencies_are_found_again(
    load: Load, thread: list[Instruction], lag: Lag, to_return: int
) -> None:
    """Each is the one that the machine had, or there was nothing to tell it from."""
    known = Speeds(dict.fromkeys(KINDS, lag), to_return)
    made = compiled(load(Machine([thread], known).run().trace()))
    found = fit(made, np.ones(len(made.device), np.bool_), 10_000)
    assert set(found.after_launch) <= {lag.launch, 0}
    assert set(found.behind_own_lane) <= {lag.own, 0}
    assert set(found.after_other_lane) <= {lag.other, 0}
    assert found.to_return in (to_return, 0)


# --- laws, on traces of any kind ------------------------------------------------------


@st.composite
def _with_branches(draw: st.DrawFn) -> list[Event]:
    events = draw(strategies.accelerator_traces())
    for _ in range(draw(st.integers(0, 5))):
        begin, length = draw(st.integers(-30, 80)), draw(st.integers(1, 40))
        pid, tid = draw(st.sampled_from(strategies.THREADS))
        name = f"overlap.branch {draw(st.integers(0, 2))}"
        events.append(annotation(name, begin, begin + length, pid=pid, tid=tid))
    return events


def ceilings(trace: Trace) -> list[Ceilings]:
    found = [device.ceilings for device in analysis.analyze(trace).devices]
    return [each for each in found if each is not None]


@often
@given(_with_branches())
def test_removing_a_constraint_never_lengthens(load: Load, events: list[Event]) -> None:
    for found in ceilings(load(events)):
        removed = found.window_ns
        assert removed.no_host is not None
        assert removed.no_host <= found.replayed_ns
        if removed.both is not None:
            assert removed.lane_per_branch is not None
            assert removed.lane_per_branch <= found.replayed_ns
            assert removed.both <= min(removed.no_host, removed.lane_per_branch)
        if removed.both_within_room is not None:
            assert removed.both is not None
            assert removed.both_within_room >= removed.both


@often
@given(strategies.cpu_traces())
def test_removing_a_constraint_never_lengthens_on_a_cpu(load: Load, events: list[Event]) -> None:
    for found in ceilings(load(events)):
        removed = found.window_ns
        assert removed.no_host is not None
        assert removed.no_host <= found.replayed_ns
        if removed.both is not None:
            assert removed.lane_per_branch is not None
            assert removed.lane_per_branch <= found.replayed_ns
            assert removed.both <= min(removed.no_host, removed.lane_per_branch)

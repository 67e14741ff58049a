"""Each rule is made to speak, and kept silent; then all are asked about real traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from analysis import findings
from analysis.compose import findings as compose_findings
from analysis.document import Bullets
from analysis.findings import RULES, Ceiling, Finding, Subject, find
from analysis.metrics.breakdown import Breakdown
from analysis.metrics.dependencies import DependencyGraph
from analysis.metrics.gaps import Gap, Gaps, HostMoment, Waiting
from analysis.metrics.lanes import Lane, Lanes
from analysis.metrics.launches import Durations, LaunchFigures, Queue
from analysis.metrics.missed import Missed
from analysis.metrics.parallelism import Parallelism
from analysis.pipeline import analyze
from analysis.replay import Ceilings
from analysis.replay.ceilings import Removed
from analysis.report import DeviceFigures, TraceReport
from analysis.reporting import report
from tests.builders import annotation, cpu_op, in_microseconds, runtime
from tests.shared import ABSENT, real_traces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from analysis import Trace
    from tests.builders import Event

WINDOW = 1000

GAP = Gap(
    start_ns=0,
    duration_ns=500,
    breakdown_ns={"idle_host_op": 90, "idle_host_sync": 300},
    before="gemm",
    after="relu",
    host=HostMoment("cudaStreamSynchronize", "aten::item", "aten::any", "model.py(7): forward"),
    waiting=Waiting(0, ()),
)


def about(
    kind: str = "accelerator",
    *,
    states: dict[str, int] | None = None,
    lanes: Sequence[str] = ("7",),
    gaps: Sequence[Gap] = (),
    ceilings: Removed[float] | None = None,
    error: float | None = 0.01,
    **results: object,
) -> Subject:
    """A device with a window of 1,000 ns and little else."""
    found: dict[str, object] = {
        "breakdown": Breakdown(states or {}, {}),
        "lanes": Lanes(tuple(Lane(lane, 1, 10) for lane in lanes), (), {}),
        "parallelism": parallel(),
        **results,
    }
    device = DeviceFigures(
        device="0",
        kind=kind,
        window_start_ns=0,
        window_ns=WINDOW,
        foreign_busy_ns=None,
        latency_bound_ns=None,
        results=found,
        gaps=Gaps(len(gaps), 0, tuple(gaps)),
        ceilings=None if ceilings is None else Ceilings(WINDOW, error, Removed(), ceilings),
    )
    trace = TraceReport(
        path="a.json",
        label="a",
        rank=None,
        resolution_ns=1,
        notes=(),
        devices=(device,),
        steps=(),
        spread=(),
        totals=(),
    )
    return Subject(trace, device)


def parallel(available: float | None = None, efficiency: float | None = None) -> Parallelism:
    return Parallelism(100, 1.9, 1.9, available, None, efficiency, 0.1, None)


def launches(short: int, *, kernels: int = 20, replays: int = 0) -> LaunchFigures:
    times = Durations(kernels, 100, 5000, 9, 9)
    queue = Queue(None, 1, 0.1, 0)
    return LaunchFigures(
        kernels, replays, times, times, None, None, None, kernels, short, short / kernels, queue, ()
    )


def graph(*missed: tuple[str, int]) -> DependencyGraph:
    pairs = tuple(
        Missed("aten::mm", "aten::add", None, None, reason, 1, saved, {}, 0)
        for reason, saved in missed
    )
    return DependencyGraph(1, 2, 1, 10, 10, None, 0, 1, 1, 1, 1, (), 0, len(pairs), pairs)


def asked(rule: str, subject: Subject) -> Finding | None:
    return getattr(findings, rule)(subject)  # type: ignore[no-any-return]


FASTER, SAME = Removed(no_host=1.1), Removed(no_host=1.02)
HELD = {"idle_host_op": 80, "one_nothing_queued": 20}

SPEAKS: list[tuple[str, Subject]] = [
    ("launch_bound", about(states={"idle_host_op": 100, "idle_slow_launch": 100})),
    ("blocking_sync", about(states={"idle_host_sync": 50})),
    ("blocking_copy", about(states={"idle_blocking_copy": 50})),
    ("short_kernels", about(launches=launches(10))),
    ("graph_replay", about(launches=launches(0), ceilings=FASTER, states=HELD)),
    ("graph_replay", about(launches=launches(0), ceilings=SAME)),
    ("same_stream", about(graph=graph(("same_lane", 50)), parallelism=parallel(2.0))),
    ("same_stream", about(ceilings=Removed(lane_per_branch=1.05))),
    ("same_stream", about("cpu", ceilings=Removed(lane_per_branch=1.7))),
    ("dependency", about(states={"one_dependency": 30, "idle_dependency": 20})),
    ("device_full", about(states={"one_device_full": 50})),
    ("default_stream", about(states={"one_unrecorded_wait": 50}, lanes=("7", "20"))),
    ("default_stream", about(states={"one_unrecorded_wait": 50}, lanes=("0", "3"))),
    ("gil", about("cpu", states={"one_lane_python": 50})),
    ("nothing_to_overlap", about(parallelism=parallel(1.09))),
    ("nothing_to_overlap", about(parallelism=parallel(2.0, 0.9))),
]

SILENT: list[tuple[str, Subject]] = [
    ("launch_bound", about(states={"idle_host_op": 100, "idle_host_python": 99})),
    ("launch_bound", about("cpu", states={"idle_host_op": 500})),
    ("launch_bound", about(states={"idle_host_sync": 900})),
    ("blocking_sync", about(states={"idle_host_sync": 49})),
    ("blocking_copy", about(states={"idle_blocking_copy": 49})),
    ("short_kernels", about(launches=launches(9))),
    ("short_kernels", about(launches=launches(19, kernels=19))),
    ("short_kernels", about()),
    ("graph_replay", about(launches=launches(0), ceilings=Removed(no_host=1.05), states=HELD)),
    ("graph_replay", about(launches=launches(0, replays=1), ceilings=FASTER, states=HELD)),
    ("graph_replay", about(launches=launches(0, kernels=19), ceilings=FASTER, states=HELD)),
    ("graph_replay", about(launches=launches(0))),
    ("graph_replay", about(launches=launches(0), ceilings=FASTER, states={"idle_host_op": 90})),
    (
        "graph_replay",
        about(
            launches=launches(0), ceilings=Removed(no_host=2.0), states={"one_room_unknown": 1000}
        ),
    ),
    ("same_stream", about(graph=graph(("same_lane", 49)), parallelism=parallel(2.0))),
    ("same_stream", about(graph=graph(("launching", 500)), parallelism=parallel(2.0))),
    ("same_stream", about(ceilings=Removed(lane_per_branch=1.04))),
    ("same_stream", about()),
    ("dependency", about(states={"one_dependency": 49})),
    ("device_full", about(states={"one_device_full": 49, "one_room_unknown": 900})),
    ("default_stream", about(states={"one_unrecorded_wait": 500}, lanes=("20", "21"))),
    ("default_stream", about(states={"one_unrecorded_wait": 500})),
    ("default_stream", about(states={"one_unrecorded_wait": 49}, lanes=("7", "20"))),
    ("gil", about("cpu", states={"one_lane_python": 49, "one_lane_alone": 900})),
    ("nothing_to_overlap", about(parallelism=parallel(1.1, 0.5))),
    ("nothing_to_overlap", about(parallelism=parallel(2.0, 0.89))),
    ("nothing_to_overlap", about()),
]


@pytest.mark.parametrize(("rule", "subject"), SPEAKS)
def test_a_rule_speaks(rule: str, subject: Subject) -> None:
    found = asked(rule, subject)
    assert found is not None
    assert (found.rule, found.trace, found.path, found.device) == (rule, "a", "a.json", "0")
    assert found.claim.endswith(".")
    assert found.cause
    assert found.advice
    assert found.evidence or found.ceiling


@pytest.mark.parametrize(("rule", "subject"), SILENT)
def test_a_rule_is_silent(rule: str, subject: Subject) -> None:
    assert asked(rule, subject) is None


def test_every_rule_is_tried() -> None:
    names = [rule.__name__ for rule in RULES]
    tried = {rule for rule, _ in SPEAKS} & {rule for rule, _ in SILENT}
    assert len(set(names)) == len(names)
    assert set(names) - tried == {
        "launches_block",
        "one_connection",
        "overlap_without_gain",
        "more_lanes_than_cores",
        "unseen_threads",
        "disturbed",
        "too_few_steps",
    }


# --- evidence, gain, certainty --------------------------------------------------------


def test_evidence_names_the_worst_gap_and_where_the_host_was() -> None:
    other = msgspec.structs.replace(
        GAP, breakdown_ns={"idle_host_sync": 299}, host=None, after=None
    )
    found = asked("blocking_sync", about(states={"idle_host_sync": 600}, gaps=[other, GAP]))
    assert found is not None
    assert found.evidence == (
        "60.0% of the window idle so",
        (
            "longest 300 ns in cudaStreamSynchronize, in aten::item, at model.py(7): forward, "
            "before relu"
        ),
    )
    assert (found.gain_ns, found.gain) == (600, 0.6)
    alone = asked("blocking_sync", about(states={"idle_host_sync": 600}, gaps=[other]))
    assert alone is not None
    assert alone.evidence[1:] == ("longest 299 ns",)


def test_a_ceiling_within_the_error_is_too_close_to_tell() -> None:
    """Of a window of 1,000 ns 91 are saved; the error is a share of the window, too."""
    for error, certainty in ((0.045, "likely"), (0.046, "too close to tell"), (None, "likely")):
        subject = about(launches=launches(10), ceilings=FASTER, error=error, states=HELD)
        found = asked("short_kernels", subject)
        assert found is not None
        assert found.certainty == certainty


def test_a_graph_replay_is_not_promised_within_the_error() -> None:
    for error, told in ((0.045, True), (0.046, False), (None, True)):
        subject = about(launches=launches(0), ceilings=FASTER, error=error, states=HELD)
        assert (asked("graph_replay", subject) is not None) == told


@pytest.mark.parametrize(
    ("states", "speed_up"),
    [
        ({"idle_host_sync": 200, "one_room_unknown": 800}, 1.25),
        ({"one_nothing_queued": 200, "idle_start_latency": 100}, 1 / 0.7),
        ({"idle_host_op": 700}, 2.0),
        ({"idle_host_op": 1000}, 2.0),
    ],
)
def test_without_the_host_no_more_is_gained_than_it_held_up(
    states: dict[str, int], speed_up: float
) -> None:
    """Waits that are not recorded are none to the replay, and a graph would keep them."""
    subject = about(launches=launches(0), ceilings=Removed(no_host=2.0), states=states)
    found = asked("graph_replay", subject)
    assert found is not None
    assert found.ceiling is not None
    assert found.ceiling.speed_up == pytest.approx(speed_up)
    assert found.gain_ns == round(WINDOW * (1 - 1 / speed_up))


def test_the_largest_gain_comes_first() -> None:
    subject = about(
        states={"idle_host_sync": 100, "idle_blocking_copy": 300, "one_device_full": 400}
    )
    found = find([subject.trace], None)
    assert [each.rule for each in found] == ["blocking_copy", "blocking_sync", "device_full"]


def test_nothing_is_said_where_the_device_was_not_recorded(
    load_events: Callable[..., Trace],
) -> None:
    events = [cpu_op("aten::mm", 0, 9), runtime("cudaLaunchKernel", 1, 2, correlation=1)]
    assert find([analyze(load_events(events))], None) == ()
    assert find([], None) == ()


# --- recorded runs --------------------------------------------------------------------

US = 1000.0
NOISE = [1.0, 1.02, 0.99, 1.03, 1.01, 0.98, 1.0, 1.05, 1.0]


def times(us: float) -> list[float]:
    return [us * US * noise for noise in NOISE]


def steps(*lanes: tuple[int, int], wall: int, count: int = 5) -> list[Event]:
    """Steps of `wall` us; operator i runs on thread i + 1 from and to the given us."""
    events = []
    for number in range(count):
        begin = 10_000 * number
        events.append(annotation("overlap.step", begin, begin + wall, tid=99))
        for i, (low, high) in enumerate(lanes):
            events.append(cpu_op(f"aten::op{i}", begin + low, begin + high, tid=i + 1))
    return in_microseconds(events)


SEQUENTIAL = steps((0, 800), wall=1000)
TWO_LANES = steps((50, 450), (50, 450), wall=500)


@pytest.fixture
def said(record: Callable[..., Path], tmp_path: Path) -> Callable[..., dict[str, Finding]]:
    """Records a sequential run and another, and returns what is found of the other, by rule."""

    def run(events: list[Event], us: float, **keys: Any) -> dict[str, Finding]:
        record("sequential", SEQUENTIAL, times(1000))
        samples = keys.pop("samples", times(us))
        record("other", events, samples, **keys)
        found = report([tmp_path]).findings
        return {each.rule: each for each in found if each.trace == "other"}

    return run


@pytest.mark.parametrize(
    ("us", "evidence"),
    [
        (500, None),
        (625, ("1.60\N{MULTIPLICATION SIGN} untraced", "2.00\N{MULTIPLICATION SIGN} traced")),
        (400, ("2.50\N{MULTIPLICATION SIGN} untraced", "2.00\N{MULTIPLICATION SIGN} traced")),
    ],
)
def test_disturbance(
    said: Callable[..., dict[str, Finding]], us: float, evidence: tuple[str, ...] | None
) -> None:
    found = said(TWO_LANES, us).get("disturbed")
    assert (found and found.evidence) == evidence


def test_disturbance_needs_intervals_that_do_not_meet(
    said: Callable[..., dict[str, Finding]],
) -> None:
    uneven = [us * US for us in (500, 600, 700, 500, 900, 600, 450, 650)]
    found = said(TWO_LANES, 600, samples=uneven)
    assert "disturbed" not in found
    assert found["too_few_steps"].evidence[0].startswith("wall per step ")


@pytest.mark.parametrize(
    ("events", "us", "certainty"),
    [
        (steps((0, 800), (0, 800), wall=1000), 1000, "too close to tell"),
        (steps((0, 800), (0, 800), wall=1100), 1100, "measured"),
        # It pays: no contention, whatever the factors say.
        (TWO_LANES, 500, None),
        # Slower, but nothing overlapped.
        (steps((0, 1500), wall=1500), 1500, None),
        # Overlap that is not worth the name.
        (steps((0, 800), (799, 829), wall=1000), 1000, None),
    ],
)
def test_overlap_without_gain(
    said: Callable[..., dict[str, Finding]], events: list[Event], us: float, certainty: str | None
) -> None:
    found = said(events, us).get("overlap_without_gain")
    assert (found and found.certainty) == certainty
    if found:
        assert found.evidence[0] == "2.00 lanes at once"


@pytest.mark.parametrize(
    ("used", "claim"),
    [
        (None, None),
        (1.6, None),
        (1.53, None),
        (1.5, "Part of the busy time is waiting."),
        (2.39, None),
        (2.41, "Threads inside operators work unseen."),
    ],
)
def test_cpu_time_beside_busy_lanes(
    said: Callable[..., dict[str, Finding]], used: float | None, claim: str | None
) -> None:
    timing = {"cpu_seconds_per_wall_second": used}
    found = said(TWO_LANES, 500, timing=timing).get("unseen_threads")
    assert (found and found.claim) == claim


@pytest.mark.parametrize(
    ("environment", "evidence"),
    [
        ({"cpu_count": 2, "torch_threads": 1}, None),
        ({"cpu_count": 4, "torch_threads": 2}, None),
        ({"torch_threads": 2}, None),
        ({"cpu_count": 3, "torch_threads": 2}, ("2 lanes with 2 threads each on 3 cores",)),
        ({"cpu_count": 1}, ("2.00 lanes at once on 1 cores",)),
    ],
)
def test_more_lanes_than_cores(
    said: Callable[..., dict[str, Finding]],
    environment: dict[str, int],
    evidence: tuple[str, ...] | None,
) -> None:
    known = {"cpu_count": None, "torch_threads": None} | environment
    found = said(TWO_LANES, 500, environment=known).get("more_lanes_than_cores")
    assert (found and found.evidence) == evidence


@pytest.mark.parametrize(
    ("count", "evidence"), [(1, "1 step traced"), (4, "4 steps traced"), (5, None)]
)
def test_too_few_steps(
    said: Callable[..., dict[str, Finding]], count: int, evidence: str | None
) -> None:
    found = said(steps((0, 400), wall=500, count=count), 500).get("too_few_steps")
    assert (found and found.evidence[0]) == evidence


def test_the_baseline_is_not_held_against_itself(
    record: Callable[..., Path], tmp_path: Path
) -> None:
    record("sequential", TWO_LANES, times(500))
    rules = {each.rule for each in report([tmp_path]).findings}
    assert not rules & {"overlap_without_gain", "disturbed"}


@pytest.mark.parametrize(
    ("variables", "rules"),
    [
        ({"CUDA_LAUNCH_BLOCKING": "1"}, {"launches_block"}),
        ({"CUDA_LAUNCH_BLOCKING": "0"}, set()),
        ({"CUDA_DEVICE_MAX_CONNECTIONS": "1"}, {"one_connection"}),
        ({"CUDA_DEVICE_MAX_CONNECTIONS": "8"}, set()),
        ({}, set()),
    ],
)
def test_the_environment(
    record: Callable[..., Path], tmp_path: Path, variables: dict[str, str], rules: set[str]
) -> None:
    path = record("streams", TWO_LANES, times(500), environment={"env": variables})
    trace = report([path]).traces[0]
    device = msgspec.structs.replace(about(lanes=("7", "20")).device)
    subject = Subject(trace, device)
    found = {rule.__name__ for rule in RULES if rule(subject)}
    assert found & {"launches_block", "one_connection"} == rules
    on_cpu = Subject(trace, trace.devices[0])
    assert not any(rule(on_cpu) for rule in RULES[:2])


# --- as they are read -----------------------------------------------------------------


def finding(rule: str, trace: str, **keys: Any) -> Finding:
    return Finding(rule, trace, f"{trace}.json", "0", f"{rule}.", ("e",), "c", "t", **keys)


def test_findings_of_one_claim_stand_together() -> None:
    several = [
        finding("x", "a", ceiling=Ceiling("no_host", 1.5)),
        finding("y", "b", certainty="too close to tell"),
        *(finding("x", name) for name in "bcdef"),
    ]
    (section,) = compose_findings.summary(several)
    assert section.blocks == (
        Bullets(
            (
                (
                    "x: a, e, at most 1.50\N{MULTIPLICATION SIGN} without the host; b, e; c, e; "
                    "d, e; and 2 more. Why: c. Try: t."
                ),
                "y: b, e, too close to tell. Why: c. Try: t.",
            )
        ),
    )
    assert compose_findings.details(several) == []
    assert compose_findings.summary([]) == []


def test_what_is_left_out_of_the_summary_is_in_the_report() -> None:
    several = [finding(f"r{number}", "a") for number in range(8)]
    (short,) = compose_findings.summary(several)
    (rest,) = compose_findings.details(several)
    assert short.blocks[0].items[6:] == ("2 more in the report, under Further findings.",)  # type: ignore[union-attr]
    assert [words[:2] for words in rest.blocks[0].items] == ["r6", "r7"]  # type: ignore[union-attr]


@pytest.mark.skipif(not real_traces(), reason=ABSENT)
@pytest.mark.parametrize("path", real_traces(), ids=lambda path: path.name)
def test_on_real_traces(path: Path) -> None:
    found = report([path]).findings
    assert all(0 <= (each.gain or 0) <= 1 for each in found)
    gains = [each.gain or 0 for each in found]
    assert gains == sorted(gains, reverse=True)
    assert len({(each.rule, each.device) for each in found}) == len(found)

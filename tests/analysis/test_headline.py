import re
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from analysis import Trace, headline
from analysis.metrics import accelerator, cpu
from analysis.pipeline import analyze
from analysis.report import Comparison, ModeFigures, Report, RunComparison
from analysis.statistics import Ratio
from analysis.units import TIMES
from analysis.wording import CAUSES, STATE_MEANING
from tests.builders import Event, annotation, cpu_op, kernel, launch, runtime

LoadEvents = Callable[..., Trace]

OVERLAPPED = "of the time overlapped"
ALONE = "one lane ran with nothing else launched"
LAUNCHING = "one lane ran while the next work was being launched"
HOST = "the device waited for the host to launch"
ONE_THREAD = "one thread ran operators with no other branch open"
CLOSE = "too close to tell (1.00x)"
NO_FIGURES = "Nothing to measure."
EMPTY = "The trace holds no complete events (`ph: X`): there is nothing to measure."
NOTHING = "no operator ran and nothing is recorded"

STATES = {*accelerator.STATES, *cpu.STATES}


def test_every_state_has_a_meaning() -> None:
    assert set(STATE_MEANING) == STATES
    assert len(set(STATE_MEANING.values())) == len(STATE_MEANING)


def test_every_state_has_one_cause() -> None:
    listed = [state for _, states in CAUSES for state in states]
    assert sorted(listed) == sorted(STATES)
    assert len({words for words, _ in CAUSES}) == len(CAUSES)


def launched(*kernels: Event) -> list[Event]:
    """Kernels, all launched before the first of them."""
    return [*(launch(0, 1, correlation=each.correlation) for each in kernels), *kernels]


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        (
            [],
            f"{NO_FIGURES} {EMPTY}",
        ),
        (
            [annotation("x", 0, 9)],
            f"{NO_FIGURES} Neither device activities nor operators (`cpu_op`) are recorded.",
        ),
        (
            [cpu_op("aten::mm", 0, 9), runtime("cudaLaunchKernel", 1, 2, correlation=1)],
            "Device not recorded: no conclusion on parallelism.",
        ),
        (
            [cpu_op("aten::mm", 0, 9), Event("", "AscendCL@aclnnMm", 2000, 12, 6, 8)],
            "Device not read: no conclusion on parallelism.",
        ),
        (
            launched(kernel("a", 10, 110, correlation=1)),
            f"1 lane, 0.0% {OVERLAPPED}: 100.0% {ALONE}.",
        ),
        (
            launched(
                kernel("a", 10, 110, stream=7, correlation=1),
                kernel("b", 35, 85, stream=8, correlation=2),
            ),
            f"2 lanes, 50.0% {OVERLAPPED}: 25.0% {ALONE}; 25.0% {LAUNCHING}.",
        ),
        # Nothing is worth naming: the largest share is, if there is one.
        (
            [kernel("a", 0, 100, stream=7), kernel("b", 0, 97, stream=8)],
            f"2 lanes, 97.0% {OVERLAPPED}: 3.0% {ALONE}.",
        ),
        (
            [kernel("a", 0, 100, stream=7), kernel("b", 0, 100, stream=8)],
            f"2 lanes, 100.0% {OVERLAPPED}.",
        ),
        # States of one cause are summed before they are ranked.
        (
            [
                launch(0, 1, correlation=1),
                kernel("a", 10, 110, correlation=1),
                cpu_op("aten::mm", 110, 150),
                launch(200, 210, correlation=2),
                kernel("b", 210, 260, correlation=2),
            ],
            f"1 lane, 0.0% {OVERLAPPED}: 60.0% {ALONE}; 36.0% {HOST}.",
        ),
        ([kernel("a", 5, 5)], "1 lane, in no time."),
        (
            [kernel("a", 5, 5, stream=7), kernel("b", 5, 5, stream=8)],
            "2 lanes, in no time.",
        ),
        (
            [kernel("a", 0, 10, device=0), kernel("b", 0, 10, device=1)],
            " ".join(f"Device {i}: 1 lane, 0.0% {OVERLAPPED}: 100.0% {ALONE}." for i in (0, 1)),
        ),
        (
            [cpu_op("aten::mm", 0, 10, tid=1), cpu_op("aten::mm", 4, 20, tid=2)],
            f"2 threads, 30.0% {OVERLAPPED}: 70.0% {ONE_THREAD}.",
        ),
        (
            [cpu_op("aten::mm", 0, 10), cpu_op("aten::mm", 30, 40)],
            f"1 thread, 0.0% {OVERLAPPED}: 50.0% {ONE_THREAD}; 50.0% {NOTHING}.",
        ),
    ],
)
def test_traces(load_events: LoadEvents, events: list[Event], sentence: str) -> None:
    assert headline.of_trace(analyze(load_events(events))) == sentence


def test_at_most_three_causes_the_largest_first(load_events: LoadEvents) -> None:
    events = [
        launch(0, 1, correlation=1),
        kernel("a", 0, 50, stream=7, correlation=1),
        # 20 in an operator, 10 in the launch call, 7 in its start, 40 alone, 3 together.
        cpu_op("aten::mm", 0, 70),
        launch(70, 80, correlation=2),
        launch(80, 81, correlation=3),
        kernel("b", 87, 130, stream=7, correlation=2),
        kernel("c", 127, 137, stream=8, correlation=3),
    ]
    found = headline.of_trace(analyze(load_events(events)))
    causes = found.partition(": ")[2].removesuffix(".").split("; ")
    shares = [float(cause.partition("%")[0]) for cause in causes]
    assert len(causes) == 3
    assert shares == sorted(shares, reverse=True)
    assert all(share >= 5 for share in shares)


def mode(
    name: str,
    speed_up: Ratio | None,
    *factors: float,
    rank: int | None = None,
    traced: Ratio | None = None,
) -> ModeFigures:
    less_work, more_overlap, less_idle = factors or (None, None, None)
    return ModeFigures(
        mode=name,
        rank=rank,
        path="",
        wall_ns=1,
        wall_ci95_ns=(1, 1),
        speed_up=speed_up,
        traced_wall_ns=None,
        traced_speed_up=traced,
        less_work=less_work,
        more_overlap=more_overlap,
        less_idle=less_idle,
        cpu_seconds_per_wall_second=None,
        busy_share=None,
        overlap_share=None,
        achieved=None,
        available=None,
        available_branches=None,
        efficiency=None,
        strongest_state=None,
        ceiling=None,
        predicted_speed_up=None,
    )


def run(*modes: ModeFigures, baseline: str | None = "sequential") -> RunComparison:
    return RunComparison("r", "cpu", "post", {}, {}, baseline, modes)


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        (mode("a", Ratio(1.5, 1.4, 1.6)), "a: 1.50x as fast."),
        (mode("a", Ratio(0.5, 0.4, 0.6)), "a: slower (0.50x)."),
        (mode("a", Ratio(1.01, 0.9, 1.1)), "a: too close to tell (1.01x)."),
        (mode("a", Ratio(1.01, 1.0, 1.1)), "a: too close to tell (1.01x)."),
        (mode("a", Ratio(0.99, 0.9, 1.0)), "a: too close to tell (0.99x)."),
        (mode("a", None), "a: no baseline was recorded to compare it with."),
        (mode("a", Ratio(1.5, 1.4, 1.6), rank=3), "a (rank 3): 1.50x as fast."),
        (
            mode("no_grad", Ratio(1.5, 1.4, 1.6), 1.5, 1.0, 1.04),
            "no_grad: 1.50x as fast: less work (1.50x).",
        ),
        (
            mode("b", Ratio(0.9, 0.8, 0.95), 0.4, 2.0, 1.125),
            "b: slower (0.90x): more work (0.40x), more overlap (2.00x), less idle time (1.12x).",
        ),
        (
            mode("x", Ratio(1.0, 0.9, 1.1), 0.94, 0.9, 0.8),
            f"x: {CLOSE}: more idle time (0.80x), less overlap (0.90x), more work (0.94x).",
        ),
        (mode("x", Ratio(1.0, 0.9, 1.1), 1.04, 0.96, 1.0), f"x: {CLOSE}."),
        (
            mode("x", Ratio(1.7, 1.5, 1.9), 0.8, 1.0, 1.0, traced=Ratio(0.8, 0.7, 0.9)),
            "x: 1.70x as fast; its trace does not explain it (traced 0.80x, of more work (0.80x)).",
        ),
        (
            mode("x", Ratio(1.7, 1.5, 1.9), 1.6, 1.0, 1.0, traced=Ratio(1.6, 1.4, 1.8)),
            "x: 1.70x as fast: less work (1.60x).",
        ),
        (
            mode("x", Ratio(0.7, 0.6, 0.8), 1.0, 1.0, 1.0, traced=Ratio(1.0, 0.9, 1.1)),
            "x: slower (0.70x); its trace does not explain it (traced 1.00x).",
        ),
    ],
)
def test_modes(figures: ModeFigures, sentence: str) -> None:
    assert headline.of_run(run(figures)) == (re.sub(r"(?<=\d)x", TIMES, sentence),)


@pytest.mark.parametrize(
    ("traced", "cause"),
    [
        (None, "by more work (0.80x)"),
        (Ratio(1.6, 1.4, 1.8), "by more work (0.80x)"),
        (Ratio(0.8, 0.7, 0.9), "which its trace (traced 0.80x) does not explain"),
    ],
)
def test_a_whole_run_is_not_explained_by_a_trace_that_disagrees(
    traced: Ratio | None, cause: str
) -> None:
    base = mode("sequential", Ratio(1, 1, 1), 1, 1, 1)
    best = mode("a", Ratio(1.7, 1.5, 1.9), 0.8, 1.0, 1.0, traced=traced)
    told = headline.of_report(Report((), Comparison((run(base, best),)), ()))
    sentence = f"a is the fastest, 1.70x as fast as sequential, {cause}; "
    assert told == re.sub(r"(?<=\d)x", TIMES, sentence) + "nothing ran at once in any mode."


def test_the_baseline_is_not_compared_with_itself() -> None:
    base = mode("sequential", Ratio(1, 1, 1), 1, 1, 1)
    assert headline.of_run(run(base)) == ()
    assert len(headline.of_run(run(base, mode("a", Ratio(2, 2, 2))))) == 1
    # Where there is none, nothing is spared.
    assert len(headline.of_run(run(replace(base, speed_up=None), baseline=None))) == 1

"""Rules: what a recorded mode gained, and what casts doubt on the figures themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.comparison import BASELINE
from analysis.document import Unit
from analysis.findings.saying import Claim, say
from analysis.metrics.lanes import Lanes
from analysis.units import text

if TYPE_CHECKING:
    from analysis.findings.finding import Certainty, Finding, Subject

_OVERLAPPING = 1.05
_FAR_ABOVE = 1.5
_FEW_STEPS = 5
_WIDE = 0.2


def overlap_without_gain(subject: Subject) -> Finding | None:
    """Lanes ran at once, and the untraced mode is no faster for it."""
    mode, average = subject.mode, subject.average_step
    if mode is None or mode.mode == BASELINE or mode.speed_up is None or average is None:
        return None
    if average.achieved < _OVERLAPPING or mode.speed_up.low > 1:
        return None
    claim = Claim(
        "Overlap without gain.",
        "contention: lanes at once slow each other down (cores, caches, memory, the GIL)",
        "fewer threads inside operators (OMP_NUM_THREADS), or more work in each branch",
    )
    evidence = (
        f"{float(average.achieved):.2f} lanes at once",
        f"{text(mode.speed_up.value, Unit.FACTOR)} as fast untraced",
    )
    certainty: Certainty = "measured" if mode.speed_up.high < 1 else "too close to tell"
    return say(overlap_without_gain, subject, claim, evidence, certainty=certainty)


def disturbed(subject: Subject) -> Finding | None:
    """The traced speed-up lies beyond the untraced one's interval, and the other way round."""
    mode = subject.mode
    traced = None if mode is None else mode.disagreeing
    if mode is None or mode.speed_up is None or traced is None:
        return None
    claim = Claim(
        "The trace shows another speed-up than the untraced run.",
        "the profiler costs time for every operator and launch, more in one mode than in another, "
        "or the machine had other work meanwhile",
        "trust the untraced figure; the factors are the trace's",
    )
    evidence = (
        f"{text(mode.speed_up.value, Unit.FACTOR)} untraced",
        f"{text(traced.value, Unit.FACTOR)} traced",
    )
    return say(disturbed, subject, claim, evidence, certainty="measured")


def too_few_steps(subject: Subject) -> Finding | None:
    """Too few steps, or too unlike, for figures of a step."""
    steps = len(subject.trace.step_totals(subject.device.device))
    evidence = []
    if 0 < steps < _FEW_STEPS:
        evidence.append(f"{steps} step{'s' * (steps != 1)} traced")
    if subject.mode is not None:
        low, high = subject.mode.wall_ci95_ns
        if high - low > _WIDE * subject.mode.wall_ns:
            evidence.append(
                f"wall per step {text(low, Unit.TIME)} to {text(high, Unit.TIME)} (95% interval)"
            )
    if not evidence:
        return None
    claim = Claim(
        "Too little was measured to be sure.",
        "few steps, or a machine with other work",
        "record more steps and rounds, on a quiet machine",
    )
    return say(too_few_steps, subject, claim, tuple(evidence), certainty="measured")


def more_lanes_than_cores(subject: Subject) -> Finding | None:
    """Lanes, or their threads together with those inside of operators, outnumber the cores."""
    cores, inside = subject.number("cpu_count"), subject.number("torch_threads")
    if not subject.on_cpu or cores is None:
        return None
    lanes = sum(each.activities > 0 for each in subject.lanes)
    average = subject.average_step
    evidence = []
    if inside is not None and lanes > 1 and lanes * inside > cores:
        evidence.append(f"{lanes} lanes with {inside} threads each on {cores} cores")
    if average is not None and average.achieved > cores:
        evidence.append(f"{float(average.achieved):.2f} lanes at once on {cores} cores")
    if not evidence:
        return None
    claim = Claim(
        "There are more threads than cores.",
        "each lane brings its own threads inside operators (OpenMP, MKL), and they take turns",
        "torch.set_num_threads or OMP_NUM_THREADS: the cores divided by the lanes",
    )
    return say(more_lanes_than_cores, subject, claim, tuple(evidence))


def unseen_threads(subject: Subject) -> Finding | None:
    """The untraced run used far more, or less, CPU time than the traced lanes were busy."""
    manifest, average = subject.trace.manifest, subject.average_step
    used = None if manifest is None else manifest.timing.cpu_seconds_per_wall_second
    if not subject.on_cpu or used is None or average is None:
        return None
    lanes = float(average.work / average.wall)
    evidence = (f"lanes busy {lanes:.2f} s per second, {used:.2f} CPU seconds per second untraced",)
    if lanes > used * _OVERLAPPING:
        claim = Claim(
            "Part of the busy time is waiting.",
            "threads count as running while they wait for a core, a lock or the profiler",
            "take overlap on this machine for an upper bound",
        )
    elif used > lanes * _FAR_ABOVE:
        claim = Claim(
            "Threads inside operators work unseen.",
            "the profiler records operators, not the OpenMP and MKL threads in them",
            "set OMP_NUM_THREADS=1 to see all that runs",
        )
    else:
        return None
    return say(unseen_threads, subject, claim, evidence, certainty="measured")


def launches_block(subject: Subject) -> Finding | None:
    """CUDA_LAUNCH_BLOCKING was set."""
    value = subject.environment("CUDA_LAUNCH_BLOCKING")
    if subject.on_cpu or value in (None, "", "0"):
        return None
    claim = Claim(
        "Every launch waits for its kernel.",
        "the environment sets CUDA_LAUNCH_BLOCKING: nothing can overlap",
        "unset it and record again",
    )
    return say(
        launches_block,
        subject,
        claim,
        (f"CUDA_LAUNCH_BLOCKING={value}",),
        certainty="measured",
    )


def one_connection(subject: Subject) -> Finding | None:
    """CUDA_DEVICE_MAX_CONNECTIONS is 1, and there are several lanes."""
    value = subject.environment("CUDA_DEVICE_MAX_CONNECTIONS")
    lanes = sum(each.activities > 0 for each in subject.device.of(Lanes).lanes)
    if subject.on_cpu or value != "1" or lanes < 2:
        return None
    claim = Claim(
        "All streams share one connection to the device.",
        "the environment sets CUDA_DEVICE_MAX_CONNECTIONS=1: launches are taken in their order",
        "unset it, or set it to 8 or more, unless the order is meant (sequence parallelism)",
    )
    return say(one_connection, subject, claim, (f"{lanes} lanes",), certainty="measured")

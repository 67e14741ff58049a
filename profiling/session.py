"""One mode of a recording: prepare and prove it, sample it, trace it and write."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from profiling._torch import load_torch, quiet_jit, torch
from profiling.backward import with_backward
from profiling.bootstrap import median_estimate
from profiling.branches import BRANCH_RANGE, STEP_RANGE
from profiling.condition import condition
from profiling.errors import ModeError, UnavailableError, UnprovenError, blamed
from profiling.evidence import Evidence, check_marks, read_events
from profiling.files import replacing, sha256_of
from profiling.graphing import graph as record_graph
from profiling.manifest import SCHEMA_VERSION, SUFFIX, GraphFacts, Manifest, to_json
from profiling.modes import MODES
from profiling.outputs import flatten, greatest_difference
from profiling.settings import apply, restored
from profiling.timing import Timer, cpu_clock
from profiling.tracing import PROFILER_WARMUP, Detail, elsewhere, replays, synchronizer, trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from profiling.job import Job
    from profiling.manifest import ConditionFacts, OutputFacts
    from profiling.modes import Mode, Run
    from profiling.outputs import Reference

_PROOF_STEPS: Final = 10


class Session(Protocol):
    """One mode, in this process or in another. Every method may raise a ModeError."""

    @property
    def name(self) -> str:
        """The key of the mode."""

    def start(self) -> None:
        """Wait until torch is loaded, which is the slow part of a new process."""

    def prepare(self) -> None:
        """Build, warm up, check and prove the mode, and choose how long a sample is."""

    def sample(self) -> None:
        """Time it once more."""

    def write(self) -> Manifest:
        """Trace it, prove it on that trace, and write trace and manifest."""

    def leave(self) -> None:
        """Begin to close; nothing is asked any more."""

    def close(self) -> None:
        """Free what it holds."""


@dataclass(frozen=True)
class _Ready:
    """A mode that passed its checks.

    Attributes:
        job: what it runs.
        mode: the mode.
        traced: one step, with its branches marked where the mode can.
        timer: of one step, without marks.
        difference: of its outputs from the reference.
    """

    job: Job
    mode: Mode
    traced: Run
    timer: Timer
    difference: _Difference


class LocalSession:
    """A mode in this process.

    Args:
        name: a key of `MODES`.
        make_job: builds what to run.
    """

    def __init__(self, name: str, make_job: Callable[[], Job]) -> None:
        self.name = name
        self._make_job = make_job
        self._held = ExitStack()
        self._ready: _Ready | None = None

    def start(self) -> None:
        """Load torch.

        Raises:
            MissingTorchError: it is not installed, or does not load.
            BrokenModeError: a part of it does not load.
        """
        load_torch()
        # The profiler asks this at its first start, and it takes longer than torch itself.
        with blamed(), quiet_jit():
            hasattr(torch, "_inductor")

    def prepare(self) -> None:
        """Build, warm up, check and prove the mode, and choose how long a sample is.

        Raises:
            ModeError: the mode cannot run here, does not run, is not what it claims, or
                computes something else than the reference.
            UsageError: the request makes no sense here.
        """
        mode = MODES[self.name]
        with blamed(), ExitStack() as held:
            # Gradients are on, or off, whatever the caller has set.
            held.enter_context(torch.inference_mode(False))
            held.enter_context(restored())
            job = self._make_job()
            settings = job.request.settings
            # A job that several modes share was made under another's hold on the settings.
            apply(settings)
            reason = mode.unavailable(job.device) or mode.unfit(
                grad=settings.grad, backward=settings.backward
            )
            if reason is not None:
                raise UnavailableError(reason)
            timed, traced = _steps(mode, job, held)
            difference = max(_warm_up_and_check(run, job) for run in {timed, traced})
            timer = Timer(timed, synchronizer(job.device), cpu_clock(timed))
            ready = _Ready(job, mode, traced, timer, difference)
            with tempfile.TemporaryDirectory() as scratch:
                _trace_and_prove(ready, Path(scratch, "proof.json.gz"), _PROOF_STEPS, Detail())
            timer.calibrate()
            self._held = held.pop_all()
        self._ready = ready

    def sample(self) -> None:
        """Time it once more.

        Raises:
            BrokenModeError: the mode raised.
        """
        with blamed():
            self._prepared().timer.sample()

    def write(self) -> Manifest:
        """Trace it, prove it on that trace, and write trace, graph and manifest.

        Raises:
            ModeError: the trace does not show what the mode claims; nothing is written.
        """
        ready = self._prepared()
        request = ready.job.request
        stem = ready.job.stem(self.name)
        target = request.folder / f"{stem}.pt.trace.json.gz"
        # The trace takes its place first: a manifest never names one that is not there.
        with (
            blamed(),
            replacing(request.folder / f"{stem}{SUFFIX}") as new_manifest,
            replacing(target) as new_trace,
        ):
            after = condition(ready.job.device)
            traced = _trace_and_prove(ready, new_trace, request.steps, request.detail)
            graph = _graph(ready, request.folder / f"{stem}.graph.json.gz")
            files = _Files(target.name, sha256_of(new_trace), graph)
            manifest = _manifest(self.name, ready, files, traced, after)
            new_manifest.write_text(to_json(manifest), encoding="utf-8")
        return manifest

    def leave(self) -> None:
        """Nothing to begin here."""

    def close(self) -> None:
        """Free threads, scripts and kernels."""
        self._held.close()

    def _prepared(self) -> _Ready:
        if self._ready is None:
            raise RuntimeError(f"{self.name} is used before prepare()")
        return self._ready


class _Difference(NamedTuple):
    """The greatest difference of any output, and of any gradient, from the reference."""

    outputs: float
    gradients: float | None


def _steps(mode: Mode, job: Job, held: ExitStack) -> tuple[Run, Run]:
    """The step to time, and the one to trace, which is marked where it can be."""

    def made(*, ranges: bool) -> Run:
        return held.enter_context(mode.prepare(job.branches, job.device, ranges=ranges))

    timed = made(ranges=False)
    traced = made(ranges=True) if mode.branch_ranges and not mode.marks_itself else timed
    if job.start is None:
        return timed, traced
    return (
        with_backward(timed, job.branches, job.start, ranges=False),
        with_backward(traced, job.branches, job.start, ranges=True),
    )


def _warm_up_and_check(run: Run, job: Job) -> _Difference:
    for _ in range(job.request.warmup):
        run()
    output = run()
    if job.gradients is None:
        return _Difference(greatest_difference(output, job.reference), None)
    outputs, gradients = output
    return _Difference(
        greatest_difference(outputs, job.reference),
        greatest_difference(gradients, job.gradients, what="gradients"),
    )


class _Traced(NamedTuple):
    """What a trace showed: that the mode is what it claims, and how long a step took in it."""

    proof: str
    wall_ns: float


def _trace_and_prove(ready: _Ready, path: Path, steps: int, detail: Detail) -> _Traced:
    for _ in range(ready.mode.attempts - 1):
        with suppress(UnprovenError):
            return _trace_once(ready, path, steps, detail)
    return _trace_once(ready, path, steps, detail)


def _trace_once(ready: _Ready, path: Path, steps: int, detail: Detail) -> _Traced:
    job = ready.job
    output = trace(ready.traced, path, steps=steps, device=job.device, detail=detail)
    outputs = flatten(output if job.start is None else output[0])
    if not job.request.settings.grad and any(each.requires_grad for each in outputs):
        raise UnprovenError("an output carries a grad_fn; expected none, with gradients off")
    evidence = Evidence(job.branches, outputs, read_events(path), steps)
    check_marks(evidence, device=job.device, branch_ranges=ready.mode.branch_ranges)
    return _Traced(ready.mode.prove(evidence), evidence.step_wall_ns())


def _graph(ready: _Ready, target: Path) -> GraphFacts:
    """Record what depends on what; a mode or a torch that cannot says why.

    A replay runs no operators that could be observed; its graph's edges are in the trace.
    """
    replayed = replays(ready.traced)
    if replayed is not None:
        target.unlink(missing_ok=True)
        return {"file": None, "sha256": None, "reason": replayed.reason}
    try:
        with blamed(), replacing(target) as new:
            if elsewhere(ready.traced) is not None:
                raise UnavailableError(
                    "operators ran in further processes, and torch's observer sees its own alone"
                )
            record_graph(ready.traced, new, device=ready.job.device)
            sha256 = sha256_of(new)
    except ModeError as error:
        # One of an earlier recording is none of this one.
        target.unlink(missing_ok=True)
        return {"file": None, "sha256": None, "reason": str(error)}
    return {"file": target.name, "sha256": sha256, "reason": None}


@dataclass(frozen=True)
class _Files:
    """What was written beside the manifest."""

    trace: str
    sha256: str
    graph: GraphFacts


def _manifest(
    name: str, ready: _Ready, files: _Files, traced: _Traced, after: ConditionFacts
) -> Manifest:
    job, timer = ready.job, ready.timer
    median, low, high = median_estimate(timer.samples_ns)
    return {
        "schema_version": SCHEMA_VERSION,
        "run": job.request.run,
        "resumes": job.request.resumes,
        "mode": name,
        "preset": job.preset,
        "pass": "forward-backward" if job.request.settings.backward else "forward",
        "grad": job.request.settings.grad,
        "device": job.device,
        "recorded_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "trace": files.trace,
        "sha256": files.sha256,
        "workload": job.workload,
        "environment": job.environment,
        "conditions": {"before": job.request.before, "after": after},
        "timing": {
            "isolated": job.request.isolated,
            "rounds": len(timer.samples_ns),
            "inner_steps": timer.inner_steps,
            "samples_ns": timer.samples_ns,
            "median_ns": median,
            "ci95_ns": [low, high],
            "cpu_seconds_per_wall_second": timer.cpu_seconds_per_wall_second,
            "warmup_steps": job.request.warmup,
        },
        "traced": {
            "steps": job.request.steps,
            "warmup_steps": PROFILER_WARMUP,
            "step_range": STEP_RANGE,
            "branch_range": BRANCH_RANGE,
            "branch_ranges": ready.mode.branch_ranges,
            "shapes": job.request.detail.shapes,
            "stacks": job.request.detail.stacks,
            "wall_ns": traced.wall_ns,
            "overhead": traced.wall_ns / median,
        },
        "graph": files.graph,
        "outputs": _compared(ready.difference.outputs, job.reference),
        "gradients": (
            None
            if job.gradients is None or ready.difference.gradients is None
            else _compared(ready.difference.gradients, job.gradients)
        ),
        "proof": traced.proof,
    }


def _compared(difference: float, reference: Reference) -> OutputFacts:
    return {
        "max_abs_difference": difference,
        "tolerance": reference.tolerance,
        "reference": reference.description,
    }

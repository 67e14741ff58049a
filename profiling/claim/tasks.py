"""What a fresh process does for the claim: describe the machine, time, or record."""

from __future__ import annotations

import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final, Protocol

from profiling._torch import load_torch, quiet_jit, torch
from profiling.branches import preset_name
from profiling.claim.variants import NO_GRAD, PASSES, VARIANTS, WITH_GRAD
from profiling.environment import describe_environment
from profiling.errors import BrokenModeError, ProfilingError, UnprovenError, blamed
from profiling.evidence import Evidence, check_marks, read_events
from profiling.job import resolve_device, workload_facts
from profiling.modes import MODES
from profiling.outputs import compute_reference, flatten, greatest_difference
from profiling.process import answering
from profiling.timing import Timer, round_orders
from profiling.tracing import PROFILER_WARMUP, Detail, synchronizer, trace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from profiling.branches import Branch, Workload
    from profiling.claim.variants import Variant
    from profiling.job import Device
    from profiling.manifest import EnvironmentFacts, WorkloadFacts
    from profiling.modes import Run

COLD: Final = "cold"
WARM: Final = "warm"
KINDS: Final = (COLD, WARM)


class Task(Protocol):
    """Something to do in a fresh process; it and its result can be sent."""

    def run(self) -> Any:
        """Do it."""


@dataclass(frozen=True)
class Machine:
    """Where the claim is run, and what."""

    device: Device
    preset: str
    workload: WorkloadFacts
    environment: EnvironmentFacts


@dataclass(frozen=True)
class Samples:
    """What one process read off its clock, in nanoseconds, by pass."""

    inner_steps: int
    elapsed_ns: dict[str, list[float]]


@dataclass(frozen=True)
class Describe:
    """Find out where the claim runs, before anything is timed."""

    workload: Workload
    device: str
    load_average: float | None

    def run(self) -> Machine:
        """Return the facts for the manifest.

        Raises:
            UsageError: there is no such device here.
            MissingTorchError: torch is not installed, or does not load.
        """
        load_torch()
        device = resolve_device(self.device)
        with blamed():
            # The numbers of threads are those that the passes will find.
            return Machine(
                device=device,
                preset=preset_name(self.workload),
                workload=workload_facts(self.workload),
                environment=describe_environment(device, self.load_average),
            )


@dataclass(frozen=True)
class Measure:
    """Time both passes in one variant.

    Attributes:
        workload: what a pass runs.
        device: where.
        variant: a key of `VARIANTS`.
        warmup: passes of each kind before the clock is read, where the variant is warm.
        rounds: samples of each pass, where the variant repeats.
        seed: of the order of the rounds.
    """

    workload: Workload
    device: Device
    variant: str
    warmup: int
    rounds: int
    seed: int

    def run(self) -> Samples:
        """Time them, then check what they computed.

        Raises:
            ModeError: a pass does not run, or is not what its name says.
        """
        load_torch()
        variant = VARIANTS[self.variant]
        with blamed(), _passes(self.workload, self.device, ranges=False) as (branches, passes):
            synchronize = synchronizer(self.device)
            if variant.warm:
                _warm_up(passes, self.device, self.warmup)
            if variant.order is None:
                samples = _in_turns(passes, self.device, self.rounds, self.seed)
            else:
                samples = _once(passes, variant, synchronize)
            _check(branches, {name: run() for name, run in passes.items()})
        return samples


@dataclass(frozen=True)
class Record:
    """Trace both passes: the first call of the process, and again when all is warm.

    Attributes:
        workload: what a pass runs.
        device: where.
        warmup: passes of each kind between the two.
        steps: steps in a warm trace.
        paths: the file for each kind and pass.
    """

    workload: Workload
    device: Device
    warmup: int
    steps: int
    paths: dict[tuple[str, str], Path]

    def run(self) -> dict[tuple[str, str], str]:
        """Write the traces and return what each proves.

        Raises:
            ModeError: a pass does not run, or is not what its name says.
        """
        load_torch()
        with blamed(), quiet_jit(), warnings.catch_warnings():
            # The first calls are what a cold trace is for.
            warnings.filterwarnings("ignore", message="Profiler won't be using warmup")
            # Else the profiler loads it at its first start, between two passes.
            hasattr(torch, "_inductor")
            with _passes(self.workload, self.device, ranges=True) as (branches, passes):
                proofs = {}
                for kind in KINDS:
                    if kind == WARM:
                        _warm_up(passes, self.device, self.warmup)
                    for name, run in passes.items():
                        proofs[kind, name] = self._trace(kind, name, run, branches)
        return proofs

    def _trace(self, kind: str, name: str, run: Run, branches: Sequence[Branch]) -> str:
        path = self.paths[kind, name]
        cold = kind == COLD
        steps = 1 if cold else self.steps
        output = trace(
            run,
            path,
            steps=steps,
            device=self.device,
            detail=Detail(),
            warmup=0 if cold else PROFILER_WARMUP,
            synchronized=not cold,
        )
        evidence = Evidence(branches, flatten(output), read_events(path), steps)
        check_marks(evidence, device=self.device, branch_ranges=True)
        return MODES[PASSES[name]].prove(evidence)


def serve(descriptor: int) -> None:
    """Do the one task that comes over a pipe, and answer."""
    with answering(descriptor) as connection:
        task: Task = connection.recv()
        try:
            connection.send(task.run())
        except ProfilingError as error:
            connection.send(error)


@contextmanager
def _passes(
    workload: Workload, device: Device, *, ranges: bool
) -> Iterator[tuple[Sequence[Branch], dict[str, Run]]]:
    """Build the branches and, in the order of the post, the passes over them."""
    branches = workload.build(device)
    with (
        MODES[PASSES[WITH_GRAD]].prepare(branches, device, ranges=ranges) as with_grad,
        MODES[PASSES[NO_GRAD]].prepare(branches, device, ranges=ranges) as no_grad,
    ):
        yield branches, {WITH_GRAD: with_grad, NO_GRAD: no_grad}


def _warm_up(passes: dict[str, Run], device: Device, steps: int) -> None:
    for _ in range(steps):
        for run in passes.values():
            run()
    synchronizer(device)()


def _once(passes: dict[str, Run], variant: Variant, synchronize: Any) -> Samples:
    """Read the clock as the post does: once per pass."""
    elapsed = {}
    for name in variant.order or ():
        run = passes[name]
        if variant.synchronized:
            synchronize()
        began = time.time()
        run()
        if variant.synchronized:
            synchronize()
        elapsed[name] = [(time.time() - began) * 1e9]
    for name, (value,) in elapsed.items():
        if value <= 0:
            raise BrokenModeError(
                f"time.time() showed {value:.0f} ns for {name}: the clock was set meanwhile"
            )
    return Samples(1, elapsed)


def _in_turns(passes: dict[str, Run], device: Device, rounds: int, seed: int) -> Samples:
    """Sample both passes once a round, in an order drawn anew in each."""
    timers = {name: Timer(run, synchronizer(device)) for name, run in passes.items()}
    for timer in timers.values():
        timer.calibrate()
    # One length for both: a sample of fewer steps would be the noisier one.
    steps = int(median(timer.inner_steps for timer in timers.values()))
    for timer in timers.values():
        timer.inner_steps = steps
    for order in round_orders(list(passes), rounds, seed=seed):
        for name in order:
            timers[name].sample()
    return Samples(steps, {name: timer.samples_ns for name, timer in timers.items()})


def _check(branches: Sequence[Branch], outputs: dict[str, Any]) -> None:
    """Make sure that both passes computed the same, and that gradients were on in one alone."""
    reference = compute_reference(branches)
    for name, output in outputs.items():
        greatest_difference(output, reference)
        tracked = any(tensor.requires_grad for tensor in flatten(output))
        if tracked != (name == WITH_GRAD):
            raise UnprovenError(f"{name}: gradients were {'on' if tracked else 'off'}")

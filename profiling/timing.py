"""Wall-clock time per step without the profiler, the modes taking turns."""

from __future__ import annotations

import gc
import math
import random
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from profiling.modes.base import Run

# A sample batches as many steps as fill this long, far above the clock's grain.
MIN_SAMPLE_NS = 4_000_000
# How long the threads of an OpenMP team keep spinning after their last region, plus some:
# until then they may hold a core that the next mode needs.
SETTLE_NS = 12_000_000
_CALIBRATION_STEPS = 5


def _own_cpu_ns() -> int:
    return time.process_time_ns()


@dataclass
class Timer:
    """One mode's samples.

    Attributes:
        run: one step.
        synchronize: what each step ends with.
        cpu_clock: CPU time of all that runs the step, in ns.
        inner_steps: steps in a sample.
        samples_ns: wall nanoseconds per step, one sample per round.
        cpu_ns: CPU time during the samples.
        wall_ns: wall time of the samples.
    """

    run: Run
    synchronize: Callable[[], object]
    cpu_clock: Callable[[], int] = _own_cpu_ns
    inner_steps: int = 1
    samples_ns: list[float] = field(default_factory=list)
    cpu_ns: int = 0
    wall_ns: int = 0

    @property
    def cpu_seconds_per_wall_second(self) -> float:
        """Cores that were kept busy on average, threads of all kinds included."""
        return self.cpu_ns / self.wall_ns

    def calibrate(self) -> None:
        """Choose how many steps a sample needs."""
        durations = [self._measure(1)[0] for _ in range(_CALIBRATION_STEPS)]
        self.inner_steps = max(1, math.ceil(MIN_SAMPLE_NS / median(durations)))

    def sample(self) -> None:
        """Take one sample, after untimed steps that outlast what other modes left running."""
        with _no_garbage_collection():
            self._settle()
            wall, cpu = self._measure(self.inner_steps)
        self.samples_ns.append(wall / self.inner_steps)
        self.wall_ns += wall
        self.cpu_ns += cpu

    def _settle(self) -> None:
        deadline = time.perf_counter_ns() + SETTLE_NS
        self._measure(1)
        while time.perf_counter_ns() < deadline:
            self._measure(1)

    def _measure(self, steps: int) -> tuple[int, int]:
        run, synchronize = self.run, self.synchronize
        cpu = self.cpu_clock()
        wall = time.perf_counter_ns()
        for _ in range(steps):
            run()
            synchronize()
        wall = time.perf_counter_ns() - wall
        return wall, self.cpu_clock() - cpu


def cpu_clock(run: Run) -> Callable[[], int]:
    """The CPU time of this process, or of all processes that a step runs in."""
    clock: Callable[[], int] = getattr(run, "cpu_ns", None) or _own_cpu_ns
    return clock


def round_orders(names: Sequence[str], rounds: int, *, seed: int) -> list[list[str]]:
    """The order of the modes in each round: all of them, shuffled anew.

    So slow drifts (clocks, heat, neighbours) and what one mode leaves behind for the
    next (caches, spinning threads) fall on all modes alike.
    """
    rng = random.Random(seed)
    return [rng.sample(names, k=len(names)) for _ in range(rounds)]


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

"""What was run, on what, and what came of it: a JSON file beside each trace.

Version 1. Keys are added, never renamed, within a version.
"""

from __future__ import annotations

import json
from typing import Final, Literal, TypedDict

SCHEMA_VERSION: Final = 1
SUFFIX: Final = ".manifest.json"


class WorkloadFacts(TypedDict):
    """The branches. All but `branches` are null for a user's own."""

    branches: int
    input_size: int | None
    hidden_size: int | None
    batch: int | None
    seq_length: int | None
    layers: int | None
    dtype: str | None
    seed: int | None


class EnvironmentFacts(TypedDict):
    """The machine and the software.

    `cpu_count` counts the cores that the process may use; `cuda` is the CUDA version
    that torch was built for, `driver` the version of the driver that runs;
    `load_average` is that of the last minute, taken before the recording;
    `env` holds null for a variable that is not set. `tf32` says whether products and cuDNN
    might round float32 to TF32; older recorders did not write it.
    """

    torch: str
    python: str
    platform: str
    device_name: str
    cpu: str
    cpu_count: int
    torch_threads: int
    torch_interop_threads: int
    cuda: str | None
    driver: str | None
    env: dict[str, str | None]
    load_average: float | None
    tf32: dict[str, bool]


class GpuFacts(TypedDict):
    """What nvidia-smi says of a GPU; null where it does not say.

    `utilization` is a share; `throttled`: its clock was held down by power or heat.
    """

    name: str
    sm_mhz: float | None
    max_sm_mhz: float | None
    memory_mhz: float | None
    celsius: float | None
    watts: float | None
    utilization: float | None
    throttled: bool | None


class ConditionFacts(TypedDict):
    """The machine at a moment; null where it does not say.

    `cpu_mhz` is the mean over the cores, `cpu_celsius` the hottest sensor, `cpu_throttles`
    how often any core was slowed down for its heat since the machine started.
    """

    load_average: float | None
    cpu_mhz: float | None
    cpu_celsius: float | None
    cpu_throttles: int | None
    cpu_governor: str | None
    gpus: list[GpuFacts]


class ConditionsFacts(TypedDict):
    """The machine before anything ran, and after this mode was timed."""

    before: ConditionFacts | None
    after: ConditionFacts


class TimingFacts(TypedDict):
    """Wall time without the profiler.

    `samples_ns` are nanoseconds per step, each the mean over `inner_steps` steps; the
    index is the round, so that the samples of two modes pair by index. On a GPU each
    step ends with a synchronize. `isolated`: each mode ran in a process of its own, so that
    threads and settings which one mode leaves behind touched no other.
    """

    isolated: bool
    rounds: int
    inner_steps: int
    samples_ns: list[float]
    median_ns: float
    ci95_ns: list[float]
    cpu_seconds_per_wall_second: float
    warmup_steps: int


class TracedFacts(TypedDict):
    """The run in the trace, and the names of its ranges.

    `branch_range` holds `{index}`, from 0; where `branch_ranges` is false the mode
    cannot mark its branches. `wall_ns` is a step's time under the profiler, in the median, and
    `overhead` that over the untraced one: what watching costs.
    """

    steps: int
    warmup_steps: int
    step_range: str
    branch_range: str
    branch_ranges: bool
    shapes: bool
    stacks: bool
    wall_ns: float
    overhead: float


class GraphFacts(TypedDict):
    """What depends on what, in one step: torch's execution trace, of a run of its own.

    `file` is the name of the file beside this one, `sha256` that of its bytes; where
    there is none, both are null and `reason` says why.
    """

    file: str | None
    sha256: str | None
    reason: str | None


class OutputFacts(TypedDict):
    """How far the outputs, or the gradients, are from the reference at most."""

    max_abs_difference: float
    tolerance: float
    reference: str


# `pass` is a keyword, so the class syntax cannot name it.
Pass = Literal["forward", "forward-backward"]
PASSES: Final[tuple[Pass, Pass]] = ("forward", "forward-backward")
_Pass = TypedDict("_Pass", {"pass": Pass})


class Manifest(_Pass):
    """The whole file.

    `run` is the same for all modes of one recording, which were timed in turns, and
    `resumes` names the first of the runs that it completes, or is null; `trace` is the
    name of the file beside this one, `sha256` that of its bytes; `proof` says what shows
    that the mode is what it claims; `gradients` is null without a backward pass. `grad`:
    gradients were on, where the mode does not turn them off itself.
    """

    schema_version: int
    run: str
    resumes: str | None
    mode: str
    preset: str
    grad: bool
    device: Literal["cpu", "cuda"]
    recorded_at: str
    trace: str
    sha256: str
    workload: WorkloadFacts
    environment: EnvironmentFacts
    conditions: ConditionsFacts
    timing: TimingFacts
    traced: TracedFacts
    graph: GraphFacts
    outputs: OutputFacts
    gradients: OutputFacts | None
    proof: str


def to_json(manifest: Manifest) -> str:
    """The text of the file."""
    return json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

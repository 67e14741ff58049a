"""What a recording was asked for, and what that comes to on this machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from profiling import settings
from profiling._torch import torch
from profiling.backward import Start, gradient_reference, start
from profiling.branches import CUSTOM, Branch, Workload, preset_name
from profiling.environment import describe_environment
from profiling.errors import UsageError, blamed
from profiling.modes import BASELINE
from profiling.outputs import Reference, compute_reference
from profiling.settings import Settings
from profiling.target import Target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from profiling.manifest import ConditionFacts, EnvironmentFacts, WorkloadFacts
    from profiling.tracing import Detail

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class Request:
    """What a recording was asked for; it can be sent to another process.

    Attributes:
        run: identifies the recording.
        folder: where it is written.
        given: the branches, the function that makes them, or the sizes of GRUs to make.
        device: `auto`, `cpu` or `cuda`.
        warmup: steps of each mode before anything is measured.
        steps: steps in a trace.
        detail: what a trace holds beside names and times.
        isolated: each mode runs in a process of its own.
        load_average: of the machine, before anything ran.
        resumes: the first of the runs that this one completes; None for a first run.
        part: 1, or the how-manieth run of a recording that was resumed.
        settings: what all modes have in common.
        before: the state of the machine before anything ran.
    """

    run: str
    folder: Path
    given: Workload | Target | Sequence[Branch]
    device: str
    warmup: int
    steps: int
    detail: Detail
    isolated: bool
    load_average: float | None
    resumes: str | None = None
    part: int = 1
    settings: Settings = field(default_factory=Settings)
    before: ConditionFacts | None = None


@dataclass(frozen=True)
class Job:
    """What a mode needs to know: a request, made real on a device.

    Attributes:
        request: what was asked for.
        preset: name of the workload.
        device: where the branches are.
        workload: the sizes, for the manifest.
        environment: the machine, for the manifest.
        branches: what is run.
        reference: what it has to return.
        start: where the backward pass starts; None without one.
        gradients: what that has to come to.
    """

    request: Request
    preset: str
    device: Device
    workload: WorkloadFacts
    environment: EnvironmentFacts
    branches: Sequence[Branch]
    reference: Reference
    start: Start | None = None
    gradients: Reference | None = None

    def stem(self, mode: str) -> str:
        """What the names of a mode's files begin with.

        A baseline that is timed again, beside what was missing, leaves the first in its place.
        """
        part = self.request.part
        again = f"-run{part}" if part > 1 and mode == BASELINE else ""
        return f"{self.device}-{self.preset}{self.request.settings.suffix}-{mode}{again}"


def make_job(request: Request) -> Job:
    """Build the branches and their reference.

    Raises:
        UsageError: the device or the branches make no sense.
        BrokenModeError: a branch cannot be run at all.
    """
    given = request.given
    if isinstance(given, Workload):
        device = resolve_device(request.device)
        branches, preset, workload = given.build(device), preset_name(given), workload_facts(given)
    else:
        branches = given.build() if isinstance(given, Target) else list(given)
        device = _device_of(branches, request.device)
        preset, workload = CUSTOM, _own_facts(branches)
    # Only now: what makes the branches may have settings of its own.
    settings.apply(request.settings)
    with blamed():
        reference = compute_reference(branches)
        begin = start(branches) if request.settings.backward else None
        gradients = None if begin is None else gradient_reference(branches, begin)
    return Job(
        request=request,
        preset=preset,
        device=device,
        workload=workload,
        environment=describe_environment(device, request.load_average),
        branches=branches,
        reference=reference,
        start=begin,
        gradients=gradients,
    )


def resolve_device(device: str) -> Device:
    """The device that `auto`, `cpu` or `cuda` means here.

    Raises:
        UsageError: it is none of these, or `cuda` and there is none.
    """
    if device not in {"auto", "cpu", "cuda"}:
        raise UsageError(f"device is {device!r}; expected auto, cpu or cuda")
    if device != "cpu" and torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise UsageError(
            f"device is cuda, but torch {torch.__version__} finds no GPU here; use cpu or auto"
        )
    return "cpu"


def workload_facts(workload: Workload) -> WorkloadFacts:
    """The sizes, for a manifest."""
    return {
        "branches": workload.branches,
        "input_size": workload.input_size,
        "hidden_size": workload.hidden_size,
        "batch": workload.batch,
        "seq_length": workload.seq_length,
        "layers": workload.layers,
        "dtype": workload.dtype,
        "seed": workload.seed,
    }


def _own_facts(branches: Sequence[Branch]) -> WorkloadFacts:
    return {
        "branches": len(branches),
        "input_size": None,
        "hidden_size": None,
        "batch": None,
        "seq_length": None,
        "layers": None,
        "dtype": None,
        "seed": None,
    }


def _device_of(branches: Sequence[Branch], wanted: str) -> Device:
    found = {tensor.device.type for branch in branches for tensor in branch.inputs} or {"cpu"}
    if len(found) != 1 or not found <= {"cpu", "cuda"}:
        raise UsageError(
            f"the inputs of the branches are on {', '.join(sorted(found))}; "
            "expected all on cpu, or all on cuda"
        )
    device = resolve_device(found.pop())
    if wanted not in {"auto", device}:
        raise UsageError(f"device is {wanted!r}, but the inputs of the branches are on {device}")
    return device

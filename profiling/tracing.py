"""One run under torch.profiler, as lean as it goes, exported as a Chrome trace."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, runtime_checkable

from profiling._torch import torch
from profiling.branches import STEP_RANGE
from profiling.merging import merge

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.profiler import ProfilerAction

    from profiling.modes.base import Run

# Steps that run under the profiler before it keeps events: its own first ones are slow.
PROFILER_WARMUP: Final = 3
CUDA_GRAPHS: Final = "cuda_graphs"
"""The key of a trace that holds the edges of its CUDA graphs."""
_SETTLE_S = 0.002


@dataclass(frozen=True)
class Detail:
    """What a trace holds beside names and times; each multiplies what watching costs."""

    shapes: bool = False
    stacks: bool = False


def synchronizer(device: str) -> Callable[[], object]:
    """What a step ends with: on a GPU it has ended when the device has."""
    return torch.cuda.synchronize if device == "cuda" else _nothing


def can_trace_threads() -> bool:
    """Whether this torch records threads other than the one that starts the profiler."""
    return _supports("profile_all_threads")


@runtime_checkable
class Elsewhere(Protocol):
    """A step that runs in further processes, each of which records a trace of its own."""

    def start_trace(self, warmup: int, steps: int, detail: Detail) -> None:
        """Let every process record a trace: of so many steps, after others."""

    def step_trace(self) -> None:
        """Tell every profiler that a step is over."""

    def end_trace(self, folder: Path) -> list[Path]:
        """Write the traces into a folder, and name them."""


@runtime_checkable
class Replayed(Protocol):
    """A step that replays CUDA graphs."""

    def cuda_graphs(self) -> list[dict[str, Any]]:
        """What each graph says of its nodes and edges; see `CUDAGraph.get_graph_data`."""


class Replays(NamedTuple):
    """What the CUDA graphs of a step say, or why they do not."""

    graphs: list[dict[str, Any]]
    reason: str | None


def replays(run: object) -> Replays | None:
    """Ask the CUDA graphs of a step for their edges; None if it replays none."""
    if not isinstance(run, Replayed):
        return None
    try:
        return Replays(run.cuda_graphs(), None)
    except Exception as error:  # noqa: BLE001 - whatever CUDA's bindings raise, the trace goes without
        return Replays([], f"{type(error).__name__}: {error}")


def elsewhere(run: object) -> Elsewhere | None:
    """The step, if it runs in further processes."""
    return run if isinstance(run, Elsewhere) else None


def trace(
    run: Run,
    path: Path,
    *,
    steps: int,
    device: str,
    detail: Detail,
    warmup: int = PROFILER_WARMUP,
    synchronized: bool = True,
) -> Any:
    """Run steps under the profiler and export their trace.

    Where steps run in further processes, the traces of those are part of it; where they
    replay CUDA graphs, the edges of these, as far as they can be had.

    Args:
        run: one step.
        path: the file to write; ends in `.json.gz`.
        steps: how many to record.
        device: `cpu` or `cuda`.
        detail: what else to record.
        warmup: steps that run before them under the profiler, unrecorded.
        synchronized: a step ends when the device has finished it, not when it was launched.

    Returns:
        What the last step returned.
    """
    synchronize = synchronizer(device) if synchronized else _nothing
    others, replayed = elsewhere(run), replays(run)
    if others is not None:
        others.start_trace(warmup, steps, detail)
    output: Any = None
    with profiler(path, warmup=warmup, steps=steps, device=device, detail=detail) as recording:
        if replayed is not None and replayed.graphs:
            recording.add_metadata_json(CUDA_GRAPHS, json.dumps(replayed.graphs))
        for _ in range(warmup + steps):
            with torch.profiler.record_function(STEP_RANGE):
                output = run()
                synchronize()
            if others is not None:
                others.step_trace()
            recording.step()
    if others is not None:
        with tempfile.TemporaryDirectory() as scratch:
            merge(path, others.end_trace(Path(scratch)))
    return output


def profiler(path: Path, *, warmup: int, steps: int, device: str, detail: Detail) -> Any:
    """A profiler that exports its trace after so many steps, not counting the first ones."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    if device == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    return torch.profiler.profile(
        activities=activities,
        schedule=_settling_schedule(warmup, steps),
        on_trace_ready=lambda profiler: profiler.export_chrome_trace(str(path)),
        record_shapes=detail.shapes,
        with_stack=detail.stacks,
        experimental_config=experimental_config(device),
    )


def _settling_schedule(warmup: int, steps: int) -> Callable[[int], ProfilerAction]:
    schedule = torch.profiler.schedule(wait=0, warmup=warmup, active=steps, repeat=1)

    def action(step: int) -> ProfilerAction:
        # Called between the last step's range and the stop. A pool thread may still be
        # leaving its task then, and a frame open at the stop is drawn up to there.
        if step == warmup + steps:
            time.sleep(_SETTLE_S)
        recorded: ProfilerAction = schedule(step)
        return recorded

    return action


def experimental_config(device: str) -> Any:
    """What to ask of the profiler beyond its public options, as far as this torch can."""
    wanted = ["profile_all_threads"]
    if device == "cuda":
        wanted.append("enable_cuda_sync_events")
    return _config_class()(**{option: True for option in wanted if _supports(option)})


def _supports(option: str) -> bool:
    """Whether this torch knows an option that came with a later version."""
    try:
        _config_class()(**{option: True})
    except TypeError:
        return False
    return True


def _config_class() -> Any:
    return torch._C._profiler._ExperimentalConfig  # noqa: SLF001 - its only name


def _nothing() -> None:
    return None

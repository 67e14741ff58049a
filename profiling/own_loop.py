"""torch.profiler with the settings that let a trace explain itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from profiling._torch import torch
from profiling.tracing import experimental_config

if TYPE_CHECKING:
    from collections.abc import Callable


def profiler(
    on_trace_ready: Callable[[Any], object] | None = None,
    *,
    wait: int = 1,
    warmup: int = 3,
    active: int = 5,
    repeat: int = 1,
    shapes: bool = False,
    stacks: bool = True,
) -> Any:
    """Return a `torch.profiler.profile` for one's own loop; call its `step()` in each round.

    It records the device where there is one, every Python thread, and on CUDA the waits
    between streams, as far as this torch can.

    Args:
        on_trace_ready: what to do with the trace, such as `analysis.trace_handler(...)`.
        wait: steps to pass over.
        warmup: steps under the profiler that are thrown away; its first ones are slow.
        active: steps to record.
        repeat: how often; 0: until the end.
        shapes: record the shapes of inputs too. Slower.
        stacks: record Python stacks too: findings then name source lines. Slower.

    Raises:
        MissingTorchError: torch is not installed.
    """
    kinds = torch.profiler.ProfilerActivity
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.profiler.profile(
        activities=[kinds.CPU, kinds.CUDA] if device == "cuda" else [kinds.CPU],
        schedule=torch.profiler.schedule(wait=wait, warmup=warmup, active=active, repeat=repeat),
        on_trace_ready=on_trace_ready,
        record_shapes=shapes,
        with_stack=stacks,
        experimental_config=experimental_config(device),
    )

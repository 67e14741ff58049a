"""The order of things under the profiler."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

from profiling import tracing
from profiling.evidence import read_events
from profiling.tracing import PROFILER_WARMUP, Detail, can_trace_threads, trace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def test_steps_end_with_a_synchronize_within_their_range(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def synchronizer(_device: str) -> Callable[[], object]:
        return lambda: torch.ones(1).cosh()

    monkeypatch.setattr(tracing, "synchronizer", synchronizer)
    path = tmp_path / "trace.json.gz"
    trace(lambda: torch.ones(1).tanh(), path, steps=3, device="cpu", detail=Detail())
    events = read_events(path)
    steps = [event for event in events if event.name == "overlap.step"]
    assert len(steps) == 3
    for step in steps:
        inside = [e.name for e in events if step.start < e.start and e.end < step.end]
        assert inside.index("aten::tanh") < inside.index("aten::cosh")


def test_pool_threads_may_finish_between_the_last_step_and_the_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []
    monkeypatch.setattr(time, "sleep", lambda _seconds: log.append("sleep"))
    path = tmp_path / "trace.json.gz"
    trace(lambda: log.append("step"), path, steps=2, device="cpu", detail=Detail())
    assert log == ["step"] * (PROFILER_WARMUP + 2) + ["sleep"]


def test_the_last_output_is_returned(tmp_path: Path) -> None:
    counter = iter(range(100))
    path = tmp_path / "trace.json.gz"
    output = trace(lambda: next(counter), path, steps=4, device="cpu", detail=Detail())
    assert output == PROFILER_WARMUP + 4 - 1


def test_an_older_torch_goes_without_what_it_does_not_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Older:
        def __init__(self, *, enable_cuda_sync_events: bool = False) -> None:
            self.enable_cuda_sync_events = enable_cuda_sync_events

    assert can_trace_threads()
    monkeypatch.setattr(tracing, "_config_class", lambda: Older)
    assert not can_trace_threads()
    assert tracing.experimental_config("cuda").enable_cuda_sync_events
    assert not tracing.experimental_config("cpu").enable_cuda_sync_events

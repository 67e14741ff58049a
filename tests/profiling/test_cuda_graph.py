"""CUDA graphs: what is done in which order, told by a stand-in for torch.cuda.

It shows that a step is captured once, on streams that are forked from and joined with the
captured one, and replayed; not that CUDA captures it.
"""

from __future__ import annotations

import gzip
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import torch

from profiling.branches import Branch
from profiling.errors import UnavailableError, UnprovenError
from profiling.evidence import Event, Evidence
from profiling.modes.cuda_graph import CudaGraph
from profiling.modes.cuda_graph_streams import CudaGraphStreams
from profiling.tracing import Detail, replays, trace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GRAPH = {"exec_graph_id": 3, "nodes": [{"node_id": 1, "dependencies": []}]}


class Cuda:
    """Notes what is asked of torch.cuda."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.stream = "main"

    def install(self, monkeypatch: pytest.MonkeyPatch, *, tells: bool = True) -> None:  # noqa: C901 - of stand-ins
        cuda = self
        made = iter("abcdefgh")

        class Stream:
            def __init__(self, priority: int = 0) -> None:
                assert priority == 0
                self.name = next(made)

            def wait_stream(self, other: Stream) -> None:
                cuda.log.append(f"{self.name} waits for {other.name}")

            def wait_event(self, event: Recorded) -> None:
                cuda.log.append(f"{self.name} waits for {event.name}")

        class Current(Stream):
            def __init__(self) -> None:
                self.name = cuda.stream

        class Recorded:
            def __init__(self) -> None:
                self.name = "nothing"

            def record(self, stream: Stream) -> None:
                self.name = f"event of {stream.name}"
                cuda.log.append(f"event on {stream.name}")

        class Graph:
            def __init__(self, *, keep_graph: bool = False) -> None:
                self.kept = keep_graph

            def replay(self) -> None:
                cuda.log.append("replay")

            def reset(self) -> None:
                cuda.log.append("reset")

            if tells:

                def get_graph_data(self) -> dict[str, Any]:
                    return GRAPH

        @contextmanager
        def on(stream: Stream) -> Iterator[None]:
            before, cuda.stream = cuda.stream, stream.name
            yield
            cuda.stream = before

        @contextmanager
        def capture(graph: Graph) -> Iterator[None]:
            assert graph.kept
            cuda.log.append("begin")
            before, cuda.stream = cuda.stream, "captured"
            yield
            cuda.stream = before
            cuda.log.append("end")

        for name, value in {
            "Stream": Stream,
            "Event": Recorded,
            "CUDAGraph": Graph,
            "stream": on,
            "graph": capture,
            "current_stream": Current,
            "synchronize": lambda: cuda.log.append("synchronize"),
        }.items():
            monkeypatch.setattr(torch.cuda, name, value)

    def branches(self, count: int) -> list[Branch]:
        def run(index: int) -> torch.Tensor:
            self.log.append(f"branch {index} on {self.stream}")
            return torch.full((1,), float(index))

        return [Branch(lambda _, index=index: run(index), torch.ones(1)) for index in range(count)]


def test_a_step_is_captured_once_and_then_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = Cuda()
    cuda.install(monkeypatch)
    with CudaGraph().prepare(cuda.branches(2), "cuda", ranges=False) as run:
        assert cuda.log == [
            "a waits for main",
            *["branch 0 on a", "branch 1 on a"] * 3,
            "main waits for a",
            "begin",
            "branch 0 on captured",
            "branch 1 on captured",
            "end",
            "synchronize",
        ]
        cuda.log.clear()
        first, second = run(), run()
        assert [each.item() for each in first] == [0, 1]
        assert all(one is other for one, other in zip(first, second, strict=True))
        assert cuda.log == ["replay", "replay"]
        cuda.log.clear()
    assert cuda.log == ["synchronize", "reset"]


def test_streams_are_forked_from_the_captured_one_and_joined(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuda = Cuda()
    cuda.install(monkeypatch)
    with CudaGraphStreams().prepare(cuda.branches(2), "cuda", ranges=False):
        captured = cuda.log[cuda.log.index("begin") + 1 : cuda.log.index("end")]
    assert captured == [
        "event on captured",
        "a waits for event of captured",
        "branch 0 on a",
        "event on a",
        "b waits for event of captured",
        "branch 1 on b",
        "event on b",
        "captured waits for event of a",
        "captured waits for event of b",
    ]


def test_one_branch_has_nothing_to_run_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = Cuda()
    cuda.install(monkeypatch)
    made = CudaGraphStreams().prepare(cuda.branches(1), "cuda", ranges=False)
    with pytest.raises(UnavailableError, match="2 or more"), made:
        pass


@pytest.mark.parametrize("mode", [CudaGraph(), CudaGraphStreams()])
def test_they_need_a_gpu_and_a_forward_pass(mode: CudaGraph) -> None:
    assert mode.unavailable("cpu") == "needs a CUDA GPU"
    assert mode.unfit(grad=True, backward=True)
    assert mode.unfit(grad=False, backward=False) is None


# --- the proof ------------------------------------------------------------------------

HOST = (1, 10)


def step(begin: float, *extra: Event) -> list[Event]:
    """A step that replays a graph of two kernels on two streams, 2 us apart."""
    number = int(begin)
    return [
        Event("overlap.step", "user_annotation", HOST, begin, begin + 50),
        Event("cudaGraphLaunch", "cuda_runtime", HOST, begin + 1, begin + 5, None, number + 1),
        Event("one", "kernel", (0, 7), begin + 10, begin + 20, 7, number + 1),
        Event("two", "kernel", (0, 8), begin + 15, begin + 25, 8, number + 1),
        *extra,
    ]


def proven(mode: CudaGraph, *events: Event) -> str:
    branches = [Branch(torch.tanh, torch.ones(1)) for _ in range(2)]
    steps = sum(event.name == "overlap.step" for event in events)
    return mode.prove(Evidence(branches, [], list(events), steps))


def test_one_graph_in_each_step_is_proof() -> None:
    events = [*step(0), *step(100)]
    assert proven(CudaGraph(), *events) == (
        "1 CUDA graph replayed in each of 2 steps, of 2 activities"
    )
    assert proven(CudaGraphStreams(), *events).endswith("two of them ran at once in 2 of 2 steps")


def test_kernels_in_turn_are_not_called_together() -> None:
    apart = [event for event in step(0) if event.name != "two"]
    apart.append(Event("two", "kernel", (0, 8), 20, 25, 8, 1))
    assert proven(CudaGraphStreams(), *apart).endswith("two of them ran at once in 0 of 1 steps")


@pytest.mark.parametrize(
    ("events", "said"),
    [
        (step(0)[:1], "0 CUDA graphs"),
        (step(0, step(0)[1]), "2 CUDA graphs"),
        (step(0)[:2], "ran nothing"),
        (
            step(
                0,
                Event("cudaLaunchKernel", "cuda_runtime", HOST, 6, 7, None, 99),
                Event("eager", "kernel", (0, 7), 30, 31, 7, 99),
            ),
            "1 activities outside its graph, eager first",
        ),
    ],
)
def test_anything_else_is_no_proof(events: list[Event], said: str) -> None:
    with pytest.raises(UnprovenError, match=said):
        proven(CudaGraph(), *events)


# --- the edges ------------------------------------------------------------------------


class Replaying:
    """A step that says it replays a graph, and runs an operator so that there is a trace."""

    def __call__(self) -> torch.Tensor:
        return torch.ones(1).tanh()

    def cuda_graphs(self) -> list[dict[str, Any]]:
        return [GRAPH]


def test_the_trace_holds_the_edges(tmp_path: Path) -> None:
    path = tmp_path / "trace.json.gz"
    trace(Replaying(), path, steps=2, device="cpu", detail=Detail())
    assert json.loads(gzip.decompress(path.read_bytes()))["cuda_graphs"] == [GRAPH]


def test_a_torch_that_cannot_tell_the_edges_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = Cuda()
    cuda.install(monkeypatch, tells=False)
    with CudaGraph().prepare(cuda.branches(2), "cuda", ranges=False) as run:
        found = replays(run)
    assert found is not None
    assert found.graphs == []
    assert found.reason is not None
    assert "cannot tell the edges of a CUDA graph" in found.reason
    assert replays(lambda: None) is None

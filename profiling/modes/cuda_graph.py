"""A CUDA graph of the whole step."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

from profiling._torch import torch
from profiling.branches import calls
from profiling.errors import UnprovenError
from profiling.modes.base import Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from profiling.branches import Branch
    from profiling.evidence import Event, Evidence
    from profiling.modes.base import Run

LAUNCHES: Final = frozenset({"cudaGraphLaunch", "cuGraphLaunch", "hipGraphLaunch"})
"""Calls that replay a graph."""
_WARMUP: Final = 3


class Replay:
    """A step that is captured once and then replayed; its outputs are the same tensors each time.

    Args:
        step: what is captured. It runs a few times before, on a stream of its own, since
            libraries choose and allocate at their first calls what a capture forbids.
    """

    def __init__(self, step: Callable[[], Any]) -> None:
        cuda: Any = torch.cuda
        before = cuda.Stream()
        before.wait_stream(cuda.current_stream())
        with cuda.stream(before):
            for _ in range(_WARMUP):
                step()
        cuda.current_stream().wait_stream(before)
        self._graph = _new_graph()
        with cuda.graph(self._graph):
            self._outputs = step()
        cuda.synchronize()

    def __call__(self) -> Any:
        """Replay the graph; the outputs hold what this replay computed until the next one."""
        self._graph.replay()
        return self._outputs

    def cuda_graphs(self) -> list[dict[str, Any]]:
        """What the graph says of its nodes and edges, as `CUDAGraph.get_graph_data` gives it.

        Raises:
            RuntimeError: this torch, CUDA or driver cannot tell; the message says which.
        """
        if not hasattr(self._graph, "get_graph_data"):
            raise RuntimeError(
                f"torch {torch.__version__} cannot tell the edges of a CUDA graph; torch 2.13 can"
            )
        return [self._graph.get_graph_data()]

    def free(self) -> None:
        """Give the graph and its memory back."""
        self._outputs = None
        torch.cuda.synchronize()
        self._graph.reset()


class CudaGraph(Mode):
    """All branches captured one after the other on one stream, replayed as one CUDA graph.

    Expect no overlap, and far less idle time where the host launches more slowly than the GPU
    runs: a step is one launch. What the host does in Python is done once, at the capture.
    """

    devices: ClassVar[frozenset[str]] = frozenset({"cuda"})
    # A range around a branch would mark its capture, not its replays.
    branch_ranges: ClassVar[bool] = False
    no_backward: ClassVar[str | None] = "the graph that is replayed holds the forward pass alone"

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:  # noqa: ARG002
        """Capture the step; give its memory back on exit."""
        replay = Replay(self.step(calls(branches, ranges=False)))
        try:
            yield replay
        finally:
            replay.free()

    def step(self, todo: Sequence[Callable[[], Any]]) -> Callable[[], list[Any]]:
        """What is captured."""

        def run() -> list[Any]:
            return [call() for call in todo]

        return run

    def prove(self, evidence: Evidence) -> str:
        """One graph launched in each step, and nothing else that ran."""
        kernels = [_replayed(evidence, step) for step in evidence.step_ranges()]
        fewest, most = min(map(len, kernels)), max(map(len, kernels))
        count = f"{most}" if fewest == most else f"{fewest} to {most}"
        return f"1 CUDA graph replayed in each of {evidence.steps} steps, of {count} activities"


def _replayed(evidence: Evidence, step: Event) -> list[Event]:
    """What the one graph of a step ran.

    Raises:
        UnprovenError: another number of graphs was launched, the graph ran nothing, or
            something ran that was no part of it.
    """
    launches = [event for event in evidence.during(step) if event.name in LAUNCHES]
    if len(launches) != 1:
        raise UnprovenError(f"a step launched {len(launches)} CUDA graphs; expected 1")
    ran = evidence.launched_in(step)
    outside = [event.name for event in ran if event.correlation != launches[0].correlation]
    if outside:
        raise UnprovenError(
            f"a step ran {len(outside)} activities outside its graph, {outside[0]} first; "
            "expected none"
        )
    if not ran:
        raise UnprovenError("the graph of a step ran nothing that the trace holds")
    return ran


def _new_graph() -> Any:
    """A graph that can be asked for its edges after the capture, where this torch has that."""
    graph: Any = torch.cuda.CUDAGraph
    try:
        return graph(keep_graph=True)
    except TypeError:
        return graph()

"""A CUDA graph in which every branch has a stream of its own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from profiling.modes.base import require_two
from profiling.modes.cuda_graph import CudaGraph
from profiling.modes.fork import Fork, any_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from profiling.branches import Branch
    from profiling.evidence import Event, Evidence
    from profiling.modes.base import Run


class CudaGraphStreams(CudaGraph):
    """A stream per branch, captured and replayed as one CUDA graph: parallel without a host.

    Expect kernels of the branches at once where each leaves room on the GPU, however short they
    are: the graph's edges alone hold them, and one launch starts them all.
    """

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:
        """Capture the step.

        Raises:
            UnavailableError: there are fewer than two branches.
        """
        require_two(branches)
        with super().prepare(branches, device, ranges=ranges) as run:
            yield run

    def step(self, todo: Sequence[Callable[[], Any]]) -> Callable[[], list[Any]]:
        """Fork from and join with the stream that is captured: so the others are, too."""
        fork = Fork([0] * len(todo))

        def run() -> list[Any]:
            return [fork.on(index, call) for index, call in enumerate(todo)]

        return fork.around(run)

    def prove(self, evidence: Evidence) -> str:
        """What a graph shows; and how often two of its activities ran at once.

        How a graph's nodes come to streams is CUDA's to choose, so overlap is told and not
        asked for.
        """
        return f"{super().prove(evidence)}; two of them ran at once in {_together(evidence)}"


def _together(evidence: Evidence) -> str:
    """Tell in how many steps activities of two streams ran at once."""
    count = 0
    for step in evidence.step_ranges():
        by_stream: dict[int | None, list[Event]] = {}
        for event in evidence.launched_in(step):
            by_stream.setdefault(event.stream, []).append(event)
        count += any_together(list(by_stream.values()))
    return f"{count} of {evidence.steps} steps"

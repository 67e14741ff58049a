"""A CUDA stream per branch, forked and joined by events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from profiling._torch import torch
from profiling.errors import UnavailableError, UnprovenError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from profiling.evidence import Event, Evidence

POOL: Final = 32
"""Streams that torch keeps per device and priority; one more would be one of them again."""

BLOCKING: Final = frozenset(
    {
        *(f"cuda{what}Synchronize" for what in ("Device", "Stream", "Event")),
        *(f"hip{what}Synchronize" for what in ("Device", "Stream", "Event")),
        "cudaMemcpy",
        "hipMemcpy",
        "hipMemcpyWithStream",
    }
)
"""Calls that keep the host waiting for the device."""


class Fork:
    """A stream per branch between a fork and a join, neither of which keeps the host waiting.

    A step is a function that calls `on` for each branch, between the two by `around`.

    Memory is safe without `record_stream`: the inputs outlive the step, what a branch
    allocates belongs to its own stream, and that stream may use it again only after the next
    fork, which waits for all that the calling stream did with the outputs.

    Args:
        priorities: one per branch; lower is more urgent, 0 the default.

    Raises:
        UnavailableError: there are more branches than torch has streams.
    """

    def __init__(self, priorities: Sequence[int]) -> None:
        if len(priorities) > POOL:
            raise UnavailableError(f"torch has {POOL} streams for {len(priorities)} branches")
        cuda: Any = torch.cuda
        self.streams = [cuda.Stream(priority=priority) for priority in priorities]
        self._fork = cuda.Event()
        self._joins = [cuda.Event() for _ in priorities]

    def around(self, step: Callable[[], list[Any]]) -> Callable[[], list[Any]]:
        """Let every branch wait for the calling stream before a step, and that for them after."""
        current_stream = torch.cuda.current_stream

        def run() -> list[Any]:
            stream = current_stream()
            self._fork.record(stream)
            outputs = step()
            for join in self._joins:
                stream.wait_event(join)
            return outputs

        return run

    def on(self, index: int, call: Callable[[], Any]) -> Any:
        """Launch a branch on its stream; on any thread, which gets its own stream back."""
        stream = self.streams[index]
        with torch.cuda.stream(stream):
            stream.wait_event(self._fork)
            output = call()
            self._joins[index].record(stream)
        return output


def prove_own_streams(evidence: Evidence) -> str:
    """Show that each branch had a stream that ran no other branch's kernels.

    A library may use further streams of its own, shared by all branches.

    Returns:
        A sentence that says too in how many steps kernels of two branches ran at once.

    Raises:
        UnprovenError: a branch had no such stream, or launched nothing.
    """
    overlapping = 0
    for step in evidence.step_ranges():
        kernels = [evidence.launched_in(branch) for branch in evidence.branch_ranges(step)]
        streams = [{kernel.stream for kernel in own} for own in kernels]
        for index, own in enumerate(streams):
            others = {
                stream for place, each in enumerate(streams) if place != index for stream in each
            }
            if not own - others:
                raise UnprovenError(
                    f"branch {index} ran on streams {_listed(own)}, the others on "
                    f"{_listed(others)}; expected a stream of its own"
                )
        overlapping += any_together(kernels)
    return (
        f"each of {len(evidence.branches)} branches ran on a stream of its own; kernels of two "
        f"branches ran at once in {overlapping} of {evidence.steps} steps"
    )


def blocking_calls(evidence: Evidence, step: Event) -> list[Event]:
    """Calls that kept the host waiting between the first branch's begin and the last one's."""
    branches = evidence.branch_ranges(step)
    first = min(branch.start for branch in branches)
    last = max(branch.start for branch in branches)
    return [
        event
        for event in evidence.during(step)
        if event.name in BLOCKING and first <= event.start < last
    ]


def any_together(kernels: Sequence[Sequence[Event]]) -> bool:
    """Whether kernels of two groups, branches say, overlap in time."""
    latest: list[tuple[float, int]] = []
    for event, branch in sorted(
        ((event, branch) for branch, own in enumerate(kernels) for event in own),
        key=lambda pair: pair[0].start,
    ):
        if any(end > event.start and other != branch for end, other in latest):
            return True
        latest = [*(pair for pair in latest if pair[0] > event.start), (event.end, branch)]
    return False


def _listed(streams: set[int | None]) -> str:
    return ", ".join(sorted(map(str, streams))) or "none"

"""A CUDA stream per branch."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from profiling.branches import calls
from profiling.modes.base import Mode, Run, require_two
from profiling.modes.fork import Fork, blocking_calls, prove_own_streams

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from profiling.branches import Branch
    from profiling.evidence import Evidence


class Streams(Mode):
    """A CUDA stream per branch, forked and joined by events: the host waits for nothing.

    Expect kernels of two branches at once where each leaves room on the GPU and the host
    launches faster than they run. Short kernels show one stream after the other all the same:
    one thread launches them all, and the first branch is done before the second is launched.
    """

    devices: ClassVar[frozenset[str]] = frozenset({"cuda"})

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:  # noqa: ARG002
        """Make a stream per branch."""
        require_two(branches)
        todo = calls(branches, ranges=ranges)
        fork = Fork(self._priorities(len(todo)))

        def run() -> list[Any]:
            return [fork.on(index, call) for index, call in enumerate(todo)]

        yield fork.around(run)

    def prove(self, evidence: Evidence) -> str:
        """A stream of its own for each branch."""
        waits = sum(len(blocking_calls(evidence, step)) for step in evidence.step_ranges())
        said = f"the host waited {waits} times between branches" if waits else "without host waits"
        return f"{prove_own_streams(evidence)}; {said}"

    def _priorities(self, count: int) -> list[int]:
        """One per branch."""
        return [0] * count

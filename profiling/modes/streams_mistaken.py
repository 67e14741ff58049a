"""CUDA streams, used as they often are."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from profiling.branches import calls
from profiling.errors import UnprovenError
from profiling.modes.base import Mode, Run, require_two
from profiling.modes.fork import Fork, blocking_calls, prove_own_streams
from profiling.outputs import flatten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from profiling.branches import Branch
    from profiling.evidence import Evidence


def _logged(call: Callable[[], Any]) -> Any:
    """Run a branch and make the mistake: its value is there only once it has ended."""
    output = call()
    flatten(output)[0].detach().reshape(-1)[0].item()
    return output


class StreamsMistaken(Mode):
    """CUDA streams with the usual mistake: item() after each branch, as if to log a value.

    Expect no overlap. item() copies a number to the host and keeps the host waiting until it is
    there, so that the next branch is not launched before the one before has ended. So do
    .cpu(), .tolist(), a copy to pageable memory, printing a tensor, and `if tensor:`.
    """

    devices: ClassVar[frozenset[str]] = frozenset({"cuda"})

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:  # noqa: ARG002
        """Make a stream per branch."""
        require_two(branches)
        todo = calls(branches, ranges=ranges)
        fork = Fork([0] * len(todo))

        def run() -> list[Any]:
            return [
                fork.on(index, functools.partial(_logged, call)) for index, call in enumerate(todo)
            ]

        yield fork.around(run)

    def prove(self, evidence: Evidence) -> str:
        """A stream for each branch, and between two branches a call that waits."""
        for number, step in enumerate(evidence.step_ranges()):
            found = blocking_calls(evidence, step)
            if len(found) < len(evidence.branches) - 1:
                raise UnprovenError(
                    f"the host waited {len(found)} times between the branches of step {number}; "
                    f"expected {len(evidence.branches) - 1} or more"
                )
        return f"the host waited between the branches; {prove_own_streams(evidence)}"

"""torch.jit.fork of eager code."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from profiling._torch import quiet_jit, torch
from profiling.branches import calls
from profiling.modes.base import Mode, Run, prove_one_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from profiling.branches import Branch
    from profiling.evidence import Evidence


class JitFork(Mode):
    """torch.jit.fork of eager code: looks parallel, runs inline on the calling thread.

    Expect sequential, and a little more time for the futures.
    """

    proven: ClassVar[frozenset[str]] = frozenset({"cpu"})

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:  # noqa: ARG002
        """Fork every branch, then wait for all."""
        todo = calls(branches, ranges=ranges)
        fork: Callable[[Callable[[], Any]], Any] = torch.jit.fork
        wait: Callable[[Any], Any] = torch.jit.wait

        def run() -> list[Any]:
            futures = [fork(call) for call in todo]
            return [wait(future) for future in futures]

        # Not around each call: that would be timed.
        with quiet_jit():
            yield run

    def prove(self, evidence: Evidence) -> str:
        """All operators on the calling thread, although forked."""
        return prove_one_thread(evidence)

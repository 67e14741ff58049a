"""Python threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from profiling._torch import torch
from profiling.branches import calls
from profiling.errors import UnprovenError
from profiling.modes.base import Mode, Run, require_two
from profiling.tracing import can_trace_threads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from profiling.branches import Branch
    from profiling.evidence import Evidence


class Threads(Mode):
    """A standing Python thread per branch: operators overlap, Python between them cannot."""

    def unavailable(self, device: str) -> str | None:  # noqa: ARG002
        """Without a trace of all threads nothing could be shown."""
        if can_trace_threads():
            return None
        return (
            f"torch {torch.__version__} cannot trace Python threads other than the first; "
            "a newer torch can"
        )

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:  # noqa: ARG002
        """Start a thread per branch, so that a branch stays on its own thread.

        A shared pool would give two short branches to whichever thread is awake.
        """
        require_two(branches)
        todo = calls(branches, ranges=ranges)
        with ExitStack() as stack:
            workers = [
                stack.enter_context(ThreadPoolExecutor(1, f"overlap-branch-{index}"))
                for index in range(len(todo))
            ]
            pairs = list(zip(workers, todo, strict=True))

            def run() -> list[Any]:
                futures = [worker.submit(call) for worker, call in pairs]
                return [future.result() for future in futures]

            yield run

    def prove(self, evidence: Evidence) -> str:
        """As many threads as branches, none of them the calling one, in each step."""
        expected = len(evidence.branches)
        for step, threads in zip(evidence.step_ranges(), evidence.operator_threads(), strict=True):
            if len(threads) != expected or step.thread in threads:
                where = "the calling one among them" if step.thread in threads else "all started"
                raise UnprovenError(
                    f"operators of a step ran on {len(threads)} threads, {where}; "
                    f"expected {expected} started ones"
                )
        return f"operators ran on {expected} started threads in each of {evidence.steps} steps"

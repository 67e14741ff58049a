"""Python threads."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from profiling._torch import torch
from profiling.branches import calls
from profiling.errors import UnprovenError
from profiling.modes.base import Mode, Run, require_two
from profiling.modes.fork import Fork, prove_own_streams
from profiling.tracing import can_trace_threads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from profiling.branches import Branch
    from profiling.evidence import Evidence


class Threads(Mode):
    """A standing Python thread per branch: operators overlap, Python between them cannot.

    Expect a gain where operators are long and leave cores to each other: the GIL is free only
    inside of them. On a GPU each thread launches on a stream of its own, forked and joined by
    events; launching holds the GIL, so that little is won over one thread with streams.
    """

    proven: ClassVar[frozenset[str]] = frozenset({"cpu"})

    def unavailable(self, device: str) -> str | None:  # noqa: ARG002
        """Without a trace of all threads nothing could be shown."""
        if can_trace_threads():
            return None
        return (
            f"torch {torch.__version__} cannot trace Python threads other than the first; "
            "a newer torch can"
        )

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:
        """Start a thread per branch, so that a branch stays on its own thread.

        A shared pool would give two short branches to whichever thread is awake. A new thread
        has gradients on; these take the setting over from the calling one.
        """
        require_two(branches)
        todo = calls(branches, ranges=ranges)
        fork = Fork([0] * len(todo)) if device == "cuda" else None
        if fork is not None:
            todo = [functools.partial(fork.on, index, call) for index, call in enumerate(todo)]
        with ExitStack() as stack:
            workers = [
                stack.enter_context(
                    ThreadPoolExecutor(
                        1,
                        f"overlap-branch-{index}",
                        initializer=torch.set_grad_enabled,
                        initargs=(torch.is_grad_enabled(),),
                    )
                )
                for index in range(len(todo))
            ]
            pairs = list(zip(workers, todo, strict=True))

            def run() -> list[Any]:
                futures = [worker.submit(call) for worker, call in pairs]
                return [future.result() for future in futures]

            yield run if fork is None else fork.around(run)

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
        shown = f"operators ran on {expected} started threads in each of {evidence.steps} steps"
        return f"{shown}; {prove_own_streams(evidence)}" if evidence.on_gpu else shown

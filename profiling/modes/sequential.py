"""Branch after branch."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from profiling.branches import calls
from profiling.modes.base import Mode, Run, prove_one_thread

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from profiling.branches import Branch
    from profiling.evidence import Evidence


class Sequential(Mode):
    """One branch after the other, with gradients on: what the others are compared with.

    Expect one lane and no overlap: on a CPU the calling thread runs every operator, on a GPU
    every kernel queues on one stream.
    """

    proven: ClassVar[frozenset[str]] = frozenset({"cpu"})

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:  # noqa: ARG002
        """Call the branches in order."""
        todo = calls(branches, ranges=ranges)

        def run() -> list[Any]:
            return [call() for call in todo]

        yield run

    def prove(self, evidence: Evidence) -> str:
        """All operators on the calling thread."""
        return prove_one_thread(evidence)

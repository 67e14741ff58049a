"""Processes."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, ClassVar

from profiling.errors import UnprovenError
from profiling.modes.base import Mode, Run, require_two
from profiling.modes.fork import any_together
from profiling.team import Team

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from profiling.branches import Branch
    from profiling.evidence import Evidence


class Processes(Mode):
    """A standing process per branch: Python of two branches overlaps too, for two messages a step.

    Expect true overlap, in proportion to the cores that a branch leaves free, once a branch takes
    much longer than a message there and back, and a copy of its outputs into shared memory.
    Every process brings its own threads inside operators: where they outnumber the cores, all
    wait for each other (`--threads`). Inputs lie in shared memory already; no gradients come back.
    """

    devices: ClassVar[frozenset[str]] = frozenset({"cpu"})
    proven: ClassVar[frozenset[str]] = frozenset({"cpu"})
    marks_itself: ClassVar[bool] = True
    no_backward: ClassVar[str | None] = (
        "outputs come from other processes, without the graph that a backward pass follows"
    )

    def unavailable(self, device: str) -> str | None:
        """On a GPU, work of two processes takes turns."""
        if device == "cuda":
            return (
                "kernels of two processes take turns on a GPU, unless a server (MPS) shares it; "
                "runs on a CPU only"
            )
        return super().unavailable(device)

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:  # noqa: ARG002
        """Start a process per branch."""
        require_two(branches)
        with closing(Team(branches)) as team:
            yield team

    def prove(self, evidence: Evidence) -> str:
        """As many processes as branches, none of them the calling one; each keeps its branch."""
        expected = len(evidence.branches)
        overlapping = 0
        homes: set[tuple[int, ...]] = set()
        for step, threads in zip(evidence.step_ranges(), evidence.operator_threads(), strict=True):
            processes = {process for process, _ in threads}
            if len(processes) != expected or step.thread[0] in processes:
                raise UnprovenError(
                    f"operators of a step ran in {len(processes)} processes; expected "
                    f"{expected} started ones"
                )
            branches = evidence.branch_ranges(step)
            late = [branch.name for branch in branches if branch.end > step.end]
            if late:
                raise UnprovenError(
                    f"{late[0]} ends after the step that waited for it; expected all processes "
                    "on one clock"
                )
            homes.add(tuple(branch.thread[0] for branch in branches))
            overlapping += any_together([[branch] for branch in branches])
        if len(homes) != 1:
            raise UnprovenError("a branch moved to another process; expected each to stay")
        return (
            f"operators ran in {expected} started processes in each of {evidence.steps} steps; "
            f"two branches were open at once in {overlapping}"
        )

"""What an execution mode is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from profiling.errors import UnavailableError, UnprovenError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from profiling.branches import Branch
    from profiling.evidence import Evidence

Run = Callable[[], Any]
"""One step: runs every branch once and returns their outputs, in branch order."""


class Mode(ABC):
    """One way to run independent branches. Its docstring's first line says what it shows.

    Attributes:
        branch_ranges: whether a trace can mark where each branch runs.
        attempts: how many traces may be taken until one shows what the mode claims;
            more than one where that is also up to the operating system.
    """

    branch_ranges: ClassVar[bool] = True
    attempts: ClassVar[int] = 1

    @property
    def shows(self) -> str:
        """What the mode shows, in a line."""
        return (self.__doc__ or "").strip().partition("\n")[0]

    def unavailable(self, device: str) -> str | None:  # noqa: ARG002 - most run anywhere
        """Why the mode cannot run on this machine; None where it can."""
        return None

    @abstractmethod
    def prepare(
        self, branches: Sequence[Branch], device: str, *, ranges: bool
    ) -> AbstractContextManager[Run]:
        """Build what a step needs (threads, scripts, kernels), and free it on exit.

        Args:
            branches: what to run, on `device` already.
            device: `cpu` or `cuda`.
            ranges: mark each branch in the trace, where `branch_ranges` says that
                the mode can.

        Raises:
            UnavailableError: the mode cannot run these branches.
        """

    @abstractmethod
    def prove(self, evidence: Evidence) -> str:
        """Show from a profiled run that the mode is what it claims to be.

        Returns:
            A sentence with the figures that show it.

        Raises:
            UnprovenError: it is something else.
        """


def require_two(branches: Sequence[Branch]) -> None:
    """Refuse a single branch, which has nothing to run beside.

    Raises:
        UnavailableError: there are fewer than two branches.
    """
    if len(branches) < 2:
        raise UnavailableError(f"needs 2 or more branches to run side by side; got {len(branches)}")


def prove_one_thread(evidence: Evidence) -> str:
    """Show that the thread that calls the step runs all operators.

    Raises:
        UnprovenError: another thread ran some, or none ran at all.
    """
    for step, threads in zip(evidence.step_ranges(), evidence.operator_threads(), strict=True):
        if threads != {step.thread}:
            raise UnprovenError(
                f"operators ran on {len(threads)} threads; expected the calling thread alone"
            )
    return f"all operators of {evidence.steps} steps ran on the calling thread"

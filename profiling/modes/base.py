"""What an execution mode is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from profiling.errors import UnavailableError, UnprovenError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from torch import Tensor

    from profiling.branches import Branch
    from profiling.evidence import Evidence

Run = Callable[[], Any]
"""One step: runs every branch once and returns their outputs, in branch order."""

NEEDS = {"cuda": "needs a CUDA GPU", "cpu": "runs on a CPU only"}
"""Why a mode of one device alone cannot run on another."""


@dataclass(frozen=True, eq=False)
class OwnWeights:
    """A `Run` on weights of its own, made of those of the branches.

    Attributes:
        run: one step.
        weights: what it computes with; leaves of the autograd graph.
        split: turns the gradients of the weights into those of the branches' parameters,
            in the order of the branches and of `torch.nn.Module.parameters`.
    """

    run: Run
    weights: Sequence[Tensor]
    split: Callable[[Sequence[Tensor]], list[Tensor]]

    def __call__(self) -> Any:
        """Run the step."""
        return self.run()


class Mode(ABC):
    """One way to run independent branches. Its docstring's first line says what it shows.

    The rest of it says what to expect.

    Attributes:
        devices: where it can run at all.
        proven: where a recording has shown that it is what it claims; elsewhere it is
            untried, and `profiling modes` says so.
        branch_ranges: whether a trace can mark where each branch runs.
        marks_itself: its step marks the branches by itself whenever it is traced.
        attempts: how many traces may be taken until one shows what the mode claims;
            more than one where that is also up to the operating system.
        no_backward: why no backward pass can follow its step; None if one can.
        needs_grad: why it is no mode of its own where gradients are off; None if it is.
    """

    devices: ClassVar[frozenset[str]] = frozenset({"cpu", "cuda"})
    proven: ClassVar[frozenset[str]] = frozenset()
    branch_ranges: ClassVar[bool] = True
    marks_itself: ClassVar[bool] = False
    attempts: ClassVar[int] = 1
    no_backward: ClassVar[str | None] = None
    needs_grad: ClassVar[str | None] = None

    @property
    def shows(self) -> str:
        """What the mode shows, in a line."""
        return (self.__doc__ or "").strip().partition("\n")[0]

    @property
    def expect(self) -> str:
        """What to expect of it, in a paragraph."""
        _, _, rest = (self.__doc__ or "").strip().partition("\n")
        return " ".join(rest.split())

    def unavailable(self, device: str) -> str | None:
        """Why the mode cannot run on this machine; None where it can."""
        return None if device in self.devices else NEEDS[min(self.devices)]

    def unfit(self, *, grad: bool, backward: bool) -> str | None:
        """Why the mode cannot run a step of this kind; None where it can.

        Args:
            grad: gradients are on.
            backward: a backward pass follows.
        """
        if backward and self.no_backward is not None:
            return self.no_backward
        return None if grad else self.needs_grad

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

"""A standing process per branch, for the mode `processes`."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import signal
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from multiprocessing import current_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profiling._torch import torch
from profiling.branches import Branch, calls
from profiling.errors import BrokenModeError, ProfilingError, UnavailableError, blamed
from profiling.outputs import flatten
from profiling.process import Process, answering
from profiling.tracing import profiler

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    from torch import Tensor

    from profiling.tracing import Detail


@dataclass(frozen=True)
class Part:
    """What the process of a branch is told at its start.

    Attributes:
        index: of the branch.
        branch: a copy, its tensors in shared memory.
        outputs: where its outputs belong, in shared memory.
        threads: inside an operator.
        grad: gradients are on.
    """

    index: int
    branch: Branch
    outputs: Sequence[Tensor]
    threads: int
    grad: bool


class Team:
    """Runs each branch in a process of its own; calling it is a step.

    Inputs lie in shared memory from the start. Each process writes its outputs there too, and
    a step returns them as they lie there. It satisfies `profiling.tracing.Elsewhere`.

    Raises:
        UnavailableError: the branches cannot be sent to another process.
        BrokenModeError: a process ended, or a branch raised there.
    """

    def __init__(self, branches: Sequence[Branch]) -> None:
        with torch.no_grad():
            self._outputs = [
                [_shared(torch.empty_like(output)) for output in flatten(branch())]
                for branch in branches
            ]
        with ExitStack() as held:
            self._processes = [
                held.enter_context(closing(_process(index))) for index in range(len(branches))
            ]
            for index, branch in enumerate(branches):
                self._start(index, branch)
            # All load torch at the same time.
            for process in self._processes:
                process.receive()
            self._held = held.pop_all()

    def __call__(self) -> list[list[Tensor]]:
        """Run every branch once, all at the same time."""
        self._ask(("step", ()))
        return self._outputs

    def cpu_ns(self) -> int:
        """CPU time of this process and of all others together."""
        others: list[int] = self._ask(("cpu_ns", ()))
        return time.process_time_ns() + sum(others)

    def start_trace(self, warmup: int, steps: int, detail: Detail) -> None:
        """Let every process record a trace: of so many steps, after others."""
        self._ask(("start_trace", (warmup, steps, detail)))

    def step_trace(self) -> None:
        """Tell every profiler that a step is over."""
        self._ask(("step_trace", ()))

    def end_trace(self, folder: Path) -> list[Path]:
        """Write the traces into a folder, and name them."""
        return [Path(path) for path in self._ask(("end_trace", (folder,)))]

    def close(self) -> None:
        """End all processes."""
        for process in self._processes:
            process.leave()
        self._held.close()

    def _start(self, index: int, branch: Branch) -> None:
        process = self._processes[index]
        # Whoever asks this process for the shared memory of a tensor has to show its key.
        process.send(bytes(current_process().authkey))
        try:
            # Copies: what is sent moves to shared memory, and the caller's own shall not.
            own = Branch(
                copy.deepcopy(branch.target),
                [_shared(tensor.detach().clone()) for tensor in branch.inputs],
            )
            process.send(
                Part(
                    index,
                    own,
                    self._outputs[index],
                    torch.get_num_threads(),
                    torch.is_grad_enabled(),
                )
            )
        except (pickle.PicklingError, AttributeError, TypeError, RuntimeError) as error:
            raise UnavailableError(_not_sendable(index, error)) from error

    def _ask(self, message: tuple[str, tuple[Any, ...]]) -> list[Any]:
        """Let every process do something at the same time, and wait for all answers."""
        for process in self._processes:
            process.send(message)
        return [process.receive() for process in self._processes]


def _process(index: int) -> Process:
    # The process of a mode leads a session, whose use of the cores is told from that of others.
    leader = os.getsid(0) == os.getpid()
    return Process("profiling.team", "serve", of=f"branch {index}", own_session=not leader)


def _shared(tensor: Any) -> Any:
    return tensor.share_memory_()


def _not_sendable(index: int, error: Exception) -> str:
    return (
        f"branch {index} cannot be sent to a process of its own ({error}); define its classes and "
        "functions at the top level of a file that can be imported"
    )


def serve(descriptor: int) -> None:
    """Run one branch, again and again, until the other end of the pipe is closed."""
    # Ctrl-C is for the process at the other end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with answering(descriptor) as connection:
        current_process().authkey = connection.recv()
        try:
            part: Part = connection.recv()
        except (pickle.UnpicklingError, AttributeError, ImportError) as error:
            connection.send(UnavailableError(f"a branch cannot be taken over here: {error}"))
            return
        torch.set_num_threads(part.threads)
        torch.set_grad_enabled(part.grad)
        with closing(_Worker(part)) as worker:
            connection.send(None)
            _answer(worker, connection)


def _answer(worker: _Worker, connection: Connection[Any, Any]) -> None:
    while True:
        method, arguments = connection.recv()
        try:
            with blamed():
                answer = getattr(worker, method)(*arguments)
        except ProfilingError as error:
            answer = error
        connection.send(answer)


class _Worker:
    """The other end: one branch."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._plain = part.branch
        # Marked by its own number, not as the first.
        self._marked = calls([part.branch] * (part.index + 1), ranges=True)[-1]
        self._call: Any = self._plain
        self._scratch = tempfile.TemporaryDirectory()
        self._profiler: Any = None

    def step(self) -> None:
        """Run the branch, and lay its outputs where they belong."""
        outputs = flatten(self._call())
        if len(outputs) != len(self._part.outputs):
            raise BrokenModeError(
                f"the branch returned {len(outputs)} tensors; expected {len(self._part.outputs)}"
            )
        with torch.no_grad():
            for shared, output in zip(self._part.outputs, outputs, strict=True):
                shared.copy_(output)

    def cpu_ns(self) -> int:
        """CPU time of this process."""
        return time.process_time_ns()

    def start_trace(self, warmup: int, steps: int, detail: Detail) -> None:
        """Begin to record, with the branch marked."""
        self._call = self._marked
        self._profiler = profiler(
            self._trace, warmup=warmup, steps=steps, device="cpu", detail=detail
        )
        self._profiler.__enter__()

    def step_trace(self) -> None:
        """A step is over."""
        self._profiler.step()

    def end_trace(self, folder: Path) -> str:
        """Write the trace into a folder, and name it."""
        self._profiler.__exit__(None, None, None)
        self._profiler, self._call = None, self._plain
        return str(shutil.move(self._trace, folder / f"branch-{self._part.index}.json.gz"))

    def close(self) -> None:
        """Remove what was not handed over."""
        self._scratch.cleanup()

    @property
    def _trace(self) -> Path:
        return Path(self._scratch.name, "trace.json.gz")

"""Worker processes on this machine, a trace at a time for each."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, deque
from contextlib import suppress
from multiprocessing.connection import Pipe, wait
from typing import TYPE_CHECKING

import msgspec

from analysis.children import environment
from analysis.fleet import memory
from analysis.report import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection

    from analysis.fleet.measure import Task
    from analysis.fleet.run import Outcome, Telling

_TRIES = 2
_DIED = (
    "the process that measured it was killed, {tries} times (exit status {status}); was memory "
    "short? Try fewer processes at once (--jobs 1), or a smaller --memory"
)


class Pool(msgspec.Struct, frozen=True):
    """Measures on several processes of this machine; see `Way`.

    Attributes:
        jobs: at most so many at once; None: as many as there are cores.
        memory: bytes that they may take together; None: most of what is available.
    """

    jobs: int | None = None
    memory: int | None = None

    def __call__(self, tasks: Sequence[Task], tell: Telling) -> Iterator[tuple[int, Outcome]]:
        """Yield the place of each task with what came of it, as they finish."""
        number = memory.workers(tasks, self.jobs, self.memory)
        yield from _Crew(tasks, tell).run(number)


class _Crew:
    """The workers, what is left to do, and how often it was tried."""

    def __init__(self, tasks: Sequence[Task], tell: Telling) -> None:
        # One core each: what decodes in parallel would take the others' cores.
        self._tasks = [task._replace(reading=task.reading.alone()) for task in tasks]
        self._left = deque(range(len(tasks)))
        self._tries: Counter[int] = Counter()
        self._tell = tell
        self._workers: dict[Connection, _Worker] = {}

    def run(self, number: int) -> Iterator[tuple[int, Outcome]]:
        try:
            while self._left or self._workers:
                while self._left and len(self._workers) < number:
                    worker = _Worker()
                    self._workers[worker.connection] = worker
                    self._give(worker)
                for connection in wait(list(self._workers)):
                    yield from self._receive(self._workers[connection])  # type: ignore[index] # ours
        finally:
            for worker in self._workers.values():
                worker.stop()

    def _give(self, worker: _Worker) -> None:
        """Give a worker its next task, or none: then it may go."""
        if not self._left:
            del self._workers[worker.connection]
            worker.stop()
            return
        worker.task = self._left.popleft()
        task = self._tasks[worker.task]
        self._tries[worker.task] += 1
        self._tell(task.source.path, None)
        worker.give(task)

    def _receive(self, worker: _Worker) -> Iterator[tuple[int, Outcome]]:
        try:
            result = worker.connection.recv()
        except (EOFError, OSError):
            yield from self._bury(worker)
            return
        if isinstance(result, BaseException):
            raise result
        yield worker.task, result
        self._give(worker)

    def _bury(self, worker: _Worker) -> Iterator[tuple[int, Outcome]]:
        del self._workers[worker.connection]
        status = worker.stop()
        if self._tries[worker.task] < _TRIES:
            self._left.append(worker.task)
            return
        path = str(self._tasks[worker.task].source.path)
        reason = _DIED.format(tries=_TRIES, status=status)
        yield worker.task, Failure(path, f"{path}: {reason}")


class _Worker:
    """One process, and the task that it has."""

    def __init__(self) -> None:
        self.task = -1
        self.connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "analysis.fleet.worker", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is ours to handle
            )

    def give(self, task: Task) -> None:
        with suppress(OSError):  # if it has died, that shows when its answer is awaited
            self.connection.send(task)

    def stop(self) -> int:
        """Stop the process; return its exit status, if it had ended before."""
        self.connection.close()
        status = self._process.poll()
        if status is None:
            try:
                # A dead one may take a moment; one without a task ends when its pipe closes.
                status = self._process.wait(0.2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                status = self._process.wait()
        return status

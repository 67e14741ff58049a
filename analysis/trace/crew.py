"""The processes that decode, and the pieces that are under way."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
from collections import deque
from mmap import mmap
from multiprocessing.connection import Pipe, wait
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.children import environment
from analysis.trace.parse import listed, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.trace.cut import Piece
    from analysis.trace.part import Part

_SLOT = 2 << 20  # bytes of shared memory for one piece; a longer one is decoded here
_SLOTS = 2  # pieces that a worker may hold: one that it decodes, and the next
_SHARED = Path("/dev/shm")  # noqa: S108 - memory, where there is such a thing


class _Job:
    """A piece, and what became of it."""

    def __init__(self, piece: Piece) -> None:
        self.piece = piece
        self.part: Part | None = None
        self.pending = False

    def run(self) -> None:
        """Decode it here."""
        self.part, self.pending = parse(self.piece), False


class Crew:
    """Worker processes, and this one, which decodes what they have no room for.

    Pieces come back in the order in which they were given.
    """

    def __init__(self, workers: int) -> None:
        self._workers = [_Worker() for _ in range(workers)]
        self._jobs: deque[_Job] = deque()

    def give(self, piece: Piece) -> None:
        """Give a piece to a worker that is free, or decode it here."""
        job = _Job(piece)
        self._jobs.append(job)
        self._collect(0)
        if not any(worker.take(job) for worker in self._workers):
            job.run()

    def done(self, *, everything: bool = False) -> Iterator[tuple[Piece, Part | None]]:
        """Yield what is ready, in order; wait where too much would pile up."""
        most = 0 if everything else 2 * _SLOTS * (len(self._workers) + 1)
        while self._jobs:
            while self._jobs[0].pending and len(self._jobs) > most:
                self._collect(None)
            if self._jobs[0].pending:
                return
            job = self._jobs.popleft()
            yield job.piece, job.part

    def close(self) -> None:
        """Stop the processes, whatever they are doing."""
        for worker in self._workers:
            worker.stop()

    def _collect(self, patience: float | None) -> None:
        """Receive what workers have finished; with no patience, what is there already."""
        busy = {worker.connection: worker for worker in self._workers if worker.jobs}
        for connection in wait(list(busy), patience):
            worker = busy[connection]  # type: ignore[index] # one of those asked for
            if not worker.receive():
                self._workers.remove(worker)


class _Worker:
    """A process that decodes, and what it was given."""

    def __init__(self) -> None:
        self.jobs: deque[_Job] = deque()
        self.connection, theirs = Pipe()
        folder = _SHARED if _SHARED.is_dir() else None
        with tempfile.TemporaryFile(dir=folder) as file, theirs:
            file.truncate(_SLOT * _SLOTS)
            self._memory = mmap(file.fileno(), _SLOT * _SLOTS)
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [
                    sys.executable,
                    "-m",
                    "analysis.trace.worker",
                    str(theirs.fileno()),
                    str(file.fileno()),
                ],
                pass_fds=(theirs.fileno(), file.fileno()),
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is ours to handle
            )
        self._next = 0

    def take(self, job: _Job) -> bool:
        """Set a piece before the worker, if it has room."""
        if len(self.jobs) == _SLOTS or len(job.piece.text) >= _SLOT:
            return False
        text = listed(job.piece)
        if text is None:
            return False
        begin = self._next * _SLOT
        end = begin + len(text)
        self._memory[begin:end] = text
        try:
            self.connection.send((begin, end))
        except OSError:
            return False
        job.pending = True
        self.jobs.append(job)
        self._next = (self._next + 1) % _SLOTS
        return True

    def receive(self) -> bool:
        """Receive a part; where the worker has died, its work is done here, and it is gone."""
        try:
            part = self.connection.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            for job in self.jobs:
                job.run()
            self.jobs.clear()
            self.stop()
            return False
        job = self.jobs.popleft()
        job.part, job.pending = part, False
        return True

    def stop(self) -> None:
        self.connection.close()
        self._process.kill()
        self._process.wait()
        self._memory.close()

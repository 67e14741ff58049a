"""A process that answers one question, and is ended where that takes too much.

DuckDB counts neither the texts that a function makes nor the answer as memory that it takes, and
looks at an interruption between two batches of rows alone: only its process can be held to both.
"""

from __future__ import annotations

import os
import pickle
import select
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Self

from analysis.children import environment
from analysis.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from analysis.tables.database import Limits, Supplied

_LOOK_S = 0.02
"""Seconds between two looks at what the process takes."""
_UNCOUNTED = 256 << 20
"""Bytes that a process may take beside the memory that DuckDB counts, if that is not larger."""
SIZE = 8
"""Bytes in which the process says what it takes, before it answers."""
_ENDED = "its process ended (exit status {status}); was memory short?"


def too_large(said: str) -> QueryError:
    """Return the error of a question that took too much memory."""
    return QueryError(
        f"the query: {said}; allow more with --memory, or ask for less: fewer columns, or a "
        "condition"
    )


class Apart:
    """The process; it starts at once, and is ended when the context is left."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "analysis.tables.worker", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                env=environment(),
                start_new_session=True,  # Ctrl-C is ours to handle
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._socket.close()

    def give(self, query: str, supplied: Mapping[str, Supplied], room: str) -> None:
        """Hand over the question; it is what `answered` of analysis.tables.database takes.

        Raises:
            QueryError: the process has ended.
        """
        with self._talking(), self._socket.makefile("wb") as pipe:
            # Protocol 5 writes the columns as they lie, without copies.
            pickle.dump((query, supplied, self._limits, room), pipe, protocol=5)

    def answer(self) -> pa.Table:
        """Return the answer to the question that was given.

        Raises:
            QueryError: it is wrong, or took too much.
        """
        with self._talking():
            self._watch(int.from_bytes(self._socket.recv(SIZE, socket.MSG_WAITALL)))
            with self._socket.makefile("rb") as pipe:
                found: pa.Table | Exception = pickle.load(pipe)  # noqa: S301 - our own process
        if isinstance(found, Exception):
            raise found
        return found

    @contextmanager
    def _talking(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise too_large(_ENDED.format(status=self._process.wait())) from error

    def _watch(self, before: int) -> None:
        """Wait for the answer.

        Args:
            before: bytes that the process took before the question, its tables included.
        """
        memory, seconds = self._limits.memory, self._limits.timeout_s
        most = None if memory is None else before + memory + max(memory, _UNCOUNTED)
        end = None if seconds is None else monotonic() + seconds
        while not select.select([self._socket], [], [], _LOOK_S)[0]:
            if end is not None and monotonic() > end:
                raise QueryError(f"the query: took longer than {seconds:g} s, and was stopped")
            if memory is not None and most is not None and resident(self._process.pid) > most:
                raise too_large(
                    f"took {(most - before) / 1e6:,.0f} MB, and was stopped; --memory is "
                    f"{memory / 1e6:,.0f} MB"
                )


def resident(process: int) -> int:
    """Return how many bytes of memory a process takes; 0 where the system does not say."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    except (OSError, IndexError):  # no Linux, or it has ended
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")

"""A fresh Python process that answers over a pipe."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Final, NoReturn

from profiling.errors import BrokenModeError, ProfilingError
from profiling.orphans import end_with_parent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_GRACE_S: Final = 10


class Process:
    """A process that starts at once and runs one of our functions.

    Args:
        module: where the function is.
        function: is given the descriptor of its end of the pipe.
        of: what the process belongs to, for messages.
        own_session: Ctrl-C reaches us alone, and we end the process in order; without, it
            counts as a part of the session that this process leads.
    """

    def __init__(self, module: str, function: str, *, of: str, own_session: bool = True) -> None:
        self._of = of
        self._connection, theirs = Pipe()
        start = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from {module} import {function}; {function}({theirs.fileno()})"
        )
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own code
            [sys.executable, "-c", start],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=own_session,
        )
        theirs.close()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def send(self, message: object) -> None:
        """Hand something over.

        Raises:
            BrokenModeError: the process has ended.
        """
        try:
            self._connection.send(message)
        except OSError as error:
            raise self._ended() from error

    def receive(self) -> Any:
        """Wait for an answer.

        Raises:
            ProfilingError: that is the answer.
            BrokenModeError: the process has ended.
        """
        try:
            result = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._ended() from error
        if isinstance(result, ProfilingError):
            raise result
        return result

    def leave(self) -> None:
        """Tell the process to end by itself."""
        self._connection.close()

    def close(self) -> None:
        """End the process: by itself, asked to, or killed, whatever works first."""
        self.leave()
        for end in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                end()
        self._process.wait()

    def _ended(self) -> BrokenModeError:
        try:
            code = self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            return BrokenModeError(f"the process of {self._of} hung up")
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return BrokenModeError(f"the process of {self._of} {how}")


@contextmanager
def answering(descriptor: int) -> Iterator[Connection[Any, Any]]:
    """Open the other end of a `Process`, in that process, until the first end is closed."""
    signal.signal(signal.SIGTERM, _leave)
    end_with_parent()
    with Connection(descriptor) as connection:
        try:
            yield connection
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Unwind, so that no half-written file stays."""
    sys.exit(128 + signal.SIGTERM)

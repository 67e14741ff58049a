"""A mode in a process of its own.

In one process modes disturb each other for good: once a mode has started threads,
OpenMP counts more threads than cores and puts every team to sleep between operators,
and then a plain sequential pass takes up to three times as long.
"""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
from multiprocessing import Pipe
from typing import TYPE_CHECKING, Any, Final

from profiling.errors import BrokenModeError, ProfilingError, UsageError

if TYPE_CHECKING:
    from profiling.job import Request
    from profiling.manifest import Manifest

_GRACE_S: Final = 10


def pack(request: Request) -> bytes:
    """Make a request ready to be sent.

    Raises:
        UsageError: the branches cannot be sent to another process.
    """
    try:
        return pickle.dumps(request)
    except (pickle.PicklingError, AttributeError, TypeError, RuntimeError) as error:
        raise UsageError(not_sendable(error)) from error


def not_sendable(error: Exception) -> str:
    """What to do about branches that cannot be pickled, or not unpickled over there."""
    return (
        f"the branches cannot be sent to the process of a mode ({error}): define their classes "
        "and functions at the top level of a file that can be imported, or pass isolate=False "
        "to run all modes in this process, where they disturb each other's timings"
    )


class RemoteSession:
    """A mode in a process of its own, which starts at once.

    Args:
        name: a key of `MODES`.
        packed: the request, as `pack` made it.
    """

    def __init__(self, name: str, packed: bytes) -> None:
        self.name = name
        self._connection, theirs = Pipe()
        start = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from profiling.worker import serve; serve({theirs.fileno()})"
        )
        # A session of its own: Ctrl-C reaches us alone, and we end the others in order.
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own code
            [sys.executable, "-c", start],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        # Asked at once, so that all processes load torch at the same time.
        self._connection.send((name, packed))
        self._connection.send("start")

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def start(self) -> None:
        """See `LocalSession.start`."""
        self._answer()

    def prepare(self) -> None:
        """See `LocalSession.prepare`."""
        self._ask("prepare")

    def sample(self) -> None:
        """See `LocalSession.sample`."""
        self._ask("sample")

    def write(self) -> Manifest:
        """See `LocalSession.write`."""
        manifest: Manifest = self._ask("write")
        return manifest

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

    def _ask(self, method: str) -> Any:
        try:
            self._connection.send(method)
        except OSError as error:
            raise self._ended() from error
        return self._answer()

    def _answer(self) -> Any:
        try:
            result = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._ended() from error
        if isinstance(result, ProfilingError):
            raise result
        return result

    def _ended(self) -> BrokenModeError:
        try:
            code = self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            return BrokenModeError("the process of the mode hung up")
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return BrokenModeError(f"the process of the mode {how}")

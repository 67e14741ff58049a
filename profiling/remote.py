"""A mode in a process of its own.

In one process modes disturb each other for good: once a mode has started threads,
OpenMP counts more threads than cores and puts every team to sleep between operators,
and then a plain sequential pass takes up to three times as long.
"""

from __future__ import annotations

import pickle
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from profiling.errors import BrokenModeError, UsageError
from profiling.process import Process

if TYPE_CHECKING:
    from profiling.job import Request
    from profiling.manifest import Manifest


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
        self._process = Process("profiling.worker", "serve", of="the mode")
        # Asked at once, so that all processes load torch at the same time.
        # One that has died already says so when it is asked for its answer.
        with suppress(BrokenModeError):
            self._process.send((name, packed))
            self._process.send("start")

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def start(self) -> None:
        """See `LocalSession.start`."""
        self._process.receive()

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
        self._process.leave()

    def close(self) -> None:
        """End the process: by itself, asked to, or killed, whatever works first."""
        self._process.close()

    def _ask(self, method: str) -> Any:
        self._process.send(method)
        return self._process.receive()

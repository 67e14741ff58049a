"""Opens what a user names: a file, a pipe or standard input, of bytes as they are stored."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import msgspec

from analysis import remote
from analysis.errors import NotATraceError, TraceError
from analysis.location import Url
from analysis.trace import STDIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.location import Location

_BLOCK = 1 << 20

_RECORD = "export the trace of torch.profiler with export_chrome_trace"
_FOREIGN = {
    ".pftrace": "a Perfetto protobuf trace; `traceconv json` makes a Chrome trace of it",
    ".perfetto-trace": "a Perfetto protobuf trace; `traceconv json` makes a Chrome trace of it",
    ".nsys-rep": f"a report of Nsight Systems, which is no Chrome trace; {_RECORD}",
    ".qdrep": f"a report of Nsight Systems, which is no Chrome trace; {_RECORD}",
    ".ncu-rep": f"a report of Nsight Compute, which is no Chrome trace; {_RECORD}",
    ".sqlite": f"an SQLite database, as Nsight Systems exports it; {_RECORD}",
    ".xplane.pb": f"an XPlane trace of XLA; {_RECORD}",
    ".pb": f"a protobuf file; {_RECORD}",
}
_MAGIC = {
    b"SQLite format 3\0": ".sqlite",
    b"\x0a\x87\x02\x82\x02\x10": ".pftrace",
}


class Stored(msgspec.Struct):
    """An open file.

    Attributes:
        file: its bytes.
        size: how many there are, where it can be known.
        read: how many were read.
    """

    file: IO[bytes]
    size: int | None
    read: int = 0

    def blocks(self) -> Iterator[bytes]:
        """Yield what the file holds, from where it stands."""
        while block := self.file.read(_BLOCK):
            self.read += len(block)
            yield block


@contextmanager
def opened(path: Location) -> Iterator[Stored]:
    """Open a trace file, a pipe, what a URL names, or standard input for `-`.

    Raises:
        MissingExtraError: what reads such a URL is not installed.
        TraceError: it cannot be opened.
        NotATraceError: its name or its first bytes say that it is something else.
    """
    if str(path) == STDIN:
        yield Stored(sys.stdin.buffer, None)
        return
    if isinstance(path, Url):
        with _far(path) as stored:
            yield stored
        return
    try:
        # A pipe that nobody writes to would keep us waiting for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(None, "Is a directory")
            os.set_blocking(descriptor, True)
            refuse_foreign(path)
            yield Stored(file, os.fstat(descriptor).st_size if stat.S_ISREG(mode) else None)
    except OSError as error:
        raise TraceError(
            f"{path}: cannot be read ({error.strerror or error}); expected a .json or .json.gz file"
        ) from error


@contextmanager
def _far(url: Url) -> Iterator[Stored]:
    refuse_foreign(url)
    try:
        with remote.opened(url) as (file, size):
            yield Stored(file, size)
    except OSError as error:
        raise TraceError(
            f"{url}: cannot be read ({error.strerror or error}); expected a .json or .json.gz file"
        ) from error


def refuse_foreign(path: Location, begin: bytes = b"") -> None:
    """Name the files of other tools that people take for traces of torch.profiler.

    Raises:
        NotATraceError: this is one of them.
    """
    kinds = [kind for magic, kind in _MAGIC.items() if begin.startswith(magic)]
    kinds += [suffix for suffix in _FOREIGN if path.name.endswith(suffix) and not begin]
    if kinds:
        raise NotATraceError(f"{path}: is {_FOREIGN[kinds[0]]}")

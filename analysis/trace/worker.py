"""The process that `analysis.trace.crew` starts: pieces in, parts out, until the pipe closes."""

from __future__ import annotations

import gc
import sys
from mmap import mmap
from multiprocessing.connection import Connection

from analysis.trace.parse import parse_list


def main(connection: int, memory: int) -> None:
    """Decode what lies in the shared memory, a piece for each message."""
    gc.disable()
    pipe = Connection(connection)
    text = memoryview(mmap(memory, 0))
    while True:
        try:
            begin, end = pipe.recv()
        except EOFError:
            return
        pipe.send(parse_list(text[begin:end]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

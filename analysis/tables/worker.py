"""The process that `analysis.tables.apart` starts: one question in, its answer out."""

from __future__ import annotations

import os
import pickle
import socket
import sys
from contextlib import suppress
from threading import Thread

import duckdb  # noqa: F401 - imported while the traces are read elsewhere
import pyarrow.dataset  # noqa: F401 - likewise

from analysis.tables.apart import SIZE, resident
from analysis.tables.database import answered


def main(descriptor: int) -> None:
    """Answer the question that comes from there."""
    with suppress(EOFError, BrokenPipeError), socket.socket(fileno=descriptor) as to:
        with to.makefile("rb") as pipe:
            question = pickle.load(pipe)  # noqa: S301 - from who started us
        Thread(target=_end_with, args=(to,), daemon=True).start()
        to.sendall(resident(os.getpid()).to_bytes(SIZE))
        try:
            found = answered(*question)
        except Exception as error:  # noqa: BLE001 - raised again where somebody can see it
            found = error
        with to.makefile("wb") as pipe:
            pickle.dump(found, pipe, protocol=5)


def _end_with(parent: socket.socket) -> None:
    """End this process, whatever it does, when the one that asked has ended."""
    parent.recv(1)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))

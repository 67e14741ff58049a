"""The process that `analysis.fleet.local` starts: tasks in, results out, until the pipe closes."""

from __future__ import annotations

import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from analysis.fleet.measure import outcome

if TYPE_CHECKING:
    from analysis.fleet.measure import Task
    from analysis.fleet.rank import Measured
    from analysis.report import Failure


def main(connection: int) -> None:
    """Measure one trace after the other."""
    pipe = Connection(connection)
    with suppress(EOFError, BrokenPipeError):
        while True:
            task = pipe.recv()
            pipe.send(_answer(task))


def _answer(task: Task) -> Measured | Failure | Exception:
    try:
        return outcome(task)
    except Exception as error:  # noqa: BLE001 - raised again where somebody can see it
        return error


if __name__ == "__main__":
    main(int(sys.argv[1]))

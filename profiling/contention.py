"""How busy other programs keep the cores while something is timed.

The load average cannot tell: it looks back for a minute, in which our own last command
may have been the load, and it counts the whole machine where we may use a part of it.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

_PROC: Final = Path("/proc")
_BUSY: Final = (0, 1, 2, 5, 6, 7)
"""Columns of /proc/stat (proc(5)): user, nice, system, irq, softirq, steal."""
_OWN: Final = slice(11, 15)
"""Columns of /proc/PID/stat behind the name: utime, stime, cutime, cstime."""
_SESSION: Final = 3
TOLERATED: Final = 0.1
"""Share of the cores that others may use before timings are called disturbed."""


@dataclass(frozen=True)
class Usage:
    """CPU time up to a moment, in seconds.

    Attributes:
        at: the moment, of the monotonic clock.
        busy: of all programs, on the cores that this process may use.
        own: of our processes alone.
    """

    at: float
    busy: float
    own: float


def usage(workers: Collection[int], proc: Path = _PROC) -> Usage | None:
    """Read the clocks; None where the system does not tell.

    Args:
        workers: ids of processes that lead a session of their own; they and all that
            they started are ours, as this process is.
        proc: where the kernel tells.
    """
    try:
        per_second = os.sysconf("SC_CLK_TCK")
        cores = {f"cpu{core}" for core in os.sched_getaffinity(0)}
        rows = (line.split() for line in (proc / "stat").read_text("utf-8").splitlines())
        busy = sum(int(row[1 + at]) for row in rows if row and row[0] in cores for at in _BUSY)
        own = sum(_own(path, workers) for path in proc.glob("[0-9]*/stat"))
    except (OSError, AttributeError, IndexError, ValueError):
        return None
    return Usage(time.monotonic(), busy / per_second, own / per_second)


def other_cores(before: Usage | None, after: Usage | None) -> float | None:
    """How many cores others kept busy on average between two moments; None if unknown."""
    if before is None or after is None or after.at <= before.at:
        return None
    others = (after.busy - before.busy) - (after.own - before.own)
    return max(0.0, others / (after.at - before.at))


def is_disturbed(others: float | None, cores: int) -> bool:
    """Whether others used so much that timings cannot be trusted."""
    return others is not None and others > TOLERATED * cores


def _own(path: Path, workers: Collection[int]) -> int:
    """The ticks of a process if it is ours, else 0."""
    try:
        # A name in brackets comes first, and may hold anything.
        fields = path.read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:  # It has ended.
        return 0
    ours = int(path.parent.name) == os.getpid() or int(fields[_SESSION]) in workers
    return sum(map(int, fields[_OWN])) if ours else 0

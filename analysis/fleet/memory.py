"""How many traces may be measured at once."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.fleet.measure import Task

PROCESS = 128 << 20
"""Bytes of Python, numpy and our modules, with room for the analysis."""
_PER_TEXT_BYTE = 1.5
_UNPACKED = 20  # bytes of text for each stored byte of a compressed trace
_WORTH = 32 << 20  # stored bytes
_PACKED = (".gz", ".zst", ".zip")
_SHARE = 0.8
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def workers(tasks: Sequence[Task], jobs: int | None, memory: int | None) -> int:
    """Return how many processes measure at once: as many as cores and memory allow.

    Args:
        tasks: what is to be measured.
        jobs: at most so many; None: as many as there are cores.
        memory: bytes for all of them together; None: 80% of what is available.
    """
    cores = jobs if jobs is not None else len(os.sched_getaffinity(0))
    budget = memory if memory is not None else int(available() * _SHARE)
    largest = sorted((need(task) for task in tasks), reverse=True)
    number = max(min(cores, len(tasks)), 1)
    # The largest ones may be under way together.
    while number > 1 and sum(largest[:number]) > budget:
        number -= 1
    return number


def worth_a_pool(tasks: Sequence[Task]) -> bool:
    """Tell whether traces take so long together that starting processes pays."""
    return len(tasks) > 1 and sum(map(_stored, tasks)) >= _WORTH


def need(task: Task) -> int:
    """Return about how many bytes of memory measuring a trace takes at its peak."""
    path = task.source.path
    text = _stored(task) * (_UNPACKED if path.name.endswith(_PACKED) else 1)
    return PROCESS + int(text * _PER_TEXT_BYTE)


def _stored(task: Task) -> int:
    """Return the bytes of a file of this machine; of others they are not asked for."""
    path = task.source.path
    if isinstance(path, Path):
        with suppress(OSError):
            return path.stat().st_size
    return 0


def available() -> int:
    """Return the bytes of memory that may be taken without hurting anybody."""
    free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        line = next(each for each in lines if each.startswith("MemAvailable:"))
        free = int(line.split()[1]) << 10
    for limit, used in _CGROUPS:
        with suppress(OSError, ValueError):
            free = min(free, int(Path(limit).read_text()) - int(Path(used).read_text()))
    return max(free, 0)

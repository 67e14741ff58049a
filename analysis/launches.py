"""Finds the runtime or driver call that launched each activity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.columns import NONE
from analysis.intervals import distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import Events


def match(activities: Events, calls: Events) -> NDArray[np.intp]:
    """Return the row in `calls` that launched each activity of one device, or -1.

    A call launched the activities with its correlation; of several such calls,
    nested in each other, the outermost did. Correlations are numbered per
    process: where a trace holds several processes, the one with calls for most
    of the device's activities is asked first.

    Args:
        activities: n activities of one device.
        calls: runtime and driver calls of all processes.
    """
    found = np.full(len(activities), NONE, np.intp)
    linked = np.flatnonzero(calls.correlation > 0)
    processes = distinct(calls.pid[linked])
    candidates = [
        _in_process(activities, calls, linked[calls.pid[linked] == process])
        for process in processes
    ]
    # Most activities first; the name of the process settles a tie, never its place in the file.
    ranked = sorted(
        range(len(candidates)),
        key=lambda i: (-int((candidates[i] >= 0).sum()), lane_key(calls.pids[processes[i]])),
    )
    for i in ranked:
        found = np.where(found >= 0, found, candidates[i])
    return found


def lane_key(label: str) -> tuple[int, int, str]:
    """Sort ids as people do: numbers by value, before other text."""
    digits = label.removeprefix("-")
    return (0, int(label), "") if digits.isascii() and digits.isdigit() else (1, 0, label)


def _in_process(activities: Events, calls: Events, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    order = np.lexsort((-calls.end[rows], calls.start[rows], calls.correlation[rows]))
    rows = rows[order]
    keys = calls.correlation[rows]
    place = np.searchsorted(keys, activities.correlation, side="left")
    inside = np.minimum(place, len(keys) - 1)
    hit = (activities.correlation > 0) & (keys[inside] == activities.correlation)
    return np.where(hit, rows[inside], NONE)

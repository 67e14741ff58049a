"""Finds the runtime or driver call that launched each activity."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from analysis.columns import NONE
from analysis.groups import distinct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.columns import Events


# SGLang's profile_merger puts the traces of ranks into one, whose pids it begins with "[TP01] ".
_MERGED = re.compile(r"\[[^\]]+\] ")


def match(activities: Events, calls: Events) -> NDArray[np.intp]:
    """Return the row in `calls` that launched each activity, or -1.

    A call launched the activities with its correlation; of several such calls,
    nested in each other, the outermost did. Correlations are numbered per
    process: where a trace holds several processes, the one with calls for most
    of a device's activities is asked first.

    Args:
        activities: n activities, of any devices.
        calls: runtime and driver calls of all processes.
    """
    found = np.full(len(activities), NONE, np.intp)
    for code in distinct(activities.pid).tolist():
        here = activities.pid == code
        correlation = activities.correlation[here]
        ranked = processes(activities.pids[code], correlation, calls)
        found[here] = find(correlation, calls, ranked)
    return found


def merged_as(label: str) -> str:
    """Return what a merge of several ranks' traces wrote before a process id; often nothing."""
    found = _MERGED.match(label)
    return found.group() if found else ""


def processes(device: str, correlation: NDArray[np.int64], calls: Events) -> list[int]:
    """Return the codes of the processes with calls of any correlation, most hits first.

    Ranks of one job launch alike, under the same numbers: in a trace of several that were
    merged, only the processes of the device's own rank are asked.

    Args:
        device: its label.
        correlation: of n activities of the device.
        calls: runtime and driver calls of all processes.
    """
    linked = calls.correlation > 0
    codes: list[int] = distinct(calls.pid[linked]).tolist()
    if len(codes) < 2:  # the usual trace, which has nothing to rank
        return codes
    own = merged_as(device)
    codes = [code for code in codes if merged_as(calls.pids[code]) == own] or codes
    hits = {
        process: int(np.isin(correlation, calls.correlation[linked & (calls.pid == process)]).sum())
        for process in codes
    }
    # The name of the process settles a tie, never its place in the file.
    return sorted(hits, key=lambda process: (-hits[process], lane_key(calls.pids[process])))


def find(correlation: NDArray[np.int64], calls: Events, ranked: Sequence[int]) -> NDArray[np.intp]:
    """Return the row in `calls` of the outermost call of each correlation, or -1.

    Args:
        correlation: n correlations; those below 1 are of no call.
        calls: runtime and driver calls of all processes.
        ranked: codes of the processes to ask, in this order.
    """
    found = np.full(len(correlation), NONE, np.intp)
    for process in ranked:
        rows = np.flatnonzero((calls.correlation > 0) & (calls.pid == process))
        found = np.where(found >= 0, found, _in_process(correlation, calls, rows))
    return found


def lane_key(label: str) -> tuple[int, int, str]:
    """Sort ids as people do: numbers by value, before other text."""
    digits = label.removeprefix("-")
    return (0, int(label), "") if digits.isascii() and digits.isdigit() else (1, 0, label)


def _in_process(
    correlation: NDArray[np.int64], calls: Events, rows: NDArray[np.intp]
) -> NDArray[np.intp]:
    order = np.lexsort((-calls.end[rows], calls.start[rows], calls.correlation[rows]))
    rows = rows[order]
    keys = calls.correlation[rows]
    place = np.searchsorted(keys, correlation, side="left")
    inside = np.minimum(place, len(keys) - 1)
    hit = (correlation > 0) & (keys[inside] == correlation)
    return np.where(hit, rows[inside], NONE)

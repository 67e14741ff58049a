"""Which branch of the workload launched each activity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis import vocabulary
from analysis.columns import NONE, Role
from analysis.device import thread_codes
from analysis.groups import distinct, grouped_running_max

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import Events, Trace

    Ints = NDArray[np.int64]


def ranges(trace: Trace) -> Events:
    """Return the ranges that mark branches, by thread and begin, without those inside others."""
    events = trace.events
    named = vocabulary.branch_number(events.names) != NONE
    found = events.select((events.role == Role.ANNOTATION) & named[events.name])
    threads = thread_codes(found)
    order = np.lexsort((-found.end, found.start, threads))
    found, threads = found.select(order), threads[order]
    reach = grouped_running_max(found.end, threads, np.iinfo(np.int64).min)
    return found.select(found.start >= reach)


def holding(marks: Events, thread: Ints, time: Ints) -> NDArray[np.intp]:
    """Return the range that each thread was inside of at a time, as a row of `marks`, or -1."""
    found = np.full(len(time), NONE, np.intp)
    threads = thread_codes(marks)
    for code in distinct(threads).tolist():
        own = np.flatnonzero(threads == code)
        rows = np.flatnonzero(thread == code)
        place = np.searchsorted(marks.start[own], time[rows], side="right") - 1
        row = own[np.maximum(place, 0)]
        found[rows] = np.where((place >= 0) & (time[rows] < marks.end[row]), row, NONE)
    return found


def numbers(marks: Events) -> NDArray[np.int64]:
    """Return the number of the branch that each range marks."""
    number: NDArray[np.int64] = vocabulary.branch_number(marks.names)[marks.name]
    return number

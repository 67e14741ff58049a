"""Activities whose recorded times cannot be theirs: a few would stretch every window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis import launches
from analysis.columns import ACTIVITY_ROLES, Role
from analysis.document import Unit
from analysis.groups import contains, distinct
from analysis.trace.merge import only
from analysis.units import text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import Events
    from analysis.trace.merge import Tables

    Ints = NDArray[np.int64]
    Rows = NDArray[np.intp]

_IS_ACTIVITY = np.isin(list(Role), ACTIVITY_ROLES)
_EARLIEST = np.iinfo(np.int64).min
_FAR_NS = 1_000_000_000
"""Times count from the Epoch or from a date since (`baseTimeNanoseconds`); those of a trace that
was shifted to begin at 0 are nearer to it."""


def without_misplaced(tables: Tables) -> tuple[Tables, list[str]]:
    """Drop activities that no clock of the trace can have put where they are.

    CUPTI writes 0 where it could collect no time of an activity, and Kineto where one lies
    before the date that times count from. Others lie so far before their own launch that
    the whole rest of the trace fits in between. Where that is so for most activities of a
    device, its clock is another one, and what runs on it can still be compared.

    Returns:
        The tables, and what was dropped, in sentences.
    """
    events = tables.events
    activities = np.flatnonzero(_IS_ACTIVITY[events.role])
    calls = np.flatnonzero(events.role == Role.CALL)
    start = events.start[activities]
    first_call = events.start[calls].min() if len(calls) else _EARLIEST
    # Of the usual trace nothing is left here, so that what follows costs it nothing.
    early = activities[(start == 0) | (start < first_call)]
    rest = events.role != Role.OTHER
    rest[early] = False
    if not len(early) or not rest.any():
        return tables, []
    begin = int(events.start[rest].min())
    length = int(events.end[rest].max()) - begin
    at_zero = (events.start[early] == 0) & (begin > max(length, _FAR_NS))
    timeless, early = early[at_zero], early[~at_zero]
    ahead = _ahead(events, early, calls)
    far = (ahead > length) & _few(events.pid[early], ahead > length, events.pid[activities])
    found = []
    if len(timeless):
        found.append(
            f"{_lost(events, timeless)} at time 0: the recorder had no time for them, and the "
            f"other events begin at {text(begin, Unit.TIME)}."
        )
    if far.any():
        found.append(
            f"{_lost(events, early[far])} that begin before their own launch, by up to "
            f"{text(int(ahead[far].max()), Unit.TIME)}, while all other events last "
            f"{text(length, Unit.TIME)}."
        )
    kept = np.ones(len(events), np.bool_)
    kept[timeless] = kept[early[far]] = False
    return (only(tables, kept), found) if found else (tables, found)


def _ahead(events: Events, rows: Rows, calls: Rows) -> Ints:
    """Return by how much activities start before their launch, ns; 0 where it is not known."""
    linked = calls[contains(distinct(events.correlation[rows]), events.correlation[calls])]
    made = events.select(linked)
    result = np.zeros(len(rows), np.int64)
    for device in distinct(events.pid[rows]).tolist():
        own = np.flatnonzero(events.pid[rows] == device)
        call = launches.match(events.select(rows[own]), made)
        known = call >= 0
        result[own[known]] = made.start[call[known]] - events.start[rows[own[known]]]
    return result


def _few(
    device: NDArray[np.int32], chosen: NDArray[np.bool_], of_all: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Tell for each activity whether less than half of its device's are chosen."""
    every = np.bincount(of_all)
    few: NDArray[np.bool_] = 2 * np.bincount(device[chosen], minlength=len(every)) < every
    return few[device]


def _lost(events: Events, rows: Rows) -> str:
    return f"Lost {len(rows):,} activities (the first is event {int(events.position[rows[0]]):,})"

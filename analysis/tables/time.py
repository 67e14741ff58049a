"""The tables of how a device's window was spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.metrics.accelerator import gap_enders
from analysis.metrics.breakdown import classes
from analysis.metrics.gaps import gaps as idle_gaps
from analysis.metrics.lanes import lanes as lane_figures
from analysis.tables.values import Known, Texts, constant, joined, number, texts, times
from analysis.vocabulary import WorkClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.metrics.view import View
    from analysis.tables.recorded import Recorded
    from analysis.tables.values import Rows

    Ints = NDArray[np.int64]

_CLASS_SETS = tuple(classes(mask) for mask in range(1 << len(WorkClass)))


def lanes(recorded: Recorded) -> Rows:
    """Return every device's lanes."""
    return joined([_lanes(view) for view in recorded.views])


def states(recorded: Recorded) -> Rows:
    """Return every device's states, one after the other."""
    return joined([_states(view) for view in recorded.views])


def gaps(recorded: Recorded) -> Rows:
    """Return every device's idle gaps, by time."""
    return joined([_gaps(view) for view in recorded.views])


def _lanes(view: View) -> Rows:
    found = lane_figures(view)
    count = len(found.lanes)
    parts = list(found.lane_breakdown_ns.values())
    return {
        "device": constant(view.device.label, count),
        "kind": constant(view.device.kind, count),
        "lane": texts(each.lane for each in found.lanes),
        **times(np.full(count, view.low), np.full(count, view.high)),
        "activities": np.array([each.activities for each in found.lanes], np.int64),
        "busy_ns": np.array([each.busy_ns for each in found.lanes], np.int64),
        **{
            f"{state}_ns": np.array([part[state] for part in parts], np.int64)
            for state in parts[0]
            if state != "running"  # which is busy
        },
    }


def _states(view: View) -> Rows:
    line = view.timeline
    changes = (np.diff(line.state) != 0) | (np.diff(line.running) != 0) | (np.diff(line.work) != 0)
    first = np.flatnonzero(np.concatenate(([True], changes)))[: len(line.state)]
    start = line.edges[first]
    idle = line.running[first] == 0
    gap = np.searchsorted(line.gaps().start, start, side="right") - 1
    return {
        "device": constant(view.device.label, len(first)),
        **times(start, np.append(start, line.edges[-1])[1:]),
        "state": Texts(line.state[first], line.states),
        "lanes": line.running[first].astype(np.int64),
        "classes": Texts(np.where(idle, -1, line.work[first]), _CLASS_SETS),
        "gap": Known(gap.astype(np.int64), idle),
    }


def _gaps(view: View) -> Rows:
    count = len(view.timeline.gaps().start)
    found = sorted(idle_gaps(view, count).idle_gaps, key=lambda gap: gap.start_ns)
    start = np.array([gap.start_ns for gap in found], np.int64) + view.low
    end = start + np.array([gap.duration_ns for gap in found], np.int64)
    hosts = [gap.host for gap in found]
    return {
        "device": constant(view.device.label, count),
        "gap": np.arange(count, dtype=np.int64),
        **times(start, end),
        "state": texts(max(gap.breakdown_ns, key=gap.breakdown_ns.__getitem__) for gap in found),
        "before": texts(gap.before for gap in found),
        "after": texts(gap.after for gap in found),
        "after_event": _enders(
            view, end, np.array([gap.after is not None for gap in found], np.bool_)
        ),
        "host_call": texts(None if host is None else host.call for host in hosts),
        "host_op": texts(None if host is None else host.operator for host in hosts),
        "host_outermost_op": texts(
            None if host is None else host.outermost_operator for host in hosts
        ),
        "host_python": texts(None if host is None else host.python for host in hosts),
        "waiting": np.array([gap.waiting.count for gap in found], np.int64),
    }


def _enders(view: View, end: Ints, ended: NDArray[np.bool_]) -> Known:
    """Return the activity that ended each gap, where one did."""
    device = view.device
    enders = gap_enders(device, view.runs, view.stages)
    place = np.searchsorted(device.start[enders], end[ended], side="left")
    found = np.full(len(end), -1, np.int64)
    found[ended] = device.position[enders[place]]
    return number(found)

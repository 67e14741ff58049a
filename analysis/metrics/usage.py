"""How much of the window the device was busy, and with how many lanes."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.device import FOREVER
from analysis.groups import distinct, grouped_running_max
from analysis.intervals import Intervals, union
from analysis.showing import Tabular
from analysis.vocabulary import WorkClass

if TYPE_CHECKING:
    from analysis.metrics.view import View


class Usage(Tabular, msgspec.Struct, frozen=True):
    """Use of a device; all times in ns.

    Attributes:
        activities: how many ran in the window.
        busy_ns: at least one lane running.
        idle_ns: no lane running; busy and idle add up to the window.
        overlap_ns: two or more lanes running.
        same_lane_overlap_ns: two or more activities of one lane running, summed
            over lanes (programmatic dependent launch); no part of `overlap_ns`.
        max_concurrency: most lanes running at once.
        concurrency_ns: time with exactly k lanes running, k = 0 to the most.
        class_busy_ns: time each class ran on any lane.
        class_overlap_ns: time both classes of a pair ran.
        exposed_communication_ns: communication running, and no compute.
        exposed_copy_ns: a copy running, and no compute.
    """

    activities: int
    busy_ns: int
    idle_ns: int
    overlap_ns: int
    same_lane_overlap_ns: int
    max_concurrency: int
    concurrency_ns: tuple[int, ...]
    class_busy_ns: dict[str, int]
    class_overlap_ns: dict[str, int]
    exposed_communication_ns: int
    exposed_copy_ns: int


def usage(view: View) -> Usage:
    """Measure the use of a device in a window."""
    line = view.timeline
    lengths = line.lengths
    histogram = np.zeros(int(line.running.max(initial=0)) + 1, np.int64)
    np.add.at(histogram, line.running, lengths)
    runs = {work: (line.work >> work) & 1 == 1 for work in WorkClass}
    busy_by_class = {work: line.time_where(runs[work]) for work in WorkClass}
    both = {
        f"{a.label}+{b.label}": line.time_where(runs[a] & runs[b])
        for a, b in combinations(WorkClass, 2)
    }
    compute = runs[WorkClass.COMPUTE]
    idle = int(histogram[0])
    return Usage(
        activities=int(view.inside().sum()),
        busy_ns=view.length - idle,
        idle_ns=idle,
        overlap_ns=int(histogram[2:].sum()),
        same_lane_overlap_ns=_same_lane_overlap(view),
        max_concurrency=int(np.flatnonzero(histogram).max(initial=0)),
        concurrency_ns=tuple(histogram.tolist()),
        class_busy_ns={work.label: ns for work, ns in busy_by_class.items() if ns},
        class_overlap_ns={pair: ns for pair, ns in both.items() if ns},
        exposed_communication_ns=line.time_where(runs[WorkClass.COMMUNICATION] & ~compute),
        exposed_copy_ns=line.time_where(runs[WorkClass.COPY] & ~compute),
    )


def _same_lane_overlap(view: View) -> int:
    """Sum over lanes the time in which two or more of its activities run.

    A moment is covered twice if and only if it lies before the running maximum
    of the ends of the activities that started earlier on the lane.
    """
    device = view.device
    reach = grouped_running_max(device.end, device.lane, -FOREVER)
    twice = Intervals(device.start, np.minimum(device.end, reach)).clip(view.low, view.high)
    double = np.flatnonzero(twice.end > twice.start)
    total = 0
    for lane in distinct(device.lane[double]).tolist():
        rows = double[device.lane[double] == lane]
        total += union(Intervals(twice.start[rows], twice.end[rows])).total()
    return total

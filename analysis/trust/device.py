"""Do the device's activities and the host's calls fit each other?"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from analysis import notes, vocabulary
from analysis.columns import ACTIVITY_ROLES
from analysis.device import thread_codes
from analysis.groups import distinct, stretches
from analysis.overruns import overruns
from analysis.trust.doubt import Doubt, Gravity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analysis.columns import Events
    from analysis.device import Device, Launches
    from analysis.trust.doubt import Evidence

_KERNEL_LAUNCH = re.compile(r"\w*LaunchKernel\w*|\w*LaunchCooperativeKernel\w*")
_FEW = 0.01
_DROPPED = "the profiler dropped records, or was stopped too early: synchronise before it stops"


def launches_without_activities(evidence: Evidence) -> Iterator[Doubt]:
    """Kernels were launched whose run is not recorded: idle time there is false."""
    calls = evidence.calls
    launches = np.array([bool(_KERNEL_LAUNCH.fullmatch(name)) for name in calls.names], np.bool_)
    made = calls.select(launches[calls.name] & (calls.correlation > 0))
    if not evidence.devices or not len(made):
        return
    ran = _correlations(evidence)
    if not len(ran):
        return
    lost = ~np.isin(made.correlation, ran)
    lost[lost] = ~_within(calls.select(np.isin(calls.correlation, ran)), made.select(lost))
    number = int(lost.sum())
    if number:
        last = int(made.start[~lost].max(initial=0))
        late = int((made.start[lost] > last).sum())
        yield Doubt(
            "launches_without_activities",
            Gravity.WARNING if number > _FEW * len(made) else Gravity.NOTE,
            f"{number:,} of {len(made):,} kernel launches have no recorded kernel ({late:,} of "
            "them after the last one that has)",
            _DROPPED,
        )


def _correlations(evidence: Evidence) -> NDArray[np.int64]:
    """Return the numbers by which activities name their launches."""
    correlation = evidence.trace.events.of(*ACTIVITY_ROLES).correlation
    return correlation[correlation > 0]


def _within(outer: Events, inner: Events) -> NDArray[np.bool_]:
    """Tell which calls lie inside of one of others: a driver's call may have its own number."""
    order = np.lexsort((outer.start, thread_codes(outer)))
    thread, of = thread_codes(outer)[order], thread_codes(inner)
    found = np.zeros(len(inner), np.bool_)
    for code in distinct(of).tolist():
        low, high = np.searchsorted(thread, [code, code + 1])
        rows, asked = order[low:high], np.flatnonzero(of == code)
        place = np.searchsorted(outer.start[rows], inner.start[asked], side="right") - 1
        asked, place = asked[place >= 0], place[place >= 0]
        found[asked] = inner.end[asked] <= outer.end[rows[place]]
    return found


def no_correlations(evidence: Evidence) -> Iterator[Doubt]:
    """No activity says which call launched it, though calls are recorded."""
    if evidence.devices and len(evidence.calls) and not len(_correlations(evidence)):
        yield Doubt(
            "no_correlations",
            Gravity.WARNING,
            "no activity names the call that launched it (`correlation`)",
            "what the host held up is not known: older recorders write none on ROCm, record with a "
            "later torch",
        )


def activities_without_launches(evidence: Evidence) -> Iterator[Doubt]:
    """Activities whose launch is not recorded: what held them up is not known."""
    if len(evidence.calls) and not len(_correlations(evidence)):
        return
    for device in evidence.devices:
        if device.launches is None:
            continue
        number = int((~device.launches.known).sum())
        if number:
            yield Doubt(
                "activities_without_launches",
                Gravity.WARNING if number > _FEW * len(device) else Gravity.NOTE,
                f"device {device.label}: {number:,} of {len(device):,} activities have no recorded "
                "launch",
                "record the host too (ProfilerActivity.CPU), and start before the work is launched",
            )


def launches_alone(evidence: Evidence) -> Iterator[Doubt]:
    """Of the host's calls launches alone were kept."""
    calls = evidence.calls
    used = np.unique(calls.name)
    if evidence.devices and len(used) and vocabulary.launches(calls.names)[used].all():
        yield Doubt(
            "launches_alone",
            Gravity.WARNING,
            "of the runtime calls launches alone are recorded",
            "synchronising calls cannot be told from Python: record all of them",
        )


def replays_that_differ(evidence: Evidence) -> Iterator[Doubt]:
    """Replays of the same kernels in different numbers: records of some are missing."""
    for device in evidence.devices:
        if device.launches is None:
            continue
        rows = np.flatnonzero(device.launches.known & device.launches.graph)
        counts = _replay_sizes(device.launches.call[rows], device.name[rows])
        uneven = sum(len(sizes) > 1 for sizes in counts)
        if uneven:
            yield Doubt(
                "replays_that_differ",
                Gravity.WARNING,
                f"device {device.label}: {uneven:,} of {len(counts):,} graphs were replayed with "
                "different numbers of the same activities",
                "idle time inside of replays may be false: " + _DROPPED,
            )


def _replay_sizes(call: NDArray[np.intp], name: NDArray[np.int32]) -> list[set[int]]:
    """Return the sizes of replays, for each set of names that replays consist of.

    Trace formats do not always name the graph; what a replay runs does.
    """
    order = np.argsort(call, kind="stable")
    borders = np.flatnonzero(np.diff(call[order])) + 1
    sizes: defaultdict[frozenset[int], set[int]] = defaultdict(set)
    for replay in np.split(name[order], borders) if len(call) else []:
        sizes[frozenset(replay.tolist())].add(len(replay))
    return list(sizes.values())


def lanes_out_of_order(evidence: Evidence) -> Iterator[Doubt]:
    """A stream runs its work in the order of the launches; records that do not are wrong."""
    for device in evidence.devices:
        if device.launches is None:
            continue
        number = _out_of_order(device, device.launches)
        if number:
            yield Doubt(
                "lanes_out_of_order",
                Gravity.WARNING if number > _FEW * len(device) else Gravity.NOTE,
                f"device {device.label}: {number:,} activities started before one that was "
                "launched earlier on the same stream",
                "streams of several processes or contexts may share a number: look at them apart",
            )


def _out_of_order(device: Device, launches: Launches) -> int:
    """Count the activities that start before the one whose call was the last to end before theirs.

    Of calls that overlap in time, on several threads, either may have reached the stream first.
    """
    once = launches.known & ~launches.graph
    start, called, returned = device.start[once], launches.start[once], launches.end[once]
    number = 0
    for low, high in stretches(device.lane[once]):
        order = low + np.argsort(returned[low:high], kind="stable")
        before = np.searchsorted(returned[order], called[low:high]) - 1
        later = low + np.flatnonzero(before >= 0)
        number += int((start[later] < start[order[before[before >= 0]]]).sum())
    return number


def streams_overrun(evidence: Evidence) -> Iterator[Doubt]:
    """A stream runs one thing after the other; what holds several later ones ended before."""
    for device in evidence.devices:
        rows = overruns(device, 2 * evidence.trace.resolution_ns)
        if len(rows):
            yield Doubt(
                "streams_overrun",
                Gravity.WARNING,
                f"device {device.label}: {notes.overrun(device, rows)}",
                "their ends are wrong, and busy time, overlap and ceilings with them: record again",
            )


def clocks_apart(evidence: Evidence) -> Iterator[Doubt]:
    """Nothing runs before its launch begins: if it does, host and device clocks differ."""
    tolerance = 2 * evidence.trace.resolution_ns
    for device in evidence.devices:
        ahead = notes.ahead_of_launch(device)
        number = int((ahead > tolerance).sum())
        if number:
            yield Doubt(
                "clocks_apart",
                Gravity.WARNING,
                f"device {device.label}: {number:,} of {len(ahead):,} activities start "
                f"before their launch, by up to {int(ahead.max()) / 1000:,.1f} us",
                "times of host and device cannot be compared more finely than that",
            )

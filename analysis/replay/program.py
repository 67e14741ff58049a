"""What a replay walks: the activities and host steps of a trace, and what each follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.columns import NONE
from analysis.device import FOREVER
from analysis.groups import grouped_running_max
from analysis.metrics.replays import by_lanes
from analysis.metrics.stages import Stage
from analysis.replay.host_steps import host_steps
from analysis.vocabulary import WorkClass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.columns import Trace
    from analysis.device import Device, Launches
    from analysis.host import Host
    from analysis.metrics.stages import Stages
    from analysis.metrics.waits import Waits
    from analysis.replay.host_steps import Step

    Ints = NDArray[np.int64]
    Rows = NDArray[np.intp]

KINDS = (
    "kernel",
    "copy",
    "set",
    "kernel in graph",
    "copy in graph",
    "set in graph",
    "in blocking call",
)
"""The kinds of activity that have a start latency of their own."""

_IN_GRAPH = 3
_IN_CALL = 6
_OF_WORK = {
    WorkClass.COMMUNICATION: 0,
    WorkClass.COMPUTE: 0,
    WorkClass.COPY: 1,
    WorkClass.SET: 2,
}


class Program(msgspec.Struct, frozen=True, eq=False):
    """The n activities of a device and the m steps of its host threads.

    Attributes:
        device: the activities, with their durations and lanes.
        origin: int ns, the window's begin, before which nothing starts.
        launched: int64 ns, shape (n,), when the launch let go of the activity, as
            recorded: the end of its call, or the begin of a graph launch or blocking
            copy; without a launch record, when the lane's launch before it did.
        clock: shape (n,), the step whose clock the launch goes by; -1: the recorded one.
        known: bool, shape (n,), whether its launch is recorded.
        floor: int64 ns, shape (n,), before which it cannot start whatever is removed: the
            window's begin; of a lane's first activity, if it waited for what ran before
            the recording, its recorded start.
        behind: int64 ns, shape (n,), latest end of earlier activities of the lane.
        kind: int8 place in `KINDS`, shape (n,).
        held: shape (k,), rows that wait for another lane.
        source: shape (k,), the rows whose end they wait for.
        steps: of the host, in the order of their times.
        clocks: per step, the steps whose clocks it follows: the latest counts.
        order: shape (n + m,): activities, and from n on steps, so that each comes
            after all that it follows.
    """

    device: Device
    origin: int
    launched: Ints
    clock: Rows
    known: NDArray[np.bool_]
    floor: Ints
    behind: Ints
    kind: NDArray[np.int8]
    held: Rows
    source: Rows
    steps: tuple[Step, ...]
    clocks: tuple[tuple[int, ...], ...]
    order: Rows


def program(
    trace: Trace, device: Device, waits: Waits, stages: Stages, host: Host, *, bound: int
) -> Program:
    """Work out what the activities of an accelerator follow.

    A call that returns later than `bound` ns after what it waited for is not explained by it.
    """
    launches = device.launches
    if launches is None:
        raise TypeError("a CPU's operators have no launches; see analysis.replay.cpu")
    steps = host_steps(trace, device, host, bound)
    launched, thread, begun = _launched(device, launches)
    held, source = _edges(device, launches, waits, stages)
    clocks, clock = _clocks(steps, thread, begun)
    kind = np.array([_OF_WORK[work] for work in WorkClass], np.int8)[device.work]
    kind[launches.known & launches.graph] += _IN_GRAPH
    kind[launches.blocking_copy] = _IN_CALL
    times = np.concatenate((device.start, np.array([step.at for step in steps], np.int64)))
    is_activity = np.arange(len(times)) < len(device)
    return Program(
        device=device,
        origin=device.window[0],
        launched=launched,
        clock=clock,
        known=launches.known,
        floor=np.where(left_edge(stages, launches), device.start, device.window[0]),
        behind=grouped_running_max(device.end, device.lane, -FOREVER),
        kind=kind,
        held=held,
        source=source,
        steps=steps,
        clocks=clocks,
        order=np.lexsort((is_activity, times)),
    )


def _launched(device: Device, launches: Launches) -> tuple[Ints, Ints, Ints]:
    """Return when each launch let go, its thread, and by when its clock is to be read.

    A plain launch lets go as it returns. A copy that keeps the host waiting and a graph
    of many nodes begin while their calls last.
    """
    at = np.where(launches.blocking_copy | launches.graph, launches.start, launches.end)
    rows = np.where(launches.known, np.arange(len(device)), NONE)
    rows = np.maximum.accumulate(rows)
    first = np.searchsorted(device.lane, device.lane, side="left")
    found = rows >= first
    launched = np.where(found, at[rows], -FOREVER)
    thread = np.where(found, launches.thread[rows], NONE)
    begun = np.where(found, launches.start[rows], -FOREVER)
    return launched, thread, np.minimum(begun, device.start)


def _clocks(
    steps: Sequence[Step], thread: Ints, begun: Ints
) -> tuple[tuple[tuple[int, ...], ...], Rows]:
    """Return whose clocks each step follows, and whose each launch."""
    latest: dict[int, int] = {}
    of_thread: dict[int, list[int]] = {}
    clocks = []
    for place, step in enumerate(steps):
        own = () if step.first else (latest.get(step.thread, NONE),)
        clocks.append((*own, *(latest.get(other, NONE) for other in step.follows)))
        latest[step.thread] = place
        of_thread.setdefault(step.thread, []).append(place)
    clock = np.full(len(thread), NONE, np.intp)
    for code, places in of_thread.items():
        rows = np.flatnonzero(thread == code)
        times = np.array([steps[place].at for place in places], np.int64)
        before = np.searchsorted(times, begun[rows], side="right")
        clock[rows] = np.array([NONE, *places], np.intp)[before]
    return tuple(clocks), clock


def _edges(device: Device, launches: Launches, waits: Waits, stages: Stages) -> tuple[Rows, Rows]:
    """Return the rows that wait for another lane, and the rows that they wait for.

    Edges that the recording contradicts are left out.
    """
    inferred = np.flatnonzero(stages.awaited != NONE)
    pairs = [(waits.held, waits.source), (inferred, stages.awaited[inferred])]
    joining = launches.graph & (~waits.replays.told | waits.replays.roots)
    if joining.any():
        pairs += _in_graphs(device, launches, joining)
    held = np.concatenate([pair[0] for pair in pairs])
    source = np.concatenate([pair[1] for pair in pairs])
    # A wait for an event of its own lane adds nothing to being behind that lane.
    other = device.lane[held] != device.lane[source]
    sound = (device.end[source] <= device.start[held]) & (device.start[source] < device.start[held])
    return held[other & sound], source[other & sound]


def _in_graphs(
    device: Device, launches: Launches, joining: NDArray[np.bool_]
) -> list[tuple[Rows, Rows]]:
    """Return, for activities of replays that no edge is known of, what had ended on other lanes.

    Whatever had ended last on each of the replay's lanes when an activity started is taken as
    awaited: no ceiling lets it start before that.
    """
    found = []
    for lanes, members in by_lanes(device, launches, joining):
        for lane in lanes if len(lanes) > 1 else ():
            low, high = np.searchsorted(device.lane, [lane, lane + 1])
            reach = np.maximum.accumulate(device.end[low:high])
            place = np.searchsorted(reach, device.start[members], side="right")
            others = (device.lane[members] != lane) & (place > 0)
            found.append((members[others], low + place[others] - 1))
    return found


def left_edge(stages: Stages, launches: Launches) -> NDArray[np.bool_]:
    """Tell which activities waited for work from before the recording."""
    found: NDArray[np.bool_] = launches.known & (stages.last == Stage.UNKNOWN)
    return found

"""What a device's window would come to with one constraint less."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import msgspec
import numpy as np

from analysis.columns import NONE
from analysis.groups import distinct
from analysis.metrics.parallelism import ratio
from analysis.metrics.stages import Stage
from analysis.replay import branches
from analysis.replay.cpu import cpu_windows
from analysis.replay.engine import replay
from analysis.replay.latencies import fit
from analysis.replay.layout import by_branch, by_lane
from analysis.replay.program import KINDS, left_edge, program
from analysis.replay.score import held_out_error
from analysis.replay.within_room import window_within_room
from analysis.showing import Tabular

if TYPE_CHECKING:
    from analysis.columns import Trace
    from analysis.device import Device, Launches
    from analysis.host import Host
    from analysis.metrics.stages import Stages
    from analysis.metrics.waits import Waits
    from analysis.replay.engine import Replay
    from analysis.replay.latencies import Latencies
    from analysis.replay.layout import Layout
    from analysis.replay.program import Program
    from analysis.thresholds import Thresholds


_Figure = TypeVar("_Figure", int, float)


class Removed(NamedTuple, Generic[_Figure]):
    """A figure for each constraint that a replay can do without; None where it is not known.

    Attributes:
        no_host: every launch is there from the window's begin.
        lane_per_branch: branches do not wait for each other's place on a lane.
        both: both.
        both_within_room: both, but kernels run at once only where the device has room.
    """

    no_host: _Figure | None = None
    lane_per_branch: _Figure | None = None
    both: _Figure | None = None
    both_within_room: _Figure | None = None


class StartLatency(msgspec.Struct, frozen=True):
    """The fitted start latencies of one kind of activity, in int ns.

    Below 0 where activities start before what they follow is over.

    Attributes:
        activity: one of `program.KINDS`.
        after_launch: behind the launch, on a free lane.
        behind_own_lane: behind the activity before it on its lane.
        after_other_lane: behind what it waited for on another lane.
    """

    activity: str
    after_launch: int
    behind_own_lane: int
    after_other_lane: int


class Lacks(msgspec.Struct, frozen=True):
    """What of the recording a replay knows nothing of, counted.

    Attributes:
        unrecorded_waits: activities that waited for nothing recorded.
        earlier_work: lanes that began behind work from before the recording.
        unknown_launches: activities without a launch record.
        graph_activities: activities of graphs, whose edges are not recorded.
        same_lane_overlaps: activities that started before their lane was free.
        unexplained_stops: blocking calls whose return nothing on the device explains.
        further_threads: threads, beyond the first, that launched.
    """

    unrecorded_waits: int
    earlier_work: int
    unknown_launches: int
    graph_activities: int
    same_lane_overlaps: int
    unexplained_stops: int
    further_threads: int


class Ceilings(Tabular, msgspec.Struct, frozen=True):
    """The predicted windows of one device.

    Attributes:
        replayed_ns: the window of the replay with nothing removed.
        error: of that replay, relative, on what the latencies were not fitted to; None
            where there is nothing to fit (a CPU) or to compare.
        window_ns: predicted windows.
        speed_up: measured window / predicted window.
        latencies: what was fitted; empty on a CPU.
        return_latency: of blocking calls, int ns; None on a CPU.
        lacks: what the replay knows nothing of; None on a CPU.
    """

    replayed_ns: int
    error: float | None
    window_ns: Removed[int]
    speed_up: Removed[float]
    latencies: tuple[StartLatency, ...] = ()
    return_latency: int | None = None
    lacks: Lacks | None = None


def ceilings(
    trace: Trace,
    device: Device,
    waits: Waits,
    stages: Stages,
    *,
    host: Host,
    thresholds: Thresholds,
) -> Ceilings | None:
    """Replay an accelerator's whole window, with nothing removed and with one thing removed.

    Returns:
        None where no launch is recorded: then nothing is known of the host.
    """
    if device.launches is None or not device.launches.known.any():
        return None
    found = program(trace, device, waits, stages, host, bound=thresholds.latency_ceiling_ns)
    bound = stages.latency_bound_ns
    latencies = fit(found, np.ones(len(device), np.bool_), bound)
    lanes = by_lane(device)
    branched = branch_layout(trace, device)

    def window(layout: Layout, *, host: bool) -> int:
        return _window(found, replay(found, latencies, layout, host=host))

    windows: Removed[int] = Removed(no_host=window(lanes, host=False))
    if branched is not None:
        windows = windows._replace(
            lane_per_branch=window(branched, host=True),
            both=window(branched, host=False),
            both_within_room=window_within_room(found, latencies, branched),
        )
    return Ceilings(
        replayed_ns=window(lanes, host=True),
        error=held_out_error(trace, found, lanes, bound),
        window_ns=windows,
        speed_up=_speed_ups(device, windows),
        latencies=_named(found, latencies),
        return_latency=latencies.to_return,
        lacks=_lacks(found, device.launches, waits, stages),
    )


def cpu_ceilings(trace: Trace, device: Device) -> Ceilings | None:
    """Predict the windows of a process that used no accelerator.

    Returns:
        None where operators ran on several threads.
    """
    found = cpu_windows(trace, device)
    if found is None:
        return None
    low, high = device.window
    windows: Removed[int] = Removed(*found)
    return Ceilings(
        replayed_ns=high - low,
        error=None,
        window_ns=windows,
        speed_up=_speed_ups(device, windows),
    )


def branch_layout(trace: Trace, device: Device) -> Layout | None:
    """Return the layout of a chain per lane and branch; None where no branch is known."""
    launches, marks = device.launches, branches.ranges(trace)
    if launches is None or not len(marks):
        return None
    row = branches.holding(marks, launches.thread, launches.start)
    if (row == NONE).all():
        return None
    number = np.append(branches.numbers(marks), NONE)[row]
    return by_branch(device, number.astype(np.intp), row)


def _window(found: Program, replayed: Replay) -> int:
    return int(replayed.end.max()) - found.origin


def _speed_ups(device: Device, windows: Removed[int]) -> Removed[float]:
    low, high = device.window
    return Removed(
        *(None if predicted is None else ratio(high - low, predicted) for predicted in windows)
    )


def _named(found: Program, latencies: Latencies) -> tuple[StartLatency, ...]:
    return tuple(
        StartLatency(
            kind,
            latencies.after_launch[code],
            latencies.behind_own_lane[code],
            latencies.after_other_lane[code],
        )
        for code, kind in enumerate(KINDS)
        if (found.kind == code).any()
    )


def _lacks(found: Program, launches: Launches, waits: Waits, stages: Stages) -> Lacks:
    return Lacks(
        unrecorded_waits=int((stages.last == Stage.WAIT).sum()),
        earlier_work=int(left_edge(stages, launches).sum()),
        unknown_launches=int((~launches.known).sum()),
        graph_activities=int((launches.known & launches.graph & ~waits.replays.told).sum()),
        same_lane_overlaps=int((found.behind > found.device.start).sum()),
        unexplained_stops=sum(not step.explained for step in found.steps),
        further_threads=len(distinct(launches.thread[launches.known])) - 1,
    )

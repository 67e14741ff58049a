"""What one device did, as tracks of a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.columns import Role
from analysis.groups import distinct, stretches
from analysis.intervals import Intervals, depth
from analysis.metrics.gaps import each_gap
from analysis.metrics.launches import waiting
from analysis.metrics.missed import pairs
from analysis.perfetto import rows
from analysis.perfetto.lanes import fold
from analysis.wording import STATE_MEANING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from analysis.columns import Trace
    from analysis.metrics.gaps import Gap
    from analysis.metrics.missed import Pair
    from analysis.metrics.view import View
    from analysis.perfetto.ids import Ids
    from analysis.perfetto.rows import Row

    Ints = NDArray[np.int64]

ARROW = "ends the gap"
RUNNING = "lanes running"
QUEUED = "launched and not started"


class Tracks:
    """The tracks of one device; each part of them is made as it is taken.

    Args:
        trace: which the device is of.
        view: the device over its whole window.
        ids: that the trace does not use.
        place: of the device among the others.
    """

    def __init__(self, trace: Trace, view: View, ids: Ids, place: int) -> None:
        self._view = view
        self._ids = ids
        self._place = place
        self._calls = trace.events.of(Role.CALL)
        self._pid = ids.row()
        self._number = 0

    def events(self) -> Iterator[bytes]:
        """Yield the events of all tracks."""
        yield from self._process()
        yield from self._states()
        yield from self._gaps()
        yield from self._missed()
        yield from self._replays()
        yield from self._counters()

    def _process(self) -> Iterator[bytes]:
        device = self._view.device
        kind = "process" if device.launches is None else "device"
        process = rows.own(self._pid, 0)
        name = rows.bounded(f"overlap of {kind} {device.label}")
        yield rows.described(process, "process_name", {"name": name})
        yield rows.described(process, "process_labels", {"labels": rows.CATEGORY})
        # Before all that was recorded: the processes of a trace count from 0.
        yield rows.described(process, "process_sort_index", {"sort_index": self._place - 1000})

    def _track(self, name: str) -> tuple[Row, list[bytes]]:
        """Return a new track below the earlier ones, and its description."""
        row = rows.own(self._pid, self._ids.row())
        place = {"sort_index": self._number}
        self._number += 1
        return row, [
            rows.described(row, "thread_name", {"name": name}),
            rows.described(row, "thread_sort_index", place),
        ]

    def _states(self) -> Iterator[bytes]:
        line = self._view.timeline
        row, description = self._track("states")
        yield from description
        for low, high in stretches(line.state):
            state = line.states[line.state[low]]
            begin, end = int(line.edges[low]), int(line.edges[high])
            if end > begin:
                yield rows.begin(row, begin, state, {"meaning": STATE_MEANING[state]})
                yield rows.end(row, end)

    def _counters(self) -> Iterator[bytes]:
        view = self._view
        line = view.timeline
        yield from self._counter(RUNNING, line.edges[:-1], line.running)
        waits, lane = waiting(view)
        codes = distinct(lane).tolist()
        chosen = {QUEUED: np.ones(len(lane), np.bool_)} if codes else {}
        if len(codes) > 1:
            for code in codes:
                chosen[f"{QUEUED}, lane {rows.bounded(view.device.lanes[code])}"] = lane == code
        for name, some in chosen.items():
            own = Intervals(waits.start[some], waits.end[some])
            points = distinct(np.concatenate((*own, np.array([view.low], np.int64))))
            yield from self._counter(name, points[points < view.high], depth(own, points))

    def _counter(self, name: str, points: Ints, values: Ints) -> Iterator[bytes]:
        """Yield the changes of a counter, which is 0 from the window's end on."""
        for low, _ in stretches(values[: len(points)]):
            yield rows.counter(self._pid, int(points[low]), name, int(values[low]))
        yield rows.counter(self._pid, self._view.high, name, 0)

    def _gaps(self) -> Iterator[bytes]:
        row, description = self._track("idle gaps")
        yield from description
        for gap, ender in each_gap(self._view):
            begin = self._view.low + gap.start_ns
            end = begin + gap.duration_ns
            cause = max(gap.breakdown_ns, key=lambda state: gap.breakdown_ns[state])
            yield rows.begin(row, begin, cause, self._of_gap(gap, cause, ender))
            yield from self._arrow(row, begin, end, ender)
            yield rows.end(row, end)

    def _of_gap(self, gap: Gap, cause: str, ender: int | None) -> Mapping[str, object]:
        host = gap.host
        found: dict[str, object | None] = {
            "meaning": STATE_MEANING[cause],
            "duration_ns": gap.duration_ns,
            "states_ns": gap.breakdown_ns,
            "before": gap.before,
            "after": gap.after,
            "launch": self._launch(ender),
            "host call": host and host.call,
            "host operator": host and host.operator,
            "outermost operator": host and host.outermost_operator,
            "python": host and host.python,
            "others waiting": gap.waiting.count,
        }
        return {
            key: rows.bounded(value) if isinstance(value, str) else value
            for key, value in found.items()
            if value is not None
        }

    def _launch(self, ender: int | None) -> str | None:
        launches = self._view.device.launches
        if ender is None or launches is None or not launches.known[ender]:
            return None
        name: str = self._calls.names[self._calls.name[launches.call[ender]]]
        return name

    def _arrow(self, row: Row, begin: int, end: int, ender: int | None) -> Iterator[bytes]:
        """Draw an arrow to a gap from the launch of what ends it.

        It arrives at the gap's last nanosecond; a launch that begins later, by a clock
        that is apart, has none.
        """
        launches = self._view.device.launches
        if ender is None or launches is None or not launches.known[ender]:
            return
        launched, arrives = int(launches.start[ender]), max(begin, end - 1)
        if launched > arrives:
            return
        call, number = launches.call[ender], self._ids.arrow()
        calls = self._calls
        source = rows.recorded(calls.pids[calls.pid[call]], calls.tids[calls.tid[call]])
        yield rows.arrow_from(source, launched, ARROW, number)
        yield rows.arrow_to(row, arrives, ARROW, number)

    def _missed(self) -> Iterator[bytes]:
        graph = self._view.graph
        found = list(pairs(self._view))
        if graph is None or not found:
            return
        second = np.array([pair.second for pair in found])
        ran = Intervals(graph.start[second], graph.end[second])
        yield from self._folded(
            "missed overlap",
            ran,
            lambda place: graph.names[graph.name[found[place].second]],
            lambda place: self._of_pair(found[place]),
        )

    def _of_pair(self, pair: Pair) -> Mapping[str, object]:
        graph = self._view.graph
        if graph is None:
            return {}
        branches = (*graph.branches, None)
        args: dict[str, object | None] = {
            "could have run beside": rows.bounded(graph.names[graph.name[pair.first]]),
            "which began": f"{rows.microseconds(int(graph.start[pair.first]))} us",
            "saved_ns": pair.saved_ns,
            "reason": pair.reason,
            "branch": branches[graph.branch[pair.second]],
            "branch of the other": branches[graph.branch[pair.first]],
        }
        return {key: value for key, value in args.items() if value is not None}

    def _replays(self) -> Iterator[bytes]:
        device, launches = self._view.device, self._view.device.launches
        if launches is None:
            return
        replayed = np.flatnonzero(launches.known & launches.graph)
        _, replay = np.unique(launches.start[replayed], return_inverse=True)
        yield from self._folded(
            "graph replays",
            Intervals(device.start[replayed], device.end[replayed]),
            lambda place: device.names[device.name[replayed[place]]],
            lambda place: {
                "stream": device.lanes[device.lane[replayed[place]]],
                "replay": int(replay[place]) + 1,
            },
        )

    def _folded(
        self,
        name: str,
        intervals: Intervals,
        called: Callable[[int], str],
        args: Callable[[int], Mapping[str, object]],
    ) -> Iterator[bytes]:
        """Yield slices on as few tracks as they need, each lane's in the order of time."""
        lane = fold(intervals)
        order = np.lexsort((intervals.end, intervals.start, lane))
        lanes = int(lane.max(initial=-1)) + 1
        for low, high in stretches(lane[order]):
            number = f" {int(lane[order[low]]) + 1}" if lanes > 1 else ""
            row, description = self._track(name + number)
            yield from description
            for place in order[low:high].tolist():
                shown = rows.bounded(called(place))
                yield rows.begin(row, int(intervals.start[place]), shown, args(place))
                yield rows.end(row, int(intervals.end[place]))


def tracks(trace: Trace, views: Iterable[View], ids: Ids) -> Iterator[bytes]:
    """Yield the events of the tracks of all devices."""
    for place, view in enumerate(views):
        yield from Tracks(trace, view, ids, place).events()

"""The longest intervals with no lane running, and what stood around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.columns import Role
from analysis.metrics.accelerator import gap_enders
from analysis.metrics.breakdown import by_state
from analysis.showing import Tabular

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analysis.metrics.view import View

_NAMED_WAITING = 3
_LOOKED_AT = 64


class HostMoment(msgspec.Struct, frozen=True):
    """What the thread that ends a gap was inside of when the gap began.

    Attributes:
        call: the outermost runtime or driver call.
        operator: the innermost operator.
        outermost_operator: the outermost operator.
        python: the innermost Python frame.
    """

    call: str | None
    operator: str | None
    outermost_operator: str | None
    python: str | None


class Waiting(msgspec.Struct, frozen=True):
    """Activities, other than the one that ends the gap, that had been launched before its end.

    Attributes:
        count: how many.
        names: the first few, by start.
    """

    count: int
    names: tuple[str, ...]


class Gap(msgspec.Struct, frozen=True):
    """One interval with no lane running.

    Attributes:
        start_ns: from the window's start.
        duration_ns: its length.
        breakdown_ns: its states; they add up to its length.
        before: the activity that ended last before it.
        after: the activity that ends it; None at the window's end.
        host: what the launching thread was doing; None where it is not known.
        waiting: other activities already launched.
    """

    start_ns: int
    duration_ns: int
    breakdown_ns: dict[str, int]
    before: str | None
    after: str | None
    host: HostMoment | None
    waiting: Waiting


class Gaps(Tabular, msgspec.Struct, frozen=True):
    """The idle gaps of a window.

    Attributes:
        idle_gaps_total: how many there are.
        idle_gaps_unlisted_ns: summed length of those not listed.
        idle_gaps: the longest, longest first.
    """

    idle_gaps_total: int
    idle_gaps_unlisted_ns: int
    idle_gaps: tuple[Gap, ...]


def gaps(view: View, limit: int) -> Gaps:
    """List the `limit` longest idle gaps, and count all."""
    found = view.timeline.gaps()
    lengths = found.end - found.start
    longest = np.lexsort((found.start, -lengths))[:limit]
    surroundings = _Surroundings(view) if len(longest) else None
    listed = tuple(
        surroundings.describe(int(found.start[i]), int(found.end[i]))[0]
        for i in longest.tolist()
        if surroundings is not None
    )
    return Gaps(
        idle_gaps_total=len(lengths),
        idle_gaps_unlisted_ns=int(lengths.sum()) - sum(gap.duration_ns for gap in listed),
        idle_gaps=listed,
    )


def each_gap(view: View) -> Iterator[tuple[Gap, int | None]]:
    """Yield all gaps in their order, each with the row of the activity that ends it."""
    found = view.timeline.gaps()
    surroundings = _Surroundings(view)
    for start, end in zip(found.start.tolist(), found.end.tolist(), strict=True):
        yield surroundings.describe(start, end)


class _Surroundings:
    """Sorted once, asked for each listed gap."""

    def __init__(self, view: View) -> None:
        device = view.device
        self._view = view
        self._enders = gap_enders(device, view.runs, view.stages)
        self._ender_starts = device.start[self._enders]
        running = np.flatnonzero(device.end > device.start)
        self._by_end: NDArray[np.intp] = running[np.argsort(device.end[running], kind="stable")]
        self._ends = device.end[self._by_end]
        self._by_start: NDArray[np.intp] = np.argsort(device.start, kind="stable")
        self._starts = device.start[self._by_start]
        if view.stages is not None:
            self._called = np.sort(view.stages.called)

    def describe(self, start: int, end: int) -> tuple[Gap, int | None]:
        """Return the gap [start, end) with all that is known of it, and what ends it."""
        view, device = self._view, self._view.device
        place = int(np.searchsorted(self._ender_starts, end, side="left"))
        ended = place < len(self._enders) and self._ender_starts[place] == end < view.high
        ender = int(self._enders[place]) if ended else None
        states = by_state(view.timeline.part(start, end))
        gap = Gap(
            start_ns=start - view.low,
            duration_ns=end - start,
            breakdown_ns={state: ns for state, ns in states.items() if ns},
            before=self._before(start),
            after=None if ender is None else device.names[device.name[ender]],
            host=self._host(ender, start),
            waiting=self._waiting(ender, end),
        )
        return gap, ender

    def _before(self, start: int) -> str | None:
        """Return the activity that ended last; of several, the first in the alphabet."""
        device = self._view.device
        last = int(np.searchsorted(self._ends, start, side="right"))
        if not last:
            return None
        first = int(np.searchsorted(self._ends, self._ends[last - 1], side="left"))
        codes: list[int] = device.name[self._by_end[first:last]].tolist()
        return min(device.names[code] for code in codes)

    def _host(self, ender: int | None, start: int) -> HostMoment | None:
        launches = self._view.device.launches
        if launches is None or ender is None or not launches.known[ender]:
            return None
        thread = self._view.host.thread(int(launches.thread[ender]))
        calls = thread.stack(start, Role.CALL)
        operators = thread.stack(start, Role.OPERATOR)
        frames = thread.stack(start, Role.PYTHON)
        return HostMoment(
            call=calls[0] if calls else None,
            operator=operators[-1] if operators else None,
            outermost_operator=operators[0] if operators else None,
            python=frames[-1] if frames else None,
        )

    def _waiting(self, ender: int | None, end: int) -> Waiting:
        """Count what was launched before the gap's end and starts at it or later."""
        stages = self._view.stages
        if stages is None:
            return Waiting(0, ())
        device = self._view.device
        later = int(np.searchsorted(self._starts, end, side="left"))
        # An activity is called no later than it starts: all that started earlier were called.
        count = int(np.searchsorted(self._called, end, side="left")) - later
        itself = ender is not None and bool(stages.called[ender] < end)
        upper = min(later + _LOOKED_AT, len(self._starts))
        if upper > later:  # with all that start together, so that their order is that of names
            upper = int(np.searchsorted(self._starts, self._starts[upper - 1], side="right"))
        rows = self._by_start[later:upper]
        named = sorted(
            (int(device.start[row]), device.names[device.name[row]])
            for row in rows[stages.called[rows] < end].tolist()
            if row != ender
        )
        return Waiting(count - int(itself), tuple(name for _, name in named[:_NAMED_WAITING]))

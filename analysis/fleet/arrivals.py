"""Who came last to each collective, who waited, and whose fault it was in the first place."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.fleet.clocks import Alignment
    from analysis.fleet.matching import Match
    from analysis.fleet.rank import Measured


class Arrival(NamedTuple):
    """When a rank was in a collective, on the job's clock, in ns."""

    rank: int
    start: int
    end: int
    hidden_ns: int


class Meeting(msgspec.Struct, frozen=True, dict=True):
    """A collective on the job's clock.

    Attributes:
        match: which.
        step: the profiler's step of its lowest rank; empty outside of all.
        arrivals: by rank.
        comparable: whether all of its ranks' clocks could be tied together.
        certain: whether it is known who came last: all ranks were read, and the skew
            lies above the floor.
    """

    match: Match
    step: str
    arrivals: tuple[Arrival, ...]
    comparable: bool
    certain: bool

    @cached_property
    def first_ns(self) -> int:
        """Return the first arrival."""
        return min(each.start for each in self.arrivals)

    @cached_property
    def last(self) -> Arrival:
        """Return the last arrival; of several at once, the lowest rank's."""
        return max(self.arrivals, key=lambda each: (each.start, -each.rank))

    @cached_property
    def end_ns(self) -> int:
        """Return the last end."""
        return max(each.end for each in self.arrivals)

    @cached_property
    def skew_ns(self) -> int:
        """Return the time from the first arrival to the last."""
        return self.last.start - self.first_ns

    @cached_property
    def transfer_ns(self) -> int:
        """Return the time from the last arrival to the last end."""
        return self.end_ns - self.last.start

    @cached_property
    def waits_ns(self) -> dict[int, int]:
        """Return how long each rank waited inside of it for the last one."""
        last = self.last.start
        return {each.rank: max(min(last, each.end) - each.start, 0) for each in self.arrivals}


def meetings(
    ranks: Mapping[int, Measured], matches: Sequence[Match], alignment: Alignment
) -> tuple[Meeting, ...]:
    """Put matched collectives on the job's clock, in the order of their last arrivals."""
    found = []
    for match in matches:
        arrivals, comparable = [], True
        for rank, row in match.members:
            table, correction = ranks[rank].communication, alignment.correction_ns[rank]
            comparable &= correction is not None
            shift = correction or 0
            arrivals.append(
                Arrival(
                    rank,
                    int(table.start[row]) + shift,
                    int(table.end[row]) + shift,
                    int(table.hidden[row]),
                )
            )
        table = ranks[match.members[0].rank].communication
        code = int(table.step[match.members[0].row])
        meeting = Meeting(
            match,
            table.steps[code] if code >= 0 else "",
            tuple(arrivals),
            comparable,
            certain=False,
        )
        certain = comparable and match.complete and meeting.skew_ns > alignment.clocks.floor_ns
        found.append(Meeting(match, meeting.step, meeting.arrivals, comparable, certain=certain))
    found.sort(key=lambda each: (each.last.start, each.match.call.group, each.match.place))
    return tuple(found)


def causes(found: Sequence[Meeting]) -> tuple[Mapping[int, int], ...]:
    """Return, per meeting, how much of its waiting goes back to which rank, in ns.

    The rank that came last to a collective may have been kept by another one that it
    waited for before. What it waited, in certain meetings of other groups, since it last
    met this group, passes on to those for whom it waited, up to the skew; the rest is
    its own. Times of a meeting's causes add up to its waiting.

    Args:
        found: in the order of their last arrivals.
    """
    result: list[dict[int, int]] = []
    waited: dict[int, list[tuple[int, int]]] = defaultdict(list)  # rank -> (end, meeting), sorted
    met: dict[tuple[int, str, str], int] = {}  # rank and group -> its last end there
    for place, meeting in enumerate(found):
        call = meeting.match.call
        last, skew = meeting.last, meeting.skew_ns
        total = sum(meeting.waits_ns.values()) if meeting.certain else 0
        shares: Counter[int] = Counter()
        if total:
            since = met.get((last.rank, call.group, call.ranks))
            parts: Counter[int] = Counter()
            waits = 0
            for each in _since(waited[last.rank], since, last.start):
                wait = found[each].waits_ns[last.rank]
                waits += wait
                parts.update(_divided(wait, result[each]))
            inherited = total * min(waits, skew) // skew
            shares.update(_divided(inherited, parts))
            shares[last.rank] += total - inherited
        result.append({rank: ns for rank, ns in shares.items() if ns})
        for arrival in meeting.arrivals:
            met[arrival.rank, call.group, call.ranks] = arrival.end
            if meeting.certain and arrival.rank != last.rank and meeting.waits_ns[arrival.rank]:
                insort(waited[arrival.rank], (arrival.end, place))
    return tuple(result)


def _divided(total: int, parts: Mapping[int, int]) -> dict[int, int]:
    """Divide a time as the parts are to each other; what rounding leaves is the largest one's."""
    whole = sum(parts.values())
    if not whole:
        return {}
    found = {rank: total * part // whole for rank, part in parts.items()}
    largest = max(sorted(parts), key=parts.__getitem__)
    found[largest] += total - sum(found.values())
    return found


def _since(waited: list[tuple[int, int]], begin: int | None, end: int) -> list[int]:
    """Return the meetings that a rank waited in and that ended in (begin, end]."""
    low = 0 if begin is None else bisect_left(waited, (begin + 1, -1))
    high = bisect_left(waited, (end + 1, -1))
    return [meeting for _, meeting in waited[low:high]]

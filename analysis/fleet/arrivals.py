"""When the ranks arrived at each communication, who came last, and who waited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.fleet.joined import coded
from analysis.fleet.kinds import ranks_in
from analysis.groups import begins, numbered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.fleet.clocks import Alignment
    from analysis.fleet.joined import Codes, Ints, Joined
    from analysis.fleet.matching import Matches

    Bools = NDArray[np.bool_]
    Places = NDArray[np.intp]


class Meetings(msgspec.Struct, frozen=True, eq=False):
    """Matched communications on the job's clock, in the order of their last arrivals.

    Arrays of shape (m,), one value of each:

    Attributes:
        kind: code into the kinds of `joined`.
        call: code into its calls: as the lowest rank recorded it.
        step: code into its steps: that of the lowest rank.
        place: its number among those of its group.
        possible: whether no rank of what ends together left before another one came.
        comparable: whether it is, and the clocks of all its ranks could be tied together.
        complete: whether every rank that takes part was read.
        inside: whether it began in what is measured, on all of them.
        certain: whether it is known who came last: it is all that, and the skew lies above
            the floor.
        first: where its members begin.
        last: the member that arrived last; of several at once, the lowest rank's.
        first_ns: the first arrival.
        last_ns: the last one.
        end_ns: the last end.

    Of shape (k,), by meeting and in it by rank, the members:

    Attributes:
        meeting: the meeting's number.
        rank: code into the ranks of `joined`.
        start: its arrival.
        end: when it was through.
        hidden: how much of it lies beside compute.
        waited: how long it was in there before the last one came.

    And the table that they are from:

    Attributes:
        joined: on the traces' own clocks.
    """

    kind: Codes
    call: Codes
    step: Codes
    place: Ints
    possible: Bools
    comparable: Bools
    complete: Bools
    inside: Bools
    certain: Bools
    first: Places
    last: Places
    first_ns: Ints
    last_ns: Ints
    end_ns: Ints
    meeting: Places
    rank: Codes
    start: Ints
    end: Ints
    hidden: Ints
    waited: Ints
    joined: Joined

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def skew_ns(self) -> Ints:
        """Return the time from the first arrival to the last."""
        return self.last_ns - self.first_ns

    @property
    def transfer_ns(self) -> Ints:
        """Return the time from the last arrival to the last end."""
        return self.end_ns - self.last_ns

    def total(self, of_members: Ints) -> Ints:
        """Add up a figure of the members; of shape (m,)."""
        found: Ints = np.add.reduceat(of_members, self.first)
        return found


def meetings(joined: Joined, matches: Matches, alignment: Alignment) -> Meetings:
    """Put matched communications on the job's clock."""
    offsets = alignment.offset_ns
    tied = np.array([each is not None for each in offsets], np.bool_)[joined.clock]
    offset = np.array([each or 0 for each in offsets], np.int64)[joined.clock][joined.rank]
    start, end = joined.start - offset, joined.end - offset

    order = _in_order(joined, matches, start)
    members = matches.members[order]
    meeting, number = numbered(members)
    row = matches.row[matches.first[order][meeting] + number]
    first = np.cumsum(members) - members
    start, end, rank = start[row], end[row], joined.rank[row]

    last_ns = np.maximum.reduceat(start, first)
    first_ns = np.minimum.reduceat(start, first)
    at_last = np.flatnonzero(start == last_ns[meeting])
    kind, call = joined.kind[row[first]], joined.call[row[first]]
    which, sizes = coded([kind, call], lambda k, c: ranks_in(joined.kinds[k], joined.calls[c]))
    floor = alignment.clocks.floor_ns
    possible = ~alignment.impossible[order]
    comparable = np.logical_and.reduceat(tied[rank], first) & possible
    complete = members == np.array(sizes, np.int64)[which]
    return Meetings(
        kind=kind,
        call=call,
        step=joined.step[row[first]],
        place=matches.place[order],
        possible=possible,
        comparable=comparable,
        complete=complete,
        inside=np.logical_and.reduceat(joined.inside[row], first),
        certain=comparable & complete & (last_ns - first_ns > floor),
        first=first,
        last=at_last[begins(meeting[at_last])],
        first_ns=first_ns,
        last_ns=last_ns,
        end_ns=np.maximum.reduceat(end, first),
        meeting=meeting,
        rank=rank,
        start=start,
        end=end,
        hidden=joined.hidden[row],
        waited=np.maximum(np.minimum(last_ns[meeting], end) - start, 0),
        joined=joined,
    )


def _in_order(joined: Joined, matches: Matches, start: Ints) -> Places:
    """Return the matches by last arrival; of several at once, by group and place."""
    call = joined.call[matches.row[matches.first]]
    group, _ = coded([call], lambda code: joined.calls[code].group)
    last_ns = np.maximum.reduceat(start[matches.row], matches.first)
    return np.lexsort((matches.place, group, last_ns))

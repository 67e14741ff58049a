"""Whose fault the waiting was in the first place."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.fleet.joined import coded
from analysis.fleet.kinds import POINT_TO_POINT
from analysis.groups import stretches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from analysis.fleet.arrivals import Meetings
    from analysis.fleet.joined import Codes, Ints

    Places = NDArray[np.intp]

_NEVER = np.iinfo(np.int64).min


class Causes(NamedTuple):
    """Waiting, by whom it goes back to; arrays of shape (n,), by meeting.

    Attributes:
        meeting: in which the others waited.
        rank: whose fault it is, a code into the ranks of the joined table.
        ns: how much, by all that waited together.
    """

    meeting: Places
    rank: Codes
    ns: Ints


class _Waits(NamedTuple):
    """Members that waited, by rank and then by end; arrays of shape (n,)."""

    rank: Codes
    end: Ints
    meeting: Places
    ns: Ints


def causes(met: Meetings) -> Causes:
    """Find out to which ranks the waiting in each certain meeting goes back.

    The rank that came last to a collective may have been kept by another one that it
    waited for before. What it waited, in certain meetings of other groups, since it last
    met this group, passes on to those for whom it waited, up to the skew; the rest is
    its own. Times of a meeting's causes add up to its waiting.
    """
    waits = _waits(met)
    low, high = _before(met, waits)
    total = met.total(met.waited)
    lasts, skew = met.rank[met.last], met.skew_ns
    found: dict[int, Mapping[int, int]] = {}
    for meeting in np.flatnonzero(met.certain & (total > 0)).tolist():
        last, lost = int(lasts[meeting]), int(total[meeting])
        parts: Counter[int] = Counter()
        kept = 0
        near = slice(low[meeting], high[meeting])
        for earlier, ns in zip(waits.meeting[near].tolist(), waits.ns[near].tolist(), strict=True):
            if earlier < meeting:
                kept += ns
                parts.update(_divided(ns, found[earlier]))
        inherited = lost * min(kept, int(skew[meeting])) // int(skew[meeting])
        shares = Counter(_divided(inherited, parts))
        shares[last] += lost - inherited
        found[meeting] = {rank: ns for rank, ns in shares.items() if ns}
    rows = [(meeting, *share) for meeting, own in found.items() for share in own.items()]
    table = np.array(rows, np.int64).reshape(-1, 3)
    return Causes(table[:, 0], table[:, 1].astype(np.int32), table[:, 2])


def _waits(met: Meetings) -> _Waits:
    member = np.flatnonzero(met.certain[met.meeting] & (met.waited > 0))
    member = member[np.lexsort((met.meeting[member], met.end[member], met.rank[member]))]
    return _Waits(met.rank[member], met.end[member], met.meeting[member], met.waited[member])


def _before(met: Meetings, waits: _Waits) -> tuple[Places, Places]:
    """Return [low, high) of the waits of each meeting's last rank since it last met the group."""
    low, high = np.zeros(len(met), np.intp), np.zeros(len(met), np.intp)
    since, last = _last_met(met)[met.last], met.rank[met.last]
    order = np.argsort(last, kind="stable")
    for begin, end in stretches(last[order]):
        asked = order[begin:end]
        bounds = np.searchsorted(waits.rank, [last[asked[0]], last[asked[0]] + 1])
        ends = waits.end[slice(*bounds)]
        low[asked] = bounds[0] + np.searchsorted(ends, since[asked], side="right")
        high[asked] = bounds[0] + np.searchsorted(ends, met.last_ns[asked], side="right")
    return low, high


def _last_met(met: Meetings) -> Ints:
    """Return when each member had last been through a meeting of the same group."""
    group = _groups(met)[met.meeting]
    order = np.lexsort((met.meeting, group, met.rank))
    same = (np.diff(met.rank[order]) == 0) & (np.diff(group[order]) == 0)
    found = np.full(len(order), _NEVER, np.int64)
    found[order[1:]] = np.where(same, met.end[order[:-1]], _NEVER)
    return found


def _groups(met: Meetings) -> Codes:
    """Code with whom a rank is in step again after each meeting: its group, or the other one."""
    kinds, calls = met.joined.kinds, met.joined.calls
    pairs = np.array([each == POINT_TO_POINT for each in kinds], np.bool_)[met.kind]
    low = np.where(pairs, met.rank[met.first], 0)
    high = np.where(pairs, np.maximum.reduceat(met.rank, met.first), 0)
    group, _ = coded(
        [met.call, low, high],
        lambda call, one, other: (calls[call].group, calls[call].ranks, one, other),
    )
    return group


def _divided(total: int, parts: Mapping[int, int]) -> dict[int, int]:
    """Divide a time as the parts are to each other; what rounding leaves is the largest one's."""
    whole = sum(parts.values())
    if not whole:
        return {}
    found = {rank: total * part // whole for rank, part in parts.items()}
    largest = max(sorted(parts), key=parts.__getitem__)
    found[largest] += total - sum(found.values())
    return found

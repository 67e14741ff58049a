"""Makes the clocks of hosts comparable, by collectives that end everywhere at once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.fleet.figures import Clocks, Offset
from analysis.groups import begins, distinct, medians, numbered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.fleet.joined import Bools, Codes, Ints, Joined
    from analysis.fleet.matching import Matches

_ROUNDS = 20
_CERTAIN = 0.95
NO_ERROR_NS = 50_000
"""A profiler ties a device's times to its host's clock within some microseconds."""


class Alignment(NamedTuple):
    """The clocks, and what is subtracted from their times.

    Attributes:
        clocks: what was found.
        offset_ns: per clock; None where nothing ties it to the others.
        impossible: of each match, whether a rank left what ends together before another one
            had come to it: they are not the same, or a record is missing.
    """

    clocks: Clocks
    offset_ns: tuple[int | None, ...]
    impossible: Bools


class _Stays(NamedTuple):
    """Ranks in collectives, on their clocks' own time; arrays of shape (n,), by collective.

    Attributes:
        collective: int64 number.
        clock: int32 code.
        start: int64 ns.
        end: int64 ns.
    """

    collective: Ints
    clock: Codes
    start: Ints
    end: Ints


def align(joined: Joined, matches: Matches, resolution_ns: int) -> Alignment:
    """Estimate the offsets of all clocks to that of the lowest rank.

    The first estimate of an offset is the median, over the collectives that two clocks
    share, of the differences of their ends, from the reference on to whatever it
    reaches; it is refined by medians over all: each collective's end is the median of
    its members', each clock's offset the median of its ends' distances to these.

    Args:
        joined: what the ranks communicated.
        matches: what of it is one and the same.
        resolution_ns: of the times.
    """
    stays = _stays(joined, matches)
    offsets = _refined(stays, _first(stays, len(joined.clocks)))
    impossible, spreads = _checked(stays, offsets, len(matches.first))
    residual = _nearest_rank(spreads)
    floor = max(residual or 0, 2 * resolution_ns if resolution_ns > 1 else 0)
    sharing: dict[int, list[int]] = defaultdict(list)
    for rank, code in zip(joined.ranks, joined.clock.tolist(), strict=True):
        sharing[code].append(rank)
    found = tuple(
        Offset(joined.clocks[code], tuple(own), offsets[code]) for code, own in sharing.items()
    )
    return Alignment(Clocks(found, len(spreads), residual, floor), tuple(offsets), impossible)


def _stays(joined: Joined, matches: Matches) -> _Stays:
    kept = joined.ends_together[matches.row]
    collective, _ = numbered(matches.members)
    row = matches.row[kept]
    clock = joined.clock[joined.rank[row]]
    return _Stays(collective[kept], clock, joined.start[row], joined.end[row])


def _first(stays: _Stays, clocks: int) -> list[int | None]:
    """Reach from the reference as far as shared collectives go; exact where no noise is."""
    offsets: list[int | None] = [0 if place == 0 else None for place in range(clocks)]
    by_clock = np.argsort(stays.clock, kind="stable")
    own = np.searchsorted(stays.clock[by_clock], np.arange(clocks + 1))
    members = np.bincount(stays.collective)
    first = np.cumsum(members) - members
    unseen = np.ones(len(members), np.bool_)
    unreached = np.ones(clocks, np.bool_)
    unreached[0] = False
    reached = [0]
    for place in reached:
        # Once looked at, all clocks of a collective are reached: it has nothing more to say.
        shared = distinct(stays.collective[by_clock[own[place] : own[place + 1]]])
        shared = shared[unseen[shared]]
        unseen[shared] = False
        which, number = numbered(members[shared])
        row = first[shared][which] + number
        here = stays.clock[row] == place
        latest = np.maximum.reduceat(stays.end[row[here]], begins(which[here]))
        new = unreached[stays.clock[row]]
        met, differences = medians(stays.clock[row[new]], stays.end[row[new]] - latest[which[new]])
        for clock, difference in zip(met.tolist(), differences.tolist(), strict=True):
            offsets[clock] = (offsets[place] or 0) + difference
        unreached[met] = False
        reached += met.tolist()
    return offsets


def _refined(stays: _Stays, offsets: list[int | None]) -> list[int | None]:
    known = np.array([each is not None for each in offsets], np.bool_)
    kept = known[stays.clock]
    if not kept.any():
        return offsets
    collective, clock, _, end = (column[kept] for column in stays)
    offset = np.array([each or 0 for each in offsets], np.int64)
    for _ in range(_ROUNDS):
        aligned = end - offset[clock]
        truth = _medians(collective, aligned, int(collective[-1]) + 1)
        moved = _medians(clock, aligned - truth[collective], len(offset))
        moved -= moved[0]  # the reference stays
        moved[~known] = 0
        if not moved.any():
            break
        offset += moved
    return [int(each) if here else None for each, here in zip(offset, known, strict=True)]


def _checked(stays: _Stays, offsets: list[int | None], matches: int) -> tuple[Bools, Ints]:
    """Tell what cannot be, of shape (matches,), and how far the ends of each other lie apart."""
    known = np.array([each is not None for each in offsets], np.bool_)[stays.clock]
    collective, clock, start, end = (column[known] for column in stays)
    offset = np.array([each or 0 for each in offsets], np.int64)[clock]
    start, end = start - offset, end - offset
    first = begins(collective)
    several = np.diff(first, append=len(collective)) > 1
    left = np.minimum.reduceat(end, first)
    wrong = several & (np.maximum.reduceat(start, first) - left > NO_ERROR_NS)
    impossible = np.zeros(matches, np.bool_)
    impossible[collective[first[wrong]]] = True
    spread: Ints = np.maximum.reduceat(end, first) - left
    return impossible, spread[several & ~wrong]


def _medians(group: NDArray[np.integer], values: Ints, groups: int) -> Ints:
    """Return the lower median of each group's values; 0 of a group without any."""
    result = np.zeros(groups, np.int64)
    present, middle = medians(group, values)
    result[present] = middle
    return result


def _nearest_rank(values: Ints) -> int | None:
    if not len(values):
        return None
    return int(np.sort(values)[int(np.ceil(_CERTAIN * len(values))) - 1])

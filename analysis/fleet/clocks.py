"""Makes the clocks of hosts comparable, by collectives that end everywhere at once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.fleet.figures import Clocks, Offset
from analysis.fleet.kinds import ENDS_TOGETHER
from analysis.groups import begins, distinct, medians, numbered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from analysis.fleet.joined import Joined
    from analysis.fleet.matching import Matches
    from analysis.fleet.rank import Measured

    Ints = NDArray[np.int64]

_ROUNDS = 20
_CERTAIN = 0.95


class Alignment(NamedTuple):
    """The clocks, and what is added to a rank's times.

    Attributes:
        clocks: what was found.
        correction_ns: per rank, to be added to times of its trace; None where nothing
            ties its clock to the others.
    """

    clocks: Clocks
    correction_ns: Mapping[int, int | None]


class _Ends(NamedTuple):
    """Ends of collectives, on the clocks' own time; arrays of shape (n,), by collective.

    Attributes:
        collective: int64 number.
        clock: int64 number.
        end: int64 ns.
    """

    collective: Ints
    clock: Ints
    end: Ints


def align(ranks: Mapping[int, Measured], joined: Joined, matches: Matches) -> Alignment:
    """Estimate the offsets of all clocks to that of the lowest rank.

    Ranks on one host share a clock; a rank whose host is not known has one of its own,
    and so has one that does not say what its times count from where others do.
    The first estimate of an offset is the median, over the collectives that two clocks
    share, of the differences of their ends, from the reference on to whatever it
    reaches; it is refined by medians over all: each collective's end is the median of
    its members', each clock's offset the median of its ends' distances to these.

    Args:
        ranks: the job's ranks.
        joined: what they communicated.
        matches: what of it is one and the same.
    """
    based = any(each.base_ns is not None for each in ranks.values())
    names = {rank: _clock(rank, each, based=based) for rank, each in sorted(ranks.items())}
    sharing: dict[str, list[int]] = defaultdict(list)
    for rank, name in names.items():
        sharing[name].append(rank)
    code = {name: place for place, name in enumerate(sharing)}
    bases = {rank: each.base_ns or 0 for rank, each in ranks.items()}
    clock = [code[names[rank]] for rank in joined.ranks]
    ends = _ends(joined, matches, clock, [bases[rank] for rank in joined.ranks])
    offsets = _refined(ends, _first(ends, len(code)))
    spreads = _spreads(ends, offsets)
    residual = _nearest_rank(spreads)
    resolution = max(each.report.resolution_ns for each in ranks.values())
    found = tuple(
        Offset(name, tuple(own), offset)
        for (name, own), offset in zip(sharing.items(), offsets, strict=True)
    )
    corrections = {
        rank: None if (offset := offsets[code[name]]) is None else bases[rank] - offset
        for rank, name in names.items()
    }
    floor = max(residual or 0, 2 * resolution if resolution > 1 else 0)
    return Alignment(Clocks(found, len(spreads), residual, floor), corrections)


def _clock(rank: int, measured: Measured, *, based: bool) -> str:
    """Name a rank's clock: its host's, unless what it counts from was lost."""
    if measured.identity.host is None or (based and measured.base_ns is None):
        return f"rank {rank}"
    return measured.identity.host


def _ends(joined: Joined, matches: Matches, clock: Sequence[int], base: Sequence[int]) -> _Ends:
    together = np.array([each in ENDS_TOGETHER for each in joined.kinds], np.bool_)
    kept = together[joined.kind[matches.row]]
    collective, _ = numbered(matches.members)
    row = matches.row[kept]
    rank = joined.rank[row]
    return _Ends(
        collective[kept],
        np.array(clock, np.int64)[rank],
        joined.end[row] + np.array(base, np.int64)[rank],
    )


def _first(ends: _Ends, clocks: int) -> list[int | None]:
    """Reach from the reference as far as shared collectives go; exact where no noise is."""
    offsets: list[int | None] = [0 if place == 0 else None for place in range(clocks)]
    by_clock = np.argsort(ends.clock, kind="stable")
    own = np.searchsorted(ends.clock[by_clock], np.arange(clocks + 1))
    members = np.bincount(ends.collective)
    first = np.cumsum(members) - members
    unseen = np.ones(len(members), np.bool_)
    unreached = np.ones(clocks, np.bool_)
    unreached[0] = False
    reached = [0]
    for place in reached:
        # Once looked at, all clocks of a collective are reached: it has nothing more to say.
        shared = distinct(ends.collective[by_clock[own[place] : own[place + 1]]])
        shared = shared[unseen[shared]]
        unseen[shared] = False
        which, number = numbered(members[shared])
        row = first[shared][which] + number
        here = ends.clock[row] == place
        latest = np.maximum.reduceat(ends.end[row[here]], begins(which[here]))
        new = unreached[ends.clock[row]]
        met, differences = medians(ends.clock[row[new]], ends.end[row[new]] - latest[which[new]])
        for clock, difference in zip(met.tolist(), differences.tolist(), strict=True):
            offsets[clock] = (offsets[place] or 0) + difference
        unreached[met] = False
        reached += met.tolist()
    return offsets


def _refined(ends: _Ends, offsets: list[int | None]) -> list[int | None]:
    known = np.array([each is not None for each in offsets], np.bool_)
    kept = known[ends.clock]
    if not kept.any():
        return offsets
    collective, clock, end = (column[kept] for column in ends)
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


def _spreads(ends: _Ends, offsets: list[int | None]) -> Ints:
    """Return how far the ends of each collective lie apart, once aligned."""
    known = np.array([each is not None for each in offsets], np.bool_)[ends.clock]
    collective = ends.collective[known]
    if not len(collective):
        return np.empty(0, np.int64)
    aligned = (
        ends.end[known] - np.array([each or 0 for each in offsets], np.int64)[ends.clock[known]]
    )
    first = begins(collective)
    several = np.diff(first, append=len(collective)) > 1
    spread: Ints = np.maximum.reduceat(aligned, first) - np.minimum.reduceat(aligned, first)
    return spread[several]


def _medians(group: Ints, values: Ints, groups: int) -> Ints:
    """Return the lower median of each group's values; 0 of a group without any."""
    result = np.zeros(groups, np.int64)
    present, middle = medians(group, values)
    result[present] = middle
    return result


def _nearest_rank(values: Ints) -> int | None:
    if not len(values):
        return None
    return int(np.sort(values)[int(np.ceil(_CERTAIN * len(values))) - 1])

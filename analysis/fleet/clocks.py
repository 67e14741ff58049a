"""Makes the clocks of hosts comparable, by collectives that end everywhere at once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.fleet.figures import Clocks, Offset
from analysis.fleet.kinds import ENDS_TOGETHER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from analysis.fleet.matching import Match
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
    """Ends of collectives, on the clocks' own time; arrays of shape (n,).

    Attributes:
        collective: int64 number.
        clock: int64 number.
        end: int64 ns.
    """

    collective: Ints
    clock: Ints
    end: Ints


def align(ranks: Mapping[int, Measured], matches: Sequence[Match]) -> Alignment:
    """Estimate the offsets of all clocks to that of the lowest rank.

    Ranks on one host share a clock; a rank whose host is not known has one of its own,
    and so has one that does not say what its times count from where others do.
    The first estimate of an offset is the median, over the collectives that two clocks
    share, of the differences of their ends, from the reference on to whatever it
    reaches; it is refined by medians over all: each collective's end is the median of
    its members', each clock's offset the median of its ends' distances to these.

    Args:
        ranks: the job's ranks.
        matches: their collectives.
    """
    based = any(each.base_ns is not None for each in ranks.values())
    names = {rank: _clock(rank, each, based=based) for rank, each in sorted(ranks.items())}
    sharing: dict[str, list[int]] = defaultdict(list)
    for rank, name in names.items():
        sharing[name].append(rank)
    code = {name: place for place, name in enumerate(sharing)}
    bases = {rank: each.base_ns or 0 for rank, each in ranks.items()}
    ends = _ends(ranks, matches, {rank: code[name] for rank, name in names.items()}, bases)
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


def _ends(
    ranks: Mapping[int, Measured],
    matches: Sequence[Match],
    clock: Mapping[int, int],
    bases: Mapping[int, int],
) -> _Ends:
    rows = [
        (
            place,
            clock[member.rank],
            int(ranks[member.rank].communication.end[member.row]) + bases[member.rank],
        )
        for place, match in enumerate(matches)
        if match.kind in ENDS_TOGETHER
        for member in match.members
    ]
    table = np.array(rows, np.int64).reshape(-1, 3)
    return _Ends(table[:, 0], table[:, 1], table[:, 2])


def _first(ends: _Ends, clocks: int) -> list[int | None]:
    """Reach from the reference as far as shared collectives go; exact where no noise is."""
    offsets: list[int | None] = [0 if place == 0 else None for place in range(clocks)]
    members: dict[int, list[tuple[int, int]]] = defaultdict(list)
    shared: dict[int, dict[int, None]] = defaultdict(dict)
    for collective, clock, end in zip(*(column.tolist() for column in ends), strict=True):
        members[collective].append((clock, end))
        shared[clock][collective] = None
    reached = [0]
    for place in reached:
        differences: dict[int, list[int]] = defaultdict(list)
        for collective in shared[place]:
            # Once looked at, all of its clocks are reached: it has nothing to say to another.
            met = members.pop(collective, [])
            own_end = max((end for clock, end in met if clock == place), default=0)
            for clock, end in met:
                if offsets[clock] is None:
                    differences[clock].append(end - own_end)
        own = offsets[place]
        for clock in sorted(differences):
            offsets[clock] = (own or 0) + _median(differences[clock])
            reached.append(clock)
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
        truth = _medians(collective, aligned)
        moved = _medians(clock, aligned - truth[collective])
        moved = np.concatenate((moved, np.zeros(len(offset) - len(moved), np.int64)))
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
    order = np.argsort(collective, kind="stable")
    collective, aligned = collective[order], aligned[order]
    first = np.flatnonzero(np.concatenate(([True], collective[1:] != collective[:-1])))
    several = np.diff(np.append(first, len(collective))) > 1
    spread: Ints = np.maximum.reduceat(aligned, first) - np.minimum.reduceat(aligned, first)
    return spread[several]


def _medians(group: Ints, values: Ints) -> Ints:
    """Return the lower median of each group's values, by group; 0 of a group without any."""
    order = np.lexsort((values, group))
    group, values = group[order], values[order]
    first = np.flatnonzero(np.concatenate(([True], group[1:] != group[:-1])))
    counts = np.diff(np.append(first, len(group)))
    result = np.zeros(int(group[-1]) + 1, np.int64)
    result[group[first]] = values[first + (counts - 1) // 2]
    return result


def _median(values: list[int]) -> int:
    return sorted(values)[(len(values) - 1) // 2]


def _nearest_rank(values: Ints) -> int | None:
    if not len(values):
        return None
    return int(np.sort(values)[int(np.ceil(_CERTAIN * len(values))) - 1])

"""Which communications of the ranks are one and the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.columns import NONE
from analysis.device import FOREVER
from analysis.fleet.joined import coded
from analysis.fleet.kinds import OTHER, POINT_TO_POINT, signature
from analysis.groups import begins, stretches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.columns import CollectiveCall
    from analysis.fleet.joined import Codes, Ints, Joined

    Bools = NDArray[np.bool_]

_COMPARED = 64
"""In steps and times, so many communications of two lists are."""
_HALF = 0.5

Sign = tuple[str, str, int]
"""What is the same on every rank of a communication."""


class Group(NamedTuple):
    """What communications share that are told from each other by number or order.

    Attributes:
        name: the process group's; empty where not recorded.
        of: its ranks, or, where no group is recorded, what the communications do.
        pair: sender and receiver; None of a collective.
    """

    name: str
    of: str
    pair: tuple[int, int] | None = None

    def __str__(self) -> str:
        return f"Group {self.name or '(not recorded)'}"


class Matches(NamedTuple):
    """Communications of several ranks that are one, by group and in it by order.

    Attributes:
        row: shape (k,), of the joined table: the members of each, by rank.
        first: shape (m,), where the members of each begin in `row`.
        place: shape (m,), its number among those of its group.
        notes: why others are not matched.
    """

    row: NDArray[np.intp]
    first: NDArray[np.intp]
    place: Ints
    notes: tuple[str, ...]

    @property
    def members(self) -> NDArray[np.intp]:
        """Return how many members each has, of shape (m,)."""
        return np.diff(self.first, append=len(self.row))


def match(joined: Joined) -> Matches:
    """Match the communications of the ranks.

    By process group, and in it by the recorded sequence number, or else by order: a
    communication library demands that all ranks of a group call in the same order, so
    that what each rank recorded is a stretch of one list. Where the stretches may begin
    apart, that shift is taken at which all that lies in both agrees in kind, type and
    size, and most in steps and times. Sends and receives are matched by both of their
    ranks, and order: each rank numbers its own.
    """
    group, groups = coded(
        [joined.rank, joined.kind, joined.call],
        lambda rank, kind, call: _group(joined.ranks[rank], joined.kinds[kind], joined.calls[call]),
    )
    sign, signs = coded(
        [joined.kind, joined.call],
        lambda kind, call: _sign(joined.kinds[kind], joined.calls[call]),
    )
    row = np.flatnonzero(group != NONE)
    row = row[np.argsort(group[row], kind="stable")]
    place = np.full(len(row), NONE, np.int64)
    notes: list[str] = []
    for low, high in stretches(group[row]):
        own = row[low:high]
        place[low:high] = _places(groups[group[own[0]]], joined, own, sign[own], notes)
    row, place = row[place != NONE], place[place != NONE]
    order = np.lexsort((place, group[row]))
    row, place = row[order], place[order]
    first = np.flatnonzero(
        (np.diff(group[row], prepend=NONE) != 0) | (np.diff(place, prepend=NONE) != 0)
    )
    members = np.diff(first, append=len(row))
    same = np.minimum.reduceat(sign[row], first) == np.maximum.reduceat(sign[row], first)
    wrong = np.flatnonzero((members > 1) & ~same)
    for low, high in stretches(group[row[first[wrong]]]):
        begin, end = first[wrong[low]], first[wrong[low]] + members[wrong[low]]
        told = {_told(signs[code]) for code in sign[row[begin:end]].tolist()}
        notes.append(
            f"{groups[group[row[begin]]]}: ranks disagree on {high - low:,} collectives, "
            f"number {place[begin]:,} the first ({', '.join(sorted(told))}); they are not matched."
        )
    kept = (members > 1) & same
    row, place, members = row[np.repeat(kept, members)], place[first[kept]], members[kept]
    return Matches(row, np.cumsum(members) - members, place, tuple(notes))


def _group(rank: int, kind: str, call: CollectiveCall) -> Group | None:
    if kind == POINT_TO_POINT:
        source = rank if call.source == NONE else call.source
        target = rank if call.target == NONE else call.target
        return None if source == target else Group(call.group, "", (source, target))
    if not call.group:
        # Without a group, only what is of one kind is put in one list.
        return None if kind == OTHER else Group("", kind)
    return Group(call.group, call.ranks)


def _sign(kind: str, call: CollectiveCall) -> Sign:
    if kind == POINT_TO_POINT:
        # What one sends, the other receives.
        return kind, call.dtype, max(call.elements_in, call.elements_out)
    return signature(kind, call)


def _places(
    group: Group, joined: Joined, row: NDArray[np.intp], sign: Codes, notes: list[str]
) -> Ints | int:
    """Number the communications of a group, the same number for those that may be one.

    Args:
        group: whose.
        joined: all communications.
        row: the group's, by rank and in it by start.
        sign: what must agree in each, coded.
        notes: gain what is to be said.

    Returns:
        Shape of `row`, -1 for those that are not to be told from others; or that for all.
    """
    rank = joined.rank[row]
    first = begins(rank)
    lengths = np.diff(first, append=len(row))
    if len(first) < 2:
        return NONE
    if group.pair is None and not group.name and (lengths != lengths[0]).any():
        notes.append(
            f"Process groups are not recorded, and ranks differ in how many {group.of} they ran: "
            "these are not matched."
        )
        return NONE
    number = joined.sequence[row]
    known = np.ones(len(row), np.bool_)
    if group.pair is not None or not _tell(rank, number):
        lists = [
            _list(joined, row[low : low + length], sign[low : low + length])
            for low, length in zip(first, lengths, strict=True)
        ]
        shifts = _shifts(group, lists, notes)
        known = np.repeat([shift is not None for shift in shifts], lengths)
        begin = first - [shift or 0 for shift in shifts]
        number = np.arange(len(row)) - np.repeat(begin, lengths)
    place = np.full(len(row), NONE, np.int64)
    place[known] = np.unique(number[known], return_inverse=True)[1]
    return place


def _tell(rank: Codes, number: Ints) -> bool:
    """Tell whether all have a recorded number and no rank has one twice."""
    order = np.lexsort((number, rank))
    twice = (np.diff(rank[order]) == 0) & (np.diff(number[order]) == 0)
    return bool((number != NONE).all() and not twice.any())


class _List(NamedTuple):
    """The communications of one rank in a group; arrays of shape (n,)."""

    rank: int
    clock: int
    sign: Codes
    step: Codes
    start: Ints
    end: Ints
    ends_together: bool


class _Fit(NamedTuple):
    """How well two lists fit; the greater, the better. Times count on one clock alone."""

    steps: float
    """Share of what was launched in the same step."""
    overlap: float
    """Share of what ran at the same time on both ranks."""
    nearness_ns: int
    """How far the ends lie apart, negated."""


def _list(joined: Joined, row: NDArray[np.intp], sign: Codes) -> _List:
    rank = joined.rank[row[0]]
    return _List(
        joined.ranks[rank],
        int(joined.clock[rank]),
        sign,
        joined.step[row],
        joined.start[row],
        joined.end[row],
        bool(joined.ends_together[row].all()),
    )


def _shifts(group: Group, lists: Sequence[_List], notes: list[str]) -> list[int | None]:
    """Return by how much each rank's list begins later than the longest one."""
    reference = max(lists, key=lambda each: (len(each.sign), -each.rank))
    shifts: list[int | None] = []
    for each in lists:
        if _begin_together(reference, each):  # the usual case, which needs no search
            shifts.append(0)
            continue
        agreeing = _agreeing(reference.sign, each.sign)
        best = _best(reference, each, agreeing)
        if len(best) == 1:
            shifts += best
            continue
        shifts.append(None)
        why = "fit those of rank {} in several ways" if agreeing else "are no stretch of rank {}'s"
        notes.append(
            f"{group}: the collectives of rank {each.rank} {why.format(reference.rank)}; they are "
            "not matched."
        )
    shifted = sum(bool(shift) for shift in shifts)
    if shifted:
        notes.append(
            f"{group}: {shifted:,} of {len(lists):,} ranks began to record at another collective; "
            "they are matched where kinds and sizes agree."
        )
    return shifts


def _begin_together(reference: _List, other: _List) -> bool:
    """Tell whether two lists are the same, and nothing speaks against their being one."""
    if len(reference.sign) != len(other.sign) or (reference.sign != other.sign).any():
        return False
    fit = _fit(reference, other, 0)
    return fit.steps > _HALF and (fit.overlap > _HALF or not reference.ends_together)


def _agreeing(reference: Codes, other: Codes) -> list[int]:
    """Return the shifts at which two lists agree wherever both go, the smallest first."""
    least = (min(len(reference), len(other)) + 1) // 2
    found = []
    for distance in range(max(len(reference), len(other))):
        for shift in dict.fromkeys((distance, -distance)):
            low, high = max(shift, 0), min(len(reference), len(other) + shift)
            if (
                high - low >= least
                and reference[low] == other[low - shift]
                and (reference[low:high] == other[low - shift : high - shift]).all()
            ):
                found.append(shift)
    return found


def _best(reference: _List, other: _List, shifts: list[int]) -> list[int]:
    """Choose among the shifts at which two lists agree; several if nothing tells them apart.

    Lists of one length that nothing tells apart begin together.
    """
    if len(shifts) < 2:
        return shifts
    fits = {shift: _fit(reference, other, shift) for shift in shifts}
    best = max(fits.values())
    found = [shift for shift in shifts if fits[shift] == best]
    return [0] if 0 in found and len(reference.sign) == len(other.sign) else found


def _fit(reference: _List, other: _List, shift: int) -> _Fit:
    low, high = max(shift, 0), min(len(reference.sign), len(other.sign) + shift)
    here = np.linspace(low, high - 1, min(high - low, _COMPARED)).astype(np.intp)
    there = here - shift
    steps = float((reference.step[here] == other.step[there]).mean())
    if reference.clock != other.clock:
        return _Fit(steps, 1.0, 0)
    beside = (reference.start[here] <= other.end[there]) & (
        other.start[there] <= reference.end[here]
    )
    overlap = float(beside.mean())
    if overlap <= _HALF:  # how near these are is no matter
        return _Fit(steps, overlap, -FOREVER)
    apart = np.median(np.abs(reference.end[here] - other.end[there]))
    return _Fit(steps, overlap, -int(apart))


def _told(sign: Sign) -> str:
    kind, dtype, elements = sign
    return " ".join(str(each) for each in (kind, elements or "", dtype) if each)


def ranks_of(listed: str) -> Sequence[int] | None:
    """Return a group's global ranks; None where they are not recorded, or cut short."""
    inside = listed.strip().removeprefix("[").removesuffix("]")
    parts = [part.strip() for part in inside.split(",")]
    return [int(part) for part in parts] if all(part.isdecimal() for part in parts) else None

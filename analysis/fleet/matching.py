"""Which communications of the ranks are one and the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.columns import NONE
from analysis.fleet.joined import coded
from analysis.fleet.kinds import OTHER, POINT_TO_POINT, signature
from analysis.groups import begins, stretches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.columns import CollectiveCall
    from analysis.fleet.joined import Codes, Ints, Joined

    Bools = NDArray[np.bool_]

Key = tuple[str, ...]
"""What communications share that are told from each other by order."""
Sign = tuple[str, str, int]
"""What is the same on every rank of a communication."""


class Matches(NamedTuple):
    """Communications of several ranks that are one, by group and in it by order.

    Attributes:
        row: shape (k,), of the joined table: the members of each, by rank.
        first: shape (m,), where the members of each begin in `row`.
        place: shape (m,), its number among those of its group.
        unmatched: how many communications are members of none.
        notes: why.
    """

    row: NDArray[np.intp]
    first: NDArray[np.intp]
    place: Ints
    unmatched: int
    notes: tuple[str, ...]

    @property
    def members(self) -> NDArray[np.intp]:
        """Return how many members each has, of shape (m,)."""
        return np.diff(self.first, append=len(self.row))


def match(joined: Joined) -> Matches:
    """Match the communications of the ranks.

    By process group, and in it by the recorded sequence number, or else by order: a
    communication library demands that all ranks of a group call in the same order, so
    that what each rank recorded is a stretch of one list. Where the stretches begin
    apart, the smallest shift is taken at which all that lies in both agrees in kind,
    type and size. Sends and receives are matched by both of their ranks, and order.
    """
    group, keys = coded(
        [joined.rank, joined.kind, joined.call],
        lambda rank, kind, call: _key(joined.ranks[rank], joined.kinds[kind], joined.calls[call]),
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
        place[low:high] = _places(keys[group[own[0]]], joined, own, sign[own], notes)
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
            f"{_named(keys[group[row[begin]]])}: ranks disagree on {high - low:,} collectives, "
            f"number {place[begin]:,} the first ({', '.join(sorted(told))}); they are not matched."
        )
    kept = (members > 1) & same
    row, place, members = row[np.repeat(kept, members)], place[first[kept]], members[kept]
    return Matches(row, np.cumsum(members) - members, place, len(joined) - len(row), tuple(notes))


def _key(rank: int, kind: str, call: CollectiveCall) -> Key | None:
    if kind == POINT_TO_POINT:
        source = rank if call.source == NONE else call.source
        target = rank if call.target == NONE else call.target
        return None if source == target else (call.group, "send", str(source), str(target))
    if not call.group:
        # Without a group, only what is of one kind is put in one list.
        return None if kind == OTHER else ("", kind)
    return (call.group, call.ranks)


def _sign(kind: str, call: CollectiveCall) -> Sign:
    if kind == POINT_TO_POINT:
        # What one sends, the other receives.
        return kind, call.dtype, max(call.elements_in, call.elements_out)
    return signature(kind, call)


def _places(
    key: Key, joined: Joined, row: NDArray[np.intp], sign: Codes, notes: list[str]
) -> Ints | int:
    """Number the communications of a group, the same number for those that may be one.

    Args:
        key: the group's.
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
    if not key[0] and (lengths != lengths[0]).any():
        notes.append(
            f"Process groups are not recorded, and ranks differ in how many {key[1]} they ran: "
            "these are not matched."
        )
        return NONE
    number = joined.sequence[row]
    known = np.ones(len(row), np.bool_)
    if not _tell(rank, number):
        lists = [sign[low : low + length] for low, length in zip(first, lengths, strict=True)]
        ranks = [joined.ranks[code] for code in rank[first].tolist()]
        shifts = _shifts(key, ranks, lists, notes)
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


def _shifts(
    key: Key, ranks: Sequence[int], lists: Sequence[Codes], notes: list[str]
) -> list[int | None]:
    """Return by how much each rank's list begins later than the longest one."""
    lengths = [len(each) for each in lists]
    reference = lengths.index(max(lengths))
    shifts = [_shift(lists[reference], each) for each in lists]
    notes += [
        f"{_named(key)}: the collectives of rank {rank} are no stretch of those of rank "
        f"{ranks[reference]}; they are not matched."
        for rank, shift in zip(ranks, shifts, strict=True)
        if shift is None
    ]
    shifted = sum(bool(shift) for shift in shifts)
    if shifted:
        notes.append(
            f"{_named(key)}: {shifted:,} of {len(ranks):,} ranks began to record at another "
            "collective; they are matched where kinds and sizes agree."
        )
    return shifts


def _shift(reference: Codes, other: Codes) -> int | None:
    """Return by how much a list begins later than the reference, so that both agree."""
    least = (min(len(reference), len(other)) + 1) // 2
    for distance in range(max(len(reference), len(other))):
        for shift in dict.fromkeys((distance, -distance)):
            low, high = max(shift, 0), min(len(reference), len(other) + shift)
            if (
                high - low >= least
                and (reference[low:high] == other[low - shift : high - shift]).all()
            ):
                return shift
    return None


def _named(key: Key) -> str:
    return f"Group {key[0] or '(not recorded)'}"


def _told(sign: Sign) -> str:
    kind, dtype, elements = sign
    return " ".join(str(each) for each in (kind, elements or "", dtype) if each)


def ranks_of(listed: str) -> Sequence[int] | None:
    """Return a group's global ranks; None where they are not recorded, or cut short."""
    inside = listed.strip().removeprefix("[").removesuffix("]")
    parts = [part.strip() for part in inside.split(",")]
    return [int(part) for part in parts] if all(part.isdecimal() for part in parts) else None

"""Which communications of the ranks are one and the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from analysis.columns import NONE
from analysis.fleet.kinds import OTHER, POINT_TO_POINT, signature

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.columns import CollectiveCall
    from analysis.fleet.communication import Communication

Key = tuple[object, ...]


class Member(NamedTuple):
    """A communication of one rank: the rank's number and the row in its table."""

    rank: int
    row: int


class Match(msgspec.Struct, frozen=True):
    """One collective, or one send with its receive.

    Attributes:
        kind: what it does.
        call: as its lowest rank recorded it.
        size: how many ranks take part; -1 where not known.
        place: its number among those of its group.
        members: on the ranks that were read, by rank.
    """

    kind: str
    call: CollectiveCall
    size: int
    place: int
    members: tuple[Member, ...]

    @property
    def complete(self) -> bool:
        """Tell whether every rank that took part was read."""
        return len(self.members) == self.size


class Matches(NamedTuple):
    """What was matched.

    Attributes:
        matches: with two members or more.
        unmatched: how many communications were not.
        notes: why.
    """

    matches: tuple[Match, ...]
    unmatched: int
    notes: tuple[str, ...]


def match(tables: Mapping[int, Communication]) -> Matches:
    """Match the communications of the ranks.

    By process group, and in it by the recorded sequence number, or else by order: a
    communication library demands that all ranks of a group call in the same order, so
    that what each rank recorded is a stretch of one list. Where the stretches begin
    apart, the smallest shift is taken at which all that lies in both agrees in kind,
    type and size. Sends and receives are matched by both of their ranks, and order.

    Args:
        tables: of each rank.
    """
    groups: dict[Key, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    total = 0
    for rank, table in sorted(tables.items()):
        total += len(table)
        for row in range(len(table)):
            key = _key(rank, table, row)
            if key is not None:
                groups[key][rank].append(row)
    notes: list[str] = []
    matches: list[Match] = []
    for key in sorted(groups, key=str):
        matches += _in_group(key, groups[key], tables, notes)
    matched = sum(len(each.members) for each in matches)
    return Matches(tuple(matches), total - matched, tuple(notes))


def _key(rank: int, table: Communication, row: int) -> Key | None:
    """Return what a communication shares with those that it is to be told from by order."""
    kind, call = table.kinds[table.kind[row]], table.calls[table.call[row]]
    if kind == POINT_TO_POINT:
        source = rank if call.source == NONE else call.source
        target = rank if call.target == NONE else call.target
        return None if source == target else (call.group, "send", source, target)
    if not call.group:
        # Without a group, only what is of one kind is put in one list.
        return None if kind == OTHER else ("", kind)
    return (call.group, call.ranks)


def _in_group(
    key: Key,
    rows: Mapping[int, list[int]],
    tables: Mapping[int, Communication],
    notes: list[str],
) -> list[Match]:
    if len(rows) < 2:
        return []
    if not key[0] and len({len(each) for each in rows.values()}) > 1:
        notes.append(
            f"Process groups are not recorded, and ranks differ in how many {key[1]} they ran: "
            "these are not matched."
        )
        return []
    sequences = _by_sequence(rows, tables)
    if sequences is None:
        sequences = _by_order(key, rows, tables, notes)
    found = []
    for place, members in enumerate(sequences):
        if len(members) < 2:
            continue
        signs = {_signature(tables[each.rank], each.row, key) for each in members}
        if len(signs) > 1:
            notes.append(
                f"Group {key[0] or '(not recorded)'}: ranks disagree on collective {place:,}: "
                f"{', '.join(sorted(map(_told, signs)))}; it is not matched."
            )
            continue
        table, row = tables[members[0].rank], members[0].row
        call = table.calls[table.call[row]]
        kind = table.kinds[table.kind[row]]
        size = 2 if kind == POINT_TO_POINT else call.size
        found.append(Match(kind, call, size, place, tuple(members)))
    return found


def _by_sequence(
    rows: Mapping[int, list[int]], tables: Mapping[int, Communication]
) -> list[list[Member]] | None:
    """Match by recorded numbers, if all have one and no rank has one twice."""
    found: dict[int, list[Member]] = defaultdict(list)
    for rank, own in sorted(rows.items()):
        numbers = tables[rank].sequence[own].tolist()
        if NONE in numbers or len(set(numbers)) != len(numbers):
            return None
        for row, number in zip(own, numbers, strict=True):
            found[number].append(Member(rank, row))
    return [found[number] for number in sorted(found)]


def _by_order(
    key: Key,
    rows: Mapping[int, list[int]],
    tables: Mapping[int, Communication],
    notes: list[str],
) -> list[list[Member]]:
    codes: dict[object, int] = {}
    signs = {
        rank: np.array(
            [codes.setdefault(_signature(tables[rank], row, key), len(codes)) for row in own]
        )
        for rank, own in rows.items()
    }
    reference = min(rows, key=lambda rank: (-len(rows[rank]), rank))
    found: dict[int, list[Member]] = defaultdict(list)
    shifted: Counter[int] = Counter()
    for rank, own in sorted(rows.items()):
        shift = _shift(signs[reference], signs[rank])
        if shift is None:
            notes.append(
                f"Group {key[0] or '(not recorded)'}: the collectives of rank {rank} are no "
                f"stretch of those of rank {reference}; they are not matched."
            )
            continue
        if shift:
            shifted[shift] += 1
        for place, row in enumerate(own):
            found[place + shift].append(Member(rank, row))
    if shifted:
        notes.append(
            f"Group {key[0] or '(not recorded)'}: {sum(shifted.values()):,} of {len(rows):,} ranks "
            "began to record at another collective; they are matched where kinds and sizes agree."
        )
    return [found[place] for place in sorted(found)]


def _shift(reference: np.ndarray, other: np.ndarray) -> int | None:
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


def _signature(table: Communication, row: int, key: Key) -> tuple[str, str, int]:
    kind, call = table.kinds[table.kind[row]], table.calls[table.call[row]]
    if len(key) > 2:
        # What one sends, the other receives.
        return kind, call.dtype, max(call.elements_in, call.elements_out)
    return signature(kind, call)


def _told(sign: tuple[str, str, int]) -> str:
    kind, dtype, elements = sign
    return " ".join(str(each) for each in (kind, elements or "", dtype) if each)


def ranks_of(listed: str) -> Sequence[int] | None:
    """Return a group's global ranks; None where they are not recorded, or cut short."""
    inside = listed.strip().removeprefix("[").removesuffix("]")
    parts = [part.strip() for part in inside.split(",")]
    return [int(part) for part in parts] if all(part.isdecimal() for part in parts) else None

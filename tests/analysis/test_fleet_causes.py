"""Waiting and its causes in made-up jobs, against loops over plain objects."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.columns import CollectiveCall
from analysis.fleet.arrivals import meetings
from analysis.fleet.causes import causes
from analysis.fleet.clocks import Alignment
from analysis.fleet.communication import Communication
from analysis.fleet.figures import Clocks
from analysis.fleet.identity import Identity
from analysis.fleet.joined import join
from analysis.fleet.matching import match
from analysis.fleet.rank import Measured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WORLD = 4
NO_REPORT: Any = None
GROUPS = {"all": (0, 1, 2, 3), "low": (0, 1), "odd": (1, 3), "three": (0, 2, 3)}
FLOOR = 2
CLOCKS = Clocks((), 0, None, FLOOR)


class Call(NamedTuple):
    """A collective: what each rank does before it, and how long it goes on after the last one."""

    group: str
    work: tuple[int, ...]
    transfer: int
    early: int
    """So much sooner its first rank leaves, if it is a broadcast: perhaps before the last comes."""


class Stay(NamedTuple):
    """A rank in a collective."""

    start: int
    end: int


calls = st.builds(
    Call,
    st.sampled_from(sorted(GROUPS)),
    st.tuples(*[st.integers(0, 9)] * WORLD),
    st.integers(1, 4),
    st.sampled_from([0, 0, 3]),
)


def played(program: Sequence[Call]) -> list[tuple[str, int, dict[int, Stay]]]:
    """Let the ranks run: group, its place in the group, and who stayed when."""
    now = [0] * WORLD
    places: Counter[str] = Counter()
    found = []
    for call in program:
        ranks = GROUPS[call.group]
        for rank in ranks:
            now[rank] += call.work[rank]
        end = max(now[rank] for rank in ranks) + call.transfer
        stays = {}
        for rank in ranks:
            left = max(end - call.early * (rank == ranks[0]), now[rank] + 1)
            stays[rank] = Stay(now[rank], left)
            now[rank] = left
        found.append((call.group, places[call.group], stays))
        places[call.group] += 1
    return found


def measured(
    program: Sequence[Call], played: Sequence[tuple[str, int, Mapping[int, Stay]]]
) -> dict[int, Measured]:
    """What the ranks communicated, on one host's clock; nothing else is known of them."""
    names = tuple(GROUPS)
    kinds = [
        CollectiveCall(
            "allreduce", each, str(list(GROUPS[each])), len(GROUPS[each]), 8, 8, "Float", -1, -1
        )
        for each in names
    ]
    found = {}
    for rank in range(WORLD):
        own = [
            (stays[rank], names.index(group), bool(call.early))
            for call, (group, _, stays) in zip(program, played, strict=True)
            if rank in stays
        ]
        zeros = np.zeros(len(own), np.int64)
        communication = Communication(
            start=np.array([stay.start for stay, _, _ in own], np.int64),
            end=np.array([stay.end for stay, _, _ in own], np.int64),
            hidden=zeros,
            inside=zeros == 0,
            call=np.array([call for _, call, _ in own], np.int32),
            kind=np.array([early for _, _, early in own], np.int32),
            sequence=zeros - 1,
            step=zeros.astype(np.int32) - 1,
            calls=tuple(kinds),
            kinds=("all_reduce", "broadcast"),
            steps=(),
        )
        identity = Identity(rank, WORLD, "distributedInfo", "one")
        found[rank] = Measured(NO_REPORT, identity, 0, communication, None)
    return found


def blamed(
    played: Sequence[tuple[str, int, Mapping[int, Stay]]],
) -> dict[tuple[str, int], tuple[dict[int, int], dict[int, int]]]:
    """Who waited in each collective, and whose fault it was; as docs/ranks.md has it."""

    def came(stays: Mapping[int, Stay]) -> int:
        return max(stay.start for stay in stays.values())

    found: dict[tuple[str, int], tuple[dict[int, int], dict[int, int]]] = {}
    before: list[tuple[str, dict[int, Stay], dict[int, int], dict[int, int]]] = []
    for group, place, stays in sorted(played, key=lambda each: (came(each[2]), each[0], each[1])):
        late = came(stays)
        last = min(rank for rank, stay in stays.items() if stay.start == late)
        skew = late - min(stay.start for stay in stays.values())
        waits = {rank: max(min(late, stay.end) - stay.start, 0) for rank, stay in stays.items()}
        total = sum(waits.values()) if skew > FLOOR else 0
        shares: Counter[int] = Counter()
        if total:
            met = [own[last].end for name, own, _, _ in before if name == group and last in own]
            since = met[-1] if met else -1
            kept, parts = 0, Counter[int]()
            for _, own, waited, theirs in before:
                if theirs and last in own and since < own[last].end <= late and waited[last]:
                    kept += waited[last]
                    parts.update(divided(waited[last], theirs))
            inherited = total * min(kept, skew) // skew
            shares.update(divided(inherited, parts))
            shares[last] += total - inherited
        theirs = {rank: ns for rank, ns in shares.items() if ns}
        before.append((group, dict(stays), waits, theirs))
        found[group, place] = (waits, theirs)
    return found


def divided(total: int, parts: Mapping[int, int]) -> dict[int, int]:
    if not parts:
        return {}
    whole = sum(parts.values())
    found = {rank: total * part // whole for rank, part in parts.items()}
    found[min(parts, key=lambda rank: (-parts[rank], rank))] += total - sum(found.values())
    return found


@settings(max_examples=300)
@given(st.lists(calls, max_size=14))
def test_waiting_goes_back_to_whom_loops_find(program: list[Call]) -> None:
    happened = played(program)
    joined = join(measured(program, happened))
    matches = match(joined)
    met = meetings(joined, matches, Alignment(CLOCKS, (0,), np.zeros(len(matches.first), np.bool_)))
    expected = blamed(happened)
    found = {}
    for number in range(len(met)):
        own = met.meeting == number
        waits = dict(zip(met.rank[own].tolist(), met.waited[own].tolist(), strict=True))
        found[joined.calls[met.call[number]].group, int(met.place[number])] = waits
    assert found == {key: waits for key, (waits, _) in expected.items()}
    why = causes(met)
    shares: dict[tuple[str, int], dict[int, int]] = {key: {} for key in expected}
    for number, rank, ns in zip(*(column.tolist() for column in why), strict=True):
        key = joined.calls[met.call[number]].group, int(met.place[number])
        shares[key][rank] = ns
    assert shares == {key: theirs for key, (_, theirs) in expected.items()}

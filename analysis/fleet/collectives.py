"""Collectives of one kind together, and the ones that cost most waiting."""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING

from analysis.fleet.figures import CollectiveKind, LateCollective
from analysis.fleet.kinds import bus_factor, size_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.fleet.arrivals import Meeting

_MOST_LATE = 100

_Key = tuple[str, str, str, int, int | None]


def kinds(met: Sequence[Meeting]) -> tuple[CollectiveKind, ...]:
    """Sum up the matched collectives by kind, group and size, the costliest first."""
    groups: dict[_Key, list[Meeting]] = defaultdict(list)
    for each in met:
        call = each.match.call
        key = (each.match.kind, call.group, call.ranks, each.match.size, size_bytes(call))
        groups[key].append(each)
    cost = {key: sum(map(_duration, own)) for key, own in groups.items()}
    ordered = sorted(groups, key=lambda key: (-cost[key], str(key)))
    return tuple(_kind(key, groups[key], cost[key]) for key in ordered)


def late(met: Sequence[Meeting]) -> tuple[LateCollective, ...]:
    """Return the collectives with the most waiting, where it is certain who came last."""
    found = [
        LateCollective(
            kind=each.match.kind,
            group=each.match.call.group,
            step=each.step,
            place=each.match.place,
            last=each.last.rank,
            skew_ns=each.skew_ns,
            waited_ns=sum(each.waits_ns.values()),
            transfer_ns=each.transfer_ns,
            waits_ns=tuple(each.waits_ns.items()),
        )
        for each in met
        if each.certain
    ]
    found.sort(key=lambda each: (-each.waited_ns, each.step, each.group, each.place))
    return tuple(found[:_MOST_LATE])


def _kind(key: _Key, own: Sequence[Meeting], cost: int) -> CollectiveKind:
    kind, group, _, ranks, size = key
    timed = [each for each in own if each.comparable and each.match.complete]
    transfers = [each.transfer_ns for each in timed]
    transfer = _middle(transfers)
    rate = size / transfer if size and transfer else None
    factor = bus_factor(kind, ranks)
    hidden = sum(arrival.hidden_ns for each in own for arrival in each.arrivals)
    return CollectiveKind(
        kind=kind,
        group=group,
        ranks=ranks,
        bytes=size,
        number=len(own),
        skew_ns=_middle([each.skew_ns for each in timed]),
        transfer_ns=transfer,
        algorithm_gb_s=rate,  # bytes a nanosecond are GB/s
        bus_gb_s=None if rate is None or factor is None else rate * factor,
        hidden_share=hidden / cost if cost else None,
    )


def _duration(meeting: Meeting) -> int:
    return sum(arrival.end - arrival.start for arrival in meeting.arrivals)


def _middle(values: Sequence[int]) -> int | None:
    return round(median(values)) if values else None

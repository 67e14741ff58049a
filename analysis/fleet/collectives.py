"""Collectives of one kind together, and the ones that cost most waiting."""

from __future__ import annotations

from heapq import nsmallest
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.fleet.figures import CollectiveKind, LateCollective
from analysis.fleet.joined import coded
from analysis.fleet.kinds import bus_factor, ranks_in, size_bytes
from analysis.groups import stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import CollectiveCall
    from analysis.fleet.arrivals import Meetings
    from analysis.fleet.joined import Ints

_MOST_LATE = 100


class _Key(NamedTuple):
    """What collectives have in common that are summed up together."""

    kind: str
    group: str
    members: str
    ranks: int
    bytes: int | None


def kinds(met: Meetings) -> tuple[CollectiveKind, ...]:
    """Sum up the collectives that are measured, by kind, group and size, the costliest first."""
    joined = met.joined
    code, keys = coded([met.kind, met.call], lambda k, c: _key(joined.kinds[k], joined.calls[c]))
    cost, hidden = met.total(met.end - met.start), met.total(met.hidden)
    order = np.argsort(code, kind="stable")
    order = order[met.inside[order]]
    own = [order[low:high] for low, high in stretches(code[order])]
    own.sort(key=lambda each: -int(cost[each].sum()))
    return tuple(
        _kind(keys[code[each[0]]], met, each, int(hidden[each].sum()), int(cost[each].sum()))
        for each in own
    )


def late(met: Meetings) -> tuple[LateCollective, ...]:
    """Return the collectives with the most waiting, where it is certain who came last."""
    joined, waited = met.joined, met.total(met.waited)

    def order(each: int) -> tuple[int, str, str, int]:
        group = joined.calls[met.call[each]].group
        return (-int(waited[each]), joined.steps[met.step[each]], group, int(met.place[each]))

    found = nsmallest(_MOST_LATE, np.flatnonzero(met.certain & met.inside).tolist(), order)
    return tuple(_late(met, each, int(waited[each])) for each in found)


def _late(met: Meetings, number: int, waited_ns: int) -> LateCollective:
    joined = met.joined
    members = slice(*np.searchsorted(met.meeting, [number, number + 1]).tolist())
    ranks = [joined.ranks[code] for code in met.rank[members].tolist()]
    return LateCollective(
        kind=joined.kinds[met.kind[number]],
        group=joined.calls[met.call[number]].group,
        step=joined.steps[met.step[number]],
        place=int(met.place[number]),
        last=joined.ranks[met.rank[met.last[number]]],
        skew_ns=int(met.skew_ns[number]),
        waited_ns=waited_ns,
        transfer_ns=int(met.transfer_ns[number]),
        waits_ns=tuple(zip(ranks, met.waited[members].tolist(), strict=True)),
    )


def _key(kind: str, call: CollectiveCall) -> _Key:
    return _Key(kind, call.group, call.ranks, ranks_in(kind, call), size_bytes(call))


def _kind(
    key: _Key, met: Meetings, own: NDArray[np.intp], hidden_ns: int, cost_ns: int
) -> CollectiveKind:
    timed = own[met.comparable[own] & met.complete[own]]
    transfer = _middle(met.transfer_ns[timed])
    rate = key.bytes / transfer if key.bytes and transfer else None
    factor = bus_factor(key.kind, key.ranks)
    return CollectiveKind(
        kind=key.kind,
        group=key.group,
        ranks=key.ranks,
        bytes=key.bytes,
        number=len(own),
        skew_ns=_middle(met.skew_ns[timed]),
        transfer_ns=transfer,
        algorithm_gb_s=rate,  # bytes a nanosecond are GB/s
        bus_gb_s=None if rate is None or factor is None else rate * factor,
        hidden_share=hidden_ns / cost_ns if cost_ns else None,
    )


def _middle(values: Ints) -> int | None:
    return round(median(values.tolist())) if len(values) else None

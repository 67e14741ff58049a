"""Which ranks' clocks cannot be one, though the ranks name the same host."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from analysis.fleet.clocks import NO_ERROR_NS
from analysis.groups import begins, numbered

if TYPE_CHECKING:
    from analysis.fleet.joined import Joined
    from analysis.fleet.matching import Matches


class Hosts(NamedTuple):
    """What the ranks communicated, on clocks that can be.

    Attributes:
        joined: the same, with clocks of their own for ranks that share none.
        notes: whose, and why.
    """

    joined: Joined
    notes: tuple[str, ...]


def hosts(joined: Joined, matches: Matches) -> Hosts:
    """Give ranks of one host clocks of their own where a common one cannot be.

    No rank leaves a collective that ends together before the last one has come to it. If
    ranks of a host did by their times, in most of what they share, their times are not of one
    clock: the hosts are several of one name, or the traces are of different runs.
    """
    kept = joined.ends_together[matches.row]
    row = matches.row[kept]
    clock = joined.clock[joined.rank[row]].astype(np.int64)
    collective = numbered(matches.members)[0][kept]
    shared = collective * len(joined.clocks) + clock
    order = np.argsort(shared, kind="stable")
    row, first = row[order], begins(shared[order])
    several = np.diff(first, append=len(row)) > 1
    left = np.minimum.reduceat(joined.end[row], first)
    came = np.maximum.reduceat(joined.start[row], first)
    of = shared[order][first] % len(joined.clocks)
    total = np.bincount(of[several], minlength=len(joined.clocks))
    wrong = np.bincount(of[several & (came - left > NO_ERROR_NS)], minlength=len(joined.clocks))
    apart = 2 * wrong > total
    names = [
        f"rank {rank}" if apart[code] else joined.clocks[code]
        for rank, code in zip(joined.ranks, joined.clock.tolist(), strict=True)
    ]
    codes = {name: code for code, name in enumerate(dict.fromkeys(names))}
    return Hosts(
        msgspec.structs.replace(
            joined,
            clock=np.array([codes[name] for name in names], np.int32),
            clocks=tuple(codes),
        ),
        tuple(
            f"Ranks of host {joined.clocks[code]} left {wrong[code]:,} of {total[code]:,} "
            "collectives before others had come to them, by their times: these are not of one "
            "clock, or not of one run. Each rank is taken to have a clock of its own."
            for code in np.flatnonzero(apart).tolist()
        ),
    )

"""Ranks whose time goes elsewhere than that of the others."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from analysis.fleet.figures import Outlier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.fleet.figures import RankRow

_FEWEST = 3
_LEAST_SHARE = 0.05
_SPREADS = 3
_TO_SIGMA = 1.4826


def find(rows: Sequence[RankRow]) -> tuple[Outlier, ...]:
    """Return the ranks that are unusual in a state, the furthest from the median first.

    Unusual is a share of the window that differs from the median over all ranks by more
    than five points and more than three times 1.4826 times the median absolute deviation
    (the usual estimate of a standard deviation: Rousseeuw and Croux, 1993). Two ranks
    have no middle.
    """
    if len(rows) < _FEWEST:
        return ()
    states = sorted({state for row in rows for state in row.breakdown_ns})
    found = []
    for state in states:
        shares = [
            row.breakdown_ns.get(state, 0) / row.window_ns if row.window_ns else 0.0 for row in rows
        ]
        middle = median(shares)
        spread = median(abs(share - middle) for share in shares)
        bound = max(_LEAST_SHARE, _SPREADS * _TO_SIGMA * spread)
        found += [
            Outlier(row.rank, state, share, middle)
            for row, share in zip(rows, shares, strict=True)
            if abs(share - middle) > bound
        ]
    found.sort(key=lambda each: (-abs(each.share - each.median), each.rank, each.state))
    return tuple(found)

"""Whether the samples of a timing are what their interval takes them for: independent."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_FEWEST: Final = 12
_PARTS: Final = 4
_TAIL: Final = -3.09
"""Lower 0.1% point of the standard normal distribution."""


@dataclass(frozen=True)
class Drift:
    """The medians of a timing's quarters that lie furthest apart, in ns."""

    low_ns: float
    high_ns: float


def drift(samples_ns: Sequence[float], interval_ns: tuple[float, float]) -> Drift | None:
    """Tell whether samples of one round and the next hang together, and move further than said.

    The bootstrap draws rounds as if each knew nothing of the one before. Where something
    else than chance moved them (another program, a throttled clock) the interval is too
    narrow. Both must be so: the ranks follow each other (Bartels, The rank version of
    von Neumann's ratio test for randomness, 1982: one-sided, 0.1%), and the medians of
    the quarters lie further apart than the interval is wide.

    Args:
        samples_ns: by round.
        interval_ns: of their median.

    Returns:
        How far they moved; None where there is nothing to say, or too few rounds.
    """
    count = len(samples_ns)
    if count < _FEWEST or von_neumann(samples_ns) > _TAIL:
        return None
    bounds = [count * part // _PARTS for part in range(_PARTS + 1)]
    medians = [median(samples_ns[low:high]) for low, high in pairwise(bounds)]
    low, high = interval_ns
    if max(medians) - min(medians) <= high - low:
        return None
    return Drift(min(medians), max(medians))


def von_neumann(samples: Sequence[float]) -> float:
    """The rank version of von Neumann's ratio, standardised: far below 0 where ranks follow."""
    ranks = _ranks(samples)
    n = len(ranks)
    mean = (n + 1) / 2
    spread = sum((rank - mean) ** 2 for rank in ranks)
    if not spread:
        return 0.0
    steps = sum((one - other) ** 2 for one, other in pairwise(ranks))
    variance = 4 * (n - 2) * (5 * n * n - 2 * n - 9) / (5 * n * (n + 1) * (n - 1) ** 2)
    return float((steps / spread - 2) / variance**0.5)


def _ranks(samples: Sequence[float]) -> list[float]:
    """1 for the least; equal ones share their mean rank."""
    places: dict[float, list[int]] = {}
    for place, value in enumerate(sorted(samples), start=1):
        places.setdefault(value, []).append(place)
    return [sum(places[value]) / len(places[value]) for value in samples]

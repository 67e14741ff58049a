"""A ratio taken apart into factors whose product it is, exactly.

The variants are the corners of a path from the script as printed to the measurement
as it should be; the ratio of two neighbours is what the one change between them is
worth. Where two paths lead over different corners, a change is worth the geometric
mean over both: its Shapley value, on logarithms (docs/claim.md).
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from analysis.claim.figures import LEAST_PROCESSES, Measured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from analysis.claim.manifest import Variant

    Weights = Mapping[str, float]

_RESAMPLES = 4000
_SEED = 71_993
_LOW, _HIGH = 2.5, 97.5

FIRST_CALL, ASYNCHRONY, ONE_READING = "first_call", "asynchrony", "one_reading"
AS_PRINTED, SYNCHRONIZED, WARMED = "as_printed", "synchronized", "warmed"
WARMED_SYNCHRONIZED, REPEATED = "warmed_synchronized", "repeated"
SWAPPED = "swapped"
VARIANTS = (AS_PRINTED, SWAPPED, SYNCHRONIZED, WARMED, WARMED_SYNCHRONIZED, REPEATED)
_ORDER = (FIRST_CALL, ASYNCHRONY, ONE_READING)

_CHANGES = {
    AS_PRINTED: frozenset[str](),
    SYNCHRONIZED: frozenset({ASYNCHRONY}),
    WARMED: frozenset({FIRST_CALL}),
    WARMED_SYNCHRONIZED: frozenset({FIRST_CALL, ASYNCHRONY}),
    REPEATED: frozenset({FIRST_CALL, ASYNCHRONY, ONE_READING}),
}
"""What of the script each variant has mended."""

_PATHS = (
    (AS_PRINTED, WARMED, WARMED_SYNCHRONIZED, REPEATED),
    (AS_PRINTED, SYNCHRONIZED, WARMED_SYNCHRONIZED, REPEATED),
)

_ALIKE_ON_A_CPU = {SYNCHRONIZED: AS_PRINTED, WARMED_SYNCHRONIZED: WARMED}
"""Variants that do the same where nothing runs after its call has returned."""


class Drawn(msgspec.Struct, frozen=True, eq=False):
    """A ratio and its bootstrap draws.

    Attributes:
        value: the ratio.
        draws: float64 of shape (resamples,), of processes drawn with replacement.
        processes: how many there were.
    """

    value: float
    draws: NDArray[np.float64]
    processes: int


class Step(NamedTuple):
    """What the changes between two neighbours on a path are worth.

    Attributes:
        changes: one, or several where variants between them were not measured.
        weights: the exponent of each variant's ratio; the factor is their product.
    """

    changes: tuple[str, ...]
    weights: Weights


class Chain(NamedTuple):
    """The factors from one variant to another, in order.

    Attributes:
        steps: their product is the ratio of the first variant over that of the last.
        end: the last variant; "" where none was measured.
    """

    steps: tuple[Step, ...]
    end: str


def ratios_of(variant: Variant) -> list[float]:
    """Return with gradients / without of each process, of its medians."""
    return [float(np.median(run.with_grad_ns) / np.median(run.no_grad_ns)) for run in variant.runs]


def draw(ratios: Mapping[str, Sequence[float]]) -> dict[str, Drawn]:
    """Return the median ratio of each variant, with bootstrap draws over its processes.

    Percentile bootstrap: Efron and Tibshirani, An Introduction to the Bootstrap,
    chapter 13. Processes of different variants are independent and drawn so.
    """
    random = np.random.default_rng(_SEED)
    drawn = {}
    for name, values in ratios.items():
        known = np.asarray(values, np.float64)
        rows = random.integers(len(known), size=(_RESAMPLES, len(known)))
        drawn[name] = Drawn(float(np.median(known)), np.median(known[rows], axis=1), len(known))
    return drawn


def draw_means(logarithms: NDArray[np.float64]) -> list[Drawn]:
    """Return the geometric means of columns, drawn by common rows.

    Args:
        logarithms: of shape (processes, columns).
    """
    random = np.random.default_rng(_SEED)
    count = len(logarithms)
    rows = random.integers(count, size=(_RESAMPLES, count))
    values, draws = logarithms.mean(axis=0), logarithms[rows].mean(axis=1)
    return [
        Drawn(math.exp(value), np.exp(draws[:, column]), count)
        for column, value in enumerate(values.tolist())
    ]


def pooled(ratios: Mapping[str, Sequence[float]], *, cpu: bool) -> dict[str, list[float]]:
    """Return the ratios with those put together that were measured alike.

    On a CPU a synchronise does nothing: what ran with one is the same program.
    """
    together: dict[str, list[float]] = {}
    for name, values in ratios.items():
        if values and name in _CHANGES:
            together.setdefault(_ALIKE_ON_A_CPU.get(name, name) if cpu else name, []).extend(values)
    return together


def chain(measured: Sequence[str], *, cpu: bool) -> Chain:
    """Return the factors between the first variant measured and the last.

    Args:
        measured: variants with at least one process, put together already.
        cpu: whether asynchrony is nothing that can change.
    """
    paths = [tuple(name for name in path if name in measured) for path in _PATHS]
    # Where a corner is missing the two paths no longer part the same changes.
    corners = {AS_PRINTED, SYNCHRONIZED, WARMED, WARMED_SYNCHRONIZED}
    whole = paths if corners <= set(measured) else [max(paths, key=len)]
    weights: dict[tuple[str, ...], dict[str, float]] = {}
    for path in whole:
        for name, then in pairwise(path):
            changes = _CHANGES[then] - _CHANGES[name] - ({ASYNCHRONY} if cpu else set())
            of = weights.setdefault(tuple(each for each in _ORDER if each in changes), {})
            of[name] = of.get(name, 0.0) + 1 / len(whole)
            of[then] = of.get(then, 0.0) - 1 / len(whole)
    return Chain(
        tuple(Step(changes, weights[changes]) for changes in sorted(weights, key=_place)),
        whole[0][-1] if whole[0] else "",
    )


def _place(changes: tuple[str, ...]) -> int:
    return _ORDER.index(changes[0])


def product(parts: Mapping[str, Drawn], weights: Weights) -> Measured:
    """Return the product of powers of ratios, with its interval where they are enough."""
    used = [(parts[name], weight) for name, weight in weights.items() if weight]
    value = math.exp(sum(weight * math.log(part.value) for part, weight in used))
    processes = min(part.processes for part, _ in used)
    if processes < LEAST_PROCESSES:
        return Measured(value, None, processes)
    draws = np.exp(sum(weight * np.log(part.draws) for part, weight in used))
    low, high = np.percentile(draws, [_LOW, _HIGH])
    return Measured(value, (float(low), float(high)), processes)

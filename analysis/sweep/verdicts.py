"""From which operator length on a mode pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.comparison import BASELINE
from analysis.sweep.model import Point, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.statistics import Ratio

_NO_GAIN = 1.0


def verdicts(points: Sequence[Point]) -> tuple[Verdict, ...]:
    """Judge every mode but the baseline, in each group of points.

    Args:
        points: by operator length.
    """
    return tuple(
        verdict(mode, group, [each for each in points if each.group == group])
        for mode in modes(points)
        for group in dict.fromkeys(point.group for point in points)
    )


def modes(points: Iterable[Point]) -> list[str]:
    """Return the modes beside the baseline, as they first appear by name."""
    return sorted({each.mode for point in points for each in point.modes} - {BASELINE})


def verdict(mode: str, group: str, points: Sequence[Point]) -> Verdict:
    """Judge one mode in one group."""
    known = [(point, ratio) for point in points if (ratio := _speed_up(point, mode)) is not None]
    if not known:
        return Verdict(mode, group, "unknown", 0, 0)
    pays = [ratio.low > _NO_GAIN for _, ratio in known]
    # Of points with operators of one length all must pay: none of them is beyond another.
    first = len(pays)
    while first and pays[first - 1]:
        first -= 1
    while 0 < first < len(known) and _length(known[first]) == _length(known[first - 1]):
        first += 1
    best, best_ratio = max(known, key=lambda pair: pair[1].value)
    whole = Verdict(
        mode,
        group,
        "never" if not any(pays) else "between",
        len(known),
        sum(pays),
        best_ns=best.operators.half_time_ns,
        best_label=best.label,
        best_speed_up=best_ratio,
    )
    if first == len(known):
        return whole
    point, ratio = known[first]
    return Verdict(
        mode,
        group,
        "from" if first else "always",
        whole.points,
        whole.paying,
        point.operators.half_time_ns,
        point.label,
        ratio,
        whole.best_ns,
        whole.best_label,
        whole.best_speed_up,
    )


def _speed_up(point: Point, mode: str) -> Ratio | None:
    found = point.mode(mode)
    return None if found is None else found.speed_up


def _length(pair: tuple[Point, Ratio]) -> float:
    return pair[0].operators.half_time_ns

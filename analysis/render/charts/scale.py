"""From values to places along an axis, and where its ticks stand."""

from __future__ import annotations

import math

import msgspec

_STEPS = (1, 2, 2.5, 5, 10)


class Scale(msgspec.Struct, frozen=True):
    """An axis from `low` to `high`, linear or logarithmic.

    Attributes:
        low: the value at its begin.
        high: the value at its end, greater than `low`.
        log: whether equal ratios are equally far apart; then `low` is above 0.
        margin: share of the axis that stays free at each end.
    """

    low: float
    high: float
    log: bool = False
    margin: float = 0.0

    def share(self, value: float) -> float:
        """Return where a value lies, from 0 to 1."""
        low, high, at = (
            (math.log(each) for each in (self.low, self.high, value))
            if self.log
            else (self.low, self.high, value)
        )
        inside = (at - low) / (high - low)
        return self.margin + (1 - 2 * self.margin) * inside

    def ticks(self, most: int) -> list[float]:
        """Return round values inside, `most` at most where that is two or more."""
        return _decades(self.low, self.high, most) if self.log else _round(self, most)


def spanning(values: list[float], *, log: bool = False, zero: bool = True) -> Scale:
    """Return the scale that holds all the values, and 0 where that is asked for."""
    usable = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    low, high = min(usable, default=1.0 if log else 0.0), max(usable, default=1.0)
    if log:
        return Scale(low, high, log=True) if low < high else Scale(low / 2, low * 2, log=True)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        high = low + (abs(low) or 1.0)
    return Scale(low, high)


def _round(scale: Scale, most: int) -> list[float]:
    rough = (scale.high - scale.low) / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next((each for each in _STEPS if power * each >= rough), 10)
    first, last = math.ceil(scale.low / step - 1e-9), math.floor(scale.high / step + 1e-9)
    return [place * step for place in range(first, last + 1)]


def _decades(low: float, high: float, most: int) -> list[float]:
    first = math.ceil(math.log10(low) - 1e-9)
    last = math.floor(math.log10(high) + 1e-9)
    decades = [10.0**power for power in range(first, last + 1)]
    if len(decades) < 2:
        return sorted({low, high})
    every = -(-len(decades) // most)
    return decades[::every]

"""Exact times: decimal microseconds, as text, to integer nanoseconds.

Today's traces write values such as 4584725184722.053. A double has steps of
0.002 us there, so the text is never turned into one.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import numpy as np

from analysis.errors import DamagedTraceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import msgspec
    from numpy.typing import NDArray

_LARGEST = 2**62
_EXPECTED = "expected a number of microseconds, at most 4.6e15 (2^62 ns)"
_INT64_DIGITS = 18
_NS_DECIMALS = 3
_NANOSECOND = Decimal("0.001")
_POWERS = 10 ** np.arange(_INT64_DIGITS + 1)
_SAMPLE = 1000
_DOT, _COMMA = map(ord, ".,")


def nanoseconds(texts: Sequence[bytes] | Sequence[msgspec.Raw]) -> tuple[NDArray[np.int64], bool]:
    """Parse decimal microseconds exactly.

    Digits beyond the nanosecond are rounded, halves away from zero.

    Args:
        texts: n JSON numbers, as their bytes.

    Returns:
        n times in nanoseconds, and whether all are whole microseconds.

    Raises:
        DamagedTraceError: a text is no number, or its time exceeds 2^62 ns; the
            message starts with the text's position in brackets.
    """
    if not len(texts):
        return np.empty(0, np.int64), True
    joined = b",".join(texts) + b","
    # Only digits, signs, dots and separators: no exponents, quotes or words.
    if not joined.translate(None, b"0123456789-.,"):
        characters = np.frombuffer(joined, np.uint8)
        ends = np.flatnonzero(characters == _COMMA)
        lengths = np.diff(ends, prepend=-1) - 1
        dots = np.flatnonzero(characters == _DOT)
        decimals = np.zeros(len(ends), np.int64)
        owners = np.searchsorted(ends, dots)
        decimals[owners] = ends[owners] - dots - 1
        digits = lengths - (np.bincount(owners, minlength=len(ends)))
        if digits.min() > 0 and digits.max() <= _INT64_DIGITS and decimals.max() <= _INT64_DIGITS:
            mantissas = np.fromstring(joined.replace(b".", b"")[:-1], np.int64, sep=",")
            scaled = _scale(mantissas, decimals)
            if scaled is not None:
                return scaled
    return _slowly(texts)


def _scale(
    mantissas: NDArray[np.int64], decimals: NDArray[np.int64]
) -> tuple[NDArray[np.int64], bool] | None:
    """Return mantissa x 10^-decimals us, in ns; None where one is out of range."""
    # 10^(3 - decimals): up for at most three decimals, down (rounding) beyond.
    up = _POWERS[np.clip(_NS_DECIMALS - decimals, 0, None)]
    largest = np.abs(mantissas)
    if largest.max() > _LARGEST // 1000 and (largest > _LARGEST // up).any():
        return None
    scaled = mantissas * up
    if decimals.max() > _NS_DECIMALS:
        down = _POWERS[np.clip(decimals - _NS_DECIMALS, 0, None)]
        scaled = np.sign(scaled) * ((np.abs(scaled) + down // 2) // down)
    # Most traces betray fractions early on; dividing all of their times takes longer.
    first = slice(None, _SAMPLE)
    whole = all(
        bool(np.all(mantissas[some] % _POWERS[decimals[some]] == 0))
        for some in (first, slice(None))
    )
    return scaled, whole


def _slowly(texts: Sequence[bytes] | Sequence[msgspec.Raw]) -> tuple[NDArray[np.int64], bool]:
    """The same, number by number, for exponents and very long fractions."""
    values = np.empty(len(texts), np.int64)
    whole = True
    for position, text in enumerate(texts):
        spelled = bytes(text).decode("ascii", "replace")
        try:
            microseconds = Decimal(spelled)
            in_range = microseconds.copy_abs() <= _LARGEST // 1000
        except InvalidOperation:
            in_range = False
            microseconds = Decimal(0)
        if not in_range:
            raise DamagedTraceError(f"[{position}] is {spelled[:40] or 'missing'}, {_EXPECTED}")
        # Quantizing rounds once; any other operation would first round to 28 digits.
        ns = microseconds.quantize(_NANOSECOND, "ROUND_HALF_UP").scaleb(_NS_DECIMALS)
        values[position] = int(ns)
        whole = whole and microseconds == microseconds.to_integral_value()
    return values, whole

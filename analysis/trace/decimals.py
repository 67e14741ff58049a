"""Exact times: decimal microseconds, as text, to integer nanoseconds.

Today's traces write values such as 4584725184722.053. A double has steps of
0.002 us there, so the text is never turned into one.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import msgspec
    from numpy.typing import NDArray

    Texts = Sequence[bytes] | Sequence[msgspec.Raw]

EXPECTED = "expected a number of microseconds, at most 4.6e15 (2^62 ns)"
_LARGEST = 2**62
_INT64_DIGITS = 18
_NS_DECIMALS = 3
_NANOSECOND = Decimal("0.001")
_POWERS = 10 ** np.arange(_INT64_DIGITS + 1)
_SAMPLE = 1000
_DOT, _COMMA = map(ord, ".,")


class Times(NamedTuple):
    """Parsed times.

    Attributes:
        ns: shape (n,), int64; 0 where the text is no time.
        whole: whether all are whole microseconds.
        wrong: by position, the texts that are no time, or beyond 2^62 ns.
    """

    ns: NDArray[np.int64]
    whole: bool
    wrong: Mapping[int, str]

    def halves(self) -> tuple[Times, Times]:
        """Return the first and the last n/2 times."""
        half = len(self.ns) // 2
        early = {position: text for position, text in self.wrong.items() if position < half}
        late = {position - half: text for position, text in self.wrong.items() if position >= half}
        return Times(self.ns[:half], self.whole, early), Times(self.ns[half:], self.whole, late)


def nanoseconds(texts: Texts) -> Times:
    """Parse decimal microseconds exactly; some recorders write them as JSON text.

    Digits beyond the nanosecond are rounded, halves away from zero.

    Args:
        texts: n JSON values, as their bytes.
    """
    if not len(texts):
        return Times(np.empty(0, np.int64), True, {})
    joined = b",".join(texts) + b","
    return _at_once(joined, len(texts)) or _slowly(texts)


def _at_once(joined: bytes, number: int) -> Times | None:
    """Parse numbers that each a comma follows, if all are plain and fit into 64 bits."""
    # Only digits, signs, dots and separators: no exponents, quotes or words.
    if joined.translate(None, b"0123456789-.,"):
        return None
    characters = np.frombuffer(joined, np.uint8)
    ends = np.flatnonzero(characters == _COMMA)
    dots = np.flatnonzero(characters == _DOT)
    lengths = np.diff(ends, prepend=-1) - 1
    if lengths.min() <= 0 or lengths.max() > _INT64_DIGITS:
        return None
    mantissas = np.fromstring(joined.replace(b".", b"")[:-1], np.int64, sep=",")
    # Kineto writes three decimals, always.
    if len(dots) == number and np.array_equal(dots, ends - _NS_DECIMALS - 1):
        return Times(mantissas, _all(mantissas, 1000), {})
    decimals = np.zeros(number, np.int64)
    owners = np.searchsorted(ends, dots)
    decimals[owners] = ends[owners] - dots - 1
    return _scale(mantissas, decimals)


def _scale(mantissas: NDArray[np.int64], decimals: NDArray[np.int64]) -> Times | None:
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
    return Times(scaled, _all(mantissas, _POWERS[decimals]), {})


def _all(values: NDArray[np.int64], divisors: NDArray[np.int64] | int) -> bool:
    """Tell whether every value is a multiple of its divisor."""
    divisors = np.broadcast_to(divisors, values.shape)
    # Most traces betray fractions early on; dividing all of their times takes longer.
    parts = (slice(None, _SAMPLE), slice(None))
    return all(not (values[part] % divisors[part]).any() for part in parts)


def _slowly(texts: Texts) -> Times:
    """The same, number by number, for exponents and very long fractions."""
    ns = np.zeros(len(texts), np.int64)
    whole = True
    wrong = {}
    for position, text in enumerate(texts):
        spelled = bytes(text).decode("ascii", "replace")
        microseconds = _decimal(spelled.strip('"'))
        if microseconds is None:
            wrong[position] = spelled
            continue
        # Quantizing rounds once; any other operation would first round to 28 digits.
        rounded = microseconds.quantize(_NANOSECOND, "ROUND_HALF_UP").scaleb(_NS_DECIMALS)
        ns[position] = int(rounded)
        whole = whole and microseconds == microseconds.to_integral_value()
    return Times(ns, whole, wrong)


def _decimal(spelled: str) -> Decimal | None:
    """Return a number that is in range."""
    try:
        number = Decimal(spelled)
        return number if number.copy_abs() <= _LARGEST // 1000 else None
    except InvalidOperation:  # comparing with NaN raises it too
        return None

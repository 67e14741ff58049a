"""Raw values to text, and times back: the one place that formats figures.

What is shown is rounded half to even from the exact value, never from a rounded
one, and never says zero of what is not, or all of what is less.
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from analysis.document import Estimate, Unit

if TYPE_CHECKING:
    from analysis.document import Cell

MICRO = "\N{MICRO SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"
ABSENT = "-"
"""Stands for a figure that does not exist."""

NAME_LENGTH = 80
"""Longer names of activities are shortened; report.json holds them whole."""

_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_KEPT_TAIL = 24
_TIME_SUFFIXES = (" ns", f" {MICRO}s", " ms", " s")
_WRITTEN_TIME = re.compile(rf"(\d+(?:\.\d*)?|\.\d+)\s*(ns|us|{MICRO}s|\u03bcs|ms|s)?", re.ASCII)
_UNIT_NS = {"ns": 1, "us": 10**3, f"{MICRO}s": 10**3, "\u03bcs": 10**3, "ms": 10**6, "s": 10**9}
_DIGITS = 3
_THREE_DIGITS = Context(prec=_DIGITS, rounding=ROUND_HALF_EVEN)
_ASCII = str.maketrans({MICRO: "u", TIMES: "x", _ELLIPSIS: "..."})


class _Scale(NamedTuple):
    """Values are divided by 10**power and shown with so many decimals and the suffix."""

    power: int
    decimals: int
    suffix: str


def text(cell: Cell, unit: Unit) -> str:
    """Write one value as people read it, on one line.

    Times take one unit and three significant digits ("1.57 ms"; whole ns as they
    are), shares one decimal ("71.2%", "<0.1%"), ratios and plain figures two
    decimals or three digits ("1.52x", with a multiplication sign). An interval is
    in its value's unit and to its value's decimals: "330 us (325 to 336)", with a
    micro sign. A change says its sign: "+1.57 ms".

    Args:
        cell: int or float ns for `Unit.TIME` and `Unit.CHANGE`, 0 to 1 for `Unit.SHARE`.
        unit: what the value is.

    Raises:
        ValueError: the value is infinite or not a number; what does not exist is None.
    """
    if cell is None:
        return ABSENT
    if isinstance(cell, str):
        return shortened(one_line(cell)) if unit is Unit.CODE else one_line(cell)
    value, *interval = figures = cell if isinstance(cell, Estimate) else (cell,)
    if not all(map(math.isfinite, figures)):
        raise ValueError(f"{cell} is no figure; write None for what does not exist")
    scale = _scale(value, unit)
    sign = "+" if unit is Unit.CHANGE and value > 0 else ""
    shown = sign + _digits(value, scale) + scale.suffix
    if not interval:
        return shown
    low, high = (_digits(bound, scale) for bound in interval)
    return f"{shown} ({low} to {high})"


def nanoseconds(written: str) -> int:
    """Read a time as people write it: "12.5ms", "3 us", "1.2s"; a plain number counts us.

    Raises:
        ValueError: it is no time, or no whole number of nanoseconds.
    """
    found = _WRITTEN_TIME.fullmatch(written.strip())
    if found is None:
        raise ValueError(
            f"{written!r} is no time; expected a number with ns, us, ms or s, such as 12.5ms "
            "(a number alone counts us)"
        )
    exact = Fraction(found[1]) * _UNIT_NS[found[2] or "us"]
    if exact.denominator != 1:
        raise ValueError(
            f"{written!r} is no whole number of nanoseconds; traces hold no parts of one"
        )
    return int(exact)


def one_line(string: str) -> str:
    """Return the text on one line, with what cannot be printed spelt as an escape.

    Names in traces may hold anything; a control character must not reach a terminal.
    """
    line = " ".join(string.split())
    if line.isprintable():
        return line
    return "".join(each if each.isprintable() else _escape(each) for each in line)


def printable(string: str) -> str:
    """Return the text with its lines, but with no other character that a terminal would obey."""
    return "\n".join(
        line
        if line.isprintable()
        else "".join(each if each.isprintable() else _escape(each) for each in line)
        for line in string.split("\n")
    )


def shortened(name: str, length: int = NAME_LENGTH) -> str:
    """Return a name of at most `length` characters, its begin and end kept."""
    if len(name) <= length:
        return name
    tail = min(_KEPT_TAIL, length // 3)
    return name[: length - tail - 1] + _ELLIPSIS + name[-tail:]


def encodable(string: str, encoding: str) -> str:
    """Return the text with what the encoding lacks replaced by plain characters."""
    try:
        string.encode(encoding)
    except UnicodeEncodeError:
        plain = string.translate(_ASCII)
        return plain.encode(encoding, "backslashreplace").decode(encoding)
    return string


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _scale(value: float, unit: Unit) -> _Scale:
    match unit:
        case Unit.TIME | Unit.CHANGE:
            return _time_scale(value)
        case Unit.SHARE:
            return _Scale(-2, 1, "%")
        case Unit.FACTOR:
            return _Scale(0, _decimals(value), TIMES)
        case _ if isinstance(value, int):
            return _Scale(0, 0, "")
        case _:
            return _Scale(0, _decimals(value), "")


def _time_scale(ns: float) -> _Scale:
    if abs(ns) < 1000 and ns == int(ns):
        return _Scale(0, 0, _TIME_SUFFIXES[0])
    leading = _leading(ns)
    thousands = min(max(leading // 3, 0), len(_TIME_SUFFIXES) - 1)
    decimals = max(_DIGITS - 1 - (leading - 3 * thousands), 0)
    return _Scale(3 * thousands, min(decimals, _DIGITS - 1), _TIME_SUFFIXES[thousands])


def _decimals(value: float) -> int:
    """Return how many decimals make three digits, two at most."""
    return min(max(_DIGITS - 1 - _leading(value), 0), _DIGITS - 1)


def _leading(value: float) -> int:
    """Return the power of ten of the first digit, once rounded to three."""
    return _THREE_DIGITS.plus(Decimal(value)).adjusted() if value else 0


def _digits(value: float, scale: _Scale) -> str:
    exact = Fraction(value) / Fraction(10) ** scale.power
    units = round(exact * 10**scale.decimals)
    if exact > 0 and units == 0:
        return f"<{_point(1, scale.decimals)}"
    if scale.suffix == "%" and exact < 100 and units == 100 * 10**scale.decimals:
        return f">{_point(units - 1, scale.decimals)}"
    return _point(units, scale.decimals)


def _point(units: int, decimals: int) -> str:
    """Write units of the last decimal, with separators of thousands."""
    whole, part = divmod(abs(units), 10**decimals)
    sign = "-" if units < 0 else ""
    return f"{sign}{whole:,}.{part:0{decimals}}" if decimals else f"{sign}{whole:,}"

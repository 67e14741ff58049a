"""The rules as people write them."""

from __future__ import annotations

import operator
import re
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec

from analysis.errors import SelectionError
from analysis.gate.figures import LESS_IS_WORSE, MEANING, RATIOS, TIME_ALONE
from analysis.units import nanoseconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.gate.figures import Unit

OPERATORS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}

_WHERE = r"(?:(?P<trace>.+):)?\s*(?P<figure>\w+)\s*"
_REQUIREMENT = re.compile(_WHERE + r"(?P<compare>>=|<=|>|<)\s*(?P<bound>.+)")
_REGRESSION = re.compile(_WHERE + r"=\s*(?P<bound>.+)")
_NUMBER = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)", re.ASCII)
_PER_CENT = 100


class Requirement(msgspec.Struct, frozen=True):
    """A bound that a figure must keep.

    Attributes:
        text: as it was written.
        trace: the label of the traces that it is about; None: of all.
        figure: a name of `figures.MEANING`.
        compare: one of `OPERATORS`.
        bound: in the unit.
        unit: of the bound, and hence of the figure.
    """

    text: str
    trace: str | None
    figure: str
    compare: str
    bound: Fraction
    unit: Unit


class Regression(msgspec.Struct, frozen=True):
    """How much worse than the baseline a figure may be.

    Attributes:
        text: as it was written.
        trace: the label of the traces that it is about; None: of all.
        figure: a name of `figures.MEANING`.
        limit: a share of the baseline's value, or ns.
        relative: which of the two.
        unit: of the figure.
    """

    text: str
    trace: str | None
    figure: str
    limit: Fraction
    relative: bool
    unit: Unit


def requirement(text: str) -> Requirement:
    """Read a rule such as `overlap>=0.2`, `idle<=1.5ms` or `threads:achieved>1.5`.

    Raises:
        SelectionError: it is no such rule.
    """
    found = _REQUIREMENT.fullmatch(text.strip())
    if found is None:
        raise SelectionError(
            f"{text}: is no requirement; expected a figure, one of {', '.join(OPERATORS)} and a "
            'bound, such as "overlap>=0.2" or "idle<=1.5ms"'
        )
    figure = _known(text, found["figure"])
    number = _NUMBER.fullmatch(found["bound"].strip())
    if number is None:
        if figure in RATIOS:
            raise SelectionError(f"{text}: {figure} is a ratio; expected a number without unit")
        bound = Fraction(_time(text, found["bound"]))
        return Requirement(text, found["trace"], figure, found["compare"], bound, "ns")
    bound = _fraction(number)
    if figure in TIME_ALONE:
        raise SelectionError(
            f"{text}: {figure} is a time and no share; expected a bound such as 1.5ms"
        )
    if figure in RATIOS:
        return Requirement(text, found["trace"], figure, found["compare"], bound, "ratio")
    if bound > 1 and figure != "work":
        raise SelectionError(
            f"{text}: without a unit the bound is a share of the wall time, 1 at most; write "
            f"{number[1]}% or {number[1]}ms"
        )
    return Requirement(text, found["trace"], figure, found["compare"], bound, "share")


def regression(text: str) -> Regression:
    """Read a rule such as `idle=5%`, `wall=20us` or `threads:overlap=10%`.

    Raises:
        SelectionError: it is no such rule.
    """
    found = _REGRESSION.fullmatch(text.strip())
    if found is None:
        raise SelectionError(
            f"{text}: is no limit; expected a figure, = and how much worse it may be, such as "
            '"idle=5%" or "wall=20us"'
        )
    figure = _known(text, found["figure"])
    unit: Unit = "ratio" if figure in RATIOS else "share" if figure in LESS_IS_WORSE else "ns"
    number = _NUMBER.fullmatch(found["bound"].strip())
    if number is not None and number[2]:
        return Regression(text, found["trace"], figure, _fraction(number), True, unit)
    if number is not None or unit != "ns":
        kinds = "a share such as 5%" + (" or a time such as 20us" if unit == "ns" else "")
        raise SelectionError(f"{text}: expected {kinds}, by which {figure} may be worse")
    limit = Fraction(_time(text, found["bound"]))
    return Regression(text, found["trace"], figure, limit, False, unit)


def _known(text: str, figure: str) -> str:
    if figure not in MEANING:
        raise SelectionError(
            f"{text}: there is no figure {figure}; the figures are {', '.join(MEANING)}"
        )
    return figure


def _time(text: str, written: str) -> int:
    try:
        return nanoseconds(written)
    except ValueError as error:
        raise SelectionError(f"{text}: {error}") from error


def _fraction(number: re.Match[str]) -> Fraction:
    return Fraction(number[1]) / (_PER_CENT if number[2] else 1)

"""Figures as text, above all where rounding carries them into the next unit."""
# ruff: noqa: RUF001 - the multiplication sign is meant

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.document import Cell, Estimate, Unit
from analysis.units import NAME_LENGTH, encodable, nanoseconds, one_line, shortened, text

NS = {"ns": 1, "\N{MICRO SIGN}s": 10**3, "ms": 10**6, "s": 10**9}


@pytest.mark.parametrize(
    ("ns", "shown"),
    [
        (0, "0 ns"),
        (7, "7 ns"),
        (431, "431 ns"),
        (999, "999 ns"),
        (1_000, "1.00 µs"),
        (1_004, "1.00 µs"),
        (1_006, "1.01 µs"),
        (9_994, "9.99 µs"),
        (9_996, "10.0 µs"),
        (12_345, "12.3 µs"),
        (99_949, "99.9 µs"),
        (99_951, "100 µs"),
        (999_499, "999 µs"),
        (999_500, "1.00 ms"),
        (999_600, "1.00 ms"),
        (1_570_000, "1.57 ms"),
        (999_499_999, "999 ms"),
        (999_500_000, "1.00 s"),
        (2_100_000_000, "2.10 s"),
        (999_499_999_999, "999 s"),
        (1_000_000_000_000, "1,000 s"),
        (12_345_678_000_000_000, "12,345,678 s"),
        (2**63 - 1, "9,223,372,037 s"),
        (330_412.5, "330 µs"),
        (431.0, "431 ns"),
        (431.25, "431 ns"),
        (12.345, "12.3 ns"),
        (0.5, "0.50 ns"),
        (0.001, "<0.01 ns"),
    ],
)
def test_time_has_one_unit_and_three_digits(ns: float, shown: str) -> None:
    assert text(ns, Unit.TIME) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0, "0.0%"),
        (0.0, "0.0%"),
        (5e-324, "<0.1%"),
        (0.000_49, "<0.1%"),
        (0.000_51, "0.1%"),
        (0.712_3, "71.2%"),
        (0.999_49, "99.9%"),
        (0.999_51, ">99.9%"),
        (math.nextafter(1, 0), ">99.9%"),
        (1, "100.0%"),
        (1.0, "100.0%"),
    ],
)
def test_share_says_none_and_all_only_of_none_and_all(share: float, shown: str) -> None:
    assert text(share, Unit.SHARE) == shown


@pytest.mark.parametrize(
    ("cell", "unit", "shown"),
    [
        (1.52, Unit.FACTOR, "1.52×"),
        (1, Unit.FACTOR, "1.00×"),
        (-0.5, Unit.NUMBER, "-0.50"),
        (1.0, Unit.FACTOR, "1.00×"),
        (0.873, Unit.FACTOR, "0.87×"),
        (0.004, Unit.FACTOR, "<0.01×"),
        (9.994, Unit.FACTOR, "9.99×"),
        (9.996, Unit.FACTOR, "10.0×"),
        (99.96, Unit.FACTOR, "100×"),
        (1234.5, Unit.FACTOR, "1,234×"),
        (1.004, Unit.NUMBER, "1.00"),
        (7, Unit.NUMBER, "7"),
        (1_234_567, Unit.COUNT, "1,234,567"),
        (0, Unit.COUNT, "0"),
        (12, Unit.TEXT, "12"),
        ("aten::mm", Unit.CODE, "aten::mm"),
        ("not known", Unit.TIME, "not known"),
    ],
)
def test_other_figures(cell: Cell, unit: Unit, shown: str) -> None:
    assert text(cell, unit) == shown


@pytest.mark.parametrize(
    ("estimate", "unit", "shown"),
    [
        (Estimate(330_412.5, 325_100, 336_020), Unit.TIME, "330 µs (325 to 336)"),
        (Estimate(999_600, 950_000, 1_200_400), Unit.TIME, "1.00 ms (0.95 to 1.20)"),
        (Estimate(1_570_000, 990, 2_000_000_000), Unit.TIME, "1.57 ms (<0.01 to 2,000.00)"),
        (Estimate(1.52, 1.496, 1.557), Unit.FACTOR, "1.52× (1.50 to 1.56)"),
        (Estimate(0.5, 0.000_1, 0.999_9), Unit.SHARE, "50.0% (<0.1 to >99.9)"),
        (Estimate(2.5, 2, 3), Unit.NUMBER, "2.50 (2.00 to 3.00)"),
    ],
)
def test_interval_takes_the_unit_of_its_value(estimate: Estimate, unit: Unit, shown: str) -> None:
    assert text(estimate, unit) == shown


@pytest.mark.parametrize("unit", Unit)
def test_what_does_not_exist_is_a_dash(unit: Unit) -> None:
    assert text(None, unit) == "-"


@pytest.mark.parametrize("cell", [math.nan, math.inf, Estimate(1.0, -math.inf, 1.0)])
@pytest.mark.parametrize("unit", [Unit.TIME, Unit.SHARE, Unit.FACTOR, Unit.NUMBER])
def test_refuses_what_is_no_figure(cell: Cell, unit: Unit) -> None:
    with pytest.raises(ValueError, match=r"is no figure; write None"):
        text(cell, unit)


def parsed_time(shown: str) -> tuple[Fraction, Fraction]:
    """The ns that are shown, and the weight of the last digit."""
    digits, unit = shown.split(" ")
    decimals = len(digits.partition(".")[2])
    return Fraction(digits.replace(",", "")) * NS[unit], Fraction(NS[unit], 10**decimals)


@given(st.integers(0, 2**63 - 1))
def test_time_reads_back_within_half_its_last_digit(ns: int) -> None:
    shown = text(ns, Unit.TIME)
    value, weight = parsed_time(shown)
    assert abs(value - ns) <= weight / 2
    if ns < 999_500_000_000:
        assert sum(each.isdigit() for each in shown) == (3 if ns >= 1000 else len(str(ns)))
        assert value < 1000 * NS[shown.split(" ")[1]]


@given(st.lists(st.integers(0, 10**13), min_size=2, max_size=2))
def test_longer_times_never_read_as_shorter(pair: list[int]) -> None:
    shorter, longer = (parsed_time(text(ns, Unit.TIME))[0] for ns in sorted(pair))
    assert shorter <= longer


@given(st.floats(0, 1))
def test_share_reads_back_within_half_its_last_digit(share: float) -> None:
    shown = text(share, Unit.SHARE)
    if shown == "<0.1%":
        assert 0 < share <= 0.000_5
    elif shown == ">99.9%":
        assert 0.999_5 <= share < 1
    else:
        assert abs(Fraction(shown.removesuffix("%")) - Fraction(share) * 100) <= Fraction(1, 20)
    assert (shown == "0.0%") == (share == 0)
    assert (shown == "100.0%") == (share == 1)


@given(st.floats(0.01, 1e6))
def test_factor_reads_back_within_half_its_last_digit(factor: float) -> None:
    digits = text(factor, Unit.FACTOR).removesuffix("×").replace(",", "")
    weight = Fraction(1, 10 ** len(digits.partition(".")[2]))
    assert abs(Fraction(digits) - Fraction(factor)) <= weight / 2


@given(st.integers())
def test_count_reads_back_whole(count: int) -> None:
    assert int(text(count, Unit.COUNT).replace(",", "")) == count


@given(st.text())
def test_names_come_out_on_one_printable_line(name: str) -> None:
    for unit in (Unit.TEXT, Unit.CODE):
        assert text(name, unit).isprintable()
        text(name, unit).encode("utf-8")


def test_control_characters_are_spelt_out() -> None:
    assert one_line(" a\n\tb \x1b[31m \x00 \u202e \udcff ") == r"a b \x1b[31m \x00 \u202e \udcff"


def test_long_names_keep_begin_and_end() -> None:
    name = "void at::native::" + "x" * 100 + "::operator()(int)"
    assert len(text(name, Unit.CODE)) == NAME_LENGTH
    assert text(name, Unit.CODE).startswith("void at::native::x")
    assert text(name, Unit.CODE).endswith("x::operator()(int)")
    assert text(name, Unit.TEXT) == name
    assert shortened("x" * NAME_LENGTH) == "x" * NAME_LENGTH


def test_an_encoding_that_lacks_our_signs_gets_plain_ones() -> None:
    assert encodable("12.3 µs, 1.52×, a…b, 中", "ascii") == r"12.3 us, 1.52x, a...b, \u4e2d"
    assert encodable("12.3 µs, 1.52×", "latin-1") == "12.3 µs, 1.52×"
    assert encodable("中", "utf-8") == "中"


@pytest.mark.parametrize(
    ("written", "ns"),
    [
        ("12.5ms", 12_500_000),
        ("3us", 3_000),
        ("3 \N{MICRO SIGN}s", 3_000),
        ("3\N{GREEK SMALL LETTER MU}s", 3_000),
        ("1.2s", 1_200_000_000),
        ("7ns", 7),
        ("7", 7_000),
        ("4584725184722.053", 4_584_725_184_722_053),
        (" .5us ", 500),
        ("2.", 2_000),
        ("0", 0),
    ],
)
def test_times_are_read(written: str, ns: int) -> None:
    assert nanoseconds(written) == ns


@pytest.mark.parametrize("written", ["", "ms", "1 h", "1e3", "-1", "1,5ms", "\u0663ms", "0.1ns"])
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is no "):
        nanoseconds(written)

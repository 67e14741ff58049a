from decimal import ROUND_HALF_UP, Context, Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analysis.trace.decimals import nanoseconds

LIMIT_US = 2**62 // 1000

EXACT = Context(prec=100)
"""Enough digits that nothing below is rounded before it is asked to be."""

signs = st.sampled_from(["", "-"])
wholes = st.one_of(
    st.integers(0, 9), st.integers(0, 10**7), st.integers(LIMIT_US - 1000, LIMIT_US - 1)
).map(str)
fractions = st.one_of(
    st.just(""),
    st.text("0123456789", min_size=1, max_size=25).map(".{}".format),
    st.text("04599", min_size=3, max_size=6).map(".{}".format),
)
plain = st.builds("{}{}{}".format, signs, wholes, fractions)
exponents = st.builds(
    "{}{}.{}{}{}".format,
    signs,
    st.integers(1, 9),
    st.integers(0, 10**18),
    st.sampled_from(["e", "E", "e+", "E+", "e-"]),
    st.integers(0, 14),
)


def exactly(text: str) -> int:
    ns = EXACT.multiply(Decimal(text), Decimal(1000))
    return int(ns.to_integral_value(ROUND_HALF_UP, EXACT))


def is_whole(text: str) -> bool:
    return EXACT.remainder(Decimal(text), Decimal(1)) == 0


def parse(*texts: str) -> tuple[list[int], bool]:
    times = nanoseconds([text.encode() for text in texts])
    assert times.ns.dtype == "int64"
    assert not times.wrong
    return times.ns.tolist(), times.whole


@given(st.lists(plain, min_size=1, max_size=6))
@example(["4584725184722.053"])
@example(["-0.0005", "0.0005", "-0.0004999"])
@example(["1", "1.0", "1.000000"])
def test_plain_decimals_are_exact(texts: list[str]) -> None:
    assert parse(*texts) == ([exactly(text) for text in texts], all(map(is_whole, texts)))


@given(st.lists(st.one_of(plain, exponents), min_size=1, max_size=6))
@example(["1e3", "2"])
@example(["1234567890123456.0004999999999999999999"])
def test_exponents_and_long_fractions_are_exact(texts: list[str]) -> None:
    assert parse(*texts) == ([exactly(text) for text in texts], all(map(is_whole, texts)))


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0),
        ("7", 7_000),
        ("7.1", 7_100),
        ("7.12", 7_120),
        ("7.123", 7_123),
        ("7.1234", 7_123),
        ("7.1235", 7_124),
        ("7.12349", 7_123),
        ("7.123499", 7_123),
        ("7.1234999999999999999999", 7_123),
        ("-7.1235", -7_124),
        ("-7.1234", -7_123),
        ("0.0005", 1),
        ("-0.0005", -1),
        ("0.00049999999999999999999", 0),
        ("1.5e3", 1_500_000),
        ("15E-1", 1_500),
        ("5e-4", 1),
        ("1e-999999999", 0),
        ("4584725184722.053", 4_584_725_184_722_053),
        ("1700000000000000.001", 1_700_000_000_000_000_001),
        ("999999999999999.999999", 1_000_000_000_000_000_000),
        ("4611686018427387", 4_611_686_018_427_387_000),
        ("-4611686018427387", -4_611_686_018_427_387_000),
    ],
)
def test_known_values(text: str, ns: int) -> None:
    assert parse(text)[0] == [ns]
    assert parse("1.25", text, "2e0")[0] == [1_250, ns, 2_000]


@pytest.mark.parametrize(
    ("texts", "whole"),
    [
        (["1", "200"], True),
        (["1.000", "200.0"], True),
        (["1", "200.5"], False),
        (["1", "200.0001"], False),
        (["1e3", "12e-1"], False),
        (["1e3", "120e-1"], True),
        (["-3", "-0.001"], False),
    ],
)
def test_tells_whole_microseconds(texts: list[str], whole: bool) -> None:
    assert parse(*texts)[1] is whole


def test_nothing_has_no_times() -> None:
    assert parse() == ([], True)


@pytest.mark.parametrize(("text", "ns"), [('"12"', 12_000), ('"-1.5"', -1_500), ('"1e3"', 10**6)])
def test_numbers_may_be_written_as_text(text: str, ns: int) -> None:
    assert parse("1", text)[0] == [1_000, ns]


@pytest.mark.parametrize(
    "text",
    [
        "4611686018427388",
        "-4611686018427388",
        "4611686018427388.5",
        "9" * 60,
        "1e16",
        "-1e16",
        "1e300",
        "1e999999999",
        "",
        "null",
        "true",
        '"1,2"',
        '""',
        '"twelve"',
        "[1,2]",
        "NaN",
        "Infinity",
    ],
)
def test_what_is_no_time_is_told_by_its_position(text: str) -> None:
    times = nanoseconds([each.encode() for each in ("1", "2.5", text, "3")])
    assert times.wrong == {2: text}
    assert times.ns.tolist() == [1_000, 2_500, 0, 3_000]


def test_halves() -> None:
    first, last = nanoseconds([b"1", b"x", b"2", b"", b"4.5", b"5"]).halves()
    assert (first.ns.tolist(), first.wrong) == ([1_000, 0, 2_000], {1: "x"})
    assert (last.ns.tolist(), last.wrong) == ([0, 4_500, 5_000], {0: ""})
    assert first.whole is last.whole is False

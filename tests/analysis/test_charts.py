"""The pictures: well-formed, to scale, legible, and nothing in them from outside is markup."""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from analysis.document import Estimate, Unit
from analysis.metrics import accelerator, cpu
from analysis.render.charts import (
    TONES,
    Bar,
    Bin,
    Fall,
    Part,
    Point,
    Ratios,
    Row,
    Series,
    bars,
    histogram,
    lines,
    matrix,
    palette,
    ratio_bars,
    stacked_bars,
    tone_of,
    waterfall,
)
from analysis.render.charts.scale import Scale, spanning

if TYPE_CHECKING:
    from collections.abc import Callable

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '<script>alert("1")</script>\n\0]]>&amp;\'"'
GROUNDS = {"light": "#ffffff", "dark": "#12161b"}


def charts(name: str) -> dict[str, str]:
    """Draw every kind of chart with a name in every place for one."""
    return {
        "stacked_bars": stacked_bars(
            [Row(name, [Part(TONES["host"], 3.0, name), Part(TONES["edge"], 1.0)], name)],
            title=name,
        ),
        "bars": bars([Bar(name, Estimate(2, 1, 3), note=name), Bar("b", 4)], title=name),
        "histogram": histogram([Bin(1, 10, 3, name), Bin(10, 100, 1)], title=name, log=True),
        "ratio_bars": ratio_bars([name], [Ratios(name, [1.5], name)], title=name),
        "matrix": matrix([name, "b"], [name, "b"], [[None, 0.5], [0.5, 0.0]], title=name),
        "waterfall": waterfall(
            [Fall(name, Estimate(2, 1, 3), True, note=name), Fall("b", 2.0)],
            title=name,
            key=[(TONES["host"], name)],
        ),
        "lines": lines(
            [Series(name, [Point(1, 1, 0.5, 1.5), Point(10, 2, 1.5, 2.5)])],
            title=name,
            x_title=name,
            y_title=name,
            log_x=True,
            reference=1,
        ),
    }


def parsed(drawn: str) -> ET.Element:
    return ET.fromstring(drawn)  # noqa: S314 - our own


def marks(drawn: str) -> list[ET.Element]:
    return [each for each in parsed(drawn).iter() if each.get("class") == "mark"]


def share(value: str | None) -> float:
    assert value is not None
    assert value.endswith("%")
    return float(value[:-1]) / 100


@pytest.mark.parametrize("kind", charts(""))
def test_names_are_text_and_never_markup(kind: str) -> None:
    drawn = charts(HOSTILE)[kind]
    tree = parsed(drawn)
    tags = {each.tag.removeprefix(SVG) for each in tree.iter()}
    assert "script" not in tags
    assert 'alert("1")' in "".join(tree.itertext()) + str(tree.get("aria-label"))
    # A strict Content-Security-Policy refuses these.
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", drawn)


@pytest.mark.parametrize("kind", charts(""))
def test_a_chart_says_what_it_shows(kind: str) -> None:
    tree = parsed(charts("busy")[kind])
    assert tree.get("role") == "img"
    assert str(tree.get("aria-label")).startswith("busy")
    assert marks(charts("busy")[kind])


@pytest.mark.parametrize("kind", charts(""))
def test_a_name_of_megabytes_makes_no_large_picture(kind: str) -> None:
    assert len(charts("x" * 10**6)[kind]) < 20_000


@pytest.mark.parametrize(
    "draw",
    [
        lambda: stacked_bars([], title="none"),
        lambda: stacked_bars([Row("nothing", [])], title="none"),
        lambda: stacked_bars([Row("nothing", [Part(TONES["host"], 0)])], title="none"),
        lambda: bars([], title="none"),
        lambda: bars([Bar("nothing", 0)], title="none", reference=0),
        lambda: histogram([], title="none", log=True),
        lambda: ratio_bars(["a"], [Ratios("b", [None])], title="none"),
        lambda: matrix([], [], [], title="none"),
        lambda: lines([], title="none", x_title="", y_title=""),
        lambda: lines(
            [Series("one", [Point(5, 0)])], title="one", x_title="", y_title="", log_x=True
        ),
    ],
)
def test_nothing_to_draw_is_no_error(draw: Callable[[], str]) -> None:
    parsed(draw())


def test_parts_are_as_wide_as_their_shares() -> None:
    parts = [Part(TONES["together"], 600), Part(TONES["host"], 0), Part(TONES["unknown"], 200)]
    found = marks(stacked_bars([Row("a", parts)], title="t", key=False))
    assert [share(each.get("x")) for each in found] == [0, 0.75]
    assert [share(each.get("width")) for each in found] == [0.75, 0.25]


def test_rows_to_one_scale_are_as_wide_as_their_values() -> None:
    rows = [Row("a", [Part(TONES["host"], 200)]), Row("b", [Part(TONES["host"], 800)])]
    found = marks(stacked_bars(rows, title="t", shares=False, key=False))
    assert [share(each.get("width")) for each in found] == [0.25, 1]


def test_bars_begin_at_zero_and_whiskers_span_their_interval() -> None:
    drawn = bars([Bar("a", Estimate(50, 40, 100)), Bar("b", -100)], title="t")
    up, down = marks(drawn)
    zero = share(up.get("x"))
    assert share(down.get("x")) + share(down.get("width")) == pytest.approx(zero, abs=1e-4)
    assert share(down.get("width")) == pytest.approx(2 * share(up.get("width")), abs=1e-4)
    across = parsed(drawn).find(f"{SVG}line")
    assert across is not None
    per_unit = share(up.get("width")) / 50
    assert share(across.get("x1")) == pytest.approx(zero + 40 * per_unit, abs=1e-4)
    assert share(across.get("x2")) == pytest.approx(zero + 100 * per_unit, abs=1e-4)


def test_columns_are_as_high_as_their_numbers_and_none_vanishes() -> None:
    found = marks(
        histogram([Bin(0, 1, 1000), Bin(1, 2, 500), Bin(2, 3, 1), Bin(3, 4, 0)], title="")
    )
    full, half, one = (float(str(each.get("height"))) for each in found)
    assert half == pytest.approx(full / 2, abs=0.06)
    assert one >= 2


def test_cells_are_the_stronger_the_greater() -> None:
    drawn = marks(matrix(["a"], list("bcde"), [[0.0, 0.01, 0.5, 1.0]], title=""))
    strength = [float(str(each.get("fill-opacity"))) for each in drawn]
    assert strength[0] == 0
    assert strength == sorted(strength)
    assert len(set(strength)) == 4


def test_a_ratio_and_its_inverse_are_equally_long_on_either_side_of_one() -> None:
    drawn = ratio_bars(
        ["up", "down"], [Ratios("a", [4.0, 0.25]), Ratios("b", [2.0, 1.0])], title=""
    )
    up, down, half, none = marks(drawn)
    assert (share(up.get("x")), share(up.get("width"))) == (0.5, 0.5)
    assert (share(down.get("x")), share(down.get("width"))) == (0, 0.5)
    assert share(half.get("width")) == pytest.approx(0.25)
    assert share(none.get("width")) == 0


@pytest.mark.parametrize("log", [False, True])
def test_an_axis_holds_its_ends_and_its_ticks(*, log: bool) -> None:
    scale = spanning([3.0, 4_700.0], log=log, zero=False)
    assert scale.share(3.0) == pytest.approx(0)
    assert scale.share(4_700.0) == pytest.approx(1)
    ticks = scale.ticks(5)
    assert 2 <= len(ticks) <= 5
    assert all(0 <= scale.share(tick) <= 1 for tick in ticks)


def test_equal_ratios_are_equally_far_apart() -> None:
    scale = Scale(1, 1e6, log=True)
    assert [scale.share(10.0**power) for power in range(7)] == pytest.approx(
        [power / 6 for power in range(7)]
    )


def test_every_state_has_a_tone() -> None:
    for state in (*accelerator.STATES, *cpu.STATES):
        assert state in palette.STATE_TONES
    assert set(palette.STATE_TONES.values()) == set(TONES)
    assert tone_of("a state of tomorrow") is TONES["unknown"]


@pytest.mark.parametrize("theme", GROUNDS)
def test_tones_stand_out_from_the_ground(theme: str) -> None:
    """By the ratio that WCAG 2.2 asks of graphics (1.4.11)."""
    for tone in (*TONES.values(), *palette.SERIES, palette.NEUTRAL, palette.LESS):
        assert _contrast(getattr(tone, theme), GROUNDS[theme]) >= 3, tone.key


@pytest.mark.parametrize("theme", GROUNDS)
@pytest.mark.parametrize("eyes", ["any", "no red cones", "no green cones"])
def test_tones_of_one_texture_differ_to_every_eye(theme: str, eyes: str) -> None:
    for a, b in combinations(TONES.values(), 2):
        if a.texture == b.texture:
            seen = [_lab(_seen(getattr(tone, theme), eyes)) for tone in (a, b)]
            assert np.linalg.norm(seen[0] - seen[1]) >= 15, (a.key, b.key)


def test_unit_of_a_histogram_may_be_any() -> None:
    assert "50.0%" in histogram([Bin(0, 0.5, 1)], title="", unit=Unit.SHARE)


def _linear(colour: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _contrast(a: str, b: str) -> float:
    """Return the contrast ratio of WCAG 2.2."""
    light = sorted(float(_linear(each) @ [0.2126, 0.7152, 0.0722]) + 0.05 for each in (a, b))
    return light[1] / light[0]


# Machado, Oliveira, Fernandes 2009, severity 1, on linear sRGB.
_EYES = {
    "any": np.eye(3),
    "no red cones": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green cones": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}


def _seen(colour: str, eyes: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.clip(_EYES[eyes] @ _linear(colour), 0, 1)


def _lab(
    linear: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return CIE L*a*b* (D65)."""
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    t = to_xyz @ linear / np.array([0.95047, 1.0, 1.08883])
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])

"""Bars of states on terminals: wide and narrow, with colours and without, in any encoding."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from analysis.document import Bullets, Document, Section
from analysis.render import bars, terminal
from analysis.render.bars import TITLE, Row, draw
from analysis.render.charts.palette import TONES
from analysis.wording import STATE_MEANING
from tests.builders import kernel, write_trace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Analyze = Callable[..., tuple[object, str, str]]

PAGE = Document((Section("T", 1, (Bullets(("one",)),)), Section("U", 2, ())), ())
states = st.dictionaries(
    st.sampled_from(sorted(STATE_MEANING)), st.integers(0, 10**15), min_size=1, max_size=8
)


def drawn(*rows: Row, width: int = 80, encoding: str = "utf-8") -> list[str]:
    return [line.plain for line in draw(rows, width=width, encoding=encoding)]


def test_letters_are_shares() -> None:
    row = Row("a", {"overlapped": 50, "one_same_lane": 25, "idle_host_op": 15, "idle_edge": 10})
    bar, *legend = drawn(row, width=1 + 2 + 20 + 2 + 7)
    assert bar == "a  " + "█" * 10 + "▓" * 5 + "░" * 3 + "_" * 2 + "    50.0%"
    explained = " ".join(legend)
    for letter, tone in (("█", "together"), ("▓", "same-lane"), ("░", "host"), ("_", "edge")):
        assert f"{letter} {TONES[tone].words}" in explained
    assert TONES["latency"].words not in explained


def test_states_of_one_tone_stand_together() -> None:
    bar, *_ = drawn(
        Row("a", {"idle_host_op": 5, "overlapped": 10, "idle_host_python": 5}), width=32
    )
    assert bar == "a  " + "█" * 10 + "░" * 10 + "    50.0%"


def test_ascii_where_the_encoding_has_no_blocks() -> None:
    for encoding in ("ascii", "latin-1"):
        lines = drawn(Row("a", {"overlapped": 3, "idle_unknown": 1}), width=32, encoding=encoding)
        assert lines[0] == "a  " + "#" * 15 + "?" * 5 + "    75.0%"
        assert all(line.isascii() for line in lines)


@given(st.lists(states, min_size=1, max_size=4), st.integers(40, 200), st.booleans())
def test_bars_are_as_long_as_each_other_and_no_line_is_wider(
    breakdowns: list[dict[str, int]], width: int, blocks: bool
) -> None:
    rows = [Row(f"trace {i}", each) for i, each in enumerate(breakdowns)]
    lines = drawn(*rows, width=width, encoding="utf-8" if blocks else "ascii")
    with_time = [row for row in rows if sum(row.breakdown_ns.values())]
    assert len(lines) >= len(with_time)
    assert all(cell_len(line) <= width for line in lines)
    assert len({cell_len(line) for line in lines[: len(with_time)]}) <= 1
    if not with_time:
        assert not lines


@given(states)
def test_every_tone_has_its_letters_to_within_one(breakdown: dict[str, int]) -> None:
    total = sum(breakdown.values())
    if not total:
        return
    tones = bars._by_tone(Row("a", breakdown))
    letters = bars._letters(tones, 50)
    assert sum(letters.values()) == 50
    for key, count in letters.items():
        assert abs(count - tones[key] * 50 / total) < 1


def test_every_tone_looks_like_no_other() -> None:
    assert set(bars._LOOKS) == set(TONES)
    for kind in ("letter", "ascii"):
        assert len({getattr(look, kind) for look in bars._LOOKS.values()}) == len(TONES)
    assert all(cell_len(look.letter) == 1 for look in bars._LOOKS.values())


def test_labels_are_data() -> None:
    name = "[red]\x1b[31m" + "x" * 200 + "中"
    lines = drawn(Row(name, {"overlapped": 1}), width=60)
    assert "\x1b" not in lines[0]
    assert lines[0].startswith("[red]\\x1b[31mxxx")
    assert cell_len(lines[0]) <= 60


@pytest.mark.parametrize("color", [True, False])
def test_bars_follow_the_title(color: bool) -> None:
    rows = [Row("a", {"overlapped": 1})]
    shown = terminal.render(PAGE, width=80, color=color, bars=rows)
    assert ("\x1b[32m█" in shown) is color
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert plain[:4] == ["T", "- one", "", TITLE]
    assert plain[4].startswith("a  ███")
    assert plain[-1] == "U"
    assert TITLE not in terminal.render(PAGE, width=80, color=color)


def test_the_commands_draw_them(analyze: Analyze, tmp_path: Path) -> None:
    path = write_trace(tmp_path / "t.json", [kernel("a", 0, 30), kernel("b", 20, 40, stream=8)])
    _, out, _ = analyze("report", path)
    (bar,) = (line for line in out.splitlines() if line.startswith("t  █"))
    assert bar.endswith(" 25.0%")
    _, out, _ = analyze("compare", path, path)
    assert len([line for line in out.splitlines() if line.startswith("t, ")]) == 2

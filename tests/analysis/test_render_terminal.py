"""The summary in terminals wide and narrow, with colours and without."""
# ruff: noqa: RUF001 - the multiplication sign is meant

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from analysis.document import Bullets, Column, Document, Estimate, Paragraph, Section, Table, Unit
from analysis.render import terminal
from analysis.report import Report
from analysis.units import one_line

EMPTY = Report(traces=(), comparison=None)
WIDTHS = [40, 80, 120, 200]
ANSI = re.compile(r"\x1b\[[0-9;]*m")

MODES = Table(
    (
        Column("mode", Unit.TEXT),
        Column("wall per step", Unit.TIME),
        Column("speed-up", Unit.FACTOR),
        Column("less work", Unit.FACTOR),
        Column("more overlap", Unit.FACTOR),
        Column("busy", Unit.SHARE),
        Column("strongest state", Unit.TEXT),
    ),
    (
        ("sequential", Estimate(330_412, 325_100, 336_020), None, 1.0, 1.0, 0.931, "one_alone"),
        ("threads", Estimate(1.2e6, 1.1e6, 1.3e6), Estimate(0.28, 0.26, 0.29), 0.9, 1.4, 1, "x"),
    ),
    "Wall and speed-up are untraced, with 95% intervals.",
)
FIGURES = (
    "330 µs (325 to 336)",
    "1.20 ms (1.10 to 1.30)",
    "0.28× (0.26 to 0.29)",
    "0.90×",
    "1.40×",
    "93.1%",
    "100.0%",
    "one_alone",
)
SUMMARY = Document(
    (
        Section("What ran in parallel", 1, (Bullets(("threads: 2 threads, 12% overlapped.",)),)),
        Section("Modes of post on cpu", 2, (MODES, Paragraph("On 2 CPU cores."))),
    ),
    (),
)


def show(
    document: Document, *, width: int = 80, color: bool = False, encoding: str = "utf-8"
) -> str:
    return terminal.render(document, width=width, color=color, encoding=encoding)


def prose(text: str) -> Document:
    return Document((Section("Title", 2, (Bullets((text,)), Paragraph(text))),), ())


def test_the_whole_page() -> None:
    assert show(SUMMARY, width=72) == (
        "What ran in parallel\n"
        "- threads: 2 threads, 12% overlapped.\n"
        "\n"
        "Modes of post on cpu\n"
        "Wall and speed-up are untraced, with 95% intervals.\n"
        "\n"
        "                                                           less     more\n"
        "mode                 wall per step              speed-up   work  overlap\n"
        "sequential     330 µs (325 to 336)                     -  1.00×    1.00×\n"
        "threads     1.20 ms (1.10 to 1.30)  0.28× (0.26 to 0.29)  0.90×    1.40×\n"
        "\n"
        "                    strongest\n"
        "mode          busy  state\n"
        "sequential   93.1%  one_alone\n"
        "threads     100.0%  x\n"
        "\n"
        "On 2 CPU cores.\n"
        "\n"
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_every_figure_is_whole_at_any_width(width: int) -> None:
    shown = show(SUMMARY, width=width)
    assert max(map(cell_len, shown.splitlines())) <= width
    if width > 40:  # a figure and its mode take more
        assert [figure for figure in FIGURES if figure not in shown] == []


@pytest.mark.parametrize("name", ["x" * 200, "a name of words " * 20])
def test_long_names_leave_room_for_figures(name: str) -> None:
    rows = tuple((name, *row[1:]) for row in MODES.rows)
    table = Table(MODES.columns, rows)
    shown = show(Document((Section("Title", 2, (table,)),), ()), width=80)
    assert max(map(cell_len, shown.splitlines())) <= 80
    assert [figure for figure in FIGURES if figure not in shown] == []
    assert len(shown.split("\n\n")) < len(MODES.columns)


def test_each_part_of_a_divided_table_names_its_rows() -> None:
    parts = show(SUMMARY, width=60).split("\n\n")
    tables = [part for part in parts if "\nsequential" in part]
    assert len(tables) > 1
    assert all(re.search(r"^threads ", part, re.MULTILINE) for part in tables)


def test_a_wide_terminal_gets_one_table_with_titles_on_one_line() -> None:
    (titles,) = [line for line in show(SUMMARY, width=200).splitlines() if "mode " in line]
    assert "strongest" in show(SUMMARY, width=200)
    assert titles.split()[:4] == ["mode", "wall", "per", "step"]


def test_narrower_than_sensible_is_taken_for_40() -> None:
    assert show(SUMMARY, width=0) == show(SUMMARY, width=40)


def test_colours_come_only_where_asked_for() -> None:
    assert "\x1b" not in show(SUMMARY)
    coloured = show(SUMMARY, color=True)
    assert set(ANSI.findall(coloured)) == {"\x1b[1m", "\x1b[2m", "\x1b[0m"}
    without = "\n".join(line.rstrip() for line in ANSI.sub("", coloured).split("\n"))
    assert without == show(SUMMARY)


def test_says_the_same_in_any_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [show(SUMMARY, color=color) for color in (True, False)]
    for name, value in (
        ("NO_COLOR", "1"),
        ("FORCE_COLOR", "1"),
        ("TERM", "dumb"),
        ("COLUMNS", "20"),
        ("TTY_COMPATIBLE", "1"),
    ):
        monkeypatch.setenv(name, value)
        assert [show(SUMMARY, color=color) for color in (True, False)] == expected
        monkeypatch.delenv(name)


@pytest.mark.parametrize("color", [True, False])
def test_names_are_no_markup(color: bool) -> None:
    name = "[red]k[/red] [/] [link=x]y[/link] :smile: \\[bold]"
    table = Table((Column(name, Unit.TEXT),), ((name,),))
    page = Document((Section(name, 2, (Bullets((name,)), Paragraph(name), table)),), ())
    shown = ANSI.sub("", show(page, width=120, color=color))
    assert shown.count(name) == 5


def test_control_characters_do_not_reach_the_terminal() -> None:
    shown = show(prose("a\x1b[31m\rb\x07\u202e"))
    assert r"- a\x1b[31m b\x07\u202e" in shown
    assert set(shown) <= {chr(code) for code in range(32, 127)} | {"\n"}


def test_an_ascii_terminal_gets_ascii() -> None:
    shown = show(SUMMARY, encoding="ascii")
    assert "330 us (325 to 336)" in shown
    assert "0.28x (0.26 to 0.29)" in shown
    assert show(prose("中 é"), encoding="ascii").isascii()


def test_plain_text_draws_no_boxes() -> None:
    assert set(show(SUMMARY)) - {"µ", "×"} <= {chr(code) for code in range(32, 127)} | {"\n"}


@given(st.text(), st.integers(40, 120), st.sampled_from(["ascii", "utf-8", "latin-1"]))
def test_any_text_fits_and_encodes(text: str, width: int, encoding: str) -> None:
    table = Table((Column(text, Unit.TEXT), Column(text, Unit.CODE)), ((text, text),))
    page = Document((Section("Title", 2, (Bullets((text,)), Paragraph(text), table)),), ())
    shown = show(page, width=width, encoding=encoding)
    shown.encode(encoding)
    assert max(map(cell_len, shown.splitlines())) <= width


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), max_size=200))
def test_wrapping_loses_nothing(word: str) -> None:
    shown = show(Document((Section("Title", 2, (Bullets((word,)),)),), ()))
    body = "".join(line[2:] for line in shown.splitlines()[1:])
    assert body == one_line(word)

"""report.md as a reader of Markdown sees it, whatever the names in a trace hold."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from analysis.document import (
    Block,
    Bullets,
    Cell,
    Column,
    Document,
    Paragraph,
    Section,
    Table,
    Unit,
)
from analysis.render import markdown
from analysis.report import Report
from analysis.units import one_line, text

EMPTY = Report(traces=(), comparison=None)
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])

# Mostly what means something in Markdown, HTML or a terminal.
hostile = st.text(st.sampled_from("`|\\<>&*_~[]()#+-=!$:.\"'{}1aé中\n\r\t \x1b\u202e")) | st.text()
NAMES = (
    "void k<int|float>(`T`)",
    r"a\|b",
    "a\\",
    "``",
    "-",
    "--- | ---",
    "# title #",
    "1. item",
    "12) item",
    "+ item",
    "> quote",
    "=====",
    "&lt;b&gt; <b>",
    "[x](y) ![z](w)",
    "*a* __b__ ~~c~~ $d$",
    "two\nlines\r\n\x1b[31mred",
    "<!-- ",
    "",
)


def rendered(*blocks: Block, title: str = "Title", level: int = 2) -> str:
    return markdown.render(Document((Section(title, level, blocks),), ()))


def seen(token: Token) -> str:
    """What an inline token shows; it may hold text and code alone."""
    shown = ""
    for child in token.children or []:
        if child.type == "html_inline":
            assert child.content in ("<code>", "</code>")
        else:
            assert child.type in ("text", "code_inline"), child
            shown += child.content
    return shown


def structure(source: str) -> Iterator[tuple[str, str]]:
    """Each inline text with the tag around it."""
    around = ""
    for token in PARSER.parse(source):
        if token.type == "inline":
            yield around, seen(token)
        else:
            assert token.type not in ("html_block", "hr", "code_block", "fence", "blockquote_open")
            around = token.tag


def cells(source: str) -> list[list[str]]:
    """The tables' cells as text, row by row."""
    rows: list[list[str]] = []
    for token in PARSER.parse(source):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows:
            rows[-1].append(seen(token))
    return rows


def with_examples(test: Callable[[str], None]) -> Callable[[str], None]:
    """Try each of the names, before what hypothesis makes up."""
    for name in NAMES:
        test = example(name)(test)
    return test


@with_examples
@given(hostile)
def test_cells_show_the_name_and_nothing_else(name: str) -> None:
    columns = (Column(name, Unit.TEXT), Column("b", Unit.CODE), Column("c", Unit.TEXT))
    source = rendered(Table(columns, ((name, name, name), (1, name, None))))
    shown, code = text(name, Unit.TEXT), text(name, Unit.CODE)
    assert cells(source) == [[shown, "b", "c"], [shown, code, shown], ["1", code, "-"]]


@with_examples
@given(hostile)
def test_prose_shows_the_text_and_nothing_else(prose: str) -> None:
    line = one_line(prose)
    source = rendered(
        Paragraph(f"a {prose}"), Bullets(("x", f"{prose}.", prose)), Paragraph("z"), title="T"
    )
    items = [("p", "x"), ("p", one_line(f"{prose}.")), ("p", line)]
    expected = [("h2", "T"), ("p", one_line(f"a {prose}")), *items, ("p", "z")]
    assert list(structure(source)) == [each for each in expected if each[1]]


@with_examples
@given(hostile)
def test_paragraphs_and_titles_stay_what_they_are(prose: str) -> None:
    line = one_line(prose)
    source = rendered(Paragraph(prose), Paragraph("z"), title=f"a {prose}")
    expected = [("h2", one_line(f"a {prose}")), ("p", line), ("p", "z")]
    assert list(structure(source)) == [each for each in expected if each[1]]


def test_the_whole_page() -> None:
    table = Table(
        (
            Column("state", Unit.CODE),
            Column("time", Unit.TIME),
            Column("of window", Unit.SHARE),
            Column("meaning", Unit.TEXT),
        ),
        (("idle_host_op", 1_570_000, 0.7123, "idle; the host | worked"), (None, 431, 0.0, None)),
        "By state.",
    )
    page = Document(
        (Section("Found", 1, (Bullets(("one", "two")),)),),
        (Section("Trace", 2, (Paragraph("Its figures."), table)),),
    )
    assert markdown.render(page) == (
        "# Found\n"
        "\n"
        "- one\n"
        "- two\n"
        "\n"
        "## Trace\n"
        "\n"
        "Its figures.\n"
        "\n"
        "By state.\n"
        "\n"
        "| state | time | of window | meaning |\n"
        "| --- | ---: | ---: | --- |\n"
        "| `idle_host_op` | 1.57 ms | 71.2% | idle; the host &#124; worked |\n"
        "| - | 431 ns | 0.0% | - |\n"
    )


def test_names_of_states_and_operators_stay_readable_in_the_source() -> None:
    source = rendered(Bullets(("one_lane_alone: aten::mm (37%), a->b + c = 1.5x; ProfilerStep#3",)))
    assert "- one_lane_alone: aten::mm (37%), a->b + c = 1.5x; ProfilerStep#3\n" in source


@pytest.mark.parametrize("unit", Unit)
def test_figures_are_aligned_on_the_right(unit: Unit) -> None:
    cell: Cell = "x" if unit in (Unit.TEXT, Unit.CODE) else 1
    tokens = PARSER.parse(rendered(Table((Column("a", unit),), ((cell,),))))
    aligned = [token.attrGet("style") for token in tokens if token.type in ("th_open", "td_open")]
    assert aligned == [None if unit in (Unit.TEXT, Unit.CODE) else "text-align:right"] * 2

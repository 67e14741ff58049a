"""What all formats have in common, and report.json."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from analysis.document import (
    Bullets,
    Column,
    Document,
    Estimate,
    Paragraph,
    Section,
    Table,
    Unit,
)
from analysis.errors import OutputError
from analysis.render import RENDERERS, terminal
from analysis.report import Comparison, Failure, Report, RunComparison, TraceReport

TABLE = Table(
    (Column("mode", Unit.TEXT), Column("wall", Unit.TIME), Column("activity", Unit.CODE)),
    (("threads", Estimate(330_412.5, 325_100, 336_020), "aten::mm"), ("stacked", 431, None)),
)
DOCUMENT = Document(
    summary=(Section("Summary", 1, (Bullets(("in a hurry",)), TABLE)),),
    details=(Section("Details", 2, (Paragraph("at leisure"), TABLE)),),
)
TRACE = TraceReport(
    path="traces/a.json",
    label="a",
    rank=None,
    resolution_ns=1,
    notes=("a note",),
    devices=(),
    steps=(),
    spread=(),
    totals=(),
)
REPORT = Report(traces=(TRACE,), comparison=None, failures=(Failure("b.json", "is empty"),))

FORMATS: dict[str, Callable[[Report, Document], str | bytes]] = {
    **RENDERERS,
    "terminal": lambda _, document: terminal.render(document, width=80, color=False),
}


@pytest.fixture(params=FORMATS)
def rendered(request: pytest.FixtureRequest) -> str:
    """One document in each format."""
    result = FORMATS[request.param](REPORT, DOCUMENT)
    return result if isinstance(result, str) else result.decode("utf-8")


def test_ends_in_one_newline(rendered: str) -> None:
    assert rendered.endswith("\n")
    assert rendered.strip()


def test_needs_no_report_to_be_drawn_from_twice(rendered: str) -> None:
    again = {name: render(REPORT, DOCUMENT) for name, render in FORMATS.items()}
    assert rendered in (
        text if isinstance(text, str) else text.decode("utf-8") for text in again.values()
    )


@pytest.mark.parametrize("name", ["md", "terminal"])
def test_readers_of_any_format_see_the_same_figures(name: str) -> None:
    shown = FORMATS[name](REPORT, DOCUMENT)
    assert isinstance(shown, str)
    for figure in ("330 µs (325 to 336)", "431 ns", "in a hurry"):
        assert figure in shown


def test_only_the_terminal_leaves_details_out() -> None:
    shown = {name: FORMATS[name](REPORT, DOCUMENT) for name in ("md", "terminal")}
    assert "at leisure" in str(shown["md"])
    assert "at leisure" not in str(shown["terminal"])


def test_formats_load_no_more_than_they_need() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", "import sys, analysis.render; print(*sys.modules)"],
        cwd=Path(__file__).resolve().parents[2],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert "analysis.render.markdown" in shown
    assert not {"rich", "numpy", "pandas"} & set(shown)


# --- report.json ----------------------------------------------------------------------


def _json(report: Report) -> bytes:
    written = RENDERERS["json"](report, DOCUMENT)
    assert isinstance(written, bytes)
    return written


def test_json_holds_the_report_and_nothing_else() -> None:
    written = _json(REPORT)
    assert json.loads(written) == REPORT.to_json()
    assert written == RENDERERS["json"](REPORT, Document((), ()))
    assert written.startswith(b'{\n  "schema_version": 1,\n')


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
def test_json_refuses_what_is_no_number(figure: float) -> None:
    run = RunComparison(
        run="1",
        device="cpu",
        preset="post",
        workload={"sizes": [1.0, figure]},
        environment={},
        baseline=None,
        modes=(),
    )
    report = msgspec.structs.replace(REPORT, comparison=Comparison((run,)))
    place = rf"report\.comparison\.runs\[0\]\.workload\.sizes\[1\] is {figure}, expected a number"
    with pytest.raises(OutputError, match=place):
        _json(report)


def test_json_spells_out_bytes_of_file_names_that_are_no_text() -> None:
    trace = msgspec.structs.replace(TRACE, path="tr\udcffces/é.json")
    written = json.loads(_json(msgspec.structs.replace(REPORT, traces=(trace,))))
    assert written["traces"][0]["path"] == "tr\\udcffces/é.json"


def test_json_keeps_names_as_they_are() -> None:
    name = 'a|`b` <c>\n\t"\\ \x1b[31m 中 \u202e'
    trace = msgspec.structs.replace(TRACE, notes=(name,))
    written = json.loads(_json(msgspec.structs.replace(REPORT, traces=(trace,))))
    assert written["traces"][0]["notes"] == [name]

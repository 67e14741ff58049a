"""The page as text: its policy, what is escaped, how large it gets, and what is left out."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import analysis
from analysis import reporting
from analysis.compose.report import compose
from analysis.pipeline import analyze
from analysis.render import RENDERERS
from analysis.render.html import MOST_BYTES
from analysis.render.html.markup import data
from analysis.report import Report
from analysis.reporting import report
from analysis.units import one_line
from tests.builders import Event, cpu_op, kernel, launch, write_trace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOSTILE = "</script><!--<script>\"'&lt;\0\x85\u2028\ud7ff]]>"


class Parsed(HTMLParser):
    """Tags with their attributes, and the text of each."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._inside: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "input"):
            self._inside.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._inside.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[self._inside[-1]][-1] += data

    def all_of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(found: Report) -> str:
    return str(RENDERERS["html"](found, compose(found)))


@pytest.fixture
def drawn(tmp_path: Path) -> Callable[..., str]:
    def draw(*traces: list[Event], **options: Any) -> str:
        paths = [
            write_trace(tmp_path / f"rank{number}.json", events)
            for number, events in enumerate(traces)
        ]
        return page(report(paths, pictures=True, **options))

    return draw


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def test_the_policy_allows_the_page_s_own_style_and_script_alone(drawn: Callable[..., str]) -> None:
    found = Parsed(drawn([kernel("k", 0, 10)]))
    (policy,) = [
        str(each["content"]) for each in found.all_of("meta") if each.get("http-equiv") is not None
    ]
    (style,) = found.texts["style"]
    script = found.texts["script"][-1]
    assert policy == (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    for tag, attributes in found.tags:
        assert "style" not in attributes, tag
        assert not any(name.startswith("on") for name in attributes), tag
        assert tag not in ("img", "link", "iframe", "object", "embed", "base", "form")
        for name in ("href", "src"):
            assert str(attributes.get(name, "#")).startswith("#"), "nothing is loaded"
    assert "http" not in style.replace("http://www.w3.org", "")


def test_whatever_a_trace_holds_is_text(drawn: Callable[..., str]) -> None:
    plain = Parsed(drawn([kernel("plain", 0, 10, correlation=1), launch(1, 2, correlation=1)]))
    events = [
        kernel(HOSTILE, 0, 10, stream=7, correlation=1),
        launch(1, 2, correlation=1),
    ]
    hostile = Parsed(drawn(events))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]
    (block,) = [text for text in hostile.texts["script"] if text.startswith("{")]
    assert json.loads(block)["names"] == [one_line(HOSTILE)]
    assert any("</script><!--<script>" in cell for cell in hostile.texts["td"])


def test_data_cannot_end_its_block() -> None:
    block = data("d", {HOSTILE: [HOSTILE, "<!--", "\u2029"]})
    inside = block.removeprefix('<script type="application/json" id="d">').removesuffix("</script>")
    assert "<" not in inside
    assert json.loads(inside) == {HOSTILE: [HOSTILE, "<!--", "\u2029"]}


def _renamed(value: Any, name: str, new: str) -> Any:
    """Replace a name wherever a report holds it."""
    if value == name:
        return new
    if isinstance(value, msgspec.Struct):
        changed = {
            each: _renamed(getattr(value, each), name, new) for each in value.__struct_fields__
        }
        return msgspec.structs.replace(value, **changed)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_renamed(each, name, new) for each in value))
    if isinstance(value, (tuple, list)):
        return type(value)(_renamed(each, name, new) for each in value)
    if isinstance(value, dict):
        return {key: _renamed(each, name, new) for key, each in value.items()}
    return value


def test_a_name_of_ten_megabytes_makes_no_large_page(tmp_path: Path) -> None:
    events = [kernel("k", 0, 10), kernel("k", 20, 30), cpu_op("k", 0, 30)]
    small = report([write_trace(tmp_path / "t.json", events)], pictures=True)
    found: Report = _renamed(small, "k", "<b>&" * 2_500_000)
    assert len(found.traces[0].devices[0].gaps.idle_gaps[0].before or "") == 10_000_000
    drawn = page(found)
    assert len(drawn) < len(page(small)) + 5_000
    assert "<b>&" not in drawn
    assert drawn.count("&lt;b&gt;&amp;") > 10


def _busy(kernels: int, lanes: int) -> list[Event]:
    return [
        kernel(f"kernel_{i:05}_{'x' * 90}", 3 * i, 3 * i + 2, stream=i % lanes)
        for i in range(kernels)
    ]


def test_a_page_of_many_devices_stays_small_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    events = _busy(4_000, 24)
    trace = analysis.load(write_trace(tmp_path / "t.json", events))
    one = analyze(trace, marks=2_000, gaps=100)
    found = Report((one,) * 60, None)
    drawn = page(found)
    size = len(drawn.encode())
    assert size <= MOST_BYTES
    assert size > MOST_BYTES / 2, "the room is used"
    shown = len(re.findall(r'<details class="subject"', drawn))
    assert 0 < shown < 60
    assert f"{60 - shown:,} of 60 devices are not shown in detail" in drawn


def test_marks_are_shared_among_traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "_MARKS", 300)
    monkeypatch.setattr(reporting, "_FEWEST_MARKS", 40)
    paths = [write_trace(tmp_path / f"{i}.json", _busy(200, 2)) for i in range(3)]

    def marks(paths: list[Path]) -> list[int]:
        found = report(paths, pictures=True)
        drawn = [device.drawn for trace in found.traces for device in trace.devices]
        return [len(each.picture.marks) for each in drawn if each is not None]

    assert marks(paths[:1]) == [200]
    assert marks(paths) == [100, 100, 100]
    monkeypatch.setattr(reporting, "_MARKS", 30)
    assert marks(paths) == [40, 40, 40]


def test_what_was_not_worked_out_is_absent(drawn: Callable[..., str]) -> None:
    found = drawn([kernel("k", 0, 10)])
    for title in ("Missed overlaps", "Available and achieved", "Lanes together", "Launches"):
        assert f">{title}<" not in found
    assert ">Idle gaps<" not in found
    assert ">Timeline<" in found
    assert ">Lanes together<" in drawn([kernel("a", 0, 10), kernel("b", 5, 9, stream=8)])


def test_no_trace_is_a_page_too(tmp_path: Path) -> None:
    assert "No trace was read." in page(Report((), None))
    empty = page(report([write_trace(tmp_path / "t.json", [])], pictures=True))
    assert "Nothing to measure." in html.unescape(empty)


def test_without_pictures_the_document_is_shown(tmp_path: Path) -> None:
    found = report([write_trace(tmp_path / "t.json", [kernel("k", 0, 10)])])
    drawn = page(found)
    assert "<h1>What ran in parallel</h1>" in drawn
    assert "idle" in drawn


def test_every_tag_is_closed(drawn: Callable[..., str]) -> None:
    Parsed(drawn(_busy(50, 3)))


def test_a_search_says_for_the_ear_alone_what_is_searched(drawn: Callable[..., str]) -> None:
    """The name of a table may be longer than the field."""
    found = Parsed(drawn(_busy(50, 3)))
    fields = [each for each in found.all_of("input") if each["type"] == "search"]
    assert fields
    assert {each["placeholder"] for each in fields} == {"Search"}
    assert {"Search activities", "Search idle gaps"} <= set(found.texts["span"])


def test_headings_of_the_finding_come_first(drawn: Callable[..., str]) -> None:
    found = Parsed(drawn([kernel("a", 0, 10)], [kernel("b", 0, 10)]))
    (finding,) = found.texts["h1"]
    assert finding.startswith("2 traces, 0.0% of the time overlapped")
    assert found.texts["h2"][:2] == ["Job of 2 ranks", "Traces"]
    assert found.texts["h2"][-1] == "In detail"


def test_ranks_are_compared_by_state(drawn: Callable[..., str]) -> None:
    found = Parsed(drawn([kernel("a", 0, 10)], [kernel("b", 0, 5), kernel("b", 15, 20)]))
    (heat,) = [
        str(each["aria-label"])
        for each in found.all_of("svg")
        if str(each.get("aria-label")).startswith("Each rank's window by state")
    ]
    assert "one_unknown, 0: 0.0%" in heat or "one_nothing_queued, 0: 100.0%" in heat
    assert "idle_unknown, 1: 50.0%" in heat

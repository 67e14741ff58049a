"""`analyze compare`: what is printed and written, and errors of one line."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from tests.builders import annotation, cpu_op, in_microseconds, write_trace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.builders import Event

    Analyze = Callable[..., tuple[object, str, str]]


def steps(slow: int = 0, count: int = 6, name: str = "aten::mm") -> list[Event]:
    return in_microseconds(
        event
        for i in range(count)
        for event in (
            annotation("ProfilerStep#0", 1_000 * i, 1_000 * i + 500 + slow),
            cpu_op(name, 1_000 * i, 1_000 * i + 300 + slow),
        )
    )


def test_what_changed_is_printed_and_written(analyze: Analyze, tmp_path: Path) -> None:
    before = write_trace(tmp_path / "before.json", steps())
    after = write_trace(tmp_path / "after.json", steps(slow=100))
    code, out, err = analyze("compare", before, after)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "What changed"
    assert lines[1].replace("\N{MICRO SIGN}", "u").replace("\N{MULTIPLICATION SIGN}", "x") == (
        "- after: slower, 0.83x (0.83 to 0.83) traced, 500 us to 600 us per step; more work "
        "(0.75x), less idle time (1.11x); most moved one_lane_alone +100 us; and of what ran "
        "aten::mm +100 us."
    )
    assert lines[-1] == "Written: reports/compare.html, reports/compare.md, reports/compare.json"
    for title in ("Before comparing", "Speed-up and its factors", "What moved: after"):
        assert title in lines
    found = json.loads((tmp_path / "reports/compare.json").read_text())
    assert (found["schema_version"], found["pairs"][0]["devices"][0]["verdict"]) == (1, "moved")
    markdown = (tmp_path / "reports/compare.md").read_text()
    assert markdown.startswith("# What changed\n")
    assert "| `aten::mm` | 1.00 | 1.00 | 300 \N{MICRO SIGN}s |" in markdown


def test_the_same_trace(analyze: Analyze, tmp_path: Path) -> None:
    trace = write_trace(tmp_path / "a.json", steps())
    code, out, _ = analyze("compare", trace, trace, "--out", "elsewhere")
    assert code == 0
    assert out.splitlines()[1] == "- a: the same wall time in every step."
    assert (tmp_path / "elsewhere/compare.md").is_file()


def test_the_number_of_names(analyze: Analyze, tmp_path: Path) -> None:
    names = [f"aten::op{i}" for i in range(7)]
    sides = [
        [
            event
            for i, name in enumerate(names)
            for event in on_thread(steps(slow * i, name=name), i)
        ]
        for slow in (0, 10)
    ]
    paths = [write_trace(tmp_path / f"{i}.json", side) for i, side in enumerate(sides)]
    _, out, _ = analyze("compare", *paths, "--top", "2")
    assert out.count("(5 more)") == 2
    assert out.count("aten::op6") == 3  # in the first sentence, too


def on_thread(events: list[Event], by: int) -> list[Event]:
    return [dataclasses.replace(event, tid=by + 1) for event in events]


def test_some_of_a_directory_cannot_be_read(analyze: Analyze, tmp_path: Path) -> None:
    for side in ("x", "y"):
        (tmp_path / side).mkdir()
        write_trace(tmp_path / side / "a.json", steps())
    (tmp_path / "x/b.json").write_text("<html>")
    code, out, _ = analyze("compare", "x", "y")
    assert code == 1
    assert "Not compared" in out
    assert "b.json: is not a Chrome trace" in out


def test_errors_are_one_line_and_nothing_is_written(analyze: Analyze, tmp_path: Path) -> None:
    trace = write_trace(tmp_path / "a.json", steps())
    broken = tmp_path / "broken.json"
    broken.write_text("<html>")
    for arguments in ((trace, "nowhere"), (trace, broken), (broken, trace)):
        code, out, err = analyze("compare", *arguments)
        assert (code, out) == (2, "")
        assert err.startswith("Error: ")
        assert err.count("\n") == 1
    assert not (tmp_path / "reports").exists()


def test_names_that_are_markup_reach_no_terminal_and_no_page(
    analyze: Analyze, tmp_path: Path
) -> None:
    name = "aten::<script>alert(1)</script>\x1b[31m|`\n# title"
    before = write_trace(tmp_path / "a.json", steps())
    after = write_trace(tmp_path / "b.json", steps(name=name))
    code, out, _ = analyze("compare", before, after)
    assert code == 0
    assert "\x1b" not in out
    markdown = (tmp_path / "reports/compare.md").read_text()
    assert "<script>" not in markdown.replace("&lt;script>", "")
    assert "\n# title" not in markdown

"""What notebooks show: pictures, tables, frames, and a tour of them."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import nbformat
import pytest
from nbclient import NotebookClient

import analysis
from analysis.errors import OutputError, SelectionError
from analysis.metrics import METRICS
from analysis.notebook.plots import PLOTS
from analysis.report import Report, TraceReport
from analysis.reporting import report
from analysis.showing import Shown, Tabular
from tests.builders import (
    annotation,
    card,
    cpu_op,
    in_microseconds,
    kernel,
    launch,
    shape,
    write_trace,
)
from tests.executions import Tensor, compute, make, mark, write_execution
from tests.shared import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.notebook import Picture

HOSTILE = "<script>alert(1)</script>&\"'\x00\x1b[31m]]>"


@pytest.fixture
def results(tmp_path: Path) -> dict[str, Any]:
    """One of every kind of result, of traces whose names are markup."""
    events = in_microseconds(
        [
            annotation("ProfilerStep#0", 0, 400),
            cpu_op(f"aten::{HOSTILE}", 0, 30),
            launch(1, 3, correlation=1),
            launch(10, 12, correlation=2),
            kernel(HOSTILE, 20, 120, stream=7, correlation=1, shape=shape(8, 256)),
            kernel("relu", 60, 160, stream=8, correlation=2, shape=shape(4, 256)),
            kernel(HOSTILE, 300, 400, stream=8, shape=shape(1, 32)),
        ]
    )
    path = write_trace(tmp_path / "accelerator.json", events, header={"deviceProperties": [card()]})
    trace = analysis.load(path)
    measured = analysis.analyze(trace)
    (device,) = measured.devices
    a, b = Tensor(1, 101), Tensor(2, 102)
    operators = [
        annotation("ProfilerStep#0", 0, 100),
        cpu_op("aten::empty", 0, 10),
        cpu_op("aten::relu", 10, 60),
    ]
    write_trace(tmp_path / "cpu.json", operators)
    write_execution(
        tmp_path / "cpu.graph.json",
        [mark("ProfilerStep#0", make(a), compute("aten::relu", [a], b))],
    )
    (on_cpu,) = report([tmp_path / "cpu.json"]).traces
    found: list[Any] = [
        trace,
        measured,
        device,
        device.gaps,
        device.ceilings,
        report([path]),
        analysis.compare(trace, trace),
        *(each for each in device.results.values() if each is not None),
        on_cpu.devices[0].results["graph"],
    ]
    return {type(each).__name__: each for each in found if each is not None}


def every_kind() -> set[type]:
    kinds, left = set(), [Shown]
    while left:
        for each in left.pop().__subclasses__():
            left.append(each)
            kinds.add(each)
    return kinds - {Tabular}


def test_every_kind_of_result_is_drawn_and_tested(results: dict[str, Any]) -> None:
    names = {each.__name__ for each in every_kind()}
    assert names == {each.__name__ for each in PLOTS} == set(results)
    assert len(names) >= len(METRICS) + 5


def test_pictures_are_sound_and_hold_no_markup_of_a_trace(results: dict[str, Any]) -> None:
    for result in results.values():
        picture: Picture = result.plot()
        drawn = ET.fromstring(picture._repr_svg_())  # noqa: S314 - our own
        tags = {each.tag.rpartition("}")[2] for each in drawn.iter()}
        assert "script" not in tags
        assert {"rect", "text"} <= tags
        assert picture.title in "".join(drawn.itertext())
        assert picture._repr_svg_() in picture._repr_html_()


def test_pages_hold_no_markup_of_a_trace(results: dict[str, Any]) -> None:
    for name, result in results.items():
        page = result._repr_html_()
        assert "<script" not in page, name
        assert not set(page) & {"\x00", "\x1b"}
        assert page.startswith("<div>")
        assert "<table>" in page
        opened = re.findall(r"<(div|table|tr|td|ul|li|p|h4)\b", page)
        closed = re.findall(r"</(div|table|tr|td|ul|li|p|h4)>", page)
        assert sorted(opened) == sorted(closed)


def test_pages_show_a_picture_where_there_is_one(results: dict[str, Any]) -> None:
    shown = {name for name, result in results.items() if "<svg" in result._repr_html_()}
    # A look at a trace measures nothing.
    assert shown == set(results) - {"Trace"}
    empty = analysis.Breakdown({}, {})
    assert "<svg" not in empty._repr_html_()
    with pytest.raises(SelectionError, match="nothing to draw"):
        empty.plot()


def test_a_picture_is_saved(results: dict[str, Any], tmp_path: Path) -> None:
    picture = results["Usage"].plot()
    saved = picture.save(tmp_path / "new" / "usage.svg")
    assert saved.read_text() == picture._repr_svg_()
    with pytest.raises(SelectionError, match=r"ends in \.svg"):
        picture.save(tmp_path / "usage.png")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        picture.save(tmp_path / "file" / "usage.svg")


def test_frames_hold_the_figures(results: dict[str, Any]) -> None:
    usage, measured = results["Usage"], results["TraceReport"]
    (row,) = usage.to_frame().to_dict("records")
    assert (row["busy_ns"], row["overlap_ns"]) == (usage.busy_ns, usage.overlap_ns)
    concurrency = usage.to_frame("concurrency")
    assert concurrency["ns"].tolist() == list(usage.concurrency_ns)
    states = results["Breakdown"].to_frame()
    assert dict(zip(states["state"], states["ns"], strict=True)) == (
        results["Breakdown"].breakdown_ns
    )
    assert results["Lanes"].to_frame()["lane"].tolist() == ["7", "8"]
    assert len(results["Gaps"].to_frame()) == 1
    for whole in (measured, results["Report"]):
        (device,) = whole.to_frame().to_dict("records")
        assert device["busy_ns"] == usage.busy_ns
        assert device["overlapped"] == usage.overlap_ns
        assert len(whole.to_frame("states")) == len(states)
    assert len(results["DeviceFigures"].to_frame("lanes")) == 2


def test_an_unknown_table_is_named_with_those_there_are(results: dict[str, Any]) -> None:
    with pytest.raises(
        SelectionError, match="nothing: there is no such table of Usage; there are figures, "
    ):
        results["Usage"].to_frame("nothing")


def test_nothing_is_nothing() -> None:
    empty = Report((), None)
    assert empty.to_frame().empty
    assert TraceReport("t", "t", None, 1, (), (), (), (), ()).to_frame().empty
    assert "No trace was read" in empty._repr_html_()


def test_results_reach_for_pictures_only_where_they_are_looked_at() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", "import sys, analysis.pipeline, analysis.diff; print(*sys.modules)"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert "analysis.showing" in shown
    assert not [each for each in shown if each.startswith(("analysis.notebook", "analysis.render"))]


@pytest.fixture
def tour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nbformat.NotebookNode:
    """The notebook, executed."""
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    text = (REPOSITORY / "docs/tour.ipynb").read_text()
    notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(REPOSITORY / "docs")}},
    )
    executed: nbformat.NotebookNode = client.execute()
    return executed


def test_the_tour_runs_and_shows_what_it_says(tour: nbformat.NotebookNode) -> None:
    source = (REPOSITORY / "docs/tour.ipynb").read_text()
    assert len(source) < 20_000
    assert '"outputs": []' in source
    outputs = [output for cell in tour.cells for output in cell.get("outputs", ())]
    assert {output["output_type"] for output in outputs} == {"execute_result", "stream"}
    kinds = [set(output["data"]) for output in outputs if "data" in output]
    assert sum("image/svg+xml" in kind for kind in kinds) == 2
    assert all("text/html" in kind for kind in kinds)
    told = "".join(output.get("text", "") for output in outputs)
    assert "65.6% of the window with two lanes running" in told
    assert "Overlap without gain" in told
    pages = "".join(output["data"]["text/html"] for output in outputs if "data" in output)
    for figure in ("no_grad", "1.63", "aten::addmm", "lanes ran"):
        assert figure in pages

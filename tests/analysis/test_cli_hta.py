"""`analyze hta` and `analyze report --hta`: tables, and errors of one line."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import analysis
from analysis.cli import main
from analysis.document import Paragraph, Table
from analysis.hta import trace_analysis
from analysis.hta.quiet import quiet
from analysis.hta.tables import ANALYSES, answers
from tests.builders import (
    annotation,
    copy,
    cpu_op,
    in_microseconds,
    kernel,
    launch,
    runtime,
    write_trace,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


# An operator that launches three kernels, twice, and a copy; a collective on a second stream.
EVENTS = in_microseconds(
    [
        annotation("ProfilerStep#1", 0, 200),
        *(
            event
            for begin, first in ((0, 1), (60, 4))
            for event in (
                cpu_op("aten::gru", begin, begin + 20),
                launch(begin + 2, begin + 4, correlation=first),
                launch(begin + 6, begin + 8, correlation=first + 1),
                launch(begin + 10, begin + 12, correlation=first + 2),
                kernel("gemm", begin + 5, begin + 15, correlation=first),
                kernel("tanh", begin + 15, begin + 20, correlation=first + 1),
                kernel("add", begin + 22, begin + 30, correlation=first + 2),
            )
        ),
        runtime("cudaMemcpyAsync", 100, 102, correlation=7),
        copy("Memcpy DtoH", 105, 110, correlation=7),
        launch(81, 83, correlation=8),
        kernel("ncclDevKernel_AllReduce", 84, 120, stream=20, correlation=8),
    ]
)
BANDWIDTH = {"memory bandwidth (GB/s)": 12.5}


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    events = [
        replace(each, args={**each.args, **BANDWIDTH}) if each.category == "gpu_memcpy" else each
        for each in EVENTS
    ]
    return write_trace(tmp_path / "trace.json", events)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit_:
            main([str(each) for each in arguments])
        shown = capsys.readouterr()
        assert isinstance(exit_.value.code, int)
        return exit_.value.code, shown.out, shown.err

    return call


def tables(path: Path, name: str, operator: str | None = None) -> list[Table]:
    found = answers(trace_analysis(analysis.load(path)), [name], operator=operator, paths={})
    (section,) = found.document.summary
    return [block for block in section.blocks if isinstance(block, Table)]


# --- each analysis says what HTA says -------------------------------------------------


def test_temporal(trace: Path) -> None:
    (table,) = tables(trace, "temporal")
    (row,) = table.rows
    # From 5 to 120, idle from 20 to 22, from 30 to 65 and from 80 to 82.
    assert row[:5] == (0, 115_000, 39_000, 46_000, 30_000)
    assert row[5:] == pytest.approx([39 / 115, 46 / 115, 30 / 115], abs=1e-4)


def test_idle(trace: Path) -> None:
    (table,) = tables(trace, "idle")
    found = {row[1:3]: row[3] for row in table.rows}
    # 2 us before each "add", launched in time; 35 us and 15 us that the host was late.
    assert found[7, "kernel_wait"] == 4_000
    assert found[7, "host_wait"] == 50_000
    assert {row[0] for row in table.rows} == {0}


def test_overlap(trace: Path) -> None:
    (table,) = tables(trace, "overlap")
    ((rank, share),) = table.rows
    assert rank == 0
    assert share == pytest.approx(6 / 36, abs=1e-4)


def test_kernels(trace: Path) -> None:
    types, kernels = tables(trace, "kernels")
    times = {row[0]: row[1] for row in types.rows}
    assert times["COMPUTATION"] == 40_000
    assert ("gemm", 0, "COMPUTATION", 20_000, 10_000, 10_000, 10_000) in kernels.rows
    assert [row[0] for row in kernels.rows[:3]] == ["ncclDevKernel_AllReduce", "gemm", "add"]


def test_kernels_beyond_ten_keep_their_own_times(tmp_path: Path) -> None:
    # HTA adds the times of each up before it averages them, where there are more than ten.
    events = [
        kernel(f"kernel {i}", at, at + length)
        for i in range(12)
        for at, length in ((100 * i, 10), (100 * i + 50, 30))
    ]
    _, kernels = tables(write_trace(tmp_path / "t.json", in_microseconds(events)), "kernels")
    assert len(kernels.rows) == 12
    assert {row[3:] for row in kernels.rows} == {(40_000, 20_000, 10_000, 30_000)}


def test_launches(trace: Path) -> None:
    (table,) = tables(trace, "launches")
    found = {row[1]: row[2:] for row in table.rows}
    assert found["call"] == (8, 2_000, 2_000, 2_000)
    assert found["activity"][0] == 8
    assert found["activity"][3] == 36_000


def test_queue_and_bandwidth(trace: Path) -> None:
    (queue,) = tables(trace, "queue")
    assert {row[1] for row in queue.rows} == {7, 20}
    (bandwidth,) = tables(trace, "bandwidth")
    assert [row[1] for row in bandwidth.rows] == ["Memcpy DtoH"]
    assert bandwidth.rows[0][3] == 12.5


@pytest.mark.parametrize("operator", [None, "gru"])
def test_sequences(trace: Path, operator: str | None) -> None:
    before = set(trace.parent.iterdir())
    (table,) = tables(trace, "sequences", operator)
    assert table.rows == (("aten::gru|gemm|tanh|add", 2, 46_000.0, 40_000.0),)
    assert set(trace.parent.iterdir()) == before


def test_critical_path(trace: Path) -> None:
    bounds, events = tables(trace, "critical-path")
    assert sum(row[-1] for row in bounds.rows if isinstance(row[-1], float)) == pytest.approx(1)
    assert {row[0] for row in events.rows} <= {row[0] for row in bounds.rows}


def test_stragglers(tmp_path: Path) -> None:
    paths = []
    for late in (0, 9_000):
        # HTA knows NCCL's kernels by the names that they had until 2.18.
        events = [
            replace(each, name="ncclKernel_AllReduce", start=each.start + late)
            if each.name.startswith("nccl")
            else each
            for each in EVENTS
        ]
        paths.append(write_trace(tmp_path / f"{late}.json", events))
    ranks = trace_analysis(map(analysis.load, paths))
    found = answers(ranks, ["stragglers"], operator=None, paths={0: "early", 1: "late"})
    legend, section = found.document.summary
    (table,) = legend.blocks
    assert isinstance(table, Table)
    assert table.rows == ((0, "early"), (1, "late"))
    with quiet():
        named = ", ".join(map(str, ranks.get_potential_stragglers()))
    assert section.blocks == (Paragraph(f"Potential stragglers: rank {named}."),)


def test_what_hta_has_not_is_told_as_absent(tmp_path: Path) -> None:
    alone = write_trace(tmp_path / "t.json", [e for e in EVENTS if not e.name.startswith("nccl")])
    (table,) = tables(alone, "overlap")
    assert table.rows == ((0, None),)


# --- the command ----------------------------------------------------------------------


def test_all_analyses_each_with_its_title(
    trace: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, err = run("hta", trace)
    assert (code, err) == (0, "")
    for name, each in ANALYSES.items():
        assert f"{name}: {each.meaning}" in out
    assert "stragglers show among the traces of several ranks only." in out
    assert "WARNING" not in out


def test_one_analysis(trace: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = run("hta", trace, "overlap")
    assert (code, err) == (0, "")
    assert out.startswith("overlap: communication while computing\n")
    assert "temporal" not in out


@pytest.mark.parametrize(
    ("options", "window"),
    [
        ([], "10.0"),
        (["--no-rounding"], "10.0"),
        (["--last-step"], "111"),
        (["--last-step", "--no-rounding"], "112"),
    ],
)
def test_options_reach_hta(
    tmp_path: Path, run: Callable[..., tuple[int, str, str]], options: list[str], window: str
) -> None:
    steps = [
        annotation("ProfilerStep#1", 0, 100),
        annotation("ProfilerStep#2", 100, 200),
        launch(2, 4, correlation=1),
        launch(102, 104, correlation=2),
        kernel("gemm", 10, 20, correlation=1),
    ]
    # Rounded, the last kernel ends at 121.
    last = kernel("gemm", 118_000, 121_900, correlation=2)
    events = [*in_microseconds(steps), last]
    _, out, _ = run("hta", write_trace(tmp_path / "t.json", events), "temporal", *options)
    assert out.splitlines()[2].split()[1] == window


def test_the_trace_may_have_the_name_of_an_analysis(
    tmp_path: Path, run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_trace(tmp_path / "overlap", EVENTS)
    code, out, _ = run("hta", "overlap")
    assert code == 0
    assert "temporal:" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{trace}", "temporally"], "temporally: is neither a trace nor an analysis; the analyses"),
        (["temporal"], "temporal: is an analysis; name a trace before it"),
        (["absent.json"], "absent.json: no such file or directory"),
        (["{trace}", "stragglers"], "HTA cannot do this: stragglers show among the traces of"),
        (["{trace}", "sequences", "--operator", "lstm"], "operators with 'lstm' in their names"),
        (["{cpu}", "temporal"], "cannot do this on this trace: the trace holds no device activity"),
        (["{cpu}", "idle"], "cannot do this on this trace: the trace holds no device activity"),
        (["{cpu}", "kernels"], "cannot do this on this trace: it holds no device activity"),
        (["{cpu}", "launches"], "it knows none of its launch calls by name"),
        (["{cpu}", "queue"], "it holds no launches that it knows"),
        (["{cpu}", "bandwidth"], "it holds no copies with a bandwidth"),
        (["{cpu}", "sequences"], "it finds no operator that launched 3 kernels"),
        (["{cpu}", "critical-path"], "the trace holds no device activity (ValueError"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_are_one_line(
    tmp_path: Path,
    trace: Path,
    run: Callable[..., tuple[int, str, str]],
    arguments: list[str],
    message: str,
) -> None:
    cpu = write_trace(tmp_path / "cpu.json", [cpu_op("aten::mm", 0, 9)])
    code, out, err = run("hta", *(each.format(trace=trace, cpu=cpu) for each in arguments))
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("Error: ")
    assert err.count("\n") == 1


def test_all_fail_where_hta_can_do_nothing(
    tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    cpu = write_trace(tmp_path / "cpu.json", [cpu_op("aten::mm", 0, 9)])
    code, out, _ = run("hta", cpu)
    assert out.count("cannot do this") == len(ANALYSES) - 1
    assert code == 0  # the overlap of nothing with nothing is an answer of HTA's
    assert "Traceback" not in out


def test_without_the_extra(
    trace: Path, run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hta.common.trace", None)
    monkeypatch.delitem(sys.modules, "analysis.hta.bridge")
    for command in (["hta", trace], ["report", trace, "--hta", "--out", trace.parent / "out"]):
        code, out, err = run(*command)
        assert (code, out) == (2, "")
        assert 'pip install "torch-overlap[hta]"' in err
    assert not (trace.parent / "out").exists()


# --- the report -----------------------------------------------------------------------


def test_the_report_sets_hta_beside_ours(
    tmp_path: Path, trace: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    # HTA would drop the second of two steps.
    write_trace(tmp_path / "steps.json", [*EVENTS, annotation("ProfilerStep#2", 70_000, 200_000)])
    write_trace(tmp_path / "cpu.json", [cpu_op("aten::mm", 0, 9)])
    code, out, _ = run("report", tmp_path, "--hta", "--out", tmp_path / "out")
    assert code == 0
    assert "HTA beside ours" in out
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    found = {each["label"]: each["hta"] for each in written["traces"]}
    assert "no device activity" in found["cpu"]["failure"]
    by_figure = {each["figure"]: each for each in found["steps"]["figures"]}
    assert by_figure["window_ns"]["ours"] == 115_000
    assert by_figure["window_ns"]["theirs"] == 75_000
    assert by_figure["window_ns"]["causes"] == [{"cause": "last_step", "difference": -40_000.0}]
    shown = (tmp_path / "out" / "report.md").read_text()
    assert "HTA leaves out what the last ProfilerStep launched" in shown
    assert "| 0 | window | 115 µs | 75.0 µs | differ | last step -40.0 µs |" in shown
    assert "| 0 | communication overlap | 16.7% | - | differ | last step |" in shown
    assert shown.count("no device activity (IndexError") == 2


def test_traces_that_hta_has_no_figures_of_take_one_sentence(
    tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    for name in ("a.json", "b.json"):
        write_trace(tmp_path / name, [cpu_op("aten::mm", 0, 9)])
    _, out, _ = run("report", tmp_path, "--hta", "--out", tmp_path / "out")
    assert out.count("the trace holds no device activity") == 1


def test_of_a_step_hta_has_the_whole_trace(
    trace: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    out = trace.parent / "out"
    assert run("report", trace, "--hta", "--step", 1, "--out", out)[0] == 0
    (found,) = json.loads((out / "report.json").read_text())["traces"]
    windows = [each["ours"] for each in found["hta"]["figures"] if each["figure"] == "window_ns"]
    assert windows == [115_000]
    assert found["devices"][0]["window_ns"] == 200_000


def test_without_the_option_there_is_no_hta(
    trace: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    out = trace.parent / "out"
    assert "HTA" not in run("report", trace, "--out", out)[1]
    (found,) = json.loads((out / "report.json").read_text())["traces"]
    assert found["hta"] is None
    assert "HTA" not in (out / "report.md").read_text()

"""`analyze graph`: figures, files, and errors of one message."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import pytest

from analysis.cli import main
from tests.builders import annotation, cpu_op, write_trace
from tests.executions import Tensor, compute, make, mark, write_execution

if TYPE_CHECKING:
    from pathlib import Path

A, B, C = (Tensor(place, 100 + place) for place in range(1, 4))


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Two steps, each of one operator and two that need it."""
    events, marks = [], []
    for number in range(2):
        at = 1000 * number
        events += [
            annotation(f"ProfilerStep#{number}", at, at + 100),
            cpu_op("aten::empty", at, at + 10),
            cpu_op("aten::relu", at + 10, at + 30),
            cpu_op("aten::tanh", at + 30, at + 70 + number),
        ]
        ops = (make(A), compute("aten::relu", [A], B), compute("aten::tanh", [A], C))
        marks.append(mark(f"ProfilerStep#{number}", *ops))
    write_execution(tmp_path / "run.graph.json", marks)
    return write_trace(tmp_path / "run.json", events)


class Ended(NamedTuple):
    code: object
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def running(*arguments: object) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(["graph", *map(str, arguments)])
        return Ended(ended.value.code, *capsys.readouterr())

    return running


def test_figures_and_files(trace: Path, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    code, told, _ = run(trace, "--out", out)
    assert code == 0
    assert "6 operators and 4 dependencies in 2 steps" in " ".join(told.split())
    assert "operators  141 ns  101 ns" in told
    assert {each.name for each in out.iterdir()} == {
        "graph-run.svg",
        "graph-run.dot",
        "graph-run.graphml",
    }
    assert "ProfilerStep#1" in (out / "graph-run.svg").read_text()


def test_one_step(trace: Path, tmp_path: Path, run: Run) -> None:
    told = run(trace, "--step", 0, "--out", tmp_path / "out").out
    assert "operators  70 ns  50 ns" in told
    assert "3 operators and 2 dependencies in 1 step," in " ".join(told.split())
    assert "ProfilerStep#0" in (tmp_path / "out" / "graph-run.dot").read_text()


def test_another_execution_trace(trace: Path, tmp_path: Path, run: Run) -> None:
    other = trace.with_name("elsewhere.json")
    trace.with_name("run.graph.json").rename(other)
    found = run(trace, "--execution-trace", other, "--out", tmp_path / "out")
    assert "6 operators" in found.out


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("none", "No execution trace lies beside it. To see what depends on what, record the two"),
        ("other", "explains none of its work. "),
        ("folder", "holds several traces, name one of them: run.json, second.json"),
        ("step", "has no range named ProfilerStep#7"),
        ("damaged", "run.graph.json"),
    ],
)
def test_what_cannot_be_shown(
    trace: Path,
    tmp_path: Path,
    run: Run,
    broken: str,
    expected: str,
) -> None:
    graph = trace.with_name("run.graph.json")
    arguments: list[object] = [trace]
    if broken == "none":
        graph.unlink()
    elif broken == "other":
        write_execution(graph, [mark("ProfilerStep#0", compute("aten::exp", [A], B))])
    elif broken == "folder":
        write_trace(trace.with_name("second.json"), [cpu_op("aten::relu", 0, 5)])
        arguments = [trace.parent]
    elif broken == "step":
        arguments += ["--step", 7]
    else:
        graph.write_text(json.dumps({"nodes": [1]}))
    code, _, error = run(*arguments, "--out", tmp_path / "out")
    assert code == 2
    assert error.startswith("Error: ")
    assert expected in error
    assert not (tmp_path / "out").exists()

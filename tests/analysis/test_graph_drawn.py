"""The graph as it is drawn and written: nothing lost, nothing at odds with its edges."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import analysis
from analysis.graph import build, read
from analysis.graph.chains import chains
from analysis.graph.schedule import diagram, median_step
from analysis.graphing import graphed
from analysis.processes import processes
from analysis.render import dot, graphml, svg
from tests.builders import Event, annotation, cpu_op, write_trace
from tests.executions import Op, Tensor, compute, make, mark, step, write_execution

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from analysis.diagram import Diagram
    from analysis.graph import Graph

TENSORS = [Tensor(place, 100 + place) for place in range(1, 10)]
A, B, C, D = TENSORS[:4]


def written(folder: Path, ops: Sequence[tuple[Op, int]], name: str = "trace") -> Path:
    """A step of operators one after the other, each so many ns long."""
    events: list[Event] = []
    at = 0
    for op, length in ops:
        inner = op.inside or [op]
        events.append(annotation(op.name, at, at + length * len(inner))) if op.inside else None
        for each in inner:
            events.append(cpu_op(each.name, at, at + length))
            at += length
    path = write_trace(folder / f"{name}.json", [annotation("overlap.step", 0, at), *events])
    write_execution(folder / f"{name}.graph.json", [step(*(op for op, _ in ops))])
    return path


def drawn(path: Path, most: int | None = None) -> tuple[Graph, Diagram]:
    trace = analysis.load(path)
    (process,) = processes(trace)
    graph = build(trace, process.device, read(path.with_suffix(".graph.json")))
    return graph, diagram("t", process.device, graph, 0, most=most)


DIAMOND = [
    (make(A), 10),
    (compute("aten::relu", [A], B), 20),
    (compute("aten::tanh", [A], C), 50),
    (compute("aten::add", [B, C], D), 5),
]


@st.composite
def programs(draw: st.DrawFn) -> list[tuple[Op, int]]:
    """Operators that read some of what was computed before, each in its own tensor."""
    ops = [(make(TENSORS[0]), draw(st.integers(1, 9)))]
    for place in range(1, draw(st.integers(1, len(TENSORS)))):
        sources = draw(st.lists(st.sampled_from(TENSORS[:place]), min_size=1, unique=True))
        ops.append((compute(f"aten::op{place}", sources, TENSORS[place]), draw(st.integers(1, 9))))
    return ops


# --- what is laid out -----------------------------------------------------------------


def test_a_diamond(tmp_path: Path) -> None:
    _, found = drawn(written(tmp_path, DIAMOND))
    assert [node.name for node in found.nodes] == [
        "aten::empty",
        "aten::relu",
        "aten::tanh",
        "aten::add",
    ]
    assert [node.critical for node in found.nodes] == [True, False, True, True]
    assert [node.row for node in found.nodes] == [0, 1, 0, 0]
    assert [node.earliest_ns for node in found.nodes] == [0, 10, 10, 60]
    assert [(run.start_ns, run.end_ns) for run in found.runs] == [
        (0, 10),
        (10, 30),
        (30, 80),
        (80, 85),
    ]
    assert (found.work_ns, found.span_ns, found.recorded_ns, found.rows) == (85, 65, 85, 2)
    assert {(each.source, each.target) for each in found.arrows} == {(0, 1), (0, 2), (1, 3), (2, 3)}
    assert {each.kind for each in found.arrows} == {"read after write"}


def test_a_chain_is_one_when_there_is_too_much_to_draw(tmp_path: Path) -> None:
    ops = [
        (make(A), 10),
        (compute("aten::relu", [A], B), 20),
        (compute("aten::tanh", [B], C), 50),
    ]
    _, found = drawn(written(tmp_path, ops), most=2)
    (node,) = found.nodes
    assert (node.name, node.operators, node.length_ns) == ("aten::tanh", 3, 80)
    assert (found.arrows, found.operators, len(found.runs)) == ((), 3, 3)
    _, whole = drawn(written(tmp_path, ops), most=3)
    assert len(whole.nodes) == 3


def test_a_chain_stays_in_its_branch(tmp_path: Path) -> None:
    ops = [
        (mark("overlap.branch 0", make(A), compute("aten::relu", [A], B)), 10),
        (mark("overlap.branch 1", compute("aten::tanh", [B], C)), 10),
    ]
    _, found = drawn(written(tmp_path, ops), most=1)
    assert [(node.operators, found.branches[node.branch]) for node in found.nodes] == [
        (2, "overlap.branch 0"),
        (1, "overlap.branch 1"),
    ]


@given(programs())
def test_rows_and_times_keep_to_the_edges(
    tmp_path_factory: pytest.TempPathFactory, ops: list[tuple[Op, int]]
) -> None:
    path = written(tmp_path_factory.mktemp("drawn"), ops)
    for most in (None, 0):
        _, found = drawn(path, most)
        ends = [node.earliest_ns + node.length_ns for node in found.nodes]
        assert all(
            ends[each.source] <= found.nodes[each.target].earliest_ns for each in found.arrows
        )
        assert max(ends) == found.span_ns
        assert sum(node.length_ns for node in found.nodes) == sum(length for _, length in ops)
        assert sum(node.operators for node in found.nodes) == found.operators == len(ops)
        assert {node.row for node in found.nodes} == set(range(found.rows))
        by_row = defaultdict(list)
        for node in found.nodes:
            if node.length_ns:
                by_row[node.row].append((node.earliest_ns, node.earliest_ns + node.length_ns))
        for spans in by_row.values():
            assert all(one[1] <= two[0] for one, two in itertools.pairwise(sorted(spans)))
        path_ns = sum(node.length_ns for node in found.nodes if node.critical)
        assert path_ns == found.span_ns
        assert all((node.row == 0) == node.critical for node in found.nodes)


@given(programs())
def test_chains_against_a_walk(
    tmp_path_factory: pytest.TempPathFactory, ops: list[tuple[Op, int]]
) -> None:
    graph, found = drawn(written(tmp_path_factory.mktemp("chains"), ops))
    critical = np.array([node.critical for node in found.nodes])
    labels = chains(graph, critical).tolist()
    pairs = list(zip(graph.edges.source.tolist(), graph.edges.target.tolist(), strict=True))
    expected = list(range(len(graph)))
    for source, target in sorted(pairs, key=lambda pair: pair[1]):
        leaving = [pair for pair in pairs if pair[0] == source]
        entering = [pair for pair in pairs if pair[1] == target]
        if len(leaving) == len(entering) == 1 and critical[source] == critical[target]:
            expected[target] = expected[source]
    order = {label: number for number, label in enumerate(dict.fromkeys(sorted(expected)))}
    assert labels == [order[label] for label in expected]


def test_the_step_with_the_median_span_is_drawn(tmp_path: Path) -> None:
    events, marks = [], []
    for number, length in enumerate([30, 90, 60]):
        begin = 1000 * number
        events += [
            annotation(f"ProfilerStep#{number}", begin, begin + 500),
            cpu_op("aten::relu", begin, begin + length),
        ]
        marks.append(mark(f"ProfilerStep#{number}", compute("aten::relu", [A], B)))
    path = write_trace(tmp_path / "a.json", events)
    trace = analysis.load(path)
    (process,) = processes(trace)
    graph = build(trace, process.device, read(write_execution(tmp_path / "a.graph.json", marks)))
    assert median_step(graph, -1, 10**9) == 2
    assert median_step(graph, 0, 1000) == 0
    assert median_step(graph, 5000, 6000) is None
    (one,) = graphed(path, step=1).whole.values()
    assert (one.title, one.span_ns) == ("a, ProfilerStep#1, process 100", 90)


# --- what is written ------------------------------------------------------------------


@given(programs())
def test_networkx_finds_the_same_longest_path(
    tmp_path_factory: pytest.TempPathFactory, ops: list[tuple[Op, int]]
) -> None:
    _, found = drawn(written(tmp_path_factory.mktemp("graphml"), ops))
    theirs = nx.parse_graphml(graphml.render(found))
    for _, target, data in theirs.edges(data=True):  # every path begins at the first
        data["weight"] = theirs.nodes[target]["length_ns"]
    path = nx.dag_longest_path(theirs)
    assert sum(theirs.nodes[node]["length_ns"] for node in path) == found.span_ns
    assert theirs.number_of_edges() == len(found.arrows)
    assert [theirs.nodes[f"n{place}"]["critical"] for place in range(len(found.nodes))] == [
        node.critical for node in found.nodes
    ]


NASTY = 'x::a"b\\<&>\x00\x1b[31m\n]]>'


def test_names_of_any_kind(tmp_path: Path) -> None:
    _, found = drawn(written(tmp_path, [(make(A), 10), (compute(NASTY, [A], B), 20)]))
    theirs = nx.parse_graphml(graphml.render(found))
    assert theirs.nodes["n1"]["name"].startswith('x::a"b\\<&>')
    picture = ET.fromstring(svg.render(found))  # noqa: S314 - our own text
    assert 'a"b' in "".join(picture.itertext())
    text = dot.render(found)
    assert r"a\"b\\<&>" in text
    quotes = re.sub(r"\\.", "", text).count('"')
    assert quotes % 2 == 0


def test_a_picture_of_a_diamond(tmp_path: Path) -> None:
    _, found = drawn(written(tmp_path, DIAMOND))
    picture = ET.fromstring(svg.render(found))  # noqa: S314 - our own text
    names = {"s": "http://www.w3.org/2000/svg"}
    told = [each.text for each in picture.findall("s:rect/s:title", names)]
    assert told == [
        "aten::empty: 10 ns from 0 ns",
        "aten::relu: 20 ns from 10 ns",
        "aten::tanh: 50 ns from 30 ns",
        "aten::add: 5 ns from 80 ns",
        "aten::empty: 10 ns from 0 ns",
        "aten::tanh: 50 ns from 10 ns",
        "aten::add: 5 ns from 60 ns",
        "aten::relu: 20 ns from 10 ns",
    ]
    assert len(picture.findall("s:path", names)) == 2
    words = "".join(picture.itertext())
    assert "85 ns of work, 65 ns on the longest path: 1.31 could run at once" in words


def test_what_no_eye_can_tell_apart_is_one_box(tmp_path: Path) -> None:
    ops = [(make(A), 10), *[(compute("aten::relu", [A], A), 1) for _ in range(20_000)]]
    _, found = drawn(written(tmp_path, ops))
    picture = svg.render(found)
    assert picture.count("<rect") < 5_000


def test_dot_marks_the_longest_path(tmp_path: Path) -> None:
    _, found = drawn(written(tmp_path, DIAMOND))
    text = dot.render(found)
    assert text.count("penwidth=2") == 3 + 2
    assert 'n1 [label="aten::relu, 20 ns"];' in text

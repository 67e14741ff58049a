"""Replays of a CUDA graph whose edges were written down, worked out by hand.

The graph is a diamond: 2 and 3 follow 1, and 4 follows 2 and, by way of 5, 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import analysis
from analysis.device import accelerators
from analysis.graphing import graphed
from analysis.metrics.breakdown import Breakdown
from analysis.metrics.dependencies import DependencyGraph
from analysis.metrics.parallelism import Parallelism
from analysis.metrics.waits import waits
from tests.builders import Event, graph_launch, kernel, launch, write_trace

if TYPE_CHECKING:
    from pathlib import Path

DIAMOND = {
    "exec_graph_id": 9,
    "nodes": [
        {"node_id": 1, "dependencies": []},
        {"node_id": 2, "dependencies": [0]},
        {"node_id": 3, "dependencies": [0]},
        {"node_id": 5, "dependencies": [2]},
        {"node_id": 4, "dependencies": [1, 3]},
    ],
}


def node(number: int | None, start: int, end: int, *, stream: int = 7, replay: int = 1) -> Event:
    """A kernel of a replay; 5, say an event, runs nothing."""
    ids = {} if number is None else {"graph id": 9, "graph node id": (9 << 32) + number}
    name = f"node {number}"
    return kernel(name, start, end, stream=stream, correlation=replay, shape=ids)


REPLAY = [
    graph_launch(0, 5, correlation=1),
    node(1, 10, 20),
    node(2, 20, 30),
    node(3, 22, 40, stream=20),
    node(4, 42, 50),
]


def measured(path: Path, events: list[Event], graphs: list[dict[str, Any]]) -> analysis.TraceReport:
    trace = analysis.load(write_trace(path / "t.json", events, header={"cuda_graphs": graphs}))
    return analysis.analyze(trace)


def states(path: Path, events: list[Event], graphs: list[dict[str, Any]]) -> dict[str, int]:
    times = measured(path, events, graphs).devices[0].of(Breakdown).breakdown_ns
    return {state: ns for state, ns in times.items() if ns}


def test_edges_tell_dependencies_from_latency(tmp_path: Path) -> None:
    assert states(tmp_path, REPLAY, [DIAMOND]) == {
        "one_dependency": 10 + 10,  # 3 follows 1; then 4 follows 3, since 5 ran nothing
        "one_start_latency": 2,  # 3 was free at 20
        "overlapped": 8,
        "idle_start_latency": 2,  # 4 was free at 40
        "one_nothing_queued": 8,
    }


@pytest.mark.parametrize("graphs", [[], [DIAMOND | {"exec_graph_id": 8}]])
def test_without_its_edges_a_replay_waits_for_its_lanes(
    tmp_path: Path, graphs: list[dict[str, Any]]
) -> None:
    assert states(tmp_path, REPLAY, graphs) == {
        "one_same_lane": 10 + 2 + 10,
        "overlapped": 8,
        "idle_graph": 2,
        "one_nothing_queued": 8,
    }


def test_what_shares_a_lane_without_an_edge_is_behind_it(tmp_path: Path) -> None:
    """CUDA puts the nodes of a graph on few channels: an order that the graph does not ask for."""
    events = [
        graph_launch(0, 5, correlation=1),
        node(1, 10, 20),
        node(2, 20, 30),
        node(3, 30, 40),
        node(4, 40, 50),
    ]
    assert states(tmp_path, events, [DIAMOND]) == {"one_same_lane": 30, "one_nothing_queued": 10}


def test_the_first_nodes_of_a_replay_wait_for_all_its_lanes(tmp_path: Path) -> None:
    again = [
        graph_launch(6, 8, correlation=2),
        node(1, 50, 60, stream=20, replay=2),
        node(2, 60, 61, replay=2),
    ]
    found = states(tmp_path, [*REPLAY, *again], [DIAMOND])
    # From 42 to 50 the second replay's 1 is free on its own lane, but 4 still runs.
    assert found["one_same_lane"] == 8
    assert found["one_dependency"] == 20 + 10


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param(node(1, 12, 13, stream=30), id="one node twice"),
        pytest.param(node(77, 12, 13, stream=30), id="a node that the graph has not"),
    ],
)
def test_a_replay_that_does_not_fit_its_graph_is_not_told(tmp_path: Path, spoilt: Event) -> None:
    events = [*REPLAY, spoilt]
    path = write_trace(tmp_path / "t.json", events, header={"cuda_graphs": [DIAMOND]})
    trace = analysis.load(path)
    (device,) = accelerators(trace)
    found = waits(trace, device).replays
    assert not found.told.any()
    assert not len(found.held)


def test_a_node_that_does_not_say_what_it_is_waits_for_the_lanes(tmp_path: Path) -> None:
    events = [*REPLAY, node(None, 55, 60, stream=30)]
    path = write_trace(tmp_path / "t.json", events, header={"cuda_graphs": [DIAMOND]})
    trace = analysis.load(path)
    (device,) = accelerators(trace)
    found = waits(trace, device).replays
    names = np.array(device.names)[device.name]
    assert dict(zip(names.tolist(), found.told.tolist(), strict=True)) == {
        "node 1": True,
        "node 2": True,
        "node 3": True,
        "node 4": True,
        "node None": False,
    }
    pairs = {(names[a], names[b]) for a, b in zip(found.held, found.source, strict=True)}
    assert pairs == {
        ("node 2", "node 1"),
        ("node 3", "node 1"),
        ("node 4", "node 2"),
        ("node 4", "node 3"),
    }
    assert names[found.roots].tolist() == ["node 1"]


@pytest.mark.parametrize(("graphs", "unknown"), [([], 4), ([DIAMOND], 0)])
def test_the_ceilings_say_how_many_edges_they_lack(
    tmp_path: Path, graphs: list[dict[str, Any]], unknown: int
) -> None:
    ceilings = measured(tmp_path, REPLAY, graphs).devices[0].ceilings
    assert ceilings is not None
    assert ceilings.lacks is not None
    assert ceilings.lacks.graph_activities == unknown


def test_edges_tell_how_much_could_run_at_once(tmp_path: Path) -> None:
    """1, 3 and 4 are the longest way: 10 + 18 + 8 of 46."""
    device = measured(tmp_path, REPLAY, [DIAMOND]).devices[0]
    found = device.of(Parallelism)
    assert found.available == 46 / 36
    assert found.achieved == 46 / 38
    graph = device.of(DependencyGraph)
    assert (graph.nodes, graph.edges, graph.depth, graph.max_width) == (4, 4, 3, 2)
    assert [each.name for each in graph.span_operators] == ["node 3", "node 1", "node 4"]


def test_each_replay_has_a_span_of_its_own(tmp_path: Path) -> None:
    later = [
        graph_launch(100, 105, correlation=2),
        node(1, 110, 120, replay=2),
        node(2, 120, 130, replay=2),
        node(3, 130, 140, replay=2),
        node(4, 140, 150, replay=2),
    ]
    device = measured(tmp_path, [*REPLAY, *later], [DIAMOND]).devices[0]
    assert device.of(DependencyGraph).span_ns == 36 + 30
    (missed,) = device.of(DependencyGraph).missed_overlap
    assert (missed.first, missed.second, missed.reason) == ("node 2", "node 3", "same_lane")
    assert missed.saved_ns == 10


def test_a_graph_says_nothing_of_a_device_that_does_more_besides(tmp_path: Path) -> None:
    events = [*REPLAY, launch(52, 54, correlation=8), kernel("eager", 60, 62, correlation=8)]
    report = measured(tmp_path, events, [DIAMOND])
    assert report.devices[0].of(Parallelism).available is None
    assert any("1 activities of no replay" in note for note in report.notes)


def test_analyze_graph_draws_a_replay(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "t.json", REPLAY, header={"cuda_graphs": [DIAMOND]})
    found = graphed(path)
    drawn = found.whole["0"]
    assert [each.name for each in drawn.nodes] == ["node 1", "node 2", "node 3", "node 4"]
    assert len(drawn.arrows) == 4

"""Each column by a trace small enough to be worked out by hand."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from analysis import Trace
from analysis.tables.arrow import table
from analysis.tables.recorded import Recorded
from analysis.tables.schema import TABLES
from tests.builders import (
    Event,
    annotation,
    copy,
    cpu_op,
    graph_launch,
    kernel,
    launch,
    python,
    shape,
)
from tests.ranks import call

LoadEvents = Callable[..., Trace]

EVENTS = [
    annotation("ProfilerStep#4", 0, 1_000),
    annotation("overlap.branch 0", 10, 500),
    python("nn.Module: Model_0", 20, 400),
    python("model.py(7): forward", 30, 390),
    python("nn.Module: Linear_1", 40, 300),
    cpu_op("aten::linear", 50, 290),
    cpu_op("aten::addmm", 60, 200),
    launch(100, 120, correlation=1),
    launch(210, 230, correlation=2),  # of aten::linear itself
    kernel("gemm", 150, 350, correlation=1, shape=shape(4, 64, registers=32, shared=100)),
    copy("Memcpy HtoD", 340, 400, stream=8, correlation=2),
    kernel("lost", 600, 700),
    graph_launch(800, 850, correlation=3, tid=2),
    replace(
        nccl := kernel("ncclDevKernel_AllReduce", 900, 1_100, stream=8, correlation=3),
        args={**nccl.args, **call("allreduce", (0, 3), group="dp", elements=10, sequence=4)},
    ),
    replace(
        node := kernel("add", 950, 1_000, correlation=3),
        args={**node.args, "graph id": 5, "graph node id": 7},
    ),
]


@pytest.fixture
def rows(load_events: LoadEvents) -> Callable[[str], list[dict[str, Any]]]:
    header = {
        "distributedInfo": {"rank": 3, "world_size": 8},
        "baseTimeNanoseconds": 5_000,
    }
    recorded = Recorded(load_events(EVENTS, header=header), "t", rank=3, mode="threads")
    return lambda name: table(name, recorded).to_pylist()


Rows = Callable[[str], list[dict[str, Any]]]


def chosen(rows: list[dict[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in rows]


def test_a_trace(rows: Rows) -> None:
    (found,) = rows("traces")
    assert found.pop("path").endswith("trace.json")
    assert found == {
        "trace": "t",
        "rank": 3,
        "mode": "threads",
        "start_ns": 0,
        "end_ns": 1_100,
        "resolution_ns": 1,
        "events": len(EVENTS),
        "losses": 0,
        "world_size": 8,
        "base_ns": 5_000,
        "host": None,
    }


def test_events_are_those_of_the_file(rows: Rows) -> None:
    assert chosen(rows("events"), "event", "category", "name", "start_ns", "dur_ns") == [
        (place, each.category, each.name, each.start, each.end - each.start)
        for place, each in enumerate(EVENTS)
    ]
    assert chosen(rows("events")[6:11], "role", "pid", "tid", "stream", "correlation") == [
        ("operator", "100", "1", None, None),
        ("call", "100", "1", None, 1),
        ("call", "100", "1", None, 2),
        ("kernel", "0", "7", "7", 1),
        ("memcpy", "0", "8", "8", 2),
    ]


def test_what_launched_an_activity(rows: Rows) -> None:
    columns = ("name", "event", "launch_event", "queue_ns", "op", "op_event", "first_of_launch")
    assert chosen(rows("activities"), *columns) == [
        ("gemm", 9, 7, 30, "aten::addmm", 6, True),
        ("lost", 11, None, None, None, None, None),
        ("add", 14, 12, 100, None, None, False),
        ("Memcpy HtoD", 10, 8, 110, "aten::linear", 5, True),
        ("ncclDevKernel_AllReduce", 13, 12, 50, None, None, True),
    ]


def test_where_an_activity_was_launched(rows: Rows) -> None:
    linear = ("ProfilerStep#4", "overlap.branch 0", "Linear_1", "Model_0/Linear_1")
    assert chosen(rows("activities"), "step", "range", "module", "module_path") == [
        linear,
        (None, None, None, None),
        ("ProfilerStep#4", None, None, None),  # another thread of the process
        linear,
        ("ProfilerStep#4", None, None, None),
    ]


def test_how_an_activity_ran(rows: Rows) -> None:
    columns = ("lane", "class", "stage", "overlap_ns", "graph_replay")
    assert chosen(rows("activities"), *columns) == [
        ("7", "compute", "start_latency", 10, False),
        ("7", "compute", "unknown", 0, None),
        ("7", "compute", "same_lane", 50, True),  # behind the other lane of its replay
        ("8", "copy", "start_latency", 10, False),
        ("8", "communication", "graph", 50, True),
    ]


def test_the_shape_of_a_kernel(rows: Rows) -> None:
    columns = ("blocks", "threads", "registers", "shared_memory", "bandwidth", "graph")
    gemm, lost, *_ = chosen(rows("activities"), *columns)
    assert gemm == (4, 64, 32, 100, None, None)
    assert lost == (None,) * 6


def test_the_node_of_a_graph(rows: Rows) -> None:
    assert chosen(rows("activities"), "graph", "graph_node")[1:3] == [(None, None), (5, 7)]


def test_launches_are_one_a_call(rows: Rows) -> None:
    columns = ("event", "tid", "dur_ns", "lane", "activities", "first_event", "queue_ns", "op")
    assert chosen(rows("launches"), *columns) == [
        (7, "1", 20, "7", 1, 9, 30, "aten::addmm"),
        (8, "1", 20, "8", 1, 10, 110, "aten::linear"),
        (12, "2", 50, "8", 2, 13, 50, None),
    ]


def test_operators_are_nested(rows: Rows) -> None:
    columns = ("event", "self_ns", "depth", "parent", "activities", "device_ns", "module")
    assert chosen(rows("ops"), *columns) == [
        (5, 100, 0, None, 1, 60, "Linear_1"),
        (6, 140, 1, 5, 1, 200, "Linear_1"),
    ]


def test_gaps_and_what_the_host_did(rows: Rows) -> None:
    columns = ("gap", "start_ns", "dur_ns", "before", "after", "after_event", "host_op")
    assert chosen(rows("gaps"), *columns) == [
        (0, 400, 200, "Memcpy HtoD", "lost", 11, None),
        (1, 700, 200, "lost", "ncclDevKernel_AllReduce", 13, None),
    ]


def test_collectives(rows: Rows) -> None:
    columns = ("event", "lane", "dur_ns", "exposed_ns", "launch_event", "step")
    assert chosen(rows("collectives"), *columns) == [(13, "8", 200, 150, 12, "ProfilerStep#4")]


def test_what_a_collective_carries_out(rows: Rows) -> None:
    columns = (
        "kind",
        "collective",
        "process_group",
        "group_ranks",
        "group_size",
        "sequence",
        "elements_in",
        "dtype",
        "bytes",
        "source",
    )
    assert chosen(rows("collectives"), *columns) == [
        ("all_reduce", "allreduce", "dp", "[0, 3]", 2, 4, 10, "Float", 40, None)
    ]


def test_a_collective_that_says_nothing_is_told_by_its_name(load_events: LoadEvents) -> None:
    strange = kernel("ncclDevKernel_Broadcast", 20, 30)
    events = [
        kernel("ncclDevKernel_AllGather", 0, 10),
        replace(strange, args={**strange.args, **call("coalesced", (0, 1))}),
        kernel("ncclDevKernel_New", 40, 50),
    ]
    found = table("collectives", Recorded(load_events(events), "t")).to_pylist()
    assert chosen(found, "kind", "collective", "bytes") == [
        ("all_gather", None, None),
        ("broadcast", "coalesced", 4_000),
        ("other", None, None),
    ]


def test_operators_that_overlap_without_nesting(load_events: LoadEvents) -> None:
    events = [
        cpu_op("aten::inner", 0, 40),  # before the one around it, as no recorder should
        cpu_op("aten::outer", 0, 100),
        cpu_op("aten::late", 90, 150),
    ]
    recorded = Recorded(load_events(events), "t")
    columns = ("name", "self_ns", "depth", "parent")
    assert chosen(table("ops", recorded).to_pylist(), *columns) == [
        ("aten::outer", 50, 0, None),
        ("aten::inner", 40, 1, 1),
        ("aten::late", 60, 1, 1),
    ]


def test_a_launch_between_steps_is_of_none(load_events: LoadEvents) -> None:
    events = [
        annotation("ProfilerStep#1", 0, 100),
        annotation("ProfilerStep#2", 200, 300),
        *(launch(at, at + 1, correlation=at) for at in (50, 100, 200, 299, 300)),
        *(kernel("k", 10 * at, 10 * at + 5, correlation=at) for at in (50, 100, 200, 299, 300)),
    ]
    found = table("launches", Recorded(load_events(events), "t")).to_pylist()
    one, two = "ProfilerStep#1", "ProfilerStep#2"
    assert [row["step"] for row in found] == [one, None, two, two, None]


def test_a_cpu(load_events: LoadEvents) -> None:
    events = [
        cpu_op("aten::mm", 0, 100),
        cpu_op("aten::inner", 10, 20),
        cpu_op("aten::add", 50, 250, tid=2),
    ]
    recorded = Recorded(load_events(events), "t")
    found = table("activities", recorded).to_pylist()
    assert chosen(found, "rank", "device", "lane", "name", "overlap_ns", "op_event", "stage") == [
        (None, "100", "1", "aten::mm", 50, 0, None),
        (None, "100", "2", "aten::add", 50, 2, None),
    ]
    assert chosen(table("ops", recorded).to_pylist(), "self_ns", "activities", "device_ns") == [
        (90, 1, 100),
        (10, 0, 0),
        (200, 1, 200),
    ]
    assert table("launches", recorded).num_rows == 0


@pytest.mark.parametrize("events", [[], [python("main", 0, 10)]])
def test_a_trace_that_ran_nothing(load_events: LoadEvents, events: list[Event]) -> None:
    recorded = Recorded(load_events(events), "t")
    counts = {name: table(name, recorded).num_rows for name in TABLES}
    expected = dict.fromkeys(TABLES, 0) | {"traces": 1, "events": len(events)}
    assert counts == expected


def test_names_that_utf8_cannot_hold(load_events: LoadEvents) -> None:
    recorded = Recorded(load_events([]), "t\udcff")
    assert table("traces", recorded).to_pylist()[0]["trace"] == "t\\udcff"

"""Work, span and missed overlap of graphs that are small enough to work out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import analysis
from analysis.device import accelerators
from analysis.errors import DamagedTraceError, NotATraceError, TraceError
from analysis.graph import Dependency, build, read
from analysis.graph.hazards import edges, joined
from analysis.graph.paths import components, earliest
from analysis.graph.spans import spans
from analysis.metrics.dependencies import DependencyGraph
from analysis.processes import processes
from tests.builders import Event, annotation, copy, cpu_op, kernel, launch, runtime, write_trace
from tests.executions import (
    Op,
    Tensor,
    compute,
    in_place,
    make,
    mark,
    step,
    view,
    write_execution,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from analysis.graph import Graph
    from analysis.metrics.parallelism import Parallelism
    from analysis.report import TraceReport

A, B, C, D, E, F = (Tensor(place, 100 + place) for place in range(1, 7))


def in_turn(ops: Sequence[tuple[Op, int]], begin: int = 0) -> list[Event]:
    """A step that runs operators one after the other, each so many ns long."""
    events, at = [], begin
    for op, length in ops:
        events.append(cpu_op(op.name, at, at + length))
        at += length
    return [annotation("overlap.step", begin, at), *events]


def measured(
    folder: Path, events: Sequence[Event], ops: Sequence[Op], composite: Sequence[str] = ()
) -> TraceReport:
    trace = analysis.load(write_trace(folder / "trace.json", events))
    execution = read(write_execution(folder / "x.graph.json", ops, composite=composite))
    return analysis.analyze(trace, execution=execution)


def notes(report: TraceReport) -> list[str]:
    """What is said of the graph."""
    return [note for note in report.notes if not note.startswith("CPU trace:")]


def figures(folder: Path, ops: Sequence[tuple[Op, int]]) -> tuple[DependencyGraph, Parallelism]:
    """Of operators that ran in turn on one thread."""
    (device,) = measured(folder, in_turn(ops), [step(*(op for op, _ in ops))]).devices
    return device.of(DependencyGraph), device.of(analysis.Parallelism)


CHAIN = [
    (make(A), 10),
    (compute("aten::relu", [A], B), 20),
    (compute("aten::tanh", [B], C), 30),
]
DIAMOND = [
    (make(A), 10),
    (compute("aten::relu", [A], B), 20),
    (compute("aten::tanh", [A], C), 50),
    (compute("aten::add", [B, C], D), 5),
]


def test_a_chain_cannot_overlap(tmp_path: Path) -> None:
    graph, parallel = figures(tmp_path, CHAIN)
    assert (graph.nodes, graph.edges, graph.steps) == (3, 2, 1)
    assert (graph.work_ns, graph.span_ns, graph.depth, graph.max_width) == (60, 60, 3, 1)
    assert (graph.parts, graph.large_parts) == (1, 1)
    assert (graph.missed_overlap_ns, graph.missed_overlap) == (0, ())
    assert (parallel.available, parallel.efficiency) == (1, None)
    assert parallel.window_over_span == 1


def test_a_diamond(tmp_path: Path) -> None:
    """The shorter of two middles could run beside the longer."""
    graph, parallel = figures(tmp_path, DIAMOND)
    assert (graph.work_ns, graph.span_ns) == (85, 65)
    assert (graph.depth, graph.max_width) == (3, 2)
    assert [(each.name, each.count, each.ns) for each in graph.span_operators] == [
        ("aten::tanh", 1, 50),
        ("aten::empty", 1, 10),
        ("aten::add", 1, 5),
    ]
    assert parallel.available == 85 / 65
    assert parallel.efficiency == 0
    assert parallel.window_over_span == 85 / 65
    (missed,) = graph.missed_overlap
    assert (missed.first, missed.second) == ("aten::relu", "aten::tanh")
    assert (missed.count, missed.saved_ns, missed.start_ns) == (1, 20, 10)
    assert missed.reason == "same_lane"
    assert missed.breakdown_ns == {"one_lane_alone": 20}
    assert graph.missed_overlap_ns == 20


def test_a_fork_and_a_join_of_three(tmp_path: Path) -> None:
    """Beside the longest branch of 40 there is room for both others, of 30 and 20."""
    ops = [
        (make(A), 10),
        (compute("aten::relu", [A], B), 30),
        (compute("aten::tanh", [A], C), 40),
        (compute("aten::exp", [A], D), 20),
        (compute("aten::cat", [B, C, D], E), 10),
    ]
    graph, parallel = figures(tmp_path, ops)
    assert (graph.work_ns, graph.span_ns, graph.max_width) == (110, 60, 3)
    assert parallel.available == 110 / 60
    assert [(each.first, each.second, each.saved_ns) for each in graph.missed_overlap] == [
        ("aten::relu", "aten::tanh", 30),
        ("aten::tanh", "aten::exp", 20),
    ]


def test_in_place_puts_readers_first(tmp_path: Path) -> None:
    ops = [
        (make(A), 10),
        (compute("aten::relu", [A], B), 20),
        (in_place("aten::add_", A, C), 30),
    ]
    graph, _ = figures(tmp_path, ops)
    assert (graph.work_ns, graph.span_ns) == (60, 60)


def test_views_take_their_time_but_hold_no_writer(tmp_path: Path) -> None:
    seen = Tensor(9, A.storage, (2, 4))
    ops = [
        (make(A), 10),
        (view(A, seen), 5),
        (compute("aten::relu", [seen], B), 20),
        (compute("aten::tanh", [A], C), 24),
    ]
    graph, _ = figures(tmp_path, ops)
    # make, view, relu; tanh need not wait for the view.
    assert (graph.work_ns, graph.span_ns) == (59, 35)


def test_a_storage_that_comes_back_ties_nothing(tmp_path: Path) -> None:
    again = Tensor(B.id, B.storage)
    ops = [
        (compute("aten::relu", [A], B), 10),
        (compute("aten::tanh", [B], C), 10),
        (compute("aten::exp", [A], again), 10),
        (compute("aten::neg", [again], D), 10),
    ]
    graph, _ = figures(tmp_path, ops)
    assert (graph.work_ns, graph.span_ns, graph.parts) == (40, 20, 2)


READ = "aten::_local_scalar_dense(Tensor self) -> Scalar"


def test_what_is_launched_after_a_host_read_waits_for_it(tmp_path: Path) -> None:
    read_value = Op("aten::_local_scalar_dense", (B,), (1.5,), READ)
    ops = [
        (compute("aten::relu", [A], B), 10),
        (compute("aten::tanh", [A], C), 20),
        (read_value, 5),
        (compute("aten::exp", [A], D), 30),
    ]
    graph, _ = figures(tmp_path, ops)
    assert (graph.work_ns, graph.span_ns) == (65, 45)


def test_a_host_read_holds_its_own_thread_alone(tmp_path: Path) -> None:
    ops = [
        step(),
        Op("aten::_local_scalar_dense", (A,), (1.5,), READ, thread=2),
        compute("aten::exp", [B], C, thread=3),
    ]
    events = [
        annotation("overlap.step", 0, 100),
        cpu_op("aten::_local_scalar_dense", 0, 40, tid=2),
        cpu_op("aten::exp", 50, 100, tid=3),
    ]
    (device,) = measured(tmp_path, events, ops).devices
    assert device.of(DependencyGraph).span_ns == 50
    (missed,) = device.of(DependencyGraph).missed_overlap
    assert (missed.saved_ns, missed.reason) == (40, "not_started")
    assert missed.breakdown_ns == {"one_lane_alone": 40, "idle_python": 10}


def branches(folder: Path, second_begin: int, thread: int) -> TraceReport:
    """Two branches of 10 + 20 ns each."""
    ops, events = [], [annotation("overlap.step", 0, 100)]
    for number, (begin, tid) in enumerate(((0, 1), (second_begin, thread))):
        first, second = (Tensor(10 * number + k, 10 * number + k) for k in (1, 2))
        inside = [
            compute("aten::mm", [A], first, thread=tid),
            compute("aten::relu", [first], second, thread=tid),
        ]
        ops.append(mark(f"overlap.branch {number}", *inside, thread=tid))
        events += [
            annotation(f"overlap.branch {number}", begin, begin + 30, tid=tid),
            cpu_op("aten::mm", begin, begin + 10, tid=tid),
            cpu_op("aten::relu", begin + 10, begin + 30, tid=tid),
        ]
    inside, outside = [op for op in ops if op.thread == 1], [op for op in ops if op.thread != 1]
    return measured(folder, events, [step(*inside), *outside])


def test_branches_in_turn_miss_all_overlap(tmp_path: Path) -> None:
    (device,) = branches(tmp_path, 30, 1).devices
    graph, parallel = device.of(DependencyGraph), device.of(analysis.Parallelism)
    assert (parallel.available, parallel.available_branches) == (2, 2)
    assert (parallel.achieved, parallel.efficiency) == (1, 0)
    assert graph.branch_span_ns == 30
    assert graph.parts == graph.large_parts == 2
    assert [
        (each.first_branch, each.second_branch, each.first, each.second, each.saved_ns)
        for each in graph.missed_overlap
    ] == [
        ("overlap.branch 0", "overlap.branch 1", "aten::relu", "aten::relu", 20),
        ("overlap.branch 0", "overlap.branch 1", "aten::mm", "aten::mm", 10),
    ]


def test_branches_side_by_side_miss_none(tmp_path: Path) -> None:
    (device,) = branches(tmp_path, 0, 2).devices
    graph, parallel = device.of(DependencyGraph), device.of(analysis.Parallelism)
    assert (parallel.achieved, parallel.available, parallel.efficiency) == (2, 2, 1)
    assert graph.missed_overlap == ()


def test_branches_that_overlap_in_part_miss_the_rest(tmp_path: Path) -> None:
    """The second begins at 20: both `relu` and the first's half of it ran in turn."""
    (device,) = branches(tmp_path, 20, 2).devices
    graph = device.of(DependencyGraph)
    # mm alone in branch 0, relu alone in branch 1: mm's 10 ran beside the other relu.
    assert [(each.first, each.second, each.saved_ns) for each in graph.missed_overlap] == [
        ("aten::relu", "aten::relu", 10)
    ]


def test_a_branch_in_turn_is_a_chain(tmp_path: Path) -> None:
    """Within one branch two operators could overlap: by operator, not by branch."""
    inner = [compute("aten::mm", [A], B), compute("aten::mm", [A], C)]
    other = compute("aten::relu", [A], D)
    ops = [step(mark("overlap.branch 0", *inner), mark("overlap.branch 1", other))]
    events = [
        annotation("overlap.step", 0, 60),
        annotation("overlap.branch 0", 0, 40),
        cpu_op("aten::mm", 0, 20),
        cpu_op("aten::mm", 20, 40),
        annotation("overlap.branch 1", 40, 60),
        cpu_op("aten::relu", 40, 60),
    ]
    (device,) = measured(tmp_path, events, ops).devices
    parallel = device.of(analysis.Parallelism)
    assert (parallel.available, parallel.available_branches) == (3, 1.5)


def test_composite_operators_pass_their_time_on(tmp_path: Path) -> None:
    """`linear` calls `t`, which makes a view, and `addmm`; the rest of its time is theirs."""
    transposed = Tensor(9, B.storage, (4, 2))
    product = compute("aten::addmm", [A, transposed], C, inside=[make(D)])
    linear = Op(
        "aten::linear",
        (A, B),
        (C,),
        "aten::linear(Tensor input, Tensor weight) -> Tensor",
        inside=[view(B, transposed, "aten::t"), product],
    )
    ops = [step(linear, compute("aten::relu", [C], E))]
    events = [
        annotation("overlap.step", 0, 150),
        cpu_op("aten::linear", 0, 100),
        cpu_op("aten::t", 10, 30),
        cpu_op("aten::addmm", 40, 90),
        cpu_op("aten::empty", 50, 60),
        cpu_op("aten::relu", 110, 150),
    ]
    trace = analysis.load(write_trace(tmp_path / "trace.json", events))
    path = write_execution(tmp_path / "x.graph.json", ops, composite=["aten::linear"])
    graph = build(trace, processes(trace)[0].device, read(path))
    assert [graph.names[code] for code in graph.name.tolist()] == [
        "aten::t",
        "aten::addmm",
        "aten::relu",
    ]
    assert graph.start.tolist() == [0, 30, 110]
    assert graph.end.tolist() == [30, 100, 150]
    assert kinds(graph) == {
        (0, 1): Dependency.VIEW,
        (1, 2): Dependency.READ_AFTER_WRITE,
    }
    assert graph.node_activity.tolist() == [0, 0, 1]
    assert graph.activity_node.tolist() == [1, 2]
    # Of the operators of a usual torch `linear` is known to be composite, too.
    usual = write_execution(tmp_path / "y.graph.json", ops, composite=None)
    assert len(build(trace, processes(trace)[0].device, read(usual))) == 3
    # An `addmm` that were composite would leave its children alone.
    names = ["aten::linear", "aten::addmm"]
    finer = write_execution(tmp_path / "z.graph.json", ops, composite=names)
    assert len(build(trace, processes(trace)[0].device, read(finer))) == 3


def kinds(graph: Graph) -> dict[tuple[int, int], Dependency]:
    columns = (column.tolist() for column in graph.edges)
    return {(a, b): Dependency(kind) for a, b, kind in zip(*columns, strict=True)}


# --- steps and matching ---------------------------------------------------------------


def test_every_step_of_the_trace_has_the_graph_of_one(tmp_path: Path) -> None:
    events = [*in_turn(DIAMOND), *in_turn([(op, 2 * ns) for op, ns in DIAMOND], begin=1000)]
    (device,) = measured(tmp_path, events, [step(*(op for op, _ in DIAMOND))]).devices
    graph = device.of(DependencyGraph)
    assert (graph.steps, graph.nodes, graph.edges) == (2, 8, 8)
    assert (graph.work_ns, graph.span_ns) == (85 + 170, 65 + 130)
    (missed,) = graph.missed_overlap
    # Of both steps together; the second would save more.
    assert (missed.count, missed.saved_ns, missed.start_ns) == (2, 60, 1020)


def test_a_step_that_does_not_fit_is_left_out_and_named(tmp_path: Path) -> None:
    other = [DIAMOND[0], DIAMOND[2], DIAMOND[1], DIAMOND[3]]
    events = [*in_turn(DIAMOND), *in_turn(other, begin=1000)]
    report = measured(tmp_path, events, [step(*(op for op, _ in DIAMOND))])
    (device,) = report.devices
    assert device.of(DependencyGraph).steps == 1
    assert device.of(analysis.Parallelism).available == 85 / 65
    assert device.of(analysis.Parallelism).window_over_span is None
    (note,) = notes(report)
    words = "The graph fits 1 of 2 steps: in step 2 the trace has aten::tanh at 10 ns, where the"
    assert note == f"{words} graph has aten::relu."


def test_steps_of_the_same_names_are_matched_by_name(tmp_path: Path) -> None:
    """As in a run that records both files: each step has a graph of its own."""
    ops = [
        mark("ProfilerStep#4", make(A), compute("aten::relu", [A], B)),
        mark("ProfilerStep#5", make(C), compute("aten::tanh", [D], E)),
    ]
    events = [
        annotation("ProfilerStep#4", 0, 30),
        cpu_op("aten::empty", 0, 10),
        cpu_op("aten::relu", 10, 30),
        annotation("ProfilerStep#5", 30, 70),
        cpu_op("aten::empty", 30, 40),
        cpu_op("aten::tanh", 40, 60),
    ]
    report = measured(tmp_path, events, ops)
    assert notes(report) == []
    (device,) = report.devices
    assert (device.of(DependencyGraph).work_ns, device.of(DependencyGraph).span_ns) == (60, 50)
    of_steps = [each.devices[0].of(analysis.Parallelism).available for each in report.steps]
    assert of_steps == [1, 1.5]


def test_a_trace_without_steps_is_one(tmp_path: Path) -> None:
    ops = [make(A), compute("aten::relu", [A], B)]
    events = [cpu_op("aten::empty", 0, 10), cpu_op("aten::relu", 10, 30)]
    report = measured(tmp_path, events, ops)
    assert notes(report) == []
    assert report.devices[0].of(DependencyGraph).span_ns == 30


def test_threads_that_change_places_are_found(tmp_path: Path) -> None:
    """A pool gives a branch to one thread or another, or both to one."""

    def work(branch: int, thread: int) -> Op:
        names = ("aten::relu", "aten::tanh")
        made = Tensor(10 + branch, 10 + branch)
        op = compute(names[branch], [A], made, thread=thread)
        return mark(f"overlap.branch {branch}", op, thread=thread)

    def ran(branch: int, begin: int, tid: int) -> list[Event]:
        names = ("aten::relu", "aten::tanh")
        return [
            annotation(f"overlap.branch {branch}", begin, begin + 30, tid=tid),
            cpu_op(names[branch], begin, begin + 30, tid=tid),
        ]

    events = [annotation("overlap.step", 100 * k, 100 * k + 90) for k in range(3)]
    events += [*ran(0, 0, 2), *ran(1, 0, 3)]
    events += [*ran(1, 100, 2), *ran(0, 100, 3)]
    events += [*ran(1, 200, 3), *ran(0, 230, 3)]
    report = measured(tmp_path, events, [step(), work(0, 2), work(1, 3)])
    assert notes(report) == []
    graph = report.devices[0].of(DependencyGraph)
    assert (graph.steps, graph.work_ns, graph.span_ns) == (3, 180, 90)
    (missed,) = graph.missed_overlap
    assert (missed.first, missed.second, missed.saved_ns) == ("aten::tanh", "aten::relu", 30)


def test_work_that_is_no_operators_leaves_no_figure(tmp_path: Path) -> None:
    region = Op("Torch-Compiled Region: 0/0", inside=[compute("aten::mm", [A], B)])
    events = [
        annotation("overlap.step", 0, 100),
        cpu_op("Torch-Compiled Region: 0/0", 0, 100),
        cpu_op("aten::mm", 10, 20),
    ]
    report = measured(tmp_path, events, [step(region)])
    (device,) = report.devices
    parallel = device.of(analysis.Parallelism)
    assert parallel.available is parallel.efficiency is parallel.window_over_span is None
    assert device.of(DependencyGraph).lost_ns == 100
    (note,) = notes(report)
    assert note.startswith("1 activities whose work is not that of operators (Torch-Compiled")


def test_nothing_is_missed_where_much_is_not_known(tmp_path: Path) -> None:
    """Two operators that seem independent, and a region that may tie them together."""
    ops = [
        step(
            make(A),
            compute("aten::relu", [A], B),
            Op("Torch-Compiled Region: 0/0"),
            compute("aten::tanh", [A], C),
        )
    ]

    def missed(region: int) -> int:
        events = [
            annotation("overlap.step", 0, 500),
            cpu_op("aten::empty", 0, 10),
            cpu_op("aten::relu", 10, 110),
            cpu_op("Torch-Compiled Region: 0/0", 110, 110 + region),
            cpu_op("aten::tanh", 200, 300),
        ]
        return measured(tmp_path, events, ops).devices[0].of(DependencyGraph).missed_overlap_ns

    assert missed(2) == 100
    assert missed(3) == 0


def test_without_a_graph_there_is_no_figure(tmp_path: Path) -> None:
    trace = analysis.load(write_trace(tmp_path / "trace.json", in_turn(CHAIN)))
    (device,) = analysis.analyze(trace).devices
    assert device.results["graph"] is None
    assert device.to_json()["graph"] is None
    assert device.of(analysis.Parallelism).available is None


# --- accelerators ---------------------------------------------------------------------


def on_device(folder: Path, events: Sequence[Event], ops: Sequence[Op]) -> Graph:
    trace = analysis.load(write_trace(folder / "trace.json", events))
    (device,) = accelerators(trace)
    return build(trace, device, read(write_execution(folder / "x.graph.json", ops)))


def test_kernels_depend_as_their_operators_do(tmp_path: Path) -> None:
    ops = [
        step(
            make(A),
            compute("aten::relu", [A], B),
            view(B, Tensor(9, B.storage, (2, 4))),
            compute("aten::tanh", [A], C),
            compute("aten::add", [Tensor(9, B.storage, (2, 4)), C], D),
        )
    ]
    events = [
        annotation("overlap.step", 0, 100),
        cpu_op("aten::empty", 0, 5),
        cpu_op("aten::relu", 10, 20),
        launch(12, 14, correlation=1),
        cpu_op("aten::view", 20, 22),
        cpu_op("aten::tanh", 30, 40),
        launch(32, 34, correlation=2),
        launch(35, 36, correlation=3),
        cpu_op("aten::add", 50, 60),
        launch(52, 54, correlation=4),
        kernel("relu", 20, 120, stream=7, correlation=1),
        kernel("tanh a", 40, 60, stream=20, correlation=2),
        kernel("tanh b", 60, 70, stream=20, correlation=3),
        kernel("add", 120, 150, stream=7, correlation=4),
    ]
    graph = on_device(tmp_path, events, ops)
    assert [graph.names[code] for code in graph.name.tolist()] == [
        "aten::relu",
        "aten::tanh",
        "aten::add",
    ]
    assert graph.notes == ()
    assert graph.length.tolist() == [100, 30, 30]
    assert kinds(graph) == {
        (0, 2): Dependency.READ_AFTER_WRITE,
        (1, 2): Dependency.READ_AFTER_WRITE,
    }
    # Rows by lane: relu, add, tanh a, tanh b.
    assert graph.activity_node.tolist() == [0, 2, 1, 1]
    trace = analysis.load(tmp_path / "trace.json")
    source, target = graph.activity_edges(accelerators(trace)[0])
    assert list(zip(source.tolist(), target.tolist(), strict=True)) == [(0, 1), (2, 3), (3, 1)]
    report = measured(tmp_path, events, ops)
    found = report.devices[0].of(DependencyGraph)
    assert (found.work_ns, found.span_ns) == (160, 130)
    assert found.missed_overlap == ()


def test_two_streams_of_one_operator_count_once_in_the_span(tmp_path: Path) -> None:
    ops = [step(compute("aten::_cudnn_rnn", [A], B))]
    events = [
        annotation("overlap.step", 0, 100),
        cpu_op("aten::_cudnn_rnn", 0, 50),
        launch(2, 4, correlation=1),
        launch(5, 6, correlation=2),
        kernel("a", 10, 40, stream=7, correlation=1),
        kernel("b", 20, 60, stream=20, correlation=2),
    ]
    graph = on_device(tmp_path, events, ops)
    assert (graph.length.tolist(), graph.work.tolist()) == ([50], [70])
    found = spans(graph)
    assert found.available == 70 / 50


def test_an_operator_that_calls_another_between_its_own_kernels_is_two_nodes(
    tmp_path: Path,
) -> None:
    inner = compute("aten::copy_", [A], C)
    ops = [step(compute("aten::index_put", [A], B, inside=[inner]))]
    events = [
        annotation("overlap.step", 0, 100),
        cpu_op("aten::index_put", 0, 50),
        launch(2, 4, correlation=1),
        cpu_op("aten::copy_", 10, 20),
        launch(12, 14, correlation=2),
        launch(30, 34, correlation=3),
        kernel("first", 10, 20, correlation=1),
        kernel("copy", 20, 30, correlation=2),
        kernel("last", 40, 45, correlation=3),
    ]
    graph = on_device(tmp_path, events, ops)
    assert [graph.names[code] for code in graph.name.tolist()] == [
        "aten::index_put",
        "aten::copy_",
        "aten::index_put",
    ]
    # The last waits for the first by its result, and for the copy by what it was passed.
    assert kinds(graph) == {
        (0, 1): Dependency.SAME_OPERATOR,
        (0, 2): Dependency.WRITE_AFTER_WRITE,
        (1, 2): Dependency.SAME_OPERATOR,
    }


def test_the_stage_of_the_later_one_is_the_reason(tmp_path: Path) -> None:
    """Both on one stream, independent: the second was queued behind the first."""
    ops = [step(compute("aten::relu", [A], B), compute("aten::tanh", [A], C))]
    events = [
        annotation("overlap.step", 0, 100),
        cpu_op("aten::relu", 0, 10),
        launch(2, 4, correlation=1),
        cpu_op("aten::tanh", 10, 19),
        launch(12, 14, correlation=2),
        kernel("relu", 20, 70, correlation=1),
        kernel("tanh", 70, 100, correlation=2),
    ]
    (device,) = measured(tmp_path, events, ops).devices
    (missed,) = device.of(DependencyGraph).missed_overlap
    assert (missed.first, missed.second, missed.saved_ns) == ("aten::relu", "aten::tanh", 30)
    assert missed.reason == "same_lane"
    assert missed.breakdown_ns == {"one_same_lane": 50}


def test_a_copy_to_the_host_holds_what_follows(tmp_path: Path) -> None:
    on_host = Tensor(8, 108, device="cpu")
    value = Tensor(2, 102, device="cuda:0")
    schema = "aten::copy_(Tensor(a!) self, Tensor src, bool non_blocking=False) -> Tensor(a!)"

    def graph(*, non_blocking: bool) -> Graph:
        ops = [
            step(
                compute("aten::relu", [A], value),
                Op("aten::copy_", (on_host, value, non_blocking), (on_host,), schema),
                compute("aten::tanh", [A], C),
            )
        ]
        events = [
            annotation("overlap.step", 0, 100),
            cpu_op("aten::relu", 0, 10),
            launch(2, 4, correlation=1),
            cpu_op("aten::copy_", 10, 40),
            runtime("cudaMemcpyAsync", 12, 14, correlation=2),
            cpu_op("aten::tanh", 50, 60),
            launch(52, 54, correlation=3),
            kernel("relu", 10, 20, correlation=1),
            copy("Memcpy DtoH (Device -> Pageable)", 20, 30, correlation=2),
            kernel("tanh", 60, 70, correlation=3),
        ]
        return on_device(tmp_path, events, ops)

    assert kinds(graph(non_blocking=False))[1, 2] is Dependency.HOST_READ
    assert (1, 2) not in kinds(graph(non_blocking=True))


def test_a_kernel_of_no_operator_is_told(tmp_path: Path) -> None:
    ops = [step(compute("aten::relu", [A], B))]
    events = [
        annotation("overlap.step", 0, 100),
        cpu_op("aten::relu", 0, 10),
        launch(2, 4, correlation=1),
        launch(22, 24, correlation=2),
        kernel("relu", 10, 20, correlation=1),
        kernel("triton_poi_fused", 30, 40, correlation=2),
    ]
    graph = on_device(tmp_path, events, ops)
    assert graph.lost_ns == 10
    (note,) = graph.notes
    assert note.startswith("1 activities that no operator launched (triton_poi_fused): what")


def test_backward_waits_for_its_forward(tmp_path: Path) -> None:
    """Nothing else ties the two: the sequence number does."""
    forward = compute("aten::mul", [A], B, sequence=5)
    inner = compute("aten::neg", [D], E, thread=2)
    backward = Op(
        "autograd::engine::evaluate_function: MulBackward0",
        sequence=5,
        forward_thread=1,
        scope=1,
        thread=2,
        inside=[inner],
    )
    events = [
        annotation("overlap.step", 0, 100),
        cpu_op("aten::mul", 0, 30),
        cpu_op(backward.name, 40, 70, tid=2),
        cpu_op("aten::neg", 45, 65, tid=2),
    ]
    trace = analysis.load(write_trace(tmp_path / "trace.json", events))
    path = write_execution(tmp_path / "x.graph.json", [step(forward), backward])
    graph = build(trace, processes(trace)[0].device, read(path))
    assert kinds(graph) == {(0, 1): Dependency.BACKWARD}
    assert graph.length.tolist() == [30, 30]


# --- files ----------------------------------------------------------------------------


def test_a_graph_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"gone\.json: cannot be read"):
        read(tmp_path / "gone.json")
    for name, data, error, words in (
        ("text", b"text", NotATraceError, "is no execution trace"),
        ("trace", b'{"traceEvents": []}', NotATraceError, "is no execution trace"),
        ("old", b'{"schema": "2.0", "nodes": []}', NotATraceError, r"schema 2\.0; expected 1\.x"),
        ("cut", b"\x1f\x8b\x08", DamagedTraceError, "record the graph again"),
    ):
        path = tmp_path / f"{name}.graph.json"
        path.write_bytes(data)
        with pytest.raises(error, match=words):
            read(path)


# --- against brute force --------------------------------------------------------------


@st.composite
def dags(draw: st.DrawFn) -> tuple[list[int], set[tuple[int, int]]]:
    lengths = draw(st.lists(st.integers(0, 9), min_size=1, max_size=8))
    pairs = [(a, b) for b in range(len(lengths)) for a in range(b)]
    return lengths, draw(st.sets(st.sampled_from(pairs), max_size=12) if pairs else st.just(set()))


@given(dags())
def test_longest_paths_and_parts_against_all_paths(
    dag: tuple[list[int], set[tuple[int, int]]],
) -> None:
    lengths, pairs = dag
    ordered = sorted(pairs, key=lambda pair: (pair[1], pair[0]))
    found = joined(
        [edges([a for a, _ in ordered], [b for _, b in ordered], Dependency.READ_AFTER_WRITE)]
    )
    schedule = earliest(np.array(lengths, np.int64), found)

    def ends(node: int) -> list[tuple[int, int]]:
        """Length and depth of every path that ends with a node."""
        before = [each for a, b in pairs if b == node for each in ends(a)]
        return [(lengths[node], 0)] + [
            (length + lengths[node], depth + 1) for length, depth in before
        ]

    for node in range(len(lengths)):
        assert schedule.end[node] == max(length for length, _ in ends(node))
        assert schedule.depth[node] == max(depth for _, depth in ends(node))
    together = {node: {node} for node in range(len(lengths))}
    for a, b in pairs:
        both = together[a] | together[b]
        together |= dict.fromkeys(both, both)
    parts = components(len(lengths), found).tolist()
    for a in together:
        for b in together:
            assert (parts[a] == parts[b]) == (b in together[a])
    assert sorted(set(parts)) == list(range(len(set(parts))))

"""What waits for what: by bytes, by tensor objects, by generations of storages."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.graph.execution import Accesses, read
from analysis.graph.geometry import Bytes, Region, layout, meet, share, within
from analysis.graph.hazards import Dependency, of_bytes, of_handles
from analysis.graph.schemas import parse
from tests.executions import Op, Tensor, compute, in_place, make, view, write_execution

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RAW, WAW, WAR = (
    Dependency.READ_AFTER_WRITE,
    Dependency.WRITE_AFTER_WRITE,
    Dependency.WRITE_AFTER_READ,
)
Edge = tuple[int, int, Dependency]


def edges_of(folder: Path, ops: Sequence[Op], nodes: Sequence[int] | None = None) -> set[Edge]:
    """All edges by bytes between operators, by their place in order of begin."""
    execution = read(write_execution(folder / "graph.json", ops))
    rows = np.arange(len(execution)) if nodes is None else np.array(nodes)
    found = of_bytes(execution.accesses, rows.astype(np.int32))
    return {
        (int(rows[a]), int(rows[b]), Dependency(kind))
        for a, b, kind in zip(*(column.tolist() for column in found), strict=True)
    }


def views_of(folder: Path, ops: Sequence[Op]) -> set[tuple[int, int]]:
    execution = read(write_execution(folder / "graph.json", ops))
    found = of_handles(execution.handles, np.arange(len(execution), dtype=np.int32))
    return set(zip(found.source.tolist(), found.target.tolist(), strict=True))


A, B, C, D = (Tensor(place, 100 + place) for place in range(1, 5))


def test_a_chain(tmp_path: Path) -> None:
    ops = [make(A), compute("aten::relu", [A], B), compute("aten::relu", [B], C)]
    assert edges_of(tmp_path, ops) == {(0, 1, RAW), (1, 2, RAW)}


def test_a_diamond(tmp_path: Path) -> None:
    ops = [
        make(A),
        compute("aten::relu", [A], B),
        compute("aten::tanh", [A], C),
        compute("aten::add", [B, C], D),
    ]
    assert edges_of(tmp_path, ops) == {(0, 1, RAW), (0, 2, RAW), (1, 3, RAW), (2, 3, RAW)}


def test_readers_of_one_input_do_not_wait_for_each_other(tmp_path: Path) -> None:
    ops = [compute("aten::relu", [A], B), compute("aten::tanh", [A], C)]
    assert edges_of(tmp_path, ops) == set()


def test_in_place_waits_for_readers_and_holds_later_ones(tmp_path: Path) -> None:
    ops = [
        make(A),
        compute("aten::relu", [A], B),
        in_place("aten::add_", A, C),
        compute("aten::tanh", [A], D),
    ]
    assert edges_of(tmp_path, ops) == {
        (0, 1, RAW),
        (0, 2, WAW),
        (1, 2, WAR),
        (2, 3, RAW),
    }


def test_a_result_given_as_an_argument_is_written(tmp_path: Path) -> None:
    schema = "aten::mm.out(Tensor self, Tensor mat2, *, Tensor(a!) out) -> Tensor(a!)"
    ops = [
        make(C),
        Op("aten::mm", (A, B, C), (C,), schema),
        compute("aten::relu", [C], D),
    ]
    assert edges_of(tmp_path, ops) == {(0, 1, WAW), (1, 2, RAW)}


def test_lists_of_tensors_are_looked_into(tmp_path: Path) -> None:
    schema = "aten::_foreach_add_.Scalar(Tensor(a!)[] self, Scalar scalar) -> ()"
    ops = [
        make(A),
        make(B),
        Op("aten::_foreach_add_", ([A, B], 1.0), (), schema),
        Op("aten::cat", ([A, B], 0), (C,), "aten::cat(Tensor[] tensors, int dim=0) -> Tensor"),
    ]
    assert edges_of(tmp_path, ops) == {(0, 2, WAW), (1, 2, WAW), (2, 3, RAW)}


def test_views_write_nothing_and_read_nothing(tmp_path: Path) -> None:
    seen = Tensor(9, A.storage, (2, 4))
    ops = [
        make(A),
        view(A, seen),
        compute("aten::relu", [seen], B),
        in_place("aten::mul_", A, C),
    ]
    assert edges_of(tmp_path, ops) == {(0, 2, RAW), (0, 3, WAW), (2, 3, WAR)}
    # But what is given the view needs it, and the view needs the tensor.
    assert views_of(tmp_path, ops) >= {(0, 1), (1, 2)}
    assert (1, 3) not in views_of(tmp_path, ops)


def test_other_strides_in_place_are_a_view(tmp_path: Path) -> None:
    schema = "aten::transpose_(Tensor(a!) self, int dim0, int dim1) -> Tensor(a!)"
    ops = [
        make(A),
        compute("aten::relu", [A], B),
        Op("aten::transpose_", (A, 0, 1), (A,), schema),
        compute("aten::tanh", [A], C),
    ]
    assert edges_of(tmp_path, ops) == {(0, 1, RAW), (0, 3, RAW)}
    assert views_of(tmp_path, ops) == {(0, 1), (0, 2), (2, 3)}


def test_columns_that_lie_between_each_other_do_not_touch(tmp_path: Path) -> None:
    """A GRU's gates: thirds of one matrix's rows, each changed in place."""
    gates = Tensor(1, 50, (4, 6))
    first, second = (Tensor(2 + k, 50, (4, 2), (6, 1), offset=2 * k) for k in range(2))
    ops = [
        make(gates),
        in_place("aten::sigmoid_", first),
        in_place("aten::sigmoid_", second),
        compute("aten::sum", [gates], A),
    ]
    assert edges_of(tmp_path, ops) == {
        (0, 1, WAW),
        (0, 2, WAW),
        (1, 3, RAW),
        (2, 3, RAW),
        (0, 3, RAW),
    }


def test_a_storage_that_comes_back_is_another(tmp_path: Path) -> None:
    """B's storage is freed after the second operator, and its address given to D."""
    again = Tensor(B.id, B.storage)
    ops = [
        compute("aten::relu", [A], B),
        compute("aten::tanh", [B], C),
        compute("aten::exp", [A], again),
        compute("aten::neg", [again], D),
    ]
    assert edges_of(tmp_path, ops) == {(0, 1, RAW), (2, 3, RAW)}
    assert views_of(tmp_path, ops) == {(0, 1), (2, 3)}


def test_an_allocation_inside_an_operator_is_its_result(tmp_path: Path) -> None:
    """`linear` returns what `addmm` allocated: the two do not each begin a generation."""
    inner = compute("aten::addmm", [A, C], B)
    ops = [
        compute("aten::linear", [A, C], B, inside=[inner]),
        compute("aten::relu", [B], D),
    ]
    assert edges_of(tmp_path, ops, nodes=[1, 2]) == {(1, 2, RAW)}


def test_what_is_called_may_write_the_result_of_its_caller(tmp_path: Path) -> None:
    """`addmm` allocates its result unseen, and lets `copy_` fill it first."""
    schema = "aten::copy_(Tensor(a!) self, Tensor src, bool non_blocking=False) -> Tensor(a!)"
    old = compute("aten::exp", [A], B)
    inner = Op("aten::copy_", (B, C, False), (B,), schema)
    ops = [old, compute("aten::addmm", [A, C], B, inside=[inner]), compute("aten::neg", [B], D)]
    # Rows: 0 exp, 1 addmm, 2 copy_, 3 neg. The old B is of no concern to any of them.
    assert edges_of(tmp_path, ops, nodes=[0, 2, 3]) == {(2, 3, RAW)}
    assert edges_of(tmp_path, ops, nodes=[0, 1, 3]) == {(1, 3, RAW)}


def test_a_temporary_freed_inside_may_come_back_as_the_result(tmp_path: Path) -> None:
    """Inside, B is a temporary first, and then again what the operator returns."""
    inside = [
        compute("aten::exp", [A], B),
        compute("aten::tanh", [B], C),
        compute("aten::sin", [C], B),
    ]
    ops = [compute("aten::gelu", [A], B, inside=inside), compute("aten::neg", [B], D)]
    assert edges_of(tmp_path, ops, nodes=[1, 2, 3, 4]) == {(1, 2, RAW), (2, 3, RAW), (3, 4, RAW)}


def test_schemas() -> None:
    text = "aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)"
    assert parse(text).operator == "aten::add_.Tensor"
    assert parse(text).writes == (True, False, False)
    text = "aten::x(int[2] size=[1, 1], Tensor(a -> *)[] b, *, Tensor(c!)[]? out=None) -> ()"
    assert parse(text).writes == (False, False, True)
    assert parse("").writes == ()
    assert parse("CompiledFunction").operator == ""
    assert parse("aten::_local_scalar_dense(Tensor self) -> Scalar").host_read


@pytest.mark.parametrize(
    ("shape", "strides", "expected"),
    [
        ((), (), (4, 0, 4)),
        ((3, 4), (4, 1), (48, 0, 48)),
        ((4, 3), (1, 4), (48, 0, 48)),
        ((3, 2), (6, 1), (56, 24, 8)),
        ((3,), (2,), (20, 8, 4)),
        ((5, 1), (0, 1), (4, 0, 4)),
        ((2, 3, 2), (18, 6, 1), (128, 24, 8)),
    ],
)
def test_layouts(
    shape: tuple[int, ...], strides: tuple[int, ...], expected: tuple[int, int, int]
) -> None:
    assert layout(shape, strides, 4) == expected


extents = st.lists(st.integers(1, 4), max_size=3)


@st.composite
def tensors(draw: st.DrawFn) -> tuple[Region, set[int]]:
    """A tensor of bytes: its region, and its very bytes."""
    shape = draw(extents)
    strides = draw(st.lists(st.integers(0, 12), min_size=len(shape), max_size=len(shape)))
    offset = draw(st.integers(0, 30))
    addresses = {offset}
    for extent, stride in zip(shape, strides, strict=True):
        addresses = {at + stride * place for at in addresses for place in range(extent)}
    form = layout(shape, strides, 1)
    return Region(offset, offset + form.length, form.period, form.block), addresses


@given(tensors(), tensors())
def test_no_byte_in_common_is_never_said_of_tensors_that_have_one(
    a: tuple[Region, set[int]], b: tuple[Region, set[int]]
) -> None:
    found = meet(a[0], b[0])
    if a[1] & b[1]:
        assert found
    if a[0].period == b[0].period == 0 and found:
        assert a[0].low < b[0].high
        assert b[0].low < a[0].high
    if within(a[0], b[0]):
        assert found
        assert a[0].low >= b[0].low
    columns = [[Bytes(*(np.array([each]) for each in region)) for region in (a[0], b[0])]]
    assert [bool(share(x, y)[0]) for x, y in columns] == [found]


def test_a_dense_block_inside_a_gap_meets_nothing() -> None:
    gap, block = Region(0, 56, 24, 8), Region(8, 24, 0, 16)
    assert not meet(gap, block)
    assert not meet(block, gap)
    assert meet(gap, Region(8, 25, 0, 17))


regions = st.sampled_from(
    [Region(0, 24, 0, 24), Region(0, 8, 0, 8), Region(8, 16, 0, 8), Region(4, 12, 0, 8)]
    + [Region(2 * k, 20 + 2 * k, 6, 2) for k in range(3)]
)
steps = st.lists(
    st.lists(st.tuples(st.integers(0, 1), regions, st.booleans()), max_size=3), max_size=8
)


@given(steps)
def test_edges_order_just_what_conflicts(
    nodes: list[list[tuple[int, Region, bool]]],
) -> None:
    """The edges come to the same order as one between any two that conflict."""
    rows = [
        (node, generation, region, write)
        for node, touched in enumerate(nodes)
        for generation, region, write in touched
    ]
    accesses = Accesses(
        operator=np.array([row[0] for row in rows], np.int32),
        generation=np.array([row[1] for row in rows], np.int64),
        bytes=Bytes(*(np.array([row[2][k] for row in rows], np.int64) for k in range(4))),
        write=np.array([row[3] for row in rows], np.bool_),
    )
    found = of_bytes(accesses, np.arange(len(nodes), dtype=np.int32))
    edges = set(zip(found.source.tolist(), found.target.tolist(), strict=True))
    conflicts = {
        (a, b)
        for a, b in combinations(range(len(nodes)), 2)
        for ga, ra, wa in nodes[a]
        for gb, rb, wb in nodes[b]
        if ga == gb and (wa or wb) and meet(ra, rb)
    }
    assert edges <= conflicts
    assert closure(edges, len(nodes)) == closure(conflicts, len(nodes))


def closure(edges: set[tuple[int, int]], nodes: int) -> set[tuple[int, int]]:
    reached = set(edges)
    for middle in range(nodes):
        reached |= {(a, b) for a, x in reached if x == middle for y, b in reached if y == middle}
    return reached

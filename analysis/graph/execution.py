"""Reads the execution trace that torch's observer writes: operators and their tensors.

The nodes are read in the order in which the operators began, which their ids give. A
tensor is known by an id of its own and that of its storage; both are addresses and come
back after a free. So every allocation that shows, an output in a storage that was no
input, begins a new *generation* of the storage, and only tensors of one generation
touch each other.
"""

from __future__ import annotations

import gzip
import zlib
from bisect import bisect_right
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from analysis.columns import NONE
from analysis.errors import DamagedTraceError, NotATraceError, TraceError
from analysis.graph.geometry import Bytes, Layout, layout
from analysis.graph.schemas import parse

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from analysis.graph.schemas import Schema

    Ints = NDArray[np.int64]

_GZIP = b"\x1f\x8b"
_READS = "1."
_OWN = "[pytorch|profiler|execution_trace|"
_BACKWARD_SCOPE = 1
_USER_SCOPE = 7
_DESCRIPTION = 6
"""A tensor is written as id, storage, offset, elements, bytes of one, device."""


class _Values(msgspec.Struct, gc=False):
    values: list[Any] = []
    shapes: list[Any] = []
    types: list[str] = []
    strides: list[Any] = []


class _Attribute(msgspec.Struct, gc=False):
    name: str
    value: Any = None


class _Node(msgspec.Struct, gc=False):
    id: int
    name: str
    ctrl_deps: int
    inputs: _Values
    outputs: _Values
    attrs: list[_Attribute]


class _File(msgspec.Struct):
    nodes: list[_Node]
    schema: str = ""
    composite_operators: list[str] | None = None


class Accesses(msgspec.Struct, frozen=True, eq=False):
    """Which bytes the operators read and write; arrays of shape (m,), by operator.

    Attributes:
        operator: int32 row of the operator.
        generation: int64, of the storage; different for what was freed between.
        bytes: the bytes.
        write: whether they are written.
    """

    operator: NDArray[np.int32]
    generation: Ints
    bytes: Bytes
    write: NDArray[np.bool_]


class Handles(msgspec.Struct, frozen=True, eq=False):
    """Which tensor objects the operators are given and make; arrays of shape (k,), by operator.

    A view makes a tensor without writing a byte; what is given that tensor needs the view.

    Attributes:
        operator: int32 row of the operator.
        tensor: int64, different for different tensors.
        made: whether the operator makes it, rather than being given it.
    """

    operator: NDArray[np.int32]
    tensor: Ints
    made: NDArray[np.bool_]


class Execution(msgspec.Struct, frozen=True, eq=False):
    """n operators and annotations in the order in which they began; arrays of shape (n,).

    Attributes:
        path: where it was read from.
        names: of the operators.
        parent: int32 row of the one that called it, or -1.
        last: int32 row of the last one that began inside it; itself if none did.
        thread: int32 number of the thread.
        annotation: whether it is a `record_function` range.
        composite: whether it does nothing but call others.
        host_read: whether the host waits for what it computes.
        sequence: int64 number that ties forward and backward together, or -1.
        backward: whether it is a node of autograd's.
        forward_thread: int32 thread of the forward operator, of a backward one.
        accesses: the bytes they read and write.
        handles: the tensors they are given and make.
    """

    path: str
    names: tuple[str, ...]
    parent: NDArray[np.int32]
    last: NDArray[np.int32]
    thread: NDArray[np.int32]
    annotation: NDArray[np.bool_]
    composite: NDArray[np.bool_]
    host_read: NDArray[np.bool_]
    sequence: Ints
    backward: NDArray[np.bool_]
    forward_thread: NDArray[np.int32]
    accesses: Accesses
    handles: Handles

    def __len__(self) -> int:
        return len(self.names)


def read(path: str | os.PathLike[str]) -> Execution:
    """Read an execution trace, plain or gzipped.

    Raises:
        TraceError: it cannot be read, or is no execution trace of a version that is known.
    """
    source = Path(path)
    text = _text(source)
    try:
        document = msgspec.json.decode(text, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotATraceError(
            f"{source}: is no execution trace ({error}); expected the file of torch.profiler's "
            "ExecutionTraceObserver"
        ) from error
    if not document.schema.startswith(_READS):
        raise NotATraceError(
            f"{source}: is an execution trace of schema {document.schema or 'unknown'}; expected "
            f"{_READS}x, as torch 2.4 and later write it"
        )
    return _collect(source, document)


def _text(path: Path) -> bytes:
    try:
        stored = path.read_bytes()
    except OSError as error:
        raise TraceError(
            f"{path}: cannot be read ({error.strerror or error}); expected an execution trace"
        ) from error
    if not stored.startswith(_GZIP):
        return stored
    try:
        return gzip.decompress(stored)
    except (OSError, EOFError, zlib.error) as error:
        raise DamagedTraceError(
            f"{path}: its compression breaks off or is damaged ({error}); record the graph again"
        ) from error


@cache
def _usual_composites() -> frozenset[str]:
    """The operators of torch 2.13 that only call others on any device, by name and overload."""
    return frozenset(files("analysis.graph").joinpath("composite.txt").read_text().split())


class _Tensor(NamedTuple):
    id: int
    storage: int
    offset: int
    form: Layout


def _collect(path: Path, document: _File) -> Execution:
    nodes = sorted(
        (node for node in document.nodes if not node.name.startswith(_OWN)),
        key=lambda node: node.id,
    )
    given = document.composite_operators
    composite = _usual_composites() if given is None else frozenset(given)
    row_of = {node.id: row for row, node in enumerate(nodes)}
    attributes = [{each.name: each.value for each in node.attrs} for node in nodes]
    schemas = [parse(str(each.get("op_schema") or "")) for each in attributes]
    parent = _numbers([row_of.get(node.ctrl_deps, NONE) for node in nodes])
    thread = _numbers([_number(each.get("tid")) for each in attributes])
    last = _last(parent)
    try:
        tensors = _Tensors(nodes, schemas, thread.tolist(), last.tolist())
    except (TypeError, ValueError, IndexError) as error:
        raise DamagedTraceError(
            f"{path}: a tensor is not written as id, storage, offset, elements, bytes of one and "
            f"device ({error}); record the graph again"
        ) from error
    scope = [each.get("scope") for each in attributes]
    return Execution(
        path=str(path),
        names=tuple(node.name for node in nodes),
        parent=parent,
        last=last,
        thread=thread,
        annotation=np.array([each == _USER_SCOPE for each in scope], np.bool_),
        composite=np.array([each.operator in composite for each in schemas], np.bool_),
        host_read=tensors.host_reads(),
        sequence=np.array([_number(each.get("seq_id")) for each in attributes], np.int64),
        backward=np.array([each == _BACKWARD_SCOPE for each in scope], np.bool_),
        forward_thread=_numbers([_number(each.get("fw_tid")) for each in attributes]),
        accesses=tensors.accesses(),
        handles=tensors.handles(),
    )


def _number(value: object) -> int:
    return value if type(value) is int else NONE


def _numbers(values: list[int]) -> NDArray[np.int32]:
    return np.array(values, np.int32)


def _last(parent: NDArray[np.int32]) -> NDArray[np.int32]:
    last = list(range(len(parent)))
    above: list[int] = parent.tolist()
    for row in range(len(last) - 1, -1, -1):
        if above[row] >= 0 and last[above[row]] < last[row]:
            last[above[row]] = last[row]
    return _numbers(last)


class _Tensors:
    """The tensors of all operators, each with the generation of its storage."""

    def __init__(
        self,
        nodes: Sequence[_Node],
        schemas: Sequence[Schema],
        threads: Sequence[int],
        last: Sequence[int],
    ) -> None:
        self._nodes = nodes
        self._schemas = schemas
        self._inputs = [[list(_tensors(*each)) for each in _rows(node.inputs)] for node in nodes]
        self._outputs = [
            [tensor for each in _rows(node.outputs) for tensor in _tensors(*each)] for node in nodes
        ]
        self._threads = threads
        self._last = last
        self._number_generations()

    def _number_generations(self) -> None:
        """Give each operator the generation of every storage that it is given or returns.

        An output's storage that was no input was allocated inside: by the last operator
        that began inside and returned it so, or else by this one itself.
        """
        fresh: list[set[int]] = []
        places: dict[tuple[int, int], list[int]] = {}
        for row, outputs in enumerate(self._outputs):
            given = {tensor.storage for group in self._inputs[row] for tensor in group}
            new = {tensor.storage for tensor in outputs} - given
            fresh.append(new)
            for storage in new:
                places.setdefault((self._threads[row], storage), []).append(row)
        current: dict[int, int] = {}
        begun: dict[tuple[int, int], int] = {}
        inside: list[tuple[int, int, int]] = []
        self._generation: list[dict[int, int]] = []
        count = 0
        for row, new in enumerate(fresh):
            generation: dict[int, int] = {}
            for storage in sorted(new):
                rows = places[self._threads[row], storage]
                at = rows[bisect_right(rows, self._last[row]) - 1]
                if at == row:
                    current[storage] = begun[row, storage] = generation[storage] = count
                    count += 1
                else:
                    inside.append((row, storage, at))
            for group in self._inputs[row]:
                for tensor in group:
                    if tensor.storage not in current:
                        current[tensor.storage] = count
                        count += 1
                    generation.setdefault(tensor.storage, current[tensor.storage])
            self._generation.append(generation)
        for row, storage, at in inside:
            self._generation[row][storage] = begun[at, storage]

    def accesses(self) -> Accesses:
        """Collect what is read and written."""
        found = [
            (row, self._generation[row][tensor.storage], tensor.offset, *tensor.form, write)
            for row in range(len(self._nodes))
            for tensor, write in self._touched(row)
            if tensor.form.length
        ]
        table = np.array(found, np.int64).reshape(-1, 7)
        operator, generation, low, length, period, block, write = table.T
        return Accesses(
            operator=operator.astype(np.int32),
            generation=generation.copy(),
            bytes=Bytes(low.copy(), low + length, period.copy(), block.copy()),
            write=write != 0,
        )

    def _touched(self, row: int) -> Iterator[tuple[_Tensor, bool]]:
        writes = self._schemas[row].writes
        inputs, outputs = self._inputs[row], self._outputs[row]
        given = {tensor.storage for group in inputs for tensor in group}
        written = [place < len(writes) and writes[place] for place in range(len(inputs))]
        new = [tensor for tensor in outputs if tensor.storage not in given]
        # What returns nothing but its own inputs' storages and writes none is a view.
        if not outputs or new or any(written):
            for group, write in zip(inputs, written, strict=True):
                for tensor in group:
                    yield tensor, write
        for tensor in new:
            yield tensor, True

    def handles(self) -> Handles:
        """Collect the tensors that are given and made."""
        codes: dict[tuple[int, int], int] = {}
        found = []
        for row, outputs in enumerate(self._outputs):
            generation = self._generation[row]
            given = {tensor.id for group in self._inputs[row] for tensor in group}
            remade = self._schemas[row].view_in_place
            for group in self._inputs[row]:
                for tensor in group:
                    key = (tensor.id, generation[tensor.storage])
                    found.append((row, codes.setdefault(key, len(codes)), 0))
            for tensor in outputs:
                if remade or tensor.id not in given:
                    key = (tensor.id, generation[tensor.storage])
                    found.append((row, codes.setdefault(key, len(codes)), 1))
        table = np.array(found, np.int64).reshape(-1, 3)
        return Handles(table[:, 0].astype(np.int32), table[:, 1].copy(), table[:, 2] != 0)

    def host_reads(self) -> NDArray[np.bool_]:
        """Tell which operators the host waits for: for a value, a size, or a copy to it."""
        return np.array(
            [
                schema.host_read or (schema.copies and _to_host(node))
                for schema, node in zip(self._schemas, self._nodes, strict=True)
            ],
            np.bool_,
        )


def _to_host(node: _Node) -> bool:
    """Tell whether a copy brings values to the host and waits for them."""
    values = node.inputs.values
    if len(values) < 3 or values[2] is True:
        return False
    places = [str(each[-1]) if _is_tensor(each) else "" for each in values[:2]]
    return places[0] == "cpu" and places[1] not in {"cpu", "", "meta"}


def _rows(values: _Values) -> Iterator[tuple[Any, Any, Any, str]]:
    """Yield value, shape, strides and type of each argument."""
    strides = values.strides if len(values.strides) == len(values.values) else None
    for place, value in enumerate(values.values):
        yield (
            value,
            values.shapes[place],
            strides[place] if strides else [],
            values.types[place],
        )


def _is_tensor(value: Any) -> bool:
    return type(value) is list and len(value) == _DESCRIPTION and type(value[-1]) is str


def _tensors(value: Any, shape: Any, strides: Any, kind: str) -> Iterator[_Tensor]:
    """Yield the tensors of an argument: itself, or those of a list."""
    if "Tensor" not in kind or type(value) is not list:
        return
    if kind.startswith("Tensor"):
        number, storage, offset, elements, size = value[: _DESCRIPTION - 1]
        if storage:  # a sparse one has none
            form = _layout(tuple(shape), tuple(strides), size, elements)
            yield _Tensor(number, storage, offset * size, form)
        return
    for place, each in enumerate(value):
        if _is_tensor(each):
            within = strides[place] if strides else []
            yield from _tensors(each, shape[place], within, "Tensor")


@cache
def _layout(shape: tuple[int, ...], strides: tuple[int, ...], size: int, elements: int) -> Layout:
    return layout(shape, strides, size) if elements else Layout(0, 0, 0)

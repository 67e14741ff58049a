"""What only a few kinds of events say, kept for those rows alone."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np

from analysis.columns import (
    ACTIVITY_ROLES,
    NONE,
    CapturedGraph,
    CollectiveCall,
    Collectives,
    GraphNodes,
    LaunchShape,
    Multiprocessors,
    Role,
    Synchronisations,
    Transfers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from analysis.trace.schema import Args

    Arguments = Sequence[Args | None]

_EXTENTS = msgspec.json.Decoder(Annotated[tuple[int, ...], msgspec.Meta(min_length=1)])
_LARGEST = np.iinfo(np.int64).max
_NODE_BITS = (1 << 32) - 1
_SM_KEYS = (
    "id",
    "numSms",
    "computeMajor",
    "computeMinor",
    "maxThreadsPerMultiprocessor",
    "regsPerMultiprocessor",
    "sharedMemPerMultiprocessor",
    "warpSize",
)


class _GraphNode(msgspec.Struct):
    node_id: int
    dependencies: list[int]


class _GraphData(msgspec.Struct):
    exec_graph_id: int
    nodes: list[_GraphNode]


def synchronisations(
    arguments: Arguments,
    role: NDArray[np.int8],
    encode: Callable[[Sequence[object]], NDArray[np.int32]],
) -> Synchronisations:
    """Collect the events that synchronisation rows wait for."""
    found = [
        (row, args)
        for row, args in _of(arguments, role == Role.SYNC)
        if _known(args.wait_on_stream) or _known(args.wait_on_record)
    ]
    return Synchronisations(
        row=np.array([row for row, _ in found], np.int32),
        on_stream=encode(
            [str(args.wait_on_stream) if _known(args.wait_on_stream) else None for _, args in found]
        ),
        record=np.array(
            [args.wait_on_record if _known(args.wait_on_record) else NONE for _, args in found],
            np.int64,
        ),
    )


def transfers(arguments: Arguments, role: NDArray[np.int8]) -> Transfers:
    """Collect the bandwidths of copies and memsets."""
    moving = (role == Role.MEMCPY) | (role == Role.MEMSET)
    found = [
        (row, float(args.bandwidth))
        for row, args in _of(arguments, moving)
        if _known(args.bandwidth)
        or (type(args.bandwidth) is float and 0 <= args.bandwidth < math.inf)
    ]
    return Transfers(
        row=np.array([row for row, _ in found], np.int32),
        bandwidth=np.array([bandwidth for _, bandwidth in found], np.float64),
    )


def collectives(arguments: Arguments, role: NDArray[np.int8]) -> Collectives:
    """Collect what communication kernels carry out."""
    codes: dict[CollectiveCall, int] = {}
    found = [
        (
            row,
            codes.setdefault(_call(args), len(codes)),
            args.sequence if _known(args.sequence) else NONE,
        )
        for row, args in _of(arguments, role == Role.KERNEL)
        if args.collective is not None or args.group is not None
    ]
    row, call, sequence = np.array(found, np.int64).reshape(-1, 3).T
    return Collectives(row.astype(np.int32), call.astype(np.int32), sequence, tuple(codes))


def _call(args: Args) -> CollectiveCall:
    return CollectiveCall(
        name=_said(args.collective),
        group=_said(args.group),
        ranks=_said(args.group_ranks),
        size=_counted(args.group_size),
        elements_in=_counted(args.elements_in),
        elements_out=_counted(args.elements_out),
        dtype=_said(args.dtype),
        source=_counted(args.source_rank),
        target=_counted(args.target_rank),
    )


def _said(value: Any) -> str:
    return value if type(value) is str else "" if value is None else json.dumps(value)


def _counted(value: Any) -> int:
    return value if _known(value) else NONE


def graph_nodes(arguments: Arguments, role: NDArray[np.int8]) -> GraphNodes:
    """Collect which activities are nodes of CUDA graphs."""
    found = [
        (row, args.graph, args.graph_node & _NODE_BITS)
        for row, args in _of(arguments, np.isin(role, ACTIVITY_ROLES))
        if _known(args.graph) and args.graph and _known(args.graph_node)
    ]
    row, graph, node = np.array(found, np.int64).reshape(-1, 3).T
    return GraphNodes(row.astype(np.int32), graph, node)


def graphs(said: Any) -> dict[int, CapturedGraph]:
    """Read the CUDA graphs that a recorder wrote down as `CUDAGraph.get_graph_data` gives them.

    A graph that is not all there is left out: an edge that is missing would be taken for none.
    """
    found = {}
    for each in said if isinstance(said, list) else []:
        try:
            data = msgspec.convert(each, _GraphData)
        except msgspec.ValidationError:
            continue
        ids = [node.node_id & _NODE_BITS for node in data.nodes]
        if len(set(ids)) == len(ids) and all(
            0 <= place < len(ids) for node in data.nodes for place in node.dependencies
        ):
            edges = tuple(
                (ids[place], own)
                for own, node in zip(ids, data.nodes, strict=True)
                for place in node.dependencies
            )
            found[data.exec_graph_id] = CapturedGraph(tuple(ids), edges)
    return found


def shapes(
    arguments: Arguments, role: NDArray[np.int8]
) -> tuple[NDArray[np.int32], tuple[LaunchShape, ...]]:
    """Return the code of each kernel's launch shape, and the shapes.

    An event that is no kernel, or does not give all of its shape, has none.
    """
    result = np.full(len(arguments), NONE, np.int32)
    codes: dict[LaunchShape, int] = {}
    # Kernels repeat: few spellings are ever parsed.
    spelled: dict[tuple[bytes, bytes, Any, Any], int] = {}
    for row, args in _of(arguments, role == Role.KERNEL):
        key = (bytes(args.grid), bytes(args.block), args.registers, args.shared_memory)
        try:
            result[row] = spelled[key]
        except KeyError:
            shape = _shape(*key)
            code = NONE if shape is None else codes.setdefault(shape, len(codes))
            result[row] = spelled[key] = code
        except TypeError:
            pass  # a number that is a list or an object is none
    return result, tuple(codes)


def multiprocessors(properties: Any) -> dict[str, Multiprocessors]:
    """Read what the devices hold; a device that does not say all of it is left out."""
    found = {}
    for device in properties if isinstance(properties, list) else []:
        if isinstance(device, dict) and all(type(device.get(key)) is int for key in _SM_KEYS):
            number, major, minor, *capacity = (device[key] for key in _SM_KEYS[1:])
            found[str(device["id"])] = Multiprocessors(number, (major, minor), *capacity)
    return found


def _of(arguments: Arguments, wanted: NDArray[np.bool_]) -> Iterator[tuple[int, Args]]:
    """Yield the wanted rows that have arguments."""
    for row in np.flatnonzero(wanted).tolist():
        args = arguments[row]
        if args is not None:
            yield row, args


def _shape(grid: bytes, block: bytes, registers: Any, shared_memory: Any) -> LaunchShape | None:
    if type(registers) is not int or type(shared_memory) is not int:
        return None
    blocks, threads = _size(grid), _size(block)
    if blocks is None or threads is None:
        return None
    return LaunchShape(blocks, threads, registers, shared_memory)


def _size(spelled: bytes) -> int | None:
    """Multiply out the extents along x, y and z."""
    try:
        return math.prod(_EXTENTS.decode(spelled)) if spelled else None
    except (msgspec.DecodeError, RecursionError):
        return None


def _known(number: Any) -> bool:
    """Tell whether Kineto knew the stream or record: it writes -1 where it did not."""
    return type(number) is int and 0 <= number <= _LARGEST

"""Literal execution traces: operators with the tensors they are given and return.

Written as torch's observer writes them: nodes when they end, ids in the order in which they
begin, a tensor as id, storage, offset, elements, bytes of one and device.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "[pytorch|profiler|execution_trace|"
USER_SCOPE = 7
BACKWARD_SCOPE = 1


@dataclass(frozen=True)
class Tensor:
    """A tensor of four-byte numbers; by default dense, and the first of its storage."""

    id: int
    storage: int
    shape: Sequence[int] = (8,)
    strides: Sequence[int] | None = None
    offset: int = 0
    device: str = "cpu"

    @property
    def steps(self) -> list[int]:
        """Its strides, in elements."""
        if self.strides is not None:
            return list(self.strides)
        result = [1]
        for extent in reversed(self.shape[1:]):
            result.insert(0, result[0] * extent)
        return result[: len(self.shape)]

    @property
    def value(self) -> list[Any]:
        """As the observer writes it."""
        elements = 1
        for extent in self.shape:
            elements *= extent
        return [self.id, self.storage, self.offset, elements, 4, self.device]


Argument = Tensor | Sequence[Tensor] | int | float | bool | str


@dataclass(frozen=True)
class Op:
    """An operator, or an annotation, with what it calls."""

    name: str
    inputs: Sequence[Argument] = ()
    outputs: Sequence[Argument] = ()
    schema: str = ""
    inside: Sequence[Op] = ()
    scope: int = 0
    thread: int = 1
    sequence: int = -1
    forward_thread: int = 0


def mark(name: str, *inside: Op, thread: int = 1) -> Op:
    """A `record_function` range."""
    return Op(name, inside=inside, scope=USER_SCOPE, thread=thread)


def step(*inside: Op) -> Op:
    """One step of the recorder."""
    return mark("overlap.step", *inside)


def make(output: Tensor, name: str = "aten::empty") -> Op:
    """An operator that allocates and fills a tensor."""
    return Op(name, (), (output,), f"{name}(int[] size) -> Tensor")


def compute(name: str, inputs: Sequence[Tensor], output: Tensor, **more: Any) -> Op:
    """An operator that reads tensors and returns a new one."""
    arguments = ", ".join(f"Tensor x{place}" for place in range(len(inputs)))
    return Op(name, inputs, (output,), f"{name}({arguments}) -> Tensor", **more)


def in_place(name: str, target: Tensor, *others: Tensor, **more: Any) -> Op:
    """An operator that changes its first tensor and returns it."""
    arguments = "".join(f", Tensor x{place}" for place in range(len(others)))
    schema = f"{name}(Tensor(a!) self{arguments}) -> Tensor(a!)"
    return Op(name, (target, *others), (target,), schema, **more)


def view(source: Tensor, output: Tensor, name: str = "aten::view") -> Op:
    """An operator that looks at a tensor's storage in another way."""
    return Op(name, (source,), (output,), f"{name}(Tensor(a) self, int[] size) -> Tensor(a)")


def document(
    operators: Sequence[Op], *, composite: Sequence[str] | None = (), **keys: Any
) -> dict[str, Any]:
    """The file's content. Each thread has a node of its own, as the observer gives it."""
    ids = count(1)
    process = next(ids)
    nodes: list[dict[str, Any]] = []
    threads: dict[int, int] = {}

    def write(op: Op, parent: int) -> None:
        number = next(ids)
        for each in op.inside:
            if each.thread == op.thread:
                write(each, number)
            else:
                write(each, thread_node(each.thread))
        nodes.append(_node(number, parent, op))

    def thread_node(thread: int) -> int:
        if thread not in threads:
            threads[thread] = next(ids)
            nodes.append(
                _node(threads[thread], process, Op(f"{PREFIX}thread]", scope=7, thread=thread))
            )
        return threads[thread]

    for op in operators:
        write(op, thread_node(op.thread))
    nodes.append(_node(process, process, Op(f"{PREFIX}process]", scope=7)))
    own = {} if composite is None else {"composite_operators": list(composite)}
    return own | {"schema": "1.1.1-chakra.0.0.4", "pid": 1, "nodes": nodes} | keys


def write_execution(path: Path, operators: Sequence[Op], **keys: Any) -> Path:
    """Write an execution trace, compressed if its name ends in `.gz`; returns the path."""
    data = json.dumps(document(operators, **keys)).encode()
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)
    return path


def _node(number: int, parent: int, op: Op) -> dict[str, Any]:
    attributes = {
        "rf_id": number,
        "fw_parent": 0,
        "seq_id": op.sequence,
        "scope": op.scope,
        "tid": op.thread,
        "fw_tid": op.forward_thread,
        "op_schema": op.schema,
    }
    return {
        "id": number,
        "name": op.name,
        "ctrl_deps": parent,
        "inputs": _values(op.inputs),
        "outputs": _values(op.outputs),
        "attrs": [
            {"name": name, "type": "x", "value": value} for name, value in attributes.items()
        ],
    }


def _values(arguments: Sequence[Argument]) -> dict[str, Any]:
    described = [_described(each) for each in arguments]
    keys = ("values", "shapes", "types", "strides")
    return {key: [each[place] for each in described] for place, key in enumerate(keys)}


def _described(argument: Argument) -> tuple[Any, Any, str, Any]:
    if isinstance(argument, Tensor):
        return argument.value, list(argument.shape), "Tensor(float)", argument.steps
    if isinstance(argument, (int, float, str)):
        return argument, [], type(argument).__name__.capitalize(), []
    parts = [_described(each) for each in argument]
    kind = f"GenericList[{','.join(part[2] for part in parts)}]"
    return [p[0] for p in parts], [p[1] for p in parts], kind, [p[3] for p in parts]

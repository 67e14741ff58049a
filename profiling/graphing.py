"""One step under the observer of torch's execution traces: what depends on what.

The observer slows operators by an order of magnitude, so that its run gives the
structure alone; the times are those of the lean trace.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from profiling._torch import torch
from profiling.branches import STEP_RANGE
from profiling.errors import UnavailableError
from profiling.tracing import synchronizer

if TYPE_CHECKING:
    from profiling.modes.base import Run

# Steps under the observer before it keeps one, as much as a mode needs to settle again.
GRAPH_WARMUP: Final = 3
COMPOSITE_KEY: Final = "composite_operators"
_COMPOSITE = "CompositeImplicitAutograd"


def graph(run: Run, path: Path, *, device: str) -> None:
    """Run a step under the observer and write what it saw.

    The file is the observer's own, compressed, with one more key: the operators, by
    name and overload, that only call others on this device.

    Args:
        run: one step.
        path: the file to write; ends in `.json.gz`.
        device: `cpu` or `cuda`.

    Raises:
        UnavailableError: this torch has no such observer, or it saw nothing.
    """
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch, "graph.json")
        _observe(run, raw, device)
        try:
            document = json.loads(raw.read_bytes())
        except (OSError, ValueError) as error:
            raise UnavailableError(
                f"torch {torch.__version__} wrote no readable execution trace ({error})"
            ) from error
    if not any(node["name"] == STEP_RANGE for node in document["nodes"]):
        raise UnavailableError("the execution trace holds no step")
    document = {COMPOSITE_KEY: _composite(document, device)} | document
    text = json.dumps(document, separators=(",", ":")).encode()
    path.write_bytes(gzip.compress(text, mtime=0))


def _observe(run: Run, path: Path, device: str) -> None:
    synchronize = synchronizer(device)
    observer = _observer_class()()
    observer.register_callback(str(path))
    try:
        for _ in range(GRAPH_WARMUP):
            run()
            synchronize()
        observer.start()
        with torch.profiler.record_function(STEP_RANGE):
            run()
            synchronize()
        observer.stop()
    finally:
        observer.unregister_callback()


def _observer_class() -> Any:
    found = getattr(torch.profiler, "ExecutionTraceObserver", None)
    if found is None:
        raise UnavailableError(f"torch {torch.__version__} has no ExecutionTraceObserver")
    return found


def _composite(document: dict[str, Any], device: str) -> list[str]:
    """The operators of a document that only call others: no kernel of the device's own."""
    names = {
        attribute["value"].partition("(")[0]
        for node in document["nodes"]
        for attribute in node.get("attrs", ())
        if attribute["name"] == "op_schema"
    }
    return sorted(name for name in names if name and is_composite(name, device))


def is_composite(operator: str, device: str) -> bool:
    """Whether an operator, such as `aten::transpose.int`, is made of others alone.

    It has a kernel for all back ends that is differentiable by what it calls, and none
    for the device in question.
    """
    has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key  # noqa: SLF001 - torch's own question
    try:
        return has_kernel(operator, _COMPOSITE) and not has_kernel(operator, device.upper())
    except RuntimeError:  # no operator of the dispatcher: a script's function, say
        return False

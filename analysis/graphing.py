"""A trace with its execution trace, to the graph of each device as it is drawn."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from analysis.columns import Role
from analysis.dependencies import dependency_graph
from analysis.device import FOREVER, accelerators
from analysis.directory import discover
from analysis.errors import SelectionError
from analysis.graph import read
from analysis.graph.schedule import diagram, median_step
from analysis.metrics.waits import waits
from analysis.pipeline import analyze
from analysis.processes import processes
from analysis.trace import Reading
from analysis.vocabulary import PROFILER_STEP

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from analysis.columns import Trace
    from analysis.diagram import Diagram
    from analysis.directory import Source
    from analysis.graph import Execution
    from analysis.location import Location
    from analysis.report import TraceReport
    from analysis.trace import Progress

_DRAWN_NODES = 1000
"""Of more nodes than this, chains are drawn as one."""

_HOW = """record the two together with `profiling record`, or in your own code with
    observer = ExecutionTraceObserver()  # from torch.profiler
    observer.register_callback("NAME.graph.json")  # NAME.json will be the trace
    with profile(record_shapes=True, execution_trace_observer=observer) as profiler:
or name another file with --execution-trace"""


class Graphed(msgspec.Struct, frozen=True):
    """The dependency graphs of a trace.

    Attributes:
        report: the figures of every device.
        whole: per device, a node for each operator of one step.
        condensed: the same, chains drawn as one where there are many nodes.
    """

    report: TraceReport
    whole: dict[str, Diagram]
    condensed: dict[str, Diagram]


def graphed(
    path: Path,
    *,
    observed: Path | None = None,
    step: int | None = None,
    reading: Reading | None = None,
    progress: Callable[[Location, Progress | None], None] = lambda *_: None,
) -> Graphed:
    """Load a trace with what was observed beside it, and lay out one step of each device.

    Args:
        path: of the trace.
        observed: the execution trace; None: the one beside the trace.
        step: the number of the `ProfilerStep` to measure and lay out; None: all are
            measured, and the one with the median span is laid out.
        reading: how traces are read; None: in the usual way.
        progress: called as the trace is read.

    Raises:
        TraceError: one of the two files cannot be read.
        SelectionError: there is no execution trace, or it fits no step, or there is no such step.
    """
    sources = discover([path])
    if len(sources) > 1:
        names = ", ".join(each.path.name for each in sources)
        raise SelectionError(f"{path}: holds several traces, name one of them: {names}")
    (source,) = sources
    trace = (reading or Reading()).load(source.path, partial(progress, source.path))
    execution = _execution(source, observed, trace)
    named = None if step is None else f"{PROFILER_STEP}{step}"
    report = analyze(trace, gaps=0, within=named, execution=execution)
    whole, condensed = _diagrams(source.label, trace, execution, named)
    if not whole:
        what = (
            "the CUDA graphs in it explain" if execution is None else f"{execution.path} explains"
        )
        notes = " ".join(dict.fromkeys(report.notes))
        raise SelectionError(f"{path}: {what} none of its work. {notes}")
    return Graphed(
        msgspec.structs.replace(report, label=source.label, notes=(*source.notes, *report.notes)),
        whole,
        condensed,
    )


def _execution(source: Source, observed: Path | None, trace: Trace) -> Execution | None:
    """Read the execution trace, which a trace that holds its CUDA graphs can do without."""
    there = observed or source.graph
    if there is not None:
        return read(there)
    if trace.graphs:
        return None
    why = " ".join(source.notes) or "No execution trace lies beside it."
    raise SelectionError(f"{source.path}: {why} To see what depends on what, {_HOW}")


def _diagrams(
    label: str, trace: Trace, execution: Execution | None, step: str | None
) -> tuple[dict[str, Diagram], dict[str, Diagram]]:
    whole, condensed = {}, {}
    low, high = _stretch(trace, step)
    devices = accelerators(trace) or [process.device for process in processes(trace)]
    for device in devices:
        replays = None if device.launches is None else waits(trace, device).replays
        graph = dependency_graph(trace, device, replays, execution)
        chosen = None if graph is None else median_step(graph, low, high)
        if graph is None or chosen is None:
            continue
        whole[device.label] = diagram(label, device, graph, chosen)
        condensed[device.label] = diagram(label, device, graph, chosen, most=_DRAWN_NODES)
    return whole, condensed


def _stretch(trace: Trace, step: str | None) -> tuple[int, int]:
    """Return the times between which the step begins, which a trace may mark by other ranges."""
    if step is None:
        return -FOREVER, FOREVER
    ranges = trace.events.of(Role.ANNOTATION)
    held = [ranges.names[code] == step for code in ranges.name.tolist()]
    return int(ranges.start[held].min()), int(ranges.end[held].max())

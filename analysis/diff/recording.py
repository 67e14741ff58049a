"""What is kept of a trace to compare it: its steps, not its events."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from analysis import notes
from analysis.directory import discover
from analysis.errors import TraceError
from analysis.graph import read as read_graph
from analysis.pipeline import by_step
from analysis.report import Failure
from analysis.trace import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from analysis.columns import Multiprocessors, Trace
    from analysis.directory import Source
    from analysis.location import Location
    from analysis.manifest import Manifest
    from analysis.metrics.stepwise import DeviceSteps
    from analysis.thresholds import Thresholds
    from analysis.trace import Progress


class Recording(msgspec.Struct, frozen=True):
    """One trace, step by step.

    Attributes:
        path: the file.
        label: the mode, where a manifest gives one, else the file's name.
        rank: in a distributed job.
        resolution_ns: of the recorded times.
        notes: what a reader of its figures must know.
        manifest: what the recorder wrote beside it.
        multiprocessors: per device label, where the trace tells.
        devices: each device's steps.
    """

    path: str
    label: str
    rank: int | None
    resolution_ns: int
    notes: tuple[str, ...]
    manifest: Manifest | None
    multiprocessors: Mapping[str, Multiprocessors]
    devices: tuple[DeviceSteps, ...]

    @property
    def title(self) -> str:
        """Return the label, with the rank if it has one."""
        return self.label if self.rank is None else f"{self.label} (rank {self.rank})"


def of_trace(
    trace: Trace, source: Source | None = None, *, thresholds: Thresholds | None = None
) -> Recording:
    """Measure a trace step by step."""
    unread: tuple[str, ...] = ()
    execution = None
    if source is not None and source.graph is not None:
        try:
            execution = read_graph(source.graph)
        except TraceError as error:
            unread = (f"No dependency graph: {error}",)
    devices = by_step(trace, thresholds=thresholds, execution=execution)
    return Recording(
        path=trace.path,
        label=trace.path if source is None else source.label,
        rank=trace.rank,
        resolution_ns=trace.resolution_ns,
        notes=(
            *trace.losses,
            *(source.notes if source else ()),
            *unread,
            *trace.notes,
            *_unrecorded_device(trace, devices),
        ),
        manifest=None if source is None else source.manifest,
        multiprocessors=trace.multiprocessors,
        devices=devices,
    )


def _unrecorded_device(trace: Trace, devices: tuple[DeviceSteps, ...]) -> tuple[str, ...]:
    if any(device.kind != "cpu" for device in devices):
        return ()
    return notes.unseen_device(trace)


def read(
    paths: Sequence[Path],
    *,
    reading: Reading | None = None,
    thresholds: Thresholds | None = None,
    progress: Callable[[Location, Progress | None], None] = lambda *_: None,
) -> tuple[list[Recording], list[Failure]]:
    """Read traces, and directories of them, and measure them step by step.

    Raises:
        TraceError: there is nothing to read at a path, or a trace that was named alone
            cannot be read.
    """
    sources = discover(paths)
    reading = reading or Reading()
    found: list[Recording] = []
    failures: list[Failure] = []
    for source in sources:
        progress(source.path, None)
        try:
            trace = reading.load(source.path, partial(progress, source.path))
            found.append(of_trace(trace, source, thresholds=thresholds))
        except TraceError as error:
            if len(sources) == 1:
                raise
            failures.append(Failure(str(source.path), str(error)))
    return found, failures

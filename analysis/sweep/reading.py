"""Folders of recorded runs to a sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from analysis import manifest as manifests
from analysis.comparison import BASELINE, main_device
from analysis.directory import SWEEP
from analysis.errors import DamagedTraceError, TraceError
from analysis.metrics.lengths import OperatorLengths
from analysis.reporting import report
from analysis.sweep.model import Point, Sweep, Undone
from analysis.sweep.verdicts import verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from analysis.fleet.run import Telling
    from analysis.report import RunComparison, TraceReport
    from analysis.trace import Reading

_VERSION = 1
_DONE = "recorded"
_NUMBER_OF_OPERATORS = ("branches", "seq_length", "layers")
"""Sizes that change how many operators or branches there are, not how long one takes."""
_CONDITIONS = ("device_name", "cpu_count", "torch", "torch_threads")
_TOLERATED = 0.1
"""Share of the cores that other programs may use."""


class _Listed(msgspec.Struct, frozen=True):
    """A point as its recorder noted it."""

    state: str
    run: str | None = None
    reason: str | None = None
    other_cores: float | None = None


class _Journal(msgspec.Struct, frozen=True):
    schema_version: int
    points: dict[str, _Listed] = msgspec.field(default_factory=dict)


def read(
    paths: Iterable[Path],
    *,
    reading: Reading | None = None,
    progress: Telling = lambda *_: None,
) -> Sweep:
    """Read every run with a baseline below some folders.

    Args:
        paths: folders of `profiling sweep`; or any that hold recorded runs, or folders
            with recorded runs.
        reading: how traces are read; None: in the usual way.
        progress: called with each file before it is read, and then as it is read.

    Raises:
        TraceError: a folder does not exist, or none holds a run with a baseline.
    """
    points: list[Point] = []
    undone: list[Undone] = []
    failures: list[str] = []
    paths = list(paths)
    for path in paths:
        if not path.is_dir():
            what = "is no folder" if path.exists() else "no such folder"
            raise TraceError(f"{path}: {what}; expected one of `profiling sweep`")
        listed = _listed(path / SWEEP)
        undone += [
            Undone(name, each.state, each.reason)
            for name, each in listed.items()
            if each.state != _DONE
        ]
        for folder, each in _folders(path, listed):
            try:
                found = report((folder,), gaps=0, reading=reading, progress=progress)
            except TraceError as error:
                failures.append(str(error))
                continue
            failures += [failure.reason for failure in found.failures]
            for run in found.comparison.runs if found.comparison else ():
                if each is None or each.run is None or run.run == each.run:
                    point = _point(folder, run, found.traces, each)
                    points += [] if point is None else [point]
    if not points:
        named = ", ".join(map(str, paths))
        reasons = "".join(f"; {reason}" for reason in failures)
        raise TraceError(
            f"{named}: holds no recorded run with a {BASELINE} trace that took time; "
            f"`profiling sweep --out {paths[0] if paths else 'DIR'}` records some{reasons}"
        )
    points = _labelled(points)
    points.sort(key=lambda each: (each.operators.half_time_ns, each.label))
    return Sweep(
        tuple(points), verdicts(points), tuple(undone), tuple(_notes(points)), tuple(failures)
    )


def _listed(path: Path) -> dict[str, _Listed]:
    """Return the points of a sweep as noted; none where there is no such note."""
    if not path.is_file():
        return {}
    try:
        journal = msgspec.json.decode(path.read_bytes(), type=_Journal)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedTraceError(
            f"{path}: is not what `profiling sweep` writes ({error}); remove it to have every "
            "folder beside it read"
        ) from error
    if journal.schema_version != _VERSION:
        raise DamagedTraceError(
            f"{path}: has schema_version {journal.schema_version}, expected {_VERSION}; "
            "use the version of torch-overlap that recorded it"
        )
    return journal.points


def _folders(path: Path, listed: dict[str, _Listed]) -> list[tuple[Path, _Listed | None]]:
    """Return the folders of whole points, and of what failed in part; else all with manifests."""
    if listed:
        return [
            (path / name, each)
            for name, each in listed.items()
            if each.run is not None and (path / name).is_dir() and (path / name).parent == path
        ]
    below = sorted(each for each in path.iterdir() if each.is_dir())
    return [(each, None) for each in (path, *below) if any(each.glob(f"*{manifests.SUFFIX}"))]


def _point(
    folder: Path, run: RunComparison, traces: Sequence[TraceReport], listed: _Listed | None
) -> Point | None:
    """Return a run as a point; None without a baseline."""
    for trace in traces:
        manifest = trace.manifest
        if manifest is None or manifest.run != run.run or manifest.mode != BASELINE:
            continue
        device = main_device(trace)
        lengths = None if device is None else device.if_any(OperatorLengths)
        if lengths is not None:
            return Point(
                label=run.preset,
                group="",
                folder=str(folder),
                run=run.run,
                device=run.device,
                workload=run.workload,
                environment=run.environment,
                operators=lengths,
                modes=run.modes,
                other_cores=None if listed is None else listed.other_cores,
            )
    return None


def _labelled(points: Sequence[Point]) -> list[Point]:
    """Name each point by the sizes in which points differ."""
    facts = [_facts(point) for point in points]
    names = dict.fromkeys(name for each in facts for name in each)
    varied = [name for name in names if len({repr(each.get(name)) for each in facts}) > 1]
    grouping = [name for name in varied if name in ("device", *_NUMBER_OF_OPERATORS)]
    return [
        msgspec.structs.replace(
            point,
            label=_words(each, varied) or point.label,
            group=_words(each, grouping),
        )
        for point, each in zip(points, facts, strict=True)
    ]


def _facts(point: Point) -> dict[str, Any]:
    return {"device": point.device, **point.workload}


def _words(facts: dict[str, Any], names: Iterable[str]) -> str:
    return ", ".join(f"{name} {facts[name]}" for name in names if facts.get(name) is not None)


def _notes(points: Sequence[Point]) -> list[str]:
    found = []
    for name in _CONDITIONS:
        values = sorted(
            {str(each.environment[name]) for each in points if name in each.environment}
        )
        if len(values) > 1:
            found.append(
                f"The points were not recorded under the same conditions: {name} is "
                f"{' or '.join(values)}."
            )
    for point in points:
        cores = point.environment.get("cpu_count")
        others = point.other_cores
        if others is not None and isinstance(cores, int) and others > _TOLERATED * cores:
            found.append(
                f"Other programs used {others:.1f} of {cores} cores while {point.label} was timed."
            )
    return found

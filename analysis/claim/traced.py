"""What the traces of a claim show of the two passes."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from analysis import vocabulary
from analysis.claim.figures import FirstCall, PassFigures
from analysis.columns import Role
from analysis.comparison import main_device
from analysis.device import thread_codes
from analysis.errors import TraceError
from analysis.factors import factors, per_step
from analysis.manifest import is_file
from analysis.pipeline import analyze

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from analysis.claim.manifest import TraceFile
    from analysis.columns import Trace
    from analysis.factors import PerStep
    from analysis.report import StepTotals

COLD, WARM = "cold", "warm"
WITH_GRAD, NO_GRAD = "with_grad", "no_grad"


@dataclass(frozen=True, slots=True)
class _Seen:
    """One trace.

    Attributes:
        totals: of its steps.
        seen_ns: the part of their wall time that lies inside the host's ranges.
        own_ns: own time of each operator and runtime call, per step.
    """

    totals: tuple[StepTotals, ...]
    seen_ns: int
    own_ns: dict[str, Fraction]


@dataclass(frozen=True, slots=True)
class Traced:
    """All traces of a claim.

    Attributes:
        passes: the figures of each kind and pass that was recorded.
        logarithms: of less work, more overlap and less idle of the warm passes, of shape
            (processes, 3); only processes that recorded both.
        first_call: what the first pass spent its time on.
        notes: which traces are missing or cannot be used, and why.
    """

    passes: tuple[PassFigures, ...]
    logarithms: NDArray[np.float64]
    first_call: FirstCall | None
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Known:
    """Traces by kind, pass and process."""

    seen: dict[tuple[str, str], dict[int, _Seen]] = field(default_factory=lambda: defaultdict(dict))
    notes: list[str] = field(default_factory=list)


def traced(folder: Path, files: Sequence[TraceFile], load: Callable[[Path], Trace]) -> Traced:
    """Read and measure the traces; one that is missing or broken becomes a note.

    Args:
        folder: where they lie.
        files: what the manifest says of them.
        load: reads one.
    """
    known = _Known()
    for file in files:
        try:
            found = _seen(_checked(folder, file), load)
        except TraceError as error:
            known.notes.append(f"A trace was not used: {error}")
            continue
        known.seen[file.kind, file.part][file.process] = found
    return Traced(
        tuple(
            figures
            for (kind, part), by_process in known.seen.items()
            if (figures := _figures(kind, part, list(by_process.values())))
        ),
        _logarithms(known.seen[WARM, WITH_GRAD], known.seen[WARM, NO_GRAD]),
        _first_call(known.seen[COLD, WITH_GRAD], known.seen[WARM, WITH_GRAD]),
        tuple(known.notes),
    )


def _checked(folder: Path, file: TraceFile) -> Path:
    # The name of a file, wherever a manifest would have it lie.
    path = folder / file.trace.replace("\\", "/").rsplit("/", 1)[-1]
    try:
        same = is_file(path, file.sha256)
    except OSError as error:
        raise TraceError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not same:
        raise TraceError(f"{path}: is not the file that the manifest describes")
    return path


def _seen(path: Path, load: Callable[[Path], Trace]) -> _Seen:
    trace = load(path)
    report = analyze(trace, gaps=0)
    device = main_device(report)
    totals = tuple(total for total in report.totals if device and total.device == device.device)
    if per_step(totals) is None:
        raise TraceError(f"{path}: holds no step ({vocabulary.STEP_RANGE}) in which anything ran")
    ranges = trace.events.select(
        (trace.events.role == Role.ANNOTATION)
        & vocabulary.own_step(trace.events.names)[trace.events.name]
    )
    host_ns = int((ranges.end - ranges.start).sum())
    return _Seen(totals, host_ns, _own_times(trace, len(totals)))


def _own_times(trace: Trace, steps: int) -> dict[str, Fraction]:
    """Return how long each operator and call ran itself, without what it called, per step."""
    events = trace.events.of(Role.OPERATOR, Role.CALL)
    thread = thread_codes(events)
    order = np.lexsort((events.position, -events.end, events.start, thread))
    own: dict[str, int] = defaultdict(int)
    stack: list[tuple[int, int, str]] = []
    rows = zip(
        thread[order].tolist(),
        events.start[order].tolist(),
        events.end[order].tolist(),
        (events.names[code] for code in events.name[order].tolist()),
        strict=True,
    )
    for code, start, end, name in rows:
        while stack and (stack[-1][0] != code or stack[-1][1] <= start):
            stack.pop()
        own[name] += end - start
        if stack:
            _, until, caller = stack[-1]
            own[caller] -= min(end, until) - start
        stack.append((code, end, name))
    return {name: Fraction(ns, steps) for name, ns in own.items()}


def _together(seen: Sequence[_Seen]) -> PerStep | None:
    return per_step([total for each in seen for total in each.totals])


def _figures(kind: str, part: str, seen: Sequence[_Seen]) -> PassFigures | None:
    mean = _together(seen)
    if mean is None:
        return None
    wall = sum(total.wall_ns for each in seen for total in each.totals)
    return PassFigures(
        kind=kind,
        part=part,
        processes=len(seen),
        wall_ns=float(mean.wall),
        work_ns=float(mean.work),
        achieved=float(mean.achieved),
        busy_share=float(mean.busy_share),
        stopwatch_share=float(Fraction(sum(each.seen_ns for each in seen), wall)),
    )


def _logarithms(with_grad: dict[int, _Seen], no_grad: dict[int, _Seen]) -> NDArray[np.float64]:
    rows = []
    for process in sorted(with_grad.keys() & no_grad.keys()):
        base, other = _together([with_grad[process]]), _together([no_grad[process]])
        if base and other:
            parts = factors(base, other)
            rows.append([math.log(each) for each in parts.in_order])
    return np.array(rows, np.float64).reshape(-1, 3)


def _first_call(cold: dict[int, _Seen], warm: dict[int, _Seen]) -> FirstCall | None:
    """Return the function whose own time differs most between the first pass and a warm one."""
    first, later = _together(list(cold.values())), _together(list(warm.values()))
    if first is None or later is None or first.wall <= later.wall:
        return None
    cold_ns, warm_ns = (_mean_own(list(each.values())) for each in (cold, warm))
    name = max(cold_ns, key=lambda each: cold_ns[each] - warm_ns.get(each, Fraction(0)))
    before, after = cold_ns[name], warm_ns.get(name, Fraction(0))
    share = (before - after) / (first.wall - later.wall)
    return FirstCall(name, float(before), float(after), float(share)) if share > 0 else None


def _mean_own(seen: Sequence[_Seen]) -> dict[str, Fraction]:
    own: dict[str, Fraction] = defaultdict(Fraction)
    for each in seen:
        for name, ns in each.own_ns.items():
            own[name] += ns / len(seen)
    return own

"""What the traces of a claim show of the two passes."""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING

import msgspec
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


class _Seen(msgspec.Struct, frozen=True):
    """One trace, of which the step of median wall time stands for all.

    Attributes:
        typical: that step.
        seen_ns: the host's range, which is what a clock would have seen of it.
        own_ns: own time of each operator and runtime call in it.
    """

    typical: StepTotals
    seen_ns: int
    own_ns: dict[str, int]


class Traced(msgspec.Struct, frozen=True):
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


class _Known(msgspec.Struct):
    """Traces by kind, pass and process."""

    seen: dict[tuple[str, str], dict[int, _Seen]] = msgspec.field(
        default_factory=lambda: defaultdict(dict)
    )
    notes: list[str] = msgspec.field(default_factory=list)


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
    ranges = trace.events.select(
        (trace.events.role == Role.ANNOTATION)
        & vocabulary.own_step(trace.events.names)[trace.events.name]
    )
    # Both by begin: a device has one window for each range.
    ranges = ranges.select(np.lexsort((ranges.end, ranges.start)))
    if per_step(totals) is None or len(totals) != len(ranges):
        raise TraceError(f"{path}: holds no step ({vocabulary.STEP_RANGE}) in which anything ran")
    by_wall = sorted(range(len(totals)), key=lambda place: totals[place].wall_ns)
    place = by_wall[(len(totals) - 1) // 2]
    begin, end = int(ranges.start[place]), int(ranges.end[place])
    return _Seen(totals[place], end - begin, _own_times(trace, begin, end))


def _own_times(trace: Trace, low: int, high: int) -> dict[str, int]:
    """Return how long each operator and call begun in [low, high) ran without what it called."""
    events = trace.events.of(Role.OPERATOR, Role.CALL)
    events = events.select((events.start >= low) & (events.start < high))
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
    return own


def _together(seen: Sequence[_Seen]) -> PerStep | None:
    return per_step([each.typical for each in seen])


def _figures(kind: str, part: str, seen: Sequence[_Seen]) -> PassFigures | None:
    mean = _together(seen)
    if mean is None:
        return None
    wall = sum(each.typical.wall_ns for each in seen)
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
    if not cold or not warm:
        return None
    longer = _median_wall(cold) - _median_wall(warm)
    cold_ns, warm_ns = _median_own(cold), _median_own(warm)
    name = max(cold_ns, key=lambda each: cold_ns[each] - warm_ns.get(each, 0), default=None)
    if name is None or longer <= 0:
        return None
    before, after = cold_ns[name], warm_ns.get(name, 0.0)
    share = (before - after) / longer
    return FirstCall(name, before, after, share) if share > 0 else None


def _median_wall(seen: dict[int, _Seen]) -> float:
    return float(median(each.typical.wall_ns for each in seen.values()))


def _median_own(seen: dict[int, _Seen]) -> dict[str, float]:
    """Return the median over processes: one that was held up proves nothing."""
    names = dict.fromkeys(name for each in seen.values() for name in each.own_ns)
    return {
        name: float(median(each.own_ns.get(name, 0) for each in seen.values())) for name in names
    }

"""What one rank communicates: the compact table that is all the other ranks' analysis needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from analysis import launches, vocabulary
from analysis.columns import ACTIVITY_ROLES, NONE, CollectiveCall, Role
from analysis.device import FOREVER, accelerators
from analysis.fleet.kinds import POINT_TO_POINT, kind
from analysis.groups import distinct
from analysis.intervals import Intervals, intersect, union
from analysis.launches import lane_key
from analysis.metrics import steps
from analysis.processes import processes
from analysis.vocabulary import WorkClass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from analysis.columns import Events, Trace

    Ints = NDArray[np.int64]

_UNRECORDED = CollectiveCall("", "", "", NONE, NONE, NONE, "", NONE, NONE)


class Communication(msgspec.Struct, frozen=True, eq=False):
    """The communications of one rank, by start; arrays of shape (n,).

    Attributes:
        start: int64 ns on the trace's clock.
        end: int64 ns.
        hidden: int64 ns of it beside compute on the same device.
        inside: whether it began in what is measured of the trace.
        call: int32 code into `calls`.
        kind: int32 code into `kinds`.
        sequence: int64 number in the process group, or -1.
        step: int32 code into `steps`, or -1 outside of all.
        calls: the distinct calls.
        kinds: the distinct kinds.
        steps: names of the profiler's steps.
    """

    start: Ints
    end: Ints
    hidden: Ints
    inside: NDArray[np.bool_]
    call: NDArray[np.int32]
    kind: NDArray[np.int32]
    sequence: Ints
    step: NDArray[np.int32]
    calls: tuple[CollectiveCall, ...]
    kinds: tuple[str, ...]
    steps: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.start)


class Bubble(NamedTuple):
    """Time in which a rank of a pipeline has nothing to compute, in ns.

    Attributes:
        window_ns: of the steps, or of the device where none are recorded.
        idle_ns: nothing ran.
        waiting_ns: sends and receives ran, and nothing else.
        group: the ranks that it sends to and receives from, itself included, as recorded.
    """

    window_ns: int
    idle_ns: int
    waiting_ns: int
    group: str

    @property
    def bubble_ns(self) -> int:
        """Return the time without anything but sends and receives."""
        return self.idle_ns + self.waiting_ns


class _Rows(NamedTuple):
    """Communications and what runs beside them, of one device."""

    rows: NDArray[np.intp]
    compute: Intervals


def communication(trace: Trace, window: tuple[int, int] | None = None) -> Communication:
    """Collect the communications of a trace.

    Args:
        trace: all of it: what is matched by order needs all that came before.
        window: begin and end of what is measured, in ns on the trace's clock; None: all.
    """
    events = trace.events
    found = [*_on_accelerators(events)] or _on_threads(trace)
    rows = np.concatenate([each.rows for each in found]) if found else np.empty(0, np.intp)
    hidden = np.concatenate(
        [_covered(events, each) for each in found] or [np.empty(0, np.int64)]
    ).astype(np.int64)
    order = np.lexsort((rows, events.end[rows], events.start[rows]))
    rows, hidden = rows[order], hidden[order]
    call, sequence, calls = _calls(trace, rows)
    kind_code, kinds = _kinds(events, rows, call, calls)
    step, names = _steps(events, rows)
    low, high = (-FOREVER, FOREVER) if window is None else window
    return Communication(
        start=events.start[rows],
        end=events.end[rows],
        hidden=hidden,
        inside=(events.start[rows] >= low) & (events.start[rows] < high),
        call=call,
        kind=kind_code,
        sequence=sequence,
        step=step,
        calls=calls,
        kinds=kinds,
        steps=names,
    )


def bubble(trace: Trace, window: tuple[int, int] | None = None) -> Bubble | None:
    """Measure a pipeline's bubble on the accelerator that ran most; None without sends.

    Within the window, else the steps, or the device's window where none are recorded: the
    time in which neither compute nor a copy, a memset or another collective ran.

    Args:
        trace: of one rank.
        window: as of `communication`.
    """
    events = trace.events
    on = np.isin(events.role, ACTIVITY_ROLES)
    sends = _asked(events, on, _sends)
    if not sends.any():  # most traces: no more is asked of them
        return None
    device = max(accelerators(trace), key=lambda each: (len(each), each.label))
    on &= np.array([pid == device.label for pid in events.pids], np.bool_)[events.pid]
    rows = np.flatnonzero(on)
    call, _, calls = _calls(trace, rows)
    of_call = np.array([kind(each.name) for each in calls], object)[call]
    # All-to-all is carried out by sends and receives, too.
    point = sends[events.name[rows]] & np.isin(of_call, [POINT_TO_POINT, kind("")])
    if not point.any():
        return None
    marks = [] if window else steps.profiler_steps(trace, device)
    spans = [(mark.low, mark.high) for mark in marks] or [window or device.window]
    measured = union(
        Intervals(
            np.array([low for low, _ in spans], np.int64),
            np.array([high for _, high in spans], np.int64),
        )
    )
    everything = _union(events, rows)
    others = _union(events, rows[~point])
    busy, working = intersect(measured, everything).total(), intersect(measured, others).total()
    groups = sorted({calls[code].ranks for code in call[point].tolist()}, key=lambda g: (len(g), g))
    return Bubble(measured.total(), measured.total() - busy, busy - working, groups[-1])


def _sends(names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which kernels send and receive."""
    asked = zip(names, vocabulary.communicates(names).tolist(), strict=True)
    return np.array([able and kind(name) == POINT_TO_POINT for name, able in asked], np.bool_)


def _asked(
    events: Events,
    on: NDArray[np.bool_],
    question: Callable[[Sequence[str]], NDArray[np.bool_]],
) -> NDArray[np.bool_]:
    """Ask of each name of some events alone, which are few; the others' answer is no."""
    codes = distinct(events.name[on])
    result = np.zeros(len(events.names), np.bool_)
    result[codes] = question([events.names[code] for code in codes.tolist()])
    return result


def _union(events: Events, rows: NDArray[np.intp]) -> Intervals:
    return union(Intervals(events.start[rows], events.end[rows]))


def _on_accelerators(events: Events) -> list[_Rows]:
    kernels = events.role == Role.KERNEL
    communicates = kernels & _asked(events, kernels, vocabulary.communicates)[events.name]
    found = []
    for pid in sorted(
        set(events.pid[np.isin(events.role, ACTIVITY_ROLES)].tolist()),
        key=lambda code: lane_key(events.pids[code]),
    ):
        here = events.pid == pid
        computes = np.flatnonzero(kernels & ~communicates & here)
        found.append(_Rows(np.flatnonzero(communicates & here), _union(events, computes)))
    return found


def _on_threads(trace: Trace) -> list[_Rows]:
    """On a CPU, c10d's marks are communication, and operators are compute."""
    events = trace.events
    marks = (events.role == Role.ANNOTATION) & vocabulary.host_collective(events.names)[events.name]
    found = []
    for process in processes(trace):
        device = process.device
        computes = device.work == WorkClass.COMPUTE
        own = np.array([pid == device.label for pid in events.pids], np.bool_)[events.pid]
        found.append(
            _Rows(
                np.flatnonzero(marks & own),
                union(Intervals(device.start[computes], device.end[computes])),
            )
        )
    return found


def _covered(events: Events, found: _Rows) -> Ints:
    """Return how much of each communication lies beside compute."""
    points = np.concatenate((events.start[found.rows], events.end[found.rows]))
    before = _before(found.compute, points)
    half = len(found.rows)
    return before[half:] - before[:half]


def _before(disjoint: Intervals, points: Ints) -> Ints:
    """Return how much time of disjoint ascending intervals lies before each point."""
    if not len(disjoint.start):
        return np.zeros(len(points), np.int64)
    lengths = np.concatenate(([0], np.cumsum(disjoint.end - disjoint.start)))
    place = np.searchsorted(disjoint.start, points, side="right")
    last = np.maximum(place - 1, 0)
    inside = np.clip(points - disjoint.start[last], 0, disjoint.end[last] - disjoint.start[last])
    return np.where(place > 0, lengths[last] + inside, 0).astype(np.int64)


def _calls(
    trace: Trace, rows: NDArray[np.intp]
) -> tuple[NDArray[np.int32], Ints, tuple[CollectiveCall, ...]]:
    known = trace.collectives
    code = np.full(len(trace.events), NONE, np.int32)
    sequence = np.full(len(trace.events), NONE, np.int64)
    code[known.row], sequence[known.row] = known.call, known.sequence
    found = code[rows]
    found[found == NONE] = len(known.calls)
    return found, sequence[rows], (*known.calls, _UNRECORDED)


def _kinds(
    events: Events,
    rows: NDArray[np.intp],
    call: NDArray[np.int32],
    calls: tuple[CollectiveCall, ...],
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Tell what each does by its call, or by its kernel where that says nothing."""
    other = kind("")
    of_name = [kind(name) for name in events.names]
    of_call = [kind(each.name) for each in calls]
    codes: dict[str, int] = {}
    found = []
    for name, code in zip(events.name[rows].tolist(), call.tolist(), strict=True):
        said = of_call[code] if of_call[code] != other else of_name[name]
        found.append(codes.setdefault(said, len(codes)))
    return np.array(found, np.int32), tuple(codes)


def _steps(events: Events, rows: NDArray[np.intp]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Return the profiler's step that launched each; where that is not known, in which it began."""
    steps_of_host = events.role == Role.ANNOTATION
    steps_of_host &= vocabulary.profiler_step(events.names)[events.name]
    marks = events.select(np.flatnonzero(steps_of_host))
    marks = marks.select(np.argsort(marks.start, kind="stable"))
    at = events.start[rows].copy()
    calls = events.of(Role.CALL)
    launched = launches.match(events.select(rows), calls)
    at[launched >= 0] = calls.start[launched[launched >= 0]]
    names = tuple(dict.fromkeys(marks.names[code] for code in marks.name.tolist()))
    if not names:
        return np.full(len(rows), NONE, np.int32), ()
    code_of = {name: code for code, name in enumerate(names)}
    codes = np.array([code_of[marks.names[code]] for code in marks.name.tolist()], np.int32)
    place = np.searchsorted(marks.start, at, side="right") - 1
    inside = (place >= 0) & (at < marks.end[np.maximum(place, 0)])
    return np.where(inside, codes[np.maximum(place, 0)], NONE).astype(np.int32), names

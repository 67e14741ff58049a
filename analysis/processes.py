"""The lanes of a process that used no accelerator: its threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis import vocabulary
from analysis.columns import Role
from analysis.device import Device, name_rank, ordered
from analysis.groups import distinct, grouped_running_max
from analysis.intervals import Intervals, union
from analysis.launches import lane_key
from analysis.overruns import overrunning_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import Events, Trace

_BEFORE_ALL = -(2**62)


class Process(msgspec.Struct, frozen=True, eq=False):
    """A process whose operators ran on the CPU, as a device.

    Attributes:
        device: its outermost operators; each thread that ran one is a lane.
        branches: per lane, when a branch of the workload was open on it.
        python: per lane, when Python or an annotation was open on it.
        any_python: the same over all threads of the process.
    """

    device: Device
    branches: tuple[Intervals, ...]
    python: tuple[Intervals, ...]
    any_python: Intervals


def processes(trace: Trace) -> tuple[Process, ...]:
    """Return the processes that ran operators, by process id."""
    events = trace.events
    operator = events.role == Role.OPERATOR
    annotation = events.role == Role.ANNOTATION
    collective = annotation & vocabulary.host_collective(events.names)[events.name]
    work = events.select(operator | collective)
    marks = events.select((annotation & ~collective) | (events.role == Role.PYTHON))
    marks = marks.select(~overrunning_frames(marks, 2 * trace.resolution_ns))
    codes = distinct(events.pid[operator]).tolist()
    found = []
    for code in sorted(codes, key=lambda code: lane_key(events.pids[code])):
        of_process = work.select(work.pid == code)
        activities = of_process.select(outermost(of_process))
        if len(activities):
            found.append(_process(activities, marks.select(marks.pid == code)))
    return tuple(found)


def outermost(work: Events) -> NDArray[np.intp]:
    """Return the rows that no other operator of their thread encloses.

    Containers (see `vocabulary.may_be_container`) that enclose something are
    left out, and what they enclose takes their place; a TorchScript function
    that encloses nothing is left out too: it waits for those that it forked.
    Time that a thread waits inside an operator is not running.
    """
    may_contain = vocabulary.may_be_container(work.names)[work.name]
    may_contain &= work.role == Role.OPERATOR
    alphabet = name_rank(work.names)[work.name]
    order = np.lexsort((alphabet, ~may_contain, -work.end, work.start, work.tid))
    tid, start, end = work.tid[order], work.start[order], work.end[order]
    is_operator = work.role[order] == Role.OPERATOR
    encloses = np.zeros(len(order), np.bool_)
    operators = np.flatnonzero(is_operator)
    this, following = operators[:-1], operators[1:]
    encloses[this] = (tid[this] == tid[following]) & (start[following] < end[this])
    waits = vocabulary.scope(work.names)[work.name[order]] & is_operator
    kept = order[~((may_contain[order] & encloses) | waits)]
    reach = grouped_running_max(work.end[kept], work.tid[kept], _BEFORE_ALL)
    outer: NDArray[np.intp] = kept[work.start[kept] >= reach]
    return outer


def _process(work: Events, marks: Events) -> Process:
    collective = (work.role == Role.ANNOTATION) | vocabulary.c10d_operator(work.names)[work.name]
    classes = np.where(
        collective, vocabulary.WorkClass.COMMUNICATION, vocabulary.WorkClass.COMPUTE
    ).astype(np.int8)
    device = ordered(
        label=work.pids[work.pid[0]],
        lane_labels=work.tids,
        lane_code=work.tid,
        events=work,
        work=classes,
    )
    step = vocabulary.profiler_step(marks.names) | vocabulary.own_step(marks.names)
    branch = (marks.role == Role.ANNOTATION) & ~step[marks.name]
    code_of = {label: code for code, label in enumerate(work.tids)}
    lane_tid = [code_of[label] for label in device.lanes]
    return Process(
        device=device,
        branches=_open(marks.select(branch), lane_tid),
        python=_open(marks, lane_tid),
        any_python=union(Intervals(marks.start, marks.end)),
    )


def _open(marks: Events, lane_tid: list[int]) -> tuple[Intervals, ...]:
    result = []
    for tid in lane_tid:
        rows = marks.tid == tid
        result.append(union(Intervals(marks.start[rows], marks.end[rows])))
    return tuple(result)

"""The tables of what ran on devices, and of what launched it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.columns import NONE
from analysis.fleet.kinds import OTHER, kind, size_bytes
from analysis.metrics.lanes import STAGE_NAMES
from analysis.metrics.stages import Stage
from analysis.tables.recorded import coded
from analysis.tables.schema import STAGE_MEANING, TABLES
from analysis.tables.values import (
    Known,
    Texts,
    constant,
    correlation,
    joined,
    number,
    taken,
    times,
)
from analysis.vocabulary import WorkClass

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from analysis.columns import CollectiveCall
    from analysis.device import Device
    from analysis.metrics.stages import Stages
    from analysis.metrics.timeline import Timeline
    from analysis.metrics.view import View
    from analysis.tables.recorded import Recorded
    from analysis.tables.values import Rows

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]
    Places = NDArray[np.intp]

_CLASSES = tuple(work.label for work in WorkClass)


def activities(recorded: Recorded) -> Rows:
    """Return the activities of every device, by device, lane and start."""
    return joined([_activities(recorded, view) for view in recorded.views])


def launches(recorded: Recorded) -> Rows:
    """Return the launch calls of every device."""
    return joined([_launches(recorded, view) for view in recorded.views])


def collectives(recorded: Recorded) -> Rows:
    """Return the communication of every device."""
    return joined([_collectives(recorded, view) for view in recorded.views])


def own_work(recorded: Recorded) -> tuple[Ints, Ints]:
    """Return how many activities each operator launched itself, and their summed durations."""
    count = np.zeros(len(recorded.operators.nest), np.int64)
    length = np.zeros(len(recorded.operators.nest), np.int64)
    for view in recorded.views:
        device, row = view.device, _operator(recorded, view.device)
        known = row >= 0
        np.add.at(count, row[known], 1)
        np.add.at(length, row[known], (device.end - device.start)[known])
    return count, length


def _activities(recorded: Recorded, view: View) -> Rows:
    device = view.device
    row = recorded.row(device.position)
    return {
        **_placed(device),
        "class": Texts(device.work, _CLASSES),
        **times(device.start, device.end),
        "overlap_ns": spent(view.timeline, view.timeline.running > 1, device),
        "correlation": correlation(recorded.trace.events.correlation[row]),
        **_launched(recorded, view),
        **_graph_nodes(recorded, device),
        **({} if view.stages is None else _stages(view.stages)),
        **_called_from(recorded, device, row),
        **_shapes(device),
        "bandwidth": _bandwidth(recorded, row),
    }


def _placed(device: Device) -> Rows:
    return {
        "event": device.position.astype(np.int64),
        "device": constant(device.label, len(device)),
        "lane": Texts(device.lane, device.lanes),
        "name": Texts(device.name, device.names),
    }


def _launched(recorded: Recorded, view: View) -> Rows:
    """Return the columns on the launch; there are none on a CPU."""
    device, launched = view.device, view.device.launches
    if launched is None or view.heads is None:
        return {}
    known = launched.known
    first = np.zeros(len(device), np.bool_)
    first[view.heads.row] = True
    return {
        "launch_event": number(coded(recorded.calls.position, launched.call)),
        "launch_start_ns": Known(launched.start, known),
        "launch_end_ns": Known(launched.end, known),
        "queue_ns": Known(device.start - launched.end, known),
        "first_of_launch": Known(first, known),
        "graph_replay": Known(launched.graph, known),
    }


def _graph_nodes(recorded: Recorded, device: Device) -> Rows:
    nodes, known = recorded.trace.graph_nodes, device.graph_node >= 0
    rows = np.where(known, device.graph_node, 0)
    if not len(nodes.row):
        return {}
    return {"graph": Known(nodes.graph[rows], known), "graph_node": Known(nodes.node[rows], known)}


def _stages(stages: Stages) -> Rows:
    """Return how long each activity was in each stage, and the one it was in last."""
    rows = np.arange(len(stages.start))
    intervals = (
        (stages.first, stages.called, stages.queued),
        (np.int8(Stage.SAME_LANE), stages.queued, stages.free),
        (np.int8(Stage.DEPENDENCY), stages.free, stages.released),
        (stages.last, stages.released, stages.start),
    )
    lengths = {stage: np.zeros(len(rows), np.int64) for stage in STAGE_MEANING}
    for code, begin, end in intervals:
        for stage in lengths:
            lengths[stage] += np.where(code == stage, end - begin, 0)
    return {
        "stage": Texts(stages.at(rows, stages.start - 1), STAGE_NAMES),
        **{f"{STAGE_NAMES[stage]}_ns": length for stage, length in lengths.items()},
    }


def _called_from(recorded: Recorded, device: Device, row: Places) -> Rows:
    """Return the columns on what the launching thread was in; a CPU's activities launch nothing."""
    operator = _operator(recorded, device)
    operators = recorded.operators
    launched = device.launches
    if launched is None:
        pid, thread, time = recorded.trace.events.pid[row], recorded.threads(row), device.start
    else:
        pid, thread, time = launched.pid, launched.thread, launched.start
    return {
        **recorded.where(pid, thread, time),
        "op": operators.name(operator),
        "op_event": number(coded(operators.events.position, operator)),
    }


def _operator(recorded: Recorded, device: Device) -> Places:
    """Return the row of the operator that launched each activity, or that it is, or -1."""
    if device.launches is not None:
        return recorded.operators.around(device.launches.thread, device.launches.start)
    positions = recorded.operators.events.position
    order = np.argsort(positions, kind="stable")
    place = np.searchsorted(positions, device.position, sorter=order)
    row = order[np.minimum(place, len(order) - 1)]
    return np.where(positions[row] == device.position, row, NONE)


def _shapes(device: Device) -> Rows:
    known = device.shape >= 0
    return {
        name: Known(
            np.array([*(getattr(shape, name) for shape in device.shapes), 0], np.int64)[
                device.shape
            ],
            known,
        )
        for name in ("blocks", "threads", "registers", "shared_memory")
    }


def _bandwidth(recorded: Recorded, row: Places) -> Known:
    transfers = recorded.trace.transfers
    found = np.full(len(recorded.trace.events), np.nan)
    found[transfers.row] = transfers.bandwidth
    return Known(found[row], ~np.isnan(found[row]))


def _launches(recorded: Recorded, view: View) -> Rows:
    device, launched, heads = view.device, view.device.launches, view.heads
    if launched is None or heads is None:
        return {}
    first = heads.row
    calls = recorded.calls.select(launched.call[first])
    thread = launched.thread[first]
    return {
        "event": calls.position.astype(np.int64),
        "name": Texts(calls.name, calls.names),
        "pid": Texts(calls.pid, calls.pids),
        "tid": Texts(calls.tid, calls.tids),
        **times(calls.start, calls.end),
        "correlation": correlation(calls.correlation),
        "device": constant(device.label, len(first)),
        "lane": Texts(device.lane[first], device.lanes),
        "activities": heads.size.astype(np.int64),
        "first_event": device.position[first].astype(np.int64),
        "queue_ns": device.start[first] - calls.end,
        "graph_replay": launched.graph[first],
        **recorded.where(calls.pid, thread, calls.start),
        **recorded.operator(thread, calls.start),
    }


def _collectives(recorded: Recorded, view: View) -> Rows:
    everything = _activities(recorded, view)
    rows = np.flatnonzero(view.device.work == WorkClass.COMMUNICATION)
    compute = (view.timeline.work >> WorkClass.COMPUTE) & 1 == 1
    everything["exposed_ns"] = spent(view.timeline, ~compute, view.device)
    everything |= _calls(recorded, view.device)
    return {
        field.name: taken(everything[field.name], rows)
        for field in TABLES["collectives"]
        if field.name in everything
    }


def _calls(recorded: Recorded, device: Device) -> Rows:
    """Return what each activity carries out for other ranks, where it is recorded."""
    found = recorded.trace.collectives
    calls = found.calls
    place = np.full(len(recorded.trace.events), NONE, np.intp)
    place[found.row] = np.arange(len(found.row))
    place = place[recorded.row(device.position)]
    call = coded(found.call, place)
    sequence = np.append(found.sequence, NONE)[place]

    def said(of: Callable[[CollectiveCall], str]) -> Texts:
        table = [of(each) for each in calls]
        code = np.array([*(NONE if not each else i for i, each in enumerate(table)), NONE])
        return Texts(code[call], table)

    def counted(of: Callable[[CollectiveCall], int | None]) -> Known:
        counts = [of(each) for each in calls]
        return number(np.array([*(NONE if n is None else n for n in counts), NONE])[call])

    return {
        "kind": _kinds(device, said(lambda each: each.name)),
        "collective": said(lambda each: each.name),
        "process_group": said(lambda each: each.group),
        "group_ranks": said(lambda each: each.ranks),
        "dtype": said(lambda each: each.dtype),
        "group_size": counted(lambda each: each.size),
        "sequence": number(sequence),
        "elements_in": counted(lambda each: each.elements_in),
        "elements_out": counted(lambda each: each.elements_out),
        "bytes": counted(size_bytes),
        "source": counted(lambda each: each.source),
        "target": counted(lambda each: each.target),
    }


def _kinds(device: Device, called: Texts) -> Texts:
    """Return what each activity does, by its call, or by its own name where that says nothing."""
    of_call = [kind(each) for each in called.table]
    told = np.array([*(each != OTHER for each in of_call), False])[called.code]
    communicates = set(device.name[device.work == WorkClass.COMMUNICATION].tolist())
    of_name = [
        kind(name) if code in communicates else OTHER for code, name in enumerate(device.names)
    ]
    return Texts(np.where(told, called.code, len(of_call) + device.name), [*of_call, *of_name])


def spent(line: Timeline, condition: Bools, device: Device) -> Ints:
    """Return for how long of each activity a condition on the timeline's segments holds."""
    if not len(condition):
        return np.zeros(len(device), np.int64)
    before = np.concatenate(([0], np.cumsum(np.where(condition, line.lengths, 0))))

    def until(time: Ints) -> Ints:
        segment = np.searchsorted(line.edges[:-1], time, side="right") - 1
        return before[segment] + np.where(condition[segment], time - line.edges[segment], 0)

    return until(device.end) - until(device.start)

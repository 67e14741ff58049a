"""The tables that can be asked for: their columns, and what each of them means."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import msgspec

from analysis.metrics.lanes import STAGE_NAMES
from analysis.metrics.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator


class Kind(enum.Enum):
    """What a column holds; the value is SQL's name of the type."""

    INTEGER = "BIGINT"
    FIGURE = "DOUBLE"
    TEXT = "VARCHAR"
    FLAG = "BOOLEAN"


class Field(msgspec.Struct, frozen=True):
    """One column: its name, what it holds, and what that means; times are int64 ns."""

    name: str
    kind: Kind
    meaning: str


class Schema(msgspec.Struct, frozen=True):
    """One table: what a row is, and its columns in order."""

    meaning: str
    fields: tuple[Field, ...]

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)


def _integers(**meanings: str) -> tuple[Field, ...]:
    return tuple(Field(name, Kind.INTEGER, meaning) for name, meaning in meanings.items())


def _texts(**meanings: str) -> tuple[Field, ...]:
    return tuple(Field(name, Kind.TEXT, meaning) for name, meaning in meanings.items())


def _flags(**meanings: str) -> tuple[Field, ...]:
    return tuple(Field(name, Kind.FLAG, meaning) for name, meaning in meanings.items())


TRACE = Field("trace", Kind.TEXT, "which trace: its label, or its path where labels are not unique")
RANK = Field(
    "rank",
    Kind.INTEGER,
    "its rank in a distributed job, by `distributedInfo`, the manifest or the file's name; NULL if "
    "none says one",
)

_OF_TRACE = (TRACE, RANK)
_TIMES = _integers(
    start_ns="begin, ns on the trace's clock",
    end_ns="end, ns on the trace's clock",
    dur_ns="end_ns - start_ns",
)
_EVENT = Field("event", Kind.INTEGER, "its place in the file's list of events, from 0")
_DEVICE = Field("device", Kind.TEXT, "the device's id; on a CPU the process id")
_LANE = Field("lane", Kind.TEXT, "the stream's id; on a CPU the thread's id")
_NAME = Field("name", Kind.TEXT, "as recorded")
_CORRELATION = Field(
    "correlation", Kind.INTEGER, "what ties an activity to the call that launched it; NULL if none"
)
_THREAD = _texts(pid="the process id", tid="the thread id")
_WHERE = _texts(
    step="the `ProfilerStep#N` of the process in which {it}",
    range="the innermost other annotation (`record_function`) open on the thread when {it}",
    module="the innermost `nn.Module` open on the thread when {it}, where stacks were recorded",
    module_path="that module with those around it, outermost first, joined by `/`",
)

STAGE_MEANING = {
    Stage.LAUNCHING: "the launch call ran",
    Stage.SAME_LANE: "launched, behind earlier work on its own lane",
    Stage.DEPENDENCY: "waiting for work on another lane, as recorded or inferred",
    Stage.GRAPH: "waiting for its place in a graph replay",
    Stage.START_LATENCY: "ready, no longer than the latency bound",
    Stage.WAIT: "ready, longer than the latency bound, for nothing recorded",
    Stage.UNKNOWN: "before it ran, when it was launched is not recorded",
}
"""What an activity does in each stage before it runs."""


def _where(when: str) -> tuple[Field, ...]:
    return tuple(Field(each.name, each.kind, each.meaning.format(it=when)) for each in _WHERE)


def _stages(template: str) -> tuple[Field, ...]:
    return tuple(
        Field(f"{STAGE_NAMES[stage]}_ns", Kind.INTEGER, template.format(meaning))
        for stage, meaning in STAGE_MEANING.items()
    )


TABLES: dict[str, Schema] = {
    "traces": Schema(
        "A trace that was read.",
        (
            *_OF_TRACE,
            *_texts(
                path="where it was read from",
                mode="the mode that the manifest beside it names; NULL without one",
            ),
            *_integers(
                start_ns="begin of its first complete event, ns on the trace's clock",
                end_ns="end of its last complete event, ns on the trace's clock",
                resolution_ns="1000 where all times are whole microseconds, else 1",
                events="how many complete events it holds",
                losses="how many things of the file were not read as they stand",
                world_size="how many ranks the job has; NULL where the trace does not say",
                base_ns="what its times are to be added to, for a clock that the machine's "
                "processes share (`baseTimeNanoseconds`); NULL where the trace does not say",
            ),
            *_texts(host="the machine's name; NULL where the trace does not say"),
        ),
    ),
    "events": Schema(
        "A complete event (`ph: X`) of the file, whatever it is.",
        (
            *_OF_TRACE,
            _EVENT,
            *_texts(
                role="what it is: kernel, memcpy, memset, sync, call (of the runtime or driver), "
                "operator, annotation, python or other",
                category="`cat`, the recorder's word",
                name="as recorded",
                pid="the process id; of an activity, the device",
                tid="the thread id",
                stream="the stream's id; NULL of what is no activity",
            ),
            _CORRELATION,
            *_TIMES,
        ),
    ),
    "activities": Schema(
        "A span of work on a device's lane: a kernel, copy or memset; of a trace without "
        "accelerator, an outermost operator of a thread.",
        (
            *_OF_TRACE,
            _EVENT,
            _DEVICE,
            _LANE,
            _NAME,
            Field("class", Kind.TEXT, "communication, compute, copy or set"),
            *_TIMES,
            *_integers(
                overlap_ns="of it, in which another lane of the device ran, too",
                correlation="what ties it to its launch; NULL if none",
                launch_event="the call that launched it (`launches.event`); NULL where unknown",
                launch_start_ns="begin of that call, ns on the trace's clock",
                launch_end_ns="end of that call, ns on the trace's clock",
                queue_ns="from the call's end to its start; negative where it started before",
            ),
            *_flags(
                first_of_launch="whether it started first of what its call launched; NULL where "
                "unknown",
                graph_replay="whether the call replays a graph; NULL where unknown",
            ),
            *_integers(
                graph="the id of the CUDA graph whose node it is; NULL where not recorded",
                graph_node="the id of the node",
            ),
            *_texts(
                stage="the stage it was in just before it ran; not_launched where it ran at once; "
                "NULL on a CPU"
            ),
            *_stages("in this stage before it ran: {}; NULL on a CPU"),
            *_where("its launch began"),
            *_texts(op="the innermost operator around its launch; on a CPU, itself"),
            *_integers(
                op_event="that operator (`ops.event`)",
                blocks="in the kernel's grid; NULL where not recorded",
                threads="per block",
                registers="per thread",
                shared_memory="bytes per block, static and dynamic",
            ),
            Field("bandwidth", Kind.FIGURE, "GB/s of a copy or memset, as recorded"),
        ),
    ),
    "launches": Schema(
        "A call that launched activities which the trace holds; a replay of a graph is one. "
        "All calls are in `events`.",
        (
            *_OF_TRACE,
            _EVENT,
            _NAME,
            *_THREAD,
            *_TIMES,
            _CORRELATION,
            _DEVICE,
            Field("lane", Kind.TEXT, "the stream of its first activity"),
            *_integers(
                activities="how many it launched on the device",
                first_event="the one that started first (`activities.event`)",
                queue_ns="from the call's end to that start; negative where it started before. "
                "Those above 0 make up `launches.queue_ns` of report.json",
            ),
            *_flags(graph_replay="whether it replays a graph"),
            *_where("it began"),
            *_texts(op="the innermost operator around it"),
            *_integers(op_event="that operator (`ops.event`)"),
        ),
    ),
    "ops": Schema(
        "An operator (`cpu_op`) of the host.",
        (
            *_OF_TRACE,
            _EVENT,
            _NAME,
            *_THREAD,
            *_TIMES,
            *_integers(
                self_ns="of it, outside the operators that it called",
                depth="how many operators enclose it",
                parent="the operator that called it (`ops.event`); NULL if none",
                activities="how many activities it launched itself; on a CPU 1 if it is one",
                device_ns="summed durations of these",
            ),
            *_where("it began"),
        ),
    ),
    "lanes": Schema(
        "A lane of a device, over the device's window.",
        (
            *_OF_TRACE,
            _DEVICE,
            Field("kind", Kind.TEXT, "accelerator or cpu"),
            _LANE,
            *_integers(
                start_ns="begin of the device's window, ns on the trace's clock",
                end_ns="end of that window, ns on the trace's clock",
                dur_ns="end_ns - start_ns; busy_ns and the columns below add up to it",
                activities="how many ran",
                busy_ns="in which any of them ran",
                not_launched_ns="idle, the lane's next activity not launched yet; NULL on a CPU",
            ),
            *_stages("idle, the lane's next activity in this stage: {}; NULL on a CPU"),
            *_integers(
                edge_ns="idle, nothing follows on the lane; NULL on a CPU",
                python_ns="idle, Python or an annotation open; NULL on an accelerator",
                untraced_ns="idle, nothing recorded; NULL on an accelerator",
            ),
        ),
    ),
    "states": Schema(
        "A stretch of a device's window throughout which one state held, with the same lanes "
        "and classes running; those of a device follow each other without gap, and add up to "
        "`breakdown_ns` of report.json.",
        (
            *_OF_TRACE,
            _DEVICE,
            *_TIMES,
            *_texts(state='as in docs/measures.md, "States"'),
            *_integers(lanes="how many lanes ran"),
            *_texts(classes="what they ran, joined by `+`; NULL where none ran"),
            *_integers(gap="the idle gap it is part of (`gaps.gap`); NULL where a lane ran"),
        ),
    ),
    "gaps": Schema(
        "A longest stretch of a device's window with no lane running.",
        (
            *_OF_TRACE,
            _DEVICE,
            *_integers(gap="its number on the device, by time, from 0"),
            *_TIMES,
            *_texts(
                state="its state, or the one that holds for most of it (`states` has all)",
                before="the activity that ended last before it",
                after="the activity that ended it; NULL at the window's end",
            ),
            *_integers(after_event="that activity (`activities.event`)"),
            *_texts(
                host_call="the outermost call that the thread which launched `after` was in when "
                "the gap began; NULL if none, or where unknown",
                host_op="the innermost operator it was in",
                host_outermost_op="the outermost operator it was in",
                host_python="the innermost Python frame it was in",
            ),
            *_integers(waiting="how many other activities had been launched before its end"),
        ),
    ),
    "collectives": Schema(
        "An activity of class communication.",
        (
            *_OF_TRACE,
            _EVENT,
            _DEVICE,
            _LANE,
            _NAME,
            *_TIMES,
            *_integers(
                exposed_ns="of it, in which no compute ran on the device",
                correlation="what ties it to its launch; NULL if none",
                launch_event="the call that launched it (`launches.event`); NULL where unknown",
                launch_start_ns="begin of that call, ns on the trace's clock",
                queue_ns="from that call's end to its start; negative where it started before",
            ),
            *_texts(
                step="the `ProfilerStep#N` of the process in which its launch began",
                kind="what it does, by its call or its name: all_reduce, all_gather, "
                "reduce_scatter, all_to_all, broadcast, send_recv, ..., or other",
                collective="its call, as recorded; NULL where not recorded, as are all that follow",
                process_group="the name of its process group",
                group_ranks="the group's ranks, as recorded; long lists are cut by the recorder",
                dtype="of the elements",
            ),
            *_integers(
                group_size="how many ranks the group has",
                sequence="the number of the call in the group; the same on every rank",
                elements_in="of the input on this rank",
                elements_out="of the output on this rank",
                bytes="of the larger of the two",
                source="the rank that sends, point to point",
                target="the rank that receives, point to point",
            ),
        ),
    ),
}
"""Every table, by name."""

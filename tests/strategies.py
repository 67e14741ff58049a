"""Random traces, small in time and mean in structure, for the reference to walk.

An activity is drawn together with its launch, so that most have a plausible one; the rest
of a trace is drawn apart from it. Names are unique, because the rules fall back on them.
Two calls of one correlation and process never coincide, nor do two operators of a thread:
no rule tells those apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from tests.builders import (
    Event,
    annotation,
    card,
    cpu_op,
    python,
    record_call,
    runtime,
    shape,
    shifted,
    stream_wait,
    wait_call,
)
from tests.reference import SCRIPTED, Limits

HORIZON = 70
"""No activity starts later than this, unless it follows another."""

THREADS = [(100, 1), (100, 2), (100, 3), (200, 1)]
TIDS = [1, 2, 3]
STREAMS = [7, 20, 100]

ACTIVITIES = [
    ("kernel", "gemm"),
    ("kernel", "Synchronised reduce"),
    ("kernel", "ncclDevKernel_AllReduce"),
    ("Kernel", "void vllm::cross_device_reduce_1stage"),
    ("gpu_memcpy", "Memcpy HtoD (Pinned -> Device)"),
    ("gpu_memcpy", "Memcpy DtoH (Device -> Pageable)"),
    ("Memcpy", "Memcpy DtoD (Device -> Device)"),
    ("gpu_memset", "Memset (Device)"),
]
LAUNCHES = [
    "cudaLaunchKernel",
    "cuLaunchKernelEx",
    "cudaMemcpyAsync",
    "cudaMemcpy",
    "hipMemcpyWithStream",
    "cudaGraphLaunch",
    "hipGraphLaunch_ptsz",
]
CALLS = [
    "cudaStreamSynchronize",
    "hipDeviceSynchronize",
    "cuStreamSynchronize_ptsz",
    "cudaFree",
    "cudaMemcpy2D",
    "cuMemsetD8_v2",
    "cudaMemsetAsync",
    "cudaEventQuery",
    "cudaEventRecord",
]
WAIT_CALLS = ["cudaStreamWaitEvent", "hipStreamWaitEvent", "cuStreamWaitEvent_ptsz"]
HOST = [
    "cpu_op",
    "cpu_op",
    "cpu_op",
    "python_function",
    "user_annotation",
    "gpu_user_annotation",
    "cuda_sync",
]


@dataclass(frozen=True)
class Call:
    """A launch, `lead` before the start of its activity."""

    lead: int
    length: int
    thread: tuple[int, int]
    name: str


@dataclass(frozen=True)
class Wait:
    """A wait that its lane was told of, `lead` before the launch of its activity.

    `on_stream` None leaves it to the call alone, -1 is a row that does not know. `record` is
    how long before that the event was recorded: None, a row that does not tell; negative, a
    row that names a call which is not in the trace. `again` is where calls of the same
    correlations stand a second time, as in a merged trace.
    """

    lead: int
    length: int
    on_stream: int | None
    record: int | None
    called: bool
    elsewhere: tuple[int, int] | None
    again: tuple[int, int] | None
    numbered: bool
    name: str


@dataclass(frozen=True)
class Plan:
    """An activity and how it was launched.

    `shared` reuses the launch of an earlier one; `follows` lets it start so long after the end
    of the one before, whatever its own start.
    """

    kind: tuple[str, str]
    device: int
    stream: int
    start: int
    length: int
    call: Call | None
    again: Call | None
    shared: bool
    follows: int | None
    wait: Wait | None
    sizes: dict[str, object]


def _calls(names: Sequence[str]) -> st.SearchStrategy[Call]:
    return st.builds(
        Call,
        lead=st.integers(-3, 25),
        length=st.integers(0, 9),
        thread=st.sampled_from([*THREADS[:1] * 3, *THREADS]),
        name=st.sampled_from(names),
    )


_waits = st.builds(
    Wait,
    lead=st.integers(-1, 6),
    length=st.integers(0, 3),
    on_stream=st.sampled_from([None, None, None, -1, *STREAMS, *STREAMS, 55]),
    record=st.one_of(st.none(), st.integers(-1, 12)),
    called=st.sampled_from([True, True, True, False]),
    elsewhere=st.one_of(st.none(), st.none(), st.none(), st.sampled_from(THREADS)),
    again=st.one_of(st.none(), st.none(), st.none(), st.sampled_from(THREADS)),
    numbered=st.sampled_from([True, True, True, True, False]),
    name=st.sampled_from(WAIT_CALLS),
)


@st.composite
def _sizes(draw: st.DrawFn) -> dict[str, object]:
    """Sizes of a kernel, of which some leave room on a card and some do not."""
    sizes = draw(
        st.sampled_from([shape(1, 32), shape(100, 1024)])
        | st.builds(
            shape,
            st.sampled_from([(1, 1, 1), (3, 1, 1), (2, 2, 1), (7, 1, 2), (10, 10, 1)]),
            st.sampled_from([(1, 1, 1), (32, 1, 1), (100, 1, 1), (32, 16, 1), (1024, 1, 1)]),
            registers=st.sampled_from([0, 16, 25, 32, 33, 64, 255]),
            shared=st.sampled_from([0, 0, 1, 15_360, 32_768, 49_152, 82_945]),
        )
    )
    if draw(st.integers(0, 15)) == 15:
        del sizes[draw(st.sampled_from(sorted(sizes)))]
    return sizes


@st.composite
def _card(draw: st.DrawFn, device: int) -> dict[str, object]:
    capabilities = [(7, 0), (7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (10, 3), (11, 0), (12, 1)]
    made = card(
        device,
        sms=draw(st.sampled_from([1, 2, 4])),
        capability=draw(st.sampled_from([*capabilities, (6, 1), (13, 0)])),
        threads=draw(st.sampled_from([1024, 1536, 2048])),
        shared=draw(st.sampled_from([65_536, 98_304, 167_936])),
        warp=draw(st.sampled_from([32, 32, 32, 64])),
    )
    if draw(st.integers(0, 9)) == 9:
        del made[draw(st.sampled_from(sorted(made.keys() - {"id", "name"})))]
    return made


cards = st.one_of(*[st.tuples(_card(0), _card(1))] * 3, st.tuples(_card(1)))
"""The entries of `deviceProperties`; device 0's is missing at times."""

_plans = st.builds(
    Plan,
    kind=st.sampled_from(ACTIVITIES),
    device=st.sampled_from([0, 0, 0, 1]),
    stream=st.sampled_from([7, *STREAMS]),
    start=st.integers(0, HORIZON),
    length=st.one_of(st.integers(0, 14), st.integers(0, 3)),
    call=st.one_of(st.none(), _calls(LAUNCHES), _calls(LAUNCHES)),
    again=st.one_of(st.none(), st.none(), st.none(), _calls(LAUNCHES)),
    shared=st.sampled_from([False, False, False, True]),
    follows=st.none(),
    wait=st.one_of(st.none(), st.none(), _waits),
    sizes=st.one_of(st.just({}), _sizes(), _sizes()),
)

# Kernels that were launched well ahead: what holds them back is one another.
_early = st.builds(
    Plan,
    kind=st.sampled_from(ACTIVITIES[:2]),
    device=st.just(0),
    stream=st.sampled_from(STREAMS),
    start=st.integers(0, HORIZON),
    length=st.one_of(st.integers(1, 20), st.integers(0, 1)),
    call=st.builds(
        Call,
        lead=st.integers(1, 40),
        length=st.integers(0, 2),
        thread=st.sampled_from([*THREADS[:1] * 4, *THREADS]),
        name=st.just(LAUNCHES[0]),
    ),
    again=st.none(),
    shared=st.just(False),
    follows=st.one_of(st.none(), st.integers(0, 6)),
    wait=st.one_of(st.none(), _waits),
    sizes=_sizes(),
)

limits = st.builds(
    Limits,
    latency_floor_ns=st.integers(1, 6),
    latency_ceiling_ns=st.integers(4, 20),
    latency_samples=st.sampled_from([1, 2, 4, 100]),
    slow_launch_ns=st.integers(2, 6),
)


def _one_after_the_other(plans: Sequence[Plan]) -> list[Plan]:
    """The plans, those that follow another at their new starts."""
    placed: list[Plan] = []
    for plan in plans:
        if placed and plan.follows is not None:
            start = placed[-1].start + placed[-1].length + plan.follows
            placed.append(replace(plan, start=start))
        else:
            placed.append(plan)
    return placed


def _launched(plans: Sequence[Plan]) -> list[Event]:
    """The activities of these plans and the calls that launched them."""
    activities: list[Event] = []
    calls: dict[tuple[object, ...], Event] = {}
    last_launched = 0
    for i, plan in enumerate(plans):
        correlation = i + 1 if plan.call else 0
        if plan.shared and last_launched:
            correlation = last_launched
        elif plan.call:
            last_launched = correlation
        for call in (plan.call, plan.again) if correlation == i + 1 else ():
            if call:
                made = _call(call, plan.start, correlation)
                calls[made.pid, made.start, made.end, correlation] = made
        args: dict[str, object] = {"stream": plan.stream, "correlation": correlation}
        if plan.kind[0] in {"kernel", "Kernel"}:
            args |= plan.sizes
        end = plan.start + plan.length
        category, name = plan.kind
        unique = f"{name} {len(plans) - i}"
        activities.append(Event(category, unique, plan.device, plan.stream, plan.start, end, args))
    return [*activities, *calls.values()]


def _told(plans: Sequence[Plan]) -> list[Event]:
    """The rows and calls of these plans' waits."""
    events: list[Event] = []
    for i, plan in enumerate(plans):
        wait, call = plan.wait, plan.call
        if wait is None or call is None:
            continue
        begin = max(0, plan.start - call.lead - wait.lead)
        asked, recorded = 1000 + i if wait.numbered else 0, 2000 + i
        calls: list[Event] = []
        if wait.called:
            calls.append(wait_call(begin, begin + wait.length, correlation=asked, name=wait.name))
        if wait.record is not None and wait.record >= 0:
            at = max(0, begin - wait.record)
            calls.append(record_call(at, at + 1, correlation=recorded))
        pid, tid = wait.elsewhere or call.thread
        events += [replace(c, pid=pid, tid=tid) for c in calls]
        if wait.again:
            pid, tid = wait.again
            events += [replace(c, pid=pid, tid=tid) for c in shifted(calls, 1 + i % 7)]
        if wait.on_stream is not None:
            events.append(
                stream_wait(
                    begin + 1,
                    stream=plan.stream,
                    on_stream=wait.on_stream,
                    correlation=asked,
                    record=recorded if wait.record is not None else -1 if i % 2 else None,
                    device=plan.device,
                )
            )
    return events


def _call(call: Call, start: int, correlation: int) -> Event:
    begin = max(0, start - call.lead)
    pid, tid = call.thread
    return runtime(call.name, begin, begin + call.length, correlation=correlation, pid=pid, tid=tid)


def _spans(most: int, longest: int) -> st.SearchStrategy[list[tuple[int, int, tuple[int, int]]]]:
    """Begins, lengths and threads of host events."""
    span = st.tuples(
        st.integers(0, HORIZON + 10), st.integers(0, longest), st.sampled_from(THREADS)
    )
    return st.lists(span, max_size=most)


@st.composite
def _host(draw: st.DrawFn) -> list[Event]:
    events = []
    for begin, length, (pid, tid) in draw(_spans(5, 25)):
        category = draw(st.sampled_from(HOST))
        events.append(Event(category, f"{category} {begin}", pid, tid, begin, begin + length))
    for begin, length, (pid, tid) in draw(_spans(4, 12)):
        name = draw(st.sampled_from(CALLS))
        events.append(runtime(name, begin, begin + length, pid=pid, tid=tid))
    return events


@st.composite
def _steps(draw: st.DrawFn) -> list[Event]:
    found: list[Any] = draw(
        st.lists(
            st.tuples(
                st.integers(0, HORIZON), st.integers(1, 40), st.sampled_from([100, 100, 200])
            ),
            max_size=2,
        )
    )
    return [
        annotation(f"ProfilerStep#{i}", begin, begin + length, pid=pid)
        for i, (begin, length, pid) in enumerate(sorted(found))
    ]


@st.composite
def accelerator_traces(draw: st.DrawFn) -> list[Event]:
    """Traces of one or two devices with a few lanes each, and of what launched their work."""
    plans = draw(
        st.lists(_plans, min_size=1, max_size=12) | st.lists(_early, min_size=2, max_size=8)
    )
    plans = _one_after_the_other(plans)
    return [*_launched(plans), *_told(plans), *draw(_host()), *draw(_steps())]


# --- traces with replays of a graph whose edges are known ---------------------------------

GRAPH = 9
"""The id of the graph."""


@st.composite
def _graph(draw: st.DrawFn) -> dict[str, Any]:
    """A graph of a few nodes, each after some of those before it."""
    ids = draw(st.lists(st.integers(1, 30), min_size=2, max_size=6, unique=True))
    return {
        "exec_graph_id": GRAPH,
        "nodes": [
            {
                "node_id": number,
                "dependencies": sorted(draw(st.sets(st.integers(0, i - 1), max_size=3)))
                if i
                else [],
            }
            for i, number in enumerate(ids)
        ],
    }


@st.composite
def graph_traces(draw: st.DrawFn) -> tuple[list[Event], list[dict[str, Any]]]:
    """Traces with replays of a graph among other work, and what is told of the graph.

    Some nodes run nothing, some do not say what they are, and some twice that they are the
    same; at times the graph is of another id, or has a node less.
    """
    graph = draw(_graph())
    nodes = [node["node_id"] for node in graph["nodes"]]
    events = draw(accelerator_traces())
    at = 0
    for replay in range(draw(st.integers(1, 3))):
        correlation = 500 + replay
        at += draw(st.integers(0, 20))
        pid, tid = draw(st.sampled_from(THREADS[:2]))
        length = draw(st.integers(0, 12))
        name = draw(st.sampled_from(["cudaGraphLaunch", "cudaGraphLaunch", "cudaLaunchKernel"]))
        events.append(runtime(name, at, at + length, correlation=correlation, pid=pid, tid=tid))
        shown = [node for node in nodes if draw(st.integers(0, 5))]
        if not draw(st.integers(0, 9)):
            shown.append(draw(st.sampled_from(nodes)))
        for place, node in enumerate(shown):
            begin = at + draw(st.integers(0, 30))
            args: dict[str, object] = {"stream": draw(st.sampled_from(STREAMS))}
            args["correlation"] = correlation
            if draw(st.integers(0, 9)):
                args |= {"graph id": GRAPH, "graph node id": node}
            name = f"node {replay} {place}"
            end = begin + draw(st.integers(0, 12))
            events.append(Event("kernel", name, 0, 7, begin, end, args))
    told = [graph, graph, graph | {"exec_graph_id": 4}, graph | {"nodes": graph["nodes"][:-1]}]
    return events, [draw(st.sampled_from(told))]


# --- traces without a device ----------------------------------------------------------

OPERATORS = [
    "aten::mm",
    "aten::add",
    "c10d::allreduce_",
    "MyFunction",
    "MyFunctionBackward",
    "Torch-Compiled Region: 0/0",
    "## Call CompiledFxGraph f7 ##",
    "Call CompiledFxGraph f8",
    "nccl:all_reduce",
    "gloo:broadcast",
    "forward",
    "<forked function>",
]
RANGES = ["overlap.branch 0", "overlap.branch 1", "overlap.step", "my range", "python"]


def _fits(new: Event, others: Sequence[Event]) -> bool:
    """Whether it nests among the operators of its thread, as calls do, and equals none."""
    same = [e for e in others if (e.pid, e.tid) == (new.pid, new.tid)]
    return all(
        (e.start, e.end) != (new.start, new.end)
        and (
            e.end <= new.start
            or new.end <= e.start
            or (e.start <= new.start and new.end <= e.end)
            or (new.start <= e.start and e.end <= new.end)
        )
        for e in same
    )


@st.composite
def cpu_traces(draw: st.DrawFn) -> list[Event]:
    """Traces of operators on a few threads of one or two processes, with ranges around."""
    events = [cpu_op("aten::first", begin := draw(st.integers(0, HORIZON)), begin + 5)]
    for begin, length, (pid, tid) in draw(_spans(14, 25)):
        name = draw(st.sampled_from(OPERATORS))
        if name not in SCRIPTED:
            name = f"{name} {len(events)}"
        make = annotation if name.startswith(("nccl:", "gloo:")) else cpu_op
        event = make(name, begin, begin + length, pid=pid, tid=tid)
        if _fits(event, events):
            events.append(event)
    for begin, length, (pid, tid) in draw(_spans(5, 30)):
        name = draw(st.sampled_from(RANGES))
        make = python if name == "python" else annotation
        events.append(make(name, begin, begin + length, pid=pid, tid=tid))
    return [*events, *draw(_steps())]

"""Random traces, small in time and mean in structure, for the reference to walk.

An activity is drawn together with its launch, so that most have a plausible one; the rest
of a trace is drawn apart from it. Names are unique, because the rules fall back on them.
Two calls of one correlation and process never coincide, nor do two operators of a thread:
no rule tells those apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.builders import Event, annotation, cpu_op, python, runtime
from tests.reference import SCRIPTED, Limits

HORIZON = 70
"""No activity starts later than this."""

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
HOST = [
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
class Plan:
    """An activity and how it was launched; `shared` reuses the launch of an earlier one."""

    kind: tuple[str, str]
    device: int
    stream: int
    start: int
    length: int
    call: Call | None
    again: Call | None
    shared: bool


def _calls(names: Sequence[str]) -> st.SearchStrategy[Call]:
    return st.builds(
        Call,
        lead=st.integers(-3, 25),
        length=st.integers(0, 9),
        thread=st.sampled_from([*THREADS[:1] * 3, *THREADS]),
        name=st.sampled_from(names),
    )


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
)

limits = st.builds(
    Limits,
    latency_floor_ns=st.integers(1, 6),
    latency_ceiling_ns=st.integers(4, 20),
    latency_samples=st.sampled_from([1, 2, 4, 100]),
    slow_launch_ns=st.integers(2, 6),
)


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
        end = plan.start + plan.length
        category, name = plan.kind
        unique = f"{name} {len(plans) - i}"
        activities.append(Event(category, unique, plan.device, plan.stream, plan.start, end, args))
    return [*activities, *calls.values()]


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
    plans = draw(st.lists(_plans, min_size=1, max_size=12))
    return [*_launched(plans), *draw(_host()), *draw(_steps())]


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

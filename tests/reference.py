"""Every figure of a report's `devices` and `steps`, by brute force.

This is the specification read a second time, without numpy and without cleverness: it asks
of every nanosecond cell [t, t + 1) of a window which lanes run in it and which rule it
falls under, and it shares no line with the package. It is slow, so its traces are short,
and the limits that are tens of microseconds in earnest are parameters.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, zip_longest
from math import inf
from typing import Any

from tests import room
from tests.builders import STREAM_WAIT, Event, Id
from tests.room import Card

ACTIVITIES = {
    "kernel": "compute",
    "Kernel": "compute",
    "gpu_memcpy": "copy",
    "Memcpy": "copy",
    "gpu_memset": "set",
    "Memset": "set",
}
CALLS = {"cuda_runtime", "cuda_driver", "Runtime"}

COLLECTIVES = (
    "nccl",
    "rccl",
    "nvshmem",
    "cross_device_reduce",
    "custom_all_reduce",
    "one_shot_all_reduce",
    "two_shot_all_reduce",
    "quick_reduce",
    "quickreduce",
    "multimem_all",
)
COLLECTIVE_ANNOTATIONS = ("nccl:", "gloo:", "mpi:", "ucc:")

SCRIPTED = {"forward", "<forked function>"}
"""Functions of TorchScript: a thread inside one that runs no operator waits."""

GRAPH_LAUNCHES = {"cudaGraphLaunch", "hipGraphLaunch", "cuGraphLaunch"}
WAIT_CALLS = {"cudaStreamWaitEvent", "hipStreamWaitEvent", "cuStreamWaitEvent"}
SYNCHRONISES = {
    "cudaDeviceSynchronize",
    "cudaStreamSynchronize",
    "cudaEventSynchronize",
    "hipDeviceSynchronize",
    "hipStreamSynchronize",
    "hipEventSynchronize",
    "cuCtxSynchronize",
    "cuStreamSynchronize",
    "cuEventSynchronize",
}
BLOCKING_OTHERS = {"hipMemcpyWithStream", "cudaFree", "hipFree"}
SUFFIXES = ("_v2", "_ptsz", "_ptds", "_spt")

ACCELERATOR_STATES = (
    "idle_start_latency",
    "idle_unrecorded_wait",
    "idle_dependency",
    "idle_graph",
    "idle_unknown",
    "idle_launching",
    "idle_slow_launch",
    "idle_blocking_copy",
    "idle_host_sync",
    "idle_host_call",
    "idle_host_op",
    "idle_host_python",
    "idle_host_untraced",
    "idle_edge",
    "one_device_full",
    "one_unrecorded_wait",
    "one_room_unknown",
    "one_start_latency",
    "one_dependency",
    "one_graph",
    "one_same_lane",
    "one_launching",
    "one_unknown",
    "one_nothing_queued",
    "overlapped",
)
ACCELERATOR_LANE_STATES = (
    "running",
    "not_launched",
    "launching",
    "same_lane",
    "dependency",
    "graph",
    "start_latency",
    "wait",
    "unknown",
    "edge",
)
CPU_STATES = ("overlapped", "one_lane_python", "one_lane_alone", "idle_python", "idle_untraced")
CPU_LANE_STATES = ("running", "python", "untraced")

_IDLE = {
    "start_latency": "idle_start_latency",
    "wait": "idle_unrecorded_wait",
    "dependency": "idle_dependency",
    "graph": "idle_graph",
    "unknown": "idle_unknown",
}

# What one running lane is told of the others: the strongest stage that any of them is in.
# Stronger yet is one that is ready beyond the bound, whose state depends on the room.
STRONGEST_FIRST = (
    ("start_latency", "one_start_latency"),
    ("dependency", "one_dependency"),
    ("graph", "one_graph"),
    ("same_lane", "one_same_lane"),
    ("launching", "one_launching"),
    ("unknown", "one_unknown"),
)

Report = dict[str, Any]
Graph = dict[str, Any]
"""A CUDA graph, as `CUDAGraph.get_graph_data` returns it."""


@dataclass(frozen=True)
class Limits:
    """The lengths and counts that the rules name, with their real values."""

    latency_floor_ns: int = 10_000
    latency_ceiling_ns: int = 100_000
    latency_samples: int = 100
    slow_launch_ns: int = 100_000


REAL = Limits()


def devices(
    events: Sequence[Event],
    limits: Limits = REAL,
    cards: Sequence[Card] = (),
    graphs: Sequence[Graph] = (),
    *,
    gaps: int = 100,
) -> list[Report]:
    """The figures of every device of a trace, each over its own window."""
    return [_figures(d, *_window(d.works), gaps) for d in _devices(events, limits, cards, graphs)]


def steps(
    events: Sequence[Event],
    limits: Limits = REAL,
    cards: Sequence[Card] = (),
    graphs: Sequence[Graph] = (),
) -> list[Report]:
    """The figures of every device within every `ProfilerStep#N` range, no gap listed.

    A process's steps are those of the devices that it launched something on.
    """
    marks = [e for e in events if _is_annotation(e) and e.name.startswith("ProfilerStep#")]
    found = [
        {
            "name": mark.name,
            "devices": [
                _figures(d, *_step_window(d, mark), listed=0)
                for d in _devices(events, limits, cards, graphs)
                if mark.pid in d.hosts
            ],
        }
        for mark in sorted(marks, key=lambda e: (e.start, e.end))
    ]
    return [step for step in found if step["devices"]]


def differences(expected: Sequence[Report], reported: Sequence[Report]) -> list[str]:
    """Where a report's `devices` depart from the reference's, a line for each.

    A report may say more of a device or a gap than the reference does; what both say must
    be equal, down to the keys that are there.
    """
    names = [d["device"] for d in expected], [d["device"] for d in reported]
    if names[0] != names[1]:
        return [f"devices: expected {names[0]}, reported {names[1]}"]
    return [
        f"device {e['device']}: {line}"
        for e, r in zip(expected, reported, strict=True)
        for line in _differences("", e, _only(r, e))
    ]


def unbalanced(device: Report) -> list[str]:
    """Which of the sums that must hold of any device's entry do not."""
    sums = {
        "breakdown_ns": (_sum(device["breakdown_ns"]), device["window_ns"]),
        "concurrency_ns": (_sum(device["concurrency_ns"]), device["window_ns"]),
        "busy and idle": (device["busy_ns"] + device["idle_ns"], device["window_ns"]),
        "gaps": (
            sum(g["duration_ns"] for g in device["idle_gaps"]) + device["idle_gaps_unlisted_ns"],
            device["idle_ns"],
        ),
    }
    for lane, states in device["lane_breakdown_ns"].items():
        sums[f"lane {lane}"] = (_sum(states), device["window_ns"])
    for state, classes in device["breakdown_by_class_ns"].items():
        sums[f"classes of {state}"] = (_sum(classes), device["breakdown_ns"][state])
    for gap in device["idle_gaps"]:
        sums[f"gap at {gap['start_ns']}"] = (_sum(gap["breakdown_ns"]), gap["duration_ns"])
    return [f"{name}: {a} is not {b}" for name, (a, b) in sums.items() if a != b]


def _sum(states: dict[str, int | None]) -> int:
    return sum(value or 0 for value in states.values())


def _only(reported: Report, expected: Report) -> Report:
    kept = {key: value for key, value in reported.items() if key in expected}
    if "idle_gaps" in kept and expected["idle_gaps"]:
        keys = expected["idle_gaps"][0]
        kept["idle_gaps"] = [{k: v for k, v in g.items() if k in keys} for g in kept["idle_gaps"]]
    if isinstance(expected["graph"], dict) and isinstance(kept["graph"], dict):
        kept["graph"] = {k: v for k, v in kept["graph"].items() if k in expected["graph"]}
    return kept


def _differences(path: str, expected: Any, reported: Any) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(reported, dict):
        for key in sorted(expected.keys() | reported.keys()):
            pair = expected.get(key, "nothing"), reported.get(key, "nothing")
            yield from _differences(f"{path}.{key}", *pair)
    elif isinstance(expected, list) and isinstance(reported, list):
        for i, pair in enumerate(zip_longest(expected, reported, fillvalue="nothing")):
            yield from _differences(f"{path}[{i}]", *pair)
    elif expected != reported or type(expected) is not type(reported):
        yield f"{path.lstrip('.')}: expected {expected!r}, reported {reported!r}"


# --- the walk over the cells ----------------------------------------------------------


@dataclass(frozen=True)
class Work:
    """An activity of a device, and the stages it went through before it ran."""

    event: Event
    lane: Id
    kind: str
    tie: tuple[Any, ...]
    """Of activities that start together and end a gap, the least counts as its ender."""
    launch: Event | None = None
    queued_by: float = -inf
    stages: tuple[tuple[str, float, float], ...] = ()
    sources: list[Event] | None = None
    """What the CUDA graph that it was replayed with says that it must follow, if it says."""

    @property
    def start(self) -> int:
        return self.event.start

    @property
    def end(self) -> int:
        return self.event.end

    def runs(self, t: int) -> bool:
        return self.start <= t < self.end

    def stage(self, t: int) -> str | None:
        return next((name for name, a, b in self.stages if a <= t < b), None)


@dataclass(frozen=True)
class Device:
    """One device: what ran on it, and the rules that name its instants."""

    kind: str
    process: Id
    hosts: set[Id]
    """The processes that launched on it."""
    works: Sequence[Work]
    latency_bound: int | None
    states: Sequence[str]
    lane_states: Sequence[str]
    idle: Callable[[int, Work | None], str]
    alone: Callable[[int], str]
    waiting: Callable[[int, Id, Work | None], str]


def _figures(device: Device, begin: int, end: int, listed: int) -> Report:
    works, cells = device.works, range(begin, end)
    lanes = sorted({w.lane for w in works}, key=_numerically)
    running = {t: [w for w in works if w.runs(t)] for t in cells}
    lanes_at = {t: {w.lane for w in running[t]} for t in cells}
    kinds_at = {t: {w.kind for w in running[t]} for t in cells}
    gaps = sorted(_gaps(device, begin, end, lanes_at), key=lambda g: (g.begin - g.end, g.begin))
    states = {t: state for gap in gaps for t, state in gap.states.items()}
    for t in cells:
        if lanes_at[t]:
            states[t] = "overlapped" if len(lanes_at[t]) > 1 else device.alone(t)

    lane_busy = {lane: _count(lane in lanes_at[t] for t in cells) for lane in lanes}
    graph = _graph(works, begin, end)
    compute = {t: {w.lane for w in running[t] if w.kind == "compute"} for t in cells}
    busy = _count(lanes_at[t] for t in cells)
    counts = Counter(len(lanes_at[t]) for t in cells)
    most = max(counts, default=0)
    inside = [w for w in works if _touches(w, begin, end)]
    return {
        "device": str(device.process),
        "kind": device.kind,
        "window_start_ns": str(begin),
        "window_ns": len(cells),
        "activities": len(inside),
        "busy_ns": busy,
        "idle_ns": len(cells) - busy,
        "overlap_ns": _count(len(lanes_at[t]) > 1 for t in cells),
        "same_lane_overlap_ns": sum(
            _count(sum(w.lane == lane for w in running[t]) > 1 for t in cells) for lane in lanes
        ),
        "max_concurrency": most,
        "concurrency_ns": {str(n): counts[n] for n in range(most + 1)},
        "latency_bound_ns": device.latency_bound,
        "lanes": [
            {
                "lane": str(lane),
                "activities": sum(w.lane == lane for w in inside),
                "busy_ns": lane_busy[lane],
            }
            for lane in lanes
        ],
        "lane_overlap_ns": [
            [str(a), str(b), shared]
            for a, b in combinations(lanes, 2)
            if (shared := _count({a, b} <= lanes_at[t] for t in cells))
        ],
        "class_busy_ns": dict(Counter(kind for t in cells for kind in kinds_at[t])),
        "class_overlap_ns": {
            f"{a}+{b}": shared
            for a, b in combinations(("communication", "compute", "copy", "set"), 2)
            if (shared := _count({a, b} <= kinds_at[t] for t in cells))
        },
        "exposed_communication_ns": _exposed("communication", kinds_at),
        "exposed_copy_ns": _exposed("copy", kinds_at),
        "breakdown_ns": _tally(states.values(), device.states),
        "breakdown_by_class_ns": {
            state: dict(Counter("+".join(sorted(kinds_at[t])) for t in cells if states[t] == state))
            for state in device.states
            if not state.startswith("idle_")
        },
        "lane_breakdown_ns": {
            str(lane): _lane_breakdown(device, lane, begin, end, lanes_at) for lane in lanes
        },
        "parallelism": {
            "work_ns": sum(lane_busy.values()),
            "achieved": _ratio(sum(lane_busy.values()), busy),
            "achieved_compute": _ratio(
                sum(len(compute[t]) for t in cells), _count(compute[t] for t in cells)
            ),
            "work_over_window": _ratio(sum(lane_busy.values()), len(cells)),
            **_available(graph, len(cells), _ratio(sum(lane_busy.values()), busy)),
        },
        "graph": graph,
        "idle_gaps_total": len(gaps),
        "idle_gaps_unlisted_ns": sum(gap.end - gap.begin for gap in gaps[listed:]),
        "idle_gaps": [
            {
                "start_ns": gap.begin - begin,
                "duration_ns": gap.end - gap.begin,
                "breakdown_ns": dict(Counter(gap.states.values())),
                "before": _name_before(works, gap.begin),
                "after": gap.ender.event.name if gap.ender else None,
            }
            for gap in gaps[:listed]
        ],
    }


def _graph(works: Sequence[Work], begin: int, end: int) -> Report | None:
    """What the CUDA graphs say of their replays' activities that start in a window."""
    nodes = [w for w in works if w.sources is not None and begin <= w.start < end]
    if not nodes:
        return None
    replays = {id(w.launch): [n for n in nodes if n.launch is w.launch] for w in nodes}
    found = [_Replay(members) for members in replays.values()]
    return {
        "steps": len(found),
        "nodes": len(nodes),
        "edges": sum(len(each.before(n)) for each in found for n in each.nodes),
        "work_ns": sum(n.end - n.start for n in nodes),
        "span_ns": sum(max(map(each.longest, each.nodes)) for each in found),
        "branch_span_ns": None,
        "lost_ns": sum(w.end - w.start for w in works if w.sources is None),
        "depth": max(each.depth(n) for each in found for n in each.nodes),
        "max_width": max(max(Counter(map(each.depth, each.nodes)).values()) for each in found),
        "parts": max(len(each.parts()) for each in found),
        "large_parts": max(
            _count(
                100 * sum(n.end - n.start for n in part) >= sum(n.end - n.start for n in each.nodes)
                for part in each.parts()
            )
            for each in found
        ),
    }


@dataclass(frozen=True)
class _Replay:
    """The nodes of one replay, of which some must follow others."""

    nodes: Sequence[Work]

    def before(self, node: Work) -> list[Work]:
        """What it must follow, unless the recording shows that it did not."""
        return [
            other
            for other in self.nodes
            if any(other.event is source for source in node.sources or ())
            and (other.start, other.end) < (node.start, node.end)
        ]

    def longest(self, node: Work) -> int:
        return node.end - node.start + max(map(self.longest, self.before(node)), default=0)

    def depth(self, node: Work) -> int:
        return 1 + max(map(self.depth, self.before(node)), default=0)

    def parts(self) -> list[list[Work]]:
        parts: list[list[Work]] = []
        for node in self.nodes:
            touched = [
                part
                for part in parts
                if any(n in self.before(node) or node in self.before(n) for n in part)
            ]
            parts = [part for part in parts if part not in touched]
            parts.append([node, *(n for part in touched for n in part)])
        return parts


def _available(graph: Report | None, window: int, achieved: float | None) -> Report:
    """Available parallelism, unless a hundredth of the work or more is of no node."""
    nothing = dict.fromkeys(("available", "available_branches", "efficiency", "window_over_span"))
    if graph is None or 100 * graph["lost_ns"] > graph["lost_ns"] + graph["work_ns"]:
        return nothing
    available = _ratio(graph["work_ns"], graph["span_ns"])
    efficiency = None
    if available is not None and achieved is not None and available >= 1.05:
        efficiency = (achieved - 1) / (available - 1)
    return nothing | {
        "available": available,
        "efficiency": efficiency,
        "window_over_span": _ratio(window, graph["span_ns"]),
    }


@dataclass(frozen=True)
class Gap:
    """A maximal stretch in which no lane runs."""

    begin: int
    end: int
    ender: Work | None
    states: dict[int, str]


def _gaps(device: Device, begin: int, end: int, lanes_at: dict[int, set[Id]]) -> Iterator[Gap]:
    first = None
    for t in range(begin, end + 1):
        idle = t < end and not lanes_at[t]
        if idle and first is None:
            first = t
        if not idle and first is not None:
            ending = [w for w in device.works if w.start == t < min(w.end, end)]
            ender = min(ending, key=lambda w: w.tie, default=None)
            yield Gap(first, t, ender, {i: device.idle(i, ender) for i in range(first, t)})
            first = None


def _lane_breakdown(
    device: Device, lane: Id, begin: int, end: int, lanes_at: dict[int, set[Id]]
) -> Report:
    states = []
    for t in range(begin, end):
        later = (w for w in device.works if w.lane == lane and t < w.start < min(w.end, end))
        following = next(later, None)
        states.append("running" if lane in lanes_at[t] else device.waiting(t, lane, following))
    return _tally(states, device.lane_states)


def _name_before(works: Iterable[Work], t: int) -> str | None:
    """The activity that ended last; of several the first by name, so that order is nothing."""
    ended = [w for w in works if w.start < w.end <= t]
    return min(ended, key=lambda w: (-w.end, w.event.name)).event.name if ended else None


def _touches(work: Work, begin: int, end: int) -> bool:
    """Whether it runs in the window or, with no length, stands in it or at its end."""
    return (work.start < end and work.end > begin) or begin <= work.start == work.end <= end


def _exposed(kind: str, kinds_at: dict[int, set[str]]) -> int:
    return _count(kind in kinds and "compute" not in kinds for kinds in kinds_at.values())


def _count(truths: Iterable[object]) -> int:
    return sum(bool(truth) for truth in truths)


def _tally(states: Iterable[str], known: Sequence[str]) -> Report:
    counted = Counter(states)
    assert counted.keys() <= set(known), counted
    return {state: counted[state] for state in known}


def _ratio(numerator: int, denominator: int) -> float | None:
    return float(Fraction(numerator, denominator)) if denominator else None


def _window(works: Sequence[Work]) -> tuple[int, int]:
    return min(w.start for w in works), max(w.end for w in works)


def _step_window(device: Device, mark: Event) -> tuple[int, int]:
    def belongs(w: Work) -> bool:
        if device.kind == "cpu":
            return mark.start <= w.start < mark.end
        return w.launch is not None and (
            w.launch.pid == mark.pid and mark.start <= w.launch.start < mark.end
        )

    return mark.start, max([mark.end, *(w.end for w in device.works if belongs(w))])


def _numerically(identity: Id) -> tuple[bool, int, str]:
    text = str(identity)
    number = text.lstrip("-").isdigit()
    return (not number, int(text) if number else 0, text)


def _is_annotation(event: Event) -> bool:
    return event.category == "user_annotation"


def waits(events: Sequence[Event], limits: Limits = REAL) -> dict[str, set[str]]:
    """The names of a trace's activities by what they were told to wait for.

    The kinds are `recorded` (work was awaited and has a say in when it started), `satisfied`
    (by then it could not have started anyway), `inferred`, and `not inferred`.
    """
    found: dict[str, set[str]] = {}
    for pid in {e.pid for e in events if e.category in ACTIVITIES}:
        queue, _ = _queue(events, pid, limits)
        for k in queue:
            if k.recorded > -inf:
                binds = k.recorded > max(k.queued_by, k.p)
                found.setdefault("recorded" if binds else "satisfied", set()).add(k.event.name)
            if k.asked is not None:
                kind = "inferred" if k.inferred > -inf else "not inferred"
                found.setdefault(kind, set()).add(k.event.name)
    return found


def _devices(
    events: Sequence[Event],
    limits: Limits,
    cards: Sequence[Card],
    graphs: Sequence[Graph] = (),
) -> list[Device]:
    events = _without_overrunning_frames(events)
    on_device = {e.pid for e in events if e.category in ACTIVITIES}
    if on_device:
        return [
            _accelerator(events, pid, limits, cards, graphs)
            for pid in sorted(on_device, key=_numerically)
        ]
    if any(e.category == "cuda_sync" for e in events):
        return []
    processes = {e.pid for e in events if e.category == "cpu_op"}
    found = [_cpu(events, pid) for pid in sorted(processes, key=_numerically)]
    return [device for device in found if device.works]


def _without_overrunning_frames(events: Sequence[Event]) -> list[Event]:
    """All but the Python frames that end after one of their thread that they began in."""
    whole = all(time % 1000 == 0 for e in events for time in (e.start, e.end))
    tolerance = 2 * (1000 if whole else 1)
    frames = [e for e in events if e.category == "python_function"]
    open_until: list[tuple[Event, int]] = []
    lost = set()
    for frame in sorted(frames, key=lambda e: (e.start, -e.end)):
        callers = [
            end
            for caller, end in open_until
            if (caller.pid, caller.tid) == (frame.pid, frame.tid) and frame.start < end
        ]
        end = min([frame.end, *callers])
        open_until.append((frame, end))
        if frame.end > end + tolerance:
            lost.add(id(frame))
    return [e for e in events if id(e) not in lost]


# --- an accelerator -------------------------------------------------------------------


@dataclass(frozen=True)
class Queued:
    """An activity on its lane, with the quantities that the stage rules are written in."""

    event: Event
    lane: Id
    launch: Event | None
    first: bool
    sources: list[Event] | None  # what its graph says that it must follow, if it says
    p: float  # latest end of earlier activities of its lane
    q: float  # the same over all lanes of its graph replay
    u: float  # L1 of the last earlier known launch of its lane, or the window's start
    f: float  # L0 of the first later known launch of its lane
    recorded: float = -inf  # latest end of the work that recorded waits made it wait for
    asked: int | None = None  # begin of the call that made it wait for who knows what
    inferred: float = -inf  # latest end of what that call may have waited for

    @property
    def called_until(self) -> int:
        """L1': when its launch returned, or when it started where that was earlier."""
        assert self.launch is not None
        return min(self.launch.end, self.event.start)

    @property
    def queued_by(self) -> float:
        """When it is known to have been queued, at the latest."""
        return min(self.f, self.event.start) if self.launch is None else self.called_until

    @property
    def in_graph(self) -> bool:
        return self.launch is not None and _plain(self.launch.name) in GRAPH_LAUNCHES

    @property
    def held_by_its_replay(self) -> bool:
        """Whether it keeps to all lanes of its replay, since no edge of it is known."""
        return self.in_graph and not self.sources

    @property
    def awaited(self) -> float:
        """W: when all work that it is known to have waited for had ended."""
        return max(self.recorded, self.inferred)

    @property
    def ready_ns(self) -> float:
        """How long nothing that is known of held it back."""
        lane = self.q if self.held_by_its_replay else self.p
        held_until = max(self.queued_by, lane, self.awaited)
        untold = self.in_graph and self.sources is None
        return 0 if untold else max(0, self.event.start - held_until)


def _accelerator(
    events: Sequence[Event],
    pid: Id,
    limits: Limits,
    cards: Sequence[Card],
    graphs: Sequence[Graph],
) -> Device:
    calls = [e for e in events if e.category in CALLS]
    queue, bound = _queue(events, pid, limits, graphs)
    works = [_work(k, bound, calls) for k in queue]

    def idle(t: int, ender: Work | None) -> str:
        if ender is None:
            return "idle_edge"
        if ender.launch is not None and t < ender.launch.start:
            return _host_state(t, ender.launch, events)
        stage = _before_running(t, ender)
        return _launching_state(ender, limits) if stage == "launching" else _IDLE[stage]

    def alone(t: int) -> str:
        held_up = [w.event for w in works if w.stage(t) == "wait"]
        if held_up:
            return room.state([w.event for w in works if w.runs(t)], held_up, cards)
        present = {w.stage(t) for w in works}
        return next((s for stage, s in STRONGEST_FIRST if stage in present), "one_nothing_queued")

    def waiting(t: int, _lane: Id, following: Work | None) -> str:
        if following is None:
            return "edge"
        if following.launch is not None and t < following.launch.start:
            return "not_launched"
        if following.stage(t) == "same_lane":
            return "same_lane"
        return _before_running(t, following)

    return Device(
        kind="accelerator",
        process=pid,
        hosts={w.launch.pid for w in works if w.launch},
        works=works,
        latency_bound=bound,
        states=ACCELERATOR_STATES,
        lane_states=ACCELERATOR_LANE_STATES,
        idle=idle,
        alone=alone,
        waiting=waiting,
    )


def _before_running(t: int, work: Work) -> str:
    """How an activity whose lane is free waits at `t`, once its launch has begun."""
    if t < work.queued_by:
        return "launching" if work.launch else "unknown"
    return "dependency" if work.stage(t) == "dependency" else work.stages[-1][0]


def _queue(
    events: Sequence[Event], pid: Id, limits: Limits, graphs: Sequence[Graph] = ()
) -> tuple[list[Queued], int]:
    """The activities of one device, lane by lane in order, and its latency bound."""
    activities = [e for e in events if e.category in ACTIVITIES and e.pid == pid]
    calls = [e for e in events if e.category in CALLS]
    ranking = _processes(activities, calls)
    rows = [
        e
        for e in events
        if e.category == "cuda_sync" and e.name == STREAM_WAIT and e.pid == pid
        if _stream(e, "wait_on_stream") is not None
    ]
    queue = _lanes(activities, calls, ranking, graphs)
    recorded = _recorded(queue, rows, calls, ranking)
    for i, k in enumerate(queue):
        ends = [other.end for other in _sources(k.event, activities, calls, ranking, graphs) or ()]
        if ends:
            recorded[i] = max([*ends, recorded.get(i, ends[0])])
    known = {row.correlation for row in rows if row.correlation > 0}
    unknown = [c for c in calls if _plain(c.name) in WAIT_CALLS and c.correlation not in known]
    queue = [
        replace(k, recorded=recorded.get(i, -inf), asked=_asked(i, queue, unknown))
        for i, k in enumerate(queue)
    ]
    bound = _latency_bound(queue, limits)
    return [replace(k, inferred=_inferred(k, queue, bound)) for k in queue], bound


def _sources(
    activity: Event,
    activities: Sequence[Event],
    calls: Sequence[Event],
    ranking: Sequence[Id],
    graphs: Sequence[Graph],
) -> list[Event] | None:
    """The activities of its replay that it must follow; None where no graph tells."""
    call = _launch(activity.correlation, calls, ranking)
    if call is None or _plain(call.name) not in GRAPH_LAUNCHES:
        return None
    graph = next((g for g in graphs if g["exec_graph_id"] == activity.args.get("graph id")), None)
    of_node: dict[object, Event] = {}
    for other in activities:
        same = _launch(other.correlation, calls, ranking) is call
        if graph is None or not same or other.args.get("graph id") != graph["exec_graph_id"]:
            continue
        if other.args["graph node id"] in of_node:
            return None
        of_node[other.args["graph node id"]] = other
    if graph is None or activity.args.get("graph node id") not in of_node:
        return None
    ids = [node["node_id"] for node in graph["nodes"]]
    if not set(of_node) <= set(ids):
        return None

    def before(place: int) -> Iterator[Event]:
        for source in graph["nodes"][place]["dependencies"]:
            if ids[source] in of_node:
                yield of_node[ids[source]]
            else:
                yield from before(source)

    return list(before(ids.index(activity.args["graph node id"])))


def _lanes(
    activities: Sequence[Event],
    calls: Sequence[Event],
    ranking: Sequence[Id],
    graphs: Sequence[Graph] = (),
) -> list[Queued]:
    launches = {id(e): _launch(e.correlation, calls, ranking) for e in activities}
    window_start = min(e.start for e in activities)

    def order(e: Event) -> tuple[Any, ...]:
        call = launches[id(e)]
        return (e.start, e.end, call.start if call else inf, call.end if call else inf, e.name)

    def latest_end(some: Iterable[Event]) -> float:
        return max((e.end for e in some if e.end > e.start), default=-inf)

    queue = []
    for lane in {_lane(e) for e in activities}:
        members = sorted((e for e in activities if _lane(e) == lane), key=order)
        for i, e in enumerate(members):
            call = launches[id(e)]
            earlier, later = members[:i], members[i + 1 :]
            known_before = [c for m in earlier if (c := launches[id(m)])]
            known_after = [c for m in later if (c := launches[id(m)])]
            replay = {_lane(a) for a in activities if call and launches[id(a)] is call}
            begun = [a for a in activities if _lane(a) in replay and a.start < e.start]
            queue.append(
                Queued(
                    event=e,
                    lane=lane,
                    launch=call,
                    first=i == 0,
                    sources=_sources(e, activities, calls, ranking, graphs),
                    p=latest_end(earlier),
                    q=max(latest_end(earlier), latest_end(begun)),
                    u=known_before[-1].end if known_before else window_start,
                    f=known_after[0].start if known_after else inf,
                )
            )
    return queue


def _lane(activity: Event) -> Id:
    stream = activity.args.get("stream", activity.tid)
    assert isinstance(stream, int | str)
    return stream


def _launch(correlation: int, calls: Sequence[Event], ranking: Sequence[Id]) -> Event | None:
    """The call of this correlation; the outermost, of the first process that has one."""
    if correlation <= 0:
        return None
    for pid in ranking:
        same = [c for c in calls if c.pid == pid and c.correlation == correlation]
        if same:
            return min(same, key=lambda c: (c.start, -c.end))
    return None


def _processes(activities: Sequence[Event], calls: Sequence[Event]) -> list[Id]:
    """The launching processes, the one that holds launches for most activities first."""

    def held(pid: Id) -> int:
        ids = {c.correlation for c in calls if c.pid == pid}
        return sum(e.correlation > 0 and e.correlation in ids for e in activities)

    return sorted({c.pid for c in calls}, key=lambda pid: (-held(pid), _numerically(pid)))


def _stream(row: Event, key: str) -> int | None:
    found = row.args.get(key)
    return found if isinstance(found, int) and found >= 0 else None


def _recorded(
    queue: Sequence[Queued], rows: Sequence[Event], calls: Sequence[Event], ranking: Sequence[Id]
) -> dict[int, int]:
    """By place in the queue, when the work that it was recorded to wait for had ended.

    A wait for nothing, or before nothing, is not in it.
    """
    found: dict[int, int] = {}
    for row in rows:
        call = _launch(row.correlation, calls, ranking)
        asked = call.start if call else row.start
        record = row.args.get("wait_on_cuda_event_record_corr_id", -1)
        assert isinstance(record, int)
        recorded = _launch(record, calls, ranking)
        until = recorded.start if recorded else asked
        ends = [
            k.event.end
            for k in queue
            if k.lane == row.args["wait_on_stream"] and k.launch and k.launch.start < until
        ]
        following = [
            (k.launch.start, i)
            for i, k in enumerate(queue)
            if k.lane == _stream(row, "stream") and k.launch and k.launch.start >= asked
        ]
        if ends and following:
            _, bound = min(following)
            found[bound] = max([*ends, found.get(bound, ends[0])])
    return found


def _asked(i: int, queue: Sequence[Queued], calls: Sequence[Event]) -> int | None:
    """Begin of the wait call, of those that do not say for what, that came just before it.

    "Just before" is after its thread had launched what came before on its lane.
    """
    call = queue[i].launch
    if call is None or queue[i].in_graph:
        return None
    begins = [c.start for c in calls if _thread(c) == _thread(call) and c.start <= call.start]
    before = [
        other.launch.start
        for n, other in enumerate(queue)
        if other.lane == queue[i].lane
        and other.launch is not None
        and _thread(other.launch) == _thread(call)
        and (other.launch.start, n) < (call.start, i)
    ]
    asked = max(begins, default=None)
    return asked if asked is not None and asked > max(before, default=-inf) else None


def _thread(call: Event) -> tuple[Id, Id]:
    return call.pid, call.tid


def _inferred(k: Queued, queue: Sequence[Queued], bound: int) -> float:
    """Latest end of what a wait that does not say for what may have waited for."""
    if k.asked is None:
        return -inf
    begin, start = max(k.called_until, k.p, k.recorded), k.event.start
    ends = [
        j.event.end
        for j in queue
        if j.lane != k.lane and j.launch is not None and j.launch.start < k.asked
    ]
    return max((e for e in ends if begin < e <= start <= e + bound), default=-inf)


def _latency_bound(queue: Sequence[Queued], limits: Limits) -> int:
    values = sorted(
        k.ready_ns
        for k in queue
        if k.launch is not None and not k.in_graph and not k.first and k.ready_ns > 0
        if k.recorded == -inf and k.asked is None
    )
    if len(values) < limits.latency_samples:
        return limits.latency_floor_ns
    rank = -(-99 * len(values) // 100)
    stretched = -(-5 * int(values[rank - 1]) // 4)
    if stretched > limits.latency_ceiling_ns:
        return limits.latency_floor_ns
    return max(limits.latency_floor_ns, stretched)


def _work(k: Queued, bound: int, calls: Sequence[Event]) -> Work:
    start = k.event.start
    ready = "wait" if k.ready_ns > bound else "start_latency"
    if k.launch is None:
        stages = [
            ("unknown", k.u, k.queued_by),
            ("same_lane", k.queued_by, min(k.p, start)),
            (ready, max(k.queued_by, k.p), start),
        ]
        tie = (True, 0, 0, k.u, k.f, k.p, k.event.name)
    else:
        if k.first and ready == "wait" and not _synchronised(k.launch, calls):
            ready = "unknown"
        held_until = k.q if k.held_by_its_replay else k.p
        untold = k.in_graph and k.sources is None
        last = "graph" if untold else ready
        free = max(k.called_until, held_until)
        awaited = -inf if untold else k.awaited
        stages = [
            ("launching", k.launch.start, k.called_until),
            ("same_lane", k.called_until, min(held_until, start)),
            ("dependency", free, min(awaited, start)),
            (last, max(free, awaited), start),
        ]
        tie = (False, k.launch.start, k.launch.end, 0, 0, k.p, k.event.name)
    return Work(
        k.event, k.lane, _kind(k.event), tie, k.launch, k.queued_by, tuple(stages), k.sources
    )


def _synchronised(launch: Event, calls: Sequence[Event]) -> bool:
    """Whether its process had seen the device drained before it launched."""
    return any(
        c.pid == launch.pid and _plain(c.name) in SYNCHRONISES and c.end <= launch.start
        for c in calls
    )


def _launching_state(work: Work, limits: Limits) -> str:
    assert work.launch is not None
    call = work.launch
    if work.kind == "copy" and (_is_blocking_copy(call.name) or "Pageable" in work.event.name):
        return "idle_blocking_copy"
    slow = call.end - call.start > limits.slow_launch_ns
    return "idle_slow_launch" if slow else "idle_launching"


def _host_state(t: int, launch: Event, events: Sequence[Event]) -> str:
    inside = [
        e for e in events if (e.pid, e.tid) == (launch.pid, launch.tid) and e.start <= t < e.end
    ]
    calls = [e for e in inside if e.category in CALLS]
    categories = {e.category for e in inside}
    if any(_is_blocking(c.name) for c in calls):
        return "idle_host_sync"
    if calls:
        return "idle_host_call"
    if "cpu_op" in categories:
        return "idle_host_op"
    if categories & {"python_function", "user_annotation"}:
        return "idle_host_python"
    return "idle_host_untraced"


def _plain(name: str) -> str:
    """A call's name without the suffixes that tell its versions apart."""
    while name.endswith(SUFFIXES):
        name = name[: name.rindex("_")]
    return name


def _is_blocking(name: str) -> bool:
    name = _plain(name)
    sets = name.startswith(("cudaMemset", "hipMemset", "cuMemset")) and "Async" not in name
    return sets or _is_blocking_copy(name) or name in SYNCHRONISES | BLOCKING_OTHERS


def _is_blocking_copy(name: str) -> bool:
    name = _plain(name)
    return name.startswith(("cudaMemcpy", "hipMemcpy", "cuMemcpy")) and "Async" not in name


def _kind(activity: Event) -> str:
    kind = ACTIVITIES[activity.category]
    lowered = activity.name.lower()
    collective = kind == "compute" and any(word in lowered for word in COLLECTIVES)
    return "communication" if collective else kind


# --- a processor ----------------------------------------------------------------------


def _cpu(events: Sequence[Event], pid: Id) -> Device:
    own = [e for e in events if e.pid == pid]
    works = [
        Work(e, tid, "communication" if _is_communication(e) else "compute", (e.name,))
        for tid in {e.tid for e in own}
        for e in _outermost([e for e in own if e.tid == tid])
    ]
    threads = {w.lane for w in works}
    works.sort(key=lambda w: (w.start, w.end, w.event.name))
    python = [
        e
        for e in own
        if e.category == "python_function" or (_is_annotation(e) and not _is_communication(e))
    ]
    branches = [
        e
        for e in python
        if _is_annotation(e) and e.name != "overlap.step" and not e.name.startswith("ProfilerStep#")
    ]

    def idle(t: int, _ender: Work | None) -> str:
        return "idle_python" if any(e.start <= t < e.end for e in python) else "idle_untraced"

    def alone(t: int) -> str:
        quiet = threads - {w.lane for w in works if w.runs(t)}
        held = any(e.tid in quiet and e.start <= t < e.end for e in branches)
        return "one_lane_python" if held else "one_lane_alone"

    def waiting(t: int, lane: Id, _following: Work | None) -> str:
        return (
            "python"
            if any(e.tid == lane and e.start <= t < e.end for e in python)
            else ("untraced")
        )

    return Device(
        kind="cpu",
        process=pid,
        hosts={pid},
        works=works,
        latency_bound=None,
        states=CPU_STATES,
        lane_states=CPU_LANE_STATES,
        idle=idle,
        alone=alone,
        waiting=waiting,
    )


def _is_communication(event: Event) -> bool:
    if event.category == "cpu_op":
        return "c10d::" in event.name
    return _is_annotation(event) and event.name.startswith(COLLECTIVE_ANNOTATIONS)


def _outermost(thread: Sequence[Event]) -> list[Event]:
    """The activities of a thread: its outermost operators, containers opened."""
    nested = [e for e in thread if e.category == "cpu_op" or _is_communication(e)]
    nested.sort(key=lambda e: (e.start, -e.end))
    children: dict[int, list[Event]] = {id(e): [] for e in nested}
    roots: list[Event] = []
    parents: list[Event] = []
    for e in nested:
        while parents and parents[-1].end <= e.start:
            parents.pop()
        (children[id(parents[-1])] if parents else roots).append(e)
        parents.append(e)

    def below(e: Event) -> Iterator[Event]:
        for child in children[id(e)]:
            yield child
            yield from below(child)

    def opened(e: Event) -> Iterator[Event]:
        full = any(child.category == "cpu_op" for child in below(e))
        if _may_contain(e) and (full or e.name in SCRIPTED):
            for child in children[id(e)]:
                yield from opened(child)
        else:
            yield e

    return [activity for root in roots for activity in opened(root)]


def _may_contain(event: Event) -> bool:
    return (
        event.category == "cpu_op"
        and "::" not in event.name
        and not event.name.startswith(("Torch-Compiled Region", "## Call", "Call CompiledFxGraph"))
    )

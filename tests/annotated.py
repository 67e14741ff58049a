"""What must hold of an annotated file, read by nothing but json.

Times are read as the text that they are, and turned into nanoseconds by decimal.
"""

import gzip
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

Json = dict[str, Any]
RowKey = tuple[str, str]

OURS = "torch-overlap"


@dataclass
class Slice:
    """One slice of ours, with the arrows that end in it."""

    name: str
    begin: int
    end: int
    args: Json
    arrows: list[int] = field(default_factory=list)


@dataclass
class Process:
    """The tracks of one device by their names, and its counters as (time, value)."""

    name: str
    tracks: dict[str, list[Slice]] = field(default_factory=dict)
    counters: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def of(self, prefix: str) -> list[list[Slice]]:
        """The tracks whose names begin so, in their order."""
        return [slices for name, slices in self.tracks.items() if name.startswith(prefix)]


def text_of(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def parsed(text: bytes) -> Any:
    """JSON by the book, numbers as they are spelt."""
    return json.loads(text.decode(), parse_float=str, parse_constant=_refuse)


def _refuse(word: str) -> NoReturn:
    raise AssertionError(f"{word} is no JSON")


def events_of(document: Any) -> list[Json]:
    listed: list[Json] = document if isinstance(document, list) else document["traceEvents"]
    return listed


def check(original: bytes, annotated: bytes) -> list[Process]:
    """Hold an annotated text against the original; the processes that were added.

    The original's bytes are there, all of them, in one piece but for the place where the
    list of events ends.
    """
    before, after = parsed(original), parsed(annotated)
    recorded, all_events = events_of(before), events_of(after)
    number = len(recorded)
    assert all_events[:number] == recorded
    if isinstance(before, dict):
        assert list(before) == list(after)
        assert before | {"traceEvents": []} == after | {"traceEvents": []}
    same = _common(original, annotated)
    assert annotated.endswith(original[same:])
    added = all_events[number:]
    _check_ids(recorded, added)
    return _processes(recorded, added)


def _common(a: bytes, b: bytes) -> int:
    """The length of the longest common begin."""
    low, high = 0, len(a)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[:middle] == b[:middle] else (low, middle - 1)
    return low


def ns(microseconds: Any) -> int:
    time = Decimal(microseconds) * 1000
    assert time == int(time)
    return int(time)


def _check_ids(recorded: Sequence[Json], added: Sequence[Json]) -> None:
    """Only arrows touch what was recorded."""
    used = {str(event.get(key)) for event in recorded for key in ("pid", "tid")}
    arrows = {event.get("id") for event in recorded if event.get("ph") in ("s", "t", "f")}
    for event in added:
        if event["ph"] == "s":
            assert event["id"] not in arrows
        else:
            assert str(event["pid"]) not in used
            if event["tid"]:
                assert str(event["tid"]) not in used


def _processes(recorded: Sequence[Json], added: Sequence[Json]) -> list[Process]:
    found: dict[int, Process] = {}
    rows: dict[RowKey, list[Slice]] = {}
    sorting: dict[RowKey, int] = {}
    open_slices: dict[RowKey, list[Slice]] = defaultdict(list)
    last: dict[RowKey, int] = {}
    starts: dict[int, Json] = {}
    for event in added:
        key = (str(event["pid"]), str(event["tid"]))
        phase = event["ph"]
        if phase == "M":
            _describe(event, key, found, rows, sorting)
            continue
        at = ns(event["ts"])
        if phase == "C":
            values = found[event["pid"]].counters.setdefault(event["name"], [])
            assert not values or values[-1][0] < at
            values.append((at, event["args"]["value"]))
        elif phase == "s":
            assert event["id"] not in starts
            starts[event["id"]] = event
        else:
            assert key in rows, "a row that was not described"
            assert last.get(key, at) <= at, "readers that sort by time keep this order"
            last[key] = at
            _in_row(event, at, open_slices[key], rows[key], starts)
    assert not any(open_slices.values())
    assert not starts, "an arrow that leads nowhere"
    assert list(sorting.values()) == sorted(sorting.values())
    _check_arrows(recorded, added)
    for slices in rows.values():
        assert all(a.end <= b.begin for a, b in itertools.pairwise(slices))
    return list(found.values())


def _describe(
    event: Json,
    key: RowKey,
    found: dict[int, Process],
    rows: dict[RowKey, list[Slice]],
    sorting: dict[RowKey, int],
) -> None:
    if event["name"] == "process_name":
        found[event["pid"]] = Process(event["args"]["name"])
    elif event["name"] == "thread_name":
        process = found[event["pid"]]
        assert event["args"]["name"] not in process.tracks
        rows[key] = process.tracks[event["args"]["name"]] = []
    elif event["name"] == "thread_sort_index":
        process_place = list(found).index(event["pid"])
        sorting[key] = 1000 * process_place + event["args"]["sort_index"]


def _in_row(
    event: Json, at: int, stack: list[Slice], slices: list[Slice], starts: dict[int, Json]
) -> None:
    match event["ph"]:
        case "B":
            assert not stack, "slices of one track do not even nest"
            stack.append(Slice(event["name"], at, at, event.get("args", {})))
        case "E":
            slice_ = stack.pop()
            slice_.end = at
            slices.append(slice_)
        case "f":
            assert event["bp"] == "e"
            assert stack, "an arrow arrives in a slice"
            start = starts.pop(event["id"])
            assert (start["name"], start["cat"]) == (event["name"], event["cat"])
            assert ns(start["ts"]) <= at
            stack[-1].arrows.append(ns(start["ts"]))
        case other:
            raise AssertionError(other)


def _check_arrows(recorded: Sequence[Json], added: Sequence[Json]) -> None:
    """Each begins where a call of its thread does."""
    leaving = {(str(e["pid"]), str(e["tid"]), ns(e["ts"])) for e in added if e["ph"] == "s"}
    calls = (
        {
            (str(e["pid"]), str(e["tid"]), ns(e["ts"]))
            for e in recorded
            if e.get("ph") == "X" and "correlation" in e.get("args", {})
        }
        if leaving
        else set()
    )
    assert leaving <= calls


def check_figures(processes: Sequence[Process], devices: Sequence[Json]) -> None:
    """The tracks say what the report says, to the nanosecond."""
    assert len(processes) == len(devices)
    for process, device in zip(processes, devices, strict=True):
        assert process.name.endswith(f" {device['device']}")
        low = int(device["window_start_ns"])
        high = low + device["window_ns"]
        _check_states(process.tracks["states"], device, low, high)
        _check_gaps(process.tracks["idle gaps"], device)
        running = _held(process.counters["lanes running"], low, high)
        expected = {int(k): ns for k, ns in device["concurrency_ns"].items() if ns}
        assert running == expected
        queue = (device.get("launches") or {}).get("queue")
        if queue and queue["longest"]:
            held = _held(process.counters["launched and not started"], low, high)
            assert max(held) == queue["longest"]
            waited = sum(value * time for value, time in held.items())
            assert waited == round(queue["mean"] * device["window_ns"])
        else:
            assert set(process.counters) == {"lanes running"}
        missed = [each for track in process.of("missed overlap") for each in track]
        graph = device.get("graph") or {}
        assert sum(each.args["saved_ns"] for each in missed) == graph.get("missed_overlap_ns", 0)


def _check_states(states: Sequence[Slice], device: Json, low: int, high: int) -> None:
    totals: Counter[str] = Counter()
    at = low
    names = [each.name for each in states]
    assert all(a != b for a, b in itertools.pairwise(names))
    for each in states:
        assert each.begin == at
        totals[each.name] += each.end - each.begin
        at = each.end
    assert at == high
    assert totals == {state: ns for state, ns in device["breakdown_ns"].items() if ns}


def _check_gaps(gaps: Sequence[Slice], device: Json) -> None:
    assert len(gaps) == device["idle_gaps_total"]
    assert sum(gap.end - gap.begin for gap in gaps) == device["idle_ns"]
    low = int(device["window_start_ns"])
    listed = {gap["start_ns"]: gap for gap in device["idle_gaps"]}
    for gap in gaps:
        assert gap.args["duration_ns"] == gap.end - gap.begin
        assert max(gap.args["states_ns"].values()) == gap.args["states_ns"][gap.name]
        assert sum(gap.args["states_ns"].values()) == gap.end - gap.begin
        assert len(gap.arrows) <= 1
        told = listed.get(gap.begin - low)
        if told is not None:
            assert gap.args["states_ns"] == told["breakdown_ns"]
            assert gap.args.get("after", "")[:900] == (told["after"] or "")[:900]


def _held(changes: Sequence[tuple[int, int]], low: int, high: int) -> dict[int, int]:
    """How long a counter had each value, over the window that it covers."""
    assert changes[-1] == (high, 0)
    if low < high:
        assert changes[0][0] == low
    held: Counter[int] = Counter()
    for (begin, value), (end, following) in itertools.pairwise(changes):
        assert value != following or end == high
        held[value] += end - begin
    return dict(held)


def launched_by_graphs(text: bytes) -> Iterator[tuple[str, int, int, str]]:
    """(name, begin, end, stream) of the activities whose outermost call replays a graph.

    For traces of one process, whose calls of a correlation nest.
    """
    events = [event for event in events_of(parsed(text)) if event.get("ph") == "X"]
    outermost: dict[Any, Json] = {}
    for event in events:
        if event.get("cat") in ("cuda_runtime", "cuda_driver"):
            correlation = event.get("args", {}).get("correlation")
            other = outermost.get(correlation)
            if other is None or Decimal(event["ts"]) < Decimal(other["ts"]):
                outermost[correlation] = event
    for event in events:
        if event.get("cat") in ("kernel", "gpu_memcpy", "gpu_memset"):
            call = outermost.get(event["args"].get("correlation"), {})
            if call.get("name") in ("cudaGraphLaunch", "hipGraphLaunch", "cuGraphLaunch"):
                begin = ns(event["ts"])
                yield event["name"], begin, begin + ns(event["dur"]), str(event["args"]["stream"])

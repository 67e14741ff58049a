"""Literal traces: a handful of events, written exactly as the profiler writes them.

Times are integer nanoseconds and reach the file as exact decimal microseconds, so that a
test's numbers are the numbers that the file holds. A test that thinks in microseconds
writes them and passes the list through `in_microseconds`.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

Id = int | str

US = 1_000
HOST = 100
"""The process that the constructors put host events in unless told otherwise."""
THREAD = 1
"""The thread that the constructors put host events on unless told otherwise."""

STREAM_WAIT = "Stream Wait Event"
"""The name of the rows that record a wait between streams."""

_OLD_CATEGORIES = {
    "kernel": "Kernel",
    "gpu_memcpy": "Memcpy",
    "gpu_memset": "Memset",
    "cuda_runtime": "Runtime",
}


@dataclass(frozen=True)
class Event:
    """One complete event (`ph: X`) with its begin and end in nanoseconds."""

    category: str
    name: str
    pid: Id
    tid: Id
    start: int
    end: int
    args: Mapping[str, object] = field(default_factory=dict)

    @property
    def correlation(self) -> int:
        """The id that ties an activity to its launch; 0 where there is none."""
        found = self.args.get("correlation", 0)
        return found if isinstance(found, int) else 0


# --- what runs on a device ------------------------------------------------------------


def _activity(
    category: str,
    name: str,
    start: int,
    end: int,
    *,
    device: int,
    stream: int,
    correlation: int,
) -> Event:
    args: dict[str, object] = {"device": device, "stream": stream}
    if correlation:
        args["correlation"] = correlation
    return Event(category, name, device, stream, start, end, args)


def kernel(
    name: str,
    start: int,
    end: int,
    *,
    device: int = 0,
    stream: int = 7,
    correlation: int = 0,
    shape: Mapping[str, object] | None = None,
) -> Event:
    """A kernel; `correlation` 0 leaves it without a launch, no `shape` without its sizes."""
    made = _activity(
        "kernel", name, start, end, device=device, stream=stream, correlation=correlation
    )
    return replace(made, args={**made.args, **(shape or {})})


def shape(
    blocks: int | Sequence[int] = 1,
    threads: int | Sequence[int] = 32,
    *,
    registers: int = 16,
    shared: int = 0,
) -> dict[str, object]:
    """The sizes of a kernel: blocks, threads of one, registers of one, bytes of a block."""
    return {
        "grid": _in_three(blocks),
        "block": _in_three(threads),
        "registers per thread": registers,
        "shared memory": shared,
    }


def _in_three(count: int | Sequence[int]) -> list[int]:
    return [count, 1, 1] if isinstance(count, int) else list(count)


def copy(
    name: str, start: int, end: int, *, device: int = 0, stream: int = 7, correlation: int = 0
) -> Event:
    """A copy to, from or on a device."""
    return _activity(
        "gpu_memcpy", name, start, end, device=device, stream=stream, correlation=correlation
    )


def fill(
    name: str, start: int, end: int, *, device: int = 0, stream: int = 7, correlation: int = 0
) -> Event:
    """A memset on a device."""
    return _activity(
        "gpu_memset", name, start, end, device=device, stream=stream, correlation=correlation
    )


def stream_wait(
    start: int,
    *,
    stream: int,
    on_stream: int,
    correlation: int = 0,
    record: int | None = None,
    device: int = 0,
) -> Event:
    """The row of a stream that waits for an event recorded on another.

    `correlation` is that of the call that made it wait, `record` that of the call that
    recorded the event; None leaves the key out, as versions before 2024 do.
    """
    args: dict[str, object] = {"wait_on_stream": on_stream, "stream": stream, "device": device}
    if correlation:
        args["correlation"] = correlation
    if record is not None:
        args["wait_on_cuda_event_record_corr_id"] = record
    return Event("cuda_sync", STREAM_WAIT, device, stream, start, start, args)


# --- what runs on the host ------------------------------------------------------------


def runtime(
    name: str,
    start: int,
    end: int,
    *,
    correlation: int = 0,
    pid: Id = HOST,
    tid: Id = THREAD,
    category: str = "cuda_runtime",
) -> Event:
    """A call of the runtime or, with `category="cuda_driver"`, of the driver."""
    args = {"correlation": correlation} if correlation else {}
    return Event(category, name, pid, tid, start, end, args)


def launch(
    start: int,
    end: int,
    *,
    correlation: int,
    pid: Id = HOST,
    tid: Id = THREAD,
    name: str = "cudaLaunchKernel",
) -> Event:
    """The call that launched the activities of this correlation."""
    return runtime(name, start, end, correlation=correlation, pid=pid, tid=tid)


def graph_launch(
    start: int,
    end: int,
    *,
    correlation: int,
    pid: Id = HOST,
    tid: Id = THREAD,
    name: str = "cudaGraphLaunch",
) -> Event:
    """The call that replayed a captured graph."""
    return runtime(name, start, end, correlation=correlation, pid=pid, tid=tid)


def record_call(
    start: int, end: int, *, correlation: int = 0, pid: Id = HOST, tid: Id = THREAD
) -> Event:
    """The call that recorded an event on a stream."""
    return runtime("cudaEventRecord", start, end, correlation=correlation, pid=pid, tid=tid)


def wait_call(
    start: int,
    end: int,
    *,
    correlation: int = 0,
    pid: Id = HOST,
    tid: Id = THREAD,
    name: str = "cudaStreamWaitEvent",
) -> Event:
    """The call that made a stream wait for an event."""
    return runtime(name, start, end, correlation=correlation, pid=pid, tid=tid)


def cpu_op(name: str, start: int, end: int, *, pid: Id = HOST, tid: Id = THREAD) -> Event:
    """An operator on the host."""
    return Event("cpu_op", name, pid, tid, start, end)


def annotation(name: str, start: int, end: int, *, pid: Id = HOST, tid: Id = THREAD) -> Event:
    """A `record_function` range."""
    return Event("user_annotation", name, pid, tid, start, end)


def python(name: str, start: int, end: int, *, pid: Id = HOST, tid: Id = THREAD) -> Event:
    """A Python frame."""
    return Event("python_function", name, pid, tid, start, end)


# --- what the device is ---------------------------------------------------------------


def card(
    device: int = 0,
    *,
    sms: int = 10,
    capability: tuple[int, int] = (8, 0),
    threads: int = 2048,
    registers: int = 65_536,
    shared: int = 167_936,
    warp: int = 32,
) -> dict[str, object]:
    """A device's entry of `deviceProperties`; the sizes are those of one SM."""
    return {
        "id": device,
        "name": "a card",
        "numSms": sms,
        "computeMajor": capability[0],
        "computeMinor": capability[1],
        "maxThreadsPerMultiprocessor": threads,
        "regsPerMultiprocessor": registers,
        "sharedMemPerMultiprocessor": shared,
        "warpSize": warp,
    }


# --- lists of events ------------------------------------------------------------------


def shifted(events: Iterable[Event], by: int) -> list[Event]:
    """The same events, `by` nanoseconds later."""
    return [replace(e, start=e.start + by, end=e.end + by) for e in events]


def in_microseconds(events: Iterable[Event]) -> list[Event]:
    """The same events, their times read as microseconds."""
    return [replace(e, start=e.start * US, end=e.end * US) for e in events]


def in_old_categories(events: Iterable[Event]) -> list[Event]:
    """The same events under the category names of Kineto before 2022."""
    return [replace(e, category=_OLD_CATEGORIES.get(e.category, e.category)) for e in events]


# --- the file -------------------------------------------------------------------------


def decimal_microseconds(ns: int, *, whole: bool = False) -> str:
    """Exact decimal text, e.g. 4523444000000123 ns as `4523444000000.123`."""
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    return f"{sign}{ns // US}" if whole else f"{sign}{ns // US}.{ns % US:03d}"


def chrome_trace(
    events: Sequence[Event],
    *,
    bare: bool = False,
    pretty: bool = False,
    mixed: bool = False,
    header: Mapping[str, object] | None = None,
) -> bytes:
    """Write events as Chrome-trace JSON.

    Args:
        events: What the trace holds, in this order.
        bare: A bare list of events instead of an object around it.
        pretty: Over many lines, as the profiler does, instead of compact.
        mixed: With the metadata, flow and instant events of a real trace in between.
        header: Further keys of the object, e.g. `{"distributedInfo": {"rank": 3}}`.

    Returns:
        The file's bytes. Times are whole microseconds where every one is a multiple of
        1000 ns, else they have three decimals.
    """
    whole = all(e.start % US == 0 and e.end % US == 0 for e in events)
    rows = [row for e in events for row in _rows(e, whole=whole, mixed=mixed)]
    if mixed:
        rows = [*_metadata(events), *rows]
    comma, colon, gap = (",\n    ", ": ", "\n  ") if pretty else (",", ":", "")
    listed = "[" + gap + ("," + gap).join(_object(row, comma, colon) for row in rows) + "]"
    if bare:
        return listed.encode()
    top = {"schemaVersion": "1"} | {k: json.dumps(v) for k, v in (header or {}).items()}
    return _object(top | {"traceEvents": listed}, comma, colon).encode()


def write_trace(
    path: Path,
    events: Sequence[Event],
    *,
    bare: bool = False,
    pretty: bool = False,
    mixed: bool = False,
    header: Mapping[str, object] | None = None,
) -> Path:
    """Write events to a file, compressed if its name ends in `.gz`; returns the path.

    The keyword arguments are those of `chrome_trace`.
    """
    data = chrome_trace(events, bare=bare, pretty=pretty, mixed=mixed, header=header)
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)
    return path


def _object(texts: Mapping[str, str], comma: str, colon: str) -> str:
    """A JSON object of values that are JSON text already."""
    return "{" + comma.join(json.dumps(k) + colon + v for k, v in texts.items()) + "}"


def _rows(event: Event, *, whole: bool, mixed: bool) -> Iterator[dict[str, str]]:
    at = decimal_microseconds(event.start, whole=whole)
    where = {"pid": json.dumps(event.pid), "tid": json.dumps(event.tid)}
    yield {
        "ph": '"X"',
        "cat": json.dumps(event.category),
        "name": json.dumps(event.name),
        **where,
        "ts": at,
        "dur": decimal_microseconds(event.end - event.start, whole=whole),
        "args": json.dumps(dict(event.args)),
    }
    if not mixed:
        return
    if event.correlation:
        on_device = "stream" in event.args
        flow = {"ph": '"f"' if on_device else '"s"', "id": json.dumps(event.correlation)}
        flow |= where | {"ts": at, "cat": '"ac2g"', "name": '"ac2g"'}
        yield flow | ({"bp": '"e"'} if on_device else {})
    elif event.category == "user_annotation":
        yield {"ph": '"i"', "s": '"t"', "name": '"Iteration Start"', **where, "ts": at}


def _metadata(events: Sequence[Event]) -> Iterator[dict[str, str]]:
    for pid in dict.fromkeys(e.pid for e in events):
        yield {
            "name": '"process_name"',
            "ph": '"M"',
            "ts": "0",
            "pid": json.dumps(pid),
            "tid": "0",
            "args": '{"name": "python"}',
        }

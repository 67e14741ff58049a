"""What the benchmark times: one function per subject, run in a process of its own.

As a script: `python subjects.py NAME ARGUMENT`. It prints, as JSON, the seconds
that the subject took once everything was imported; the caller measures the whole
process from outside.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.columns import Trace


def ours(path: str) -> float:
    """Load the trace, compute every figure and find what is to be said."""
    from analysis.reporting import report  # noqa: PLC0415 - each imports just what it needs
    from analysis.trace import Reading  # noqa: PLC0415 - as above

    begin = time.perf_counter()
    report([Path(path)], reading=Reading(cached=False)).to_json()
    return time.perf_counter() - begin


def figures(path: str) -> float:
    """Compute the same of a trace that is loaded already."""
    from analysis import analyze, load  # noqa: PLC0415 - as above

    trace = load(path, cached=False)
    begin = time.perf_counter()
    analyze(trace).to_json()
    return time.perf_counter() - begin


def hta(path: str) -> float:
    """Load the trace with HTA; compute its temporal and its idle time breakdown."""
    from hta.trace_analysis import TraceAnalysis  # noqa: PLC0415 - as above

    logging.disable(logging.CRITICAL)
    begin = time.perf_counter()
    trace = TraceAnalysis(trace_files={0: path}, trace_dir="/", include_last_profiler_step=True)
    trace.get_temporal_breakdown(visualize=False)
    trace.get_idle_time_breakdown(visualize=False)
    return time.perf_counter() - begin


def floor(path: str) -> float:
    """Decompress and decode the events that we read, all at once, and nothing else."""
    import msgspec  # noqa: PLC0415 - as above
    from zlib_ng import zlib_ng  # noqa: PLC0415 - as above

    from analysis.trace.schema import Document  # noqa: PLC0415 - as above

    gc.disable()
    begin = time.perf_counter()
    text = zlib_ng.decompress(Path(path).read_bytes(), wbits=31)
    msgspec.json.decode(text, type=Document)
    return time.perf_counter() - begin


def load_only(path: str) -> float:
    """Load the trace into columns."""
    from analysis import load  # noqa: PLC0415 - as above

    begin = time.perf_counter()
    load(path, cached=False)
    return time.perf_counter() - begin


def load_again(path: str) -> float:
    """Load it from the cache beside the trace, where the first such run kept it."""
    from analysis import cache, load  # noqa: PLC0415 - as above

    os.environ[cache.FOLDER] = str(Path(path).with_suffix(".cache"))
    begin = time.perf_counter()
    load(path)
    return time.perf_counter() - begin


def load_alone(path: str) -> float:
    """The same, in this process alone."""
    from analysis.trace import load  # noqa: PLC0415 - as above

    begin = time.perf_counter()
    load(path, workers=0, cached=False)
    return time.perf_counter() - begin


def hta_load(path: str) -> float:
    """Load the trace with HTA, which computes nothing else then."""
    from hta.trace_analysis import TraceAnalysis  # noqa: PLC0415 - as above

    logging.disable(logging.CRITICAL)
    begin = time.perf_counter()
    TraceAnalysis(trace_files={0: path}, trace_dir="/", include_last_profiler_step=True)
    return time.perf_counter() - begin


def inflate(path: str) -> float:
    """Decompress, all at once."""
    from zlib_ng import zlib_ng  # noqa: PLC0415 - as above

    begin = time.perf_counter()
    zlib_ng.decompress(Path(path).read_bytes(), wbits=31)
    return time.perf_counter() - begin


def synthetic(activities: str) -> float:
    """Compute every figure of a made-up trace, which no file was read for."""
    from analysis import analyze  # noqa: PLC0415 - as above

    trace = made_up_trace(int(activities))
    begin = time.perf_counter()
    analyze(trace).to_json()
    return time.perf_counter() - begin


SUBJECTS: dict[str, Callable[[str], float]] = {
    "ours": ours,
    "figures": figures,
    "hta": hta,
    "floor": floor,
    "hta-load": hta_load,
    "inflate": inflate,
    "load": load_only,
    "load-alone": load_alone,
    "load-again": load_again,
    "synthetic": synthetic,
}


def made_up_trace(activities: int, lanes: int = 4, seed: int = 0) -> Trace:
    """One device whose kernels are launched one after the other, lane by lane in turn.

    Kernels are about as long as their launches take on average, so that the lanes
    now overlap, now starve, and every stage occurs. A few events are written and
    loaded, and their rows repeated with other times, which spares a file of a
    gigabyte.
    """
    import numpy as np  # noqa: PLC0415 - as above
    from msgspec.structs import replace  # noqa: PLC0415 - as above

    random = np.random.default_rng(seed)
    launch_end = np.cumsum(random.integers(2_000, 12_000, activities))
    launch_start = launch_end - random.integers(1_000, 2_000, activities)
    duration = random.exponential(6_000 * lanes / 2, activities).astype(np.int64)
    lane = np.arange(activities) % lanes
    start = np.empty(activities, np.int64)
    for one in range(lanes):
        mine = lane == one
        work = np.cumsum(duration[mine])
        before = work - duration[mine]
        earliest = launch_end[mine] + random.integers(1_000, 9_000, mine.sum())
        # First in, first out: each starts when it is ready and its predecessor has ended.
        start[mine] = np.maximum.accumulate(earliest - before) + before
    pattern = _pattern(lanes)
    call = np.full(activities, lanes)
    events = replace(
        pattern.events.select(np.concatenate([lane, call])),
        start=np.concatenate([start, launch_start]),
        end=np.concatenate([start + duration, launch_end]),
        correlation=np.tile(np.arange(1, activities + 1), 2),
    )
    return replace(pattern, events=events)


def _pattern(lanes: int) -> Trace:
    """One kernel on each lane, then one launch."""
    from analysis import load  # noqa: PLC0415 - as above
    from tests.builders import kernel, launch, write_trace  # noqa: PLC0415 - as above

    kernels = [kernel("kernel", 2, 3, stream=lane) for lane in range(lanes)]
    with tempfile.TemporaryDirectory() as folder:
        events = [*kernels, launch(0, 1, correlation=1)]
        return load(write_trace(Path(folder) / "pattern.json", events))


if __name__ == "__main__":
    subject, argument = sys.argv[1:]
    with contextlib.redirect_stdout(sys.stderr):
        seconds = SUBJECTS[subject](argument)
    json.dump(seconds, sys.stdout)

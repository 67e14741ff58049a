"""What must hold of every file, whatever is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import analysis
from analysis.errors import AnalysisError

if TYPE_CHECKING:
    from pathlib import Path


def check(path: Path) -> str:
    """Load and measure a file, twice: taking what is there, and strictly.

    Returns:
        "refused", "lossy" or "whole".

    Raises:
        Exception: anything but an error meant for the user came out.
        AssertionError: what came out contradicts itself.
    """
    strictly = _loaded(path, strict=True)
    freely = _loaded(path, strict=False)
    if isinstance(freely, str):
        assert isinstance(strictly, str), "strictness read what was refused without it"
        assert str(path) in freely, f"the message does not name the file: {freely}"
        assert "Traceback" not in freely
        return "refused"
    assert isinstance(strictly, str) is bool(freely.losses), (strictly, freely.losses)
    if isinstance(strictly, str):
        assert str(path) in strictly, f"the message does not name the file: {strictly}"
    _check_columns(freely)
    try:
        report = analysis.analyze(freely).to_json()
    except AnalysisError as error:
        return f"refused: {error}"
    for device in report["devices"]:
        check_sums(device)
    return "lossy" if freely.losses else "whole"


def _loaded(path: Path, *, strict: bool) -> analysis.Trace | str:
    try:
        return analysis.load(path, strict=strict, cached=False)
    except AnalysisError as error:
        return str(error)


def _check_columns(trace: analysis.Trace) -> None:
    events = trace.events
    assert (events.end >= events.start).all()
    assert (events.position[1:] > events.position[:-1]).all()
    for code, table in (
        (events.name, events.names),
        (events.pid, events.pids),
        (events.tid, events.tids),
        (events.stream, events.streams),
        (events.shape, events.shapes),
        (events.category, events.categories),
    ):
        assert not len(code) or -1 <= code.min() <= code.max() < len(table)


def check_sums(device: dict[str, Any]) -> None:
    """Every nanosecond of a device's window is accounted for once in each account."""
    window = device["window_ns"]
    assert device["busy_ns"] + device["idle_ns"] == window
    assert sum(device["concurrency_ns"].values()) == window
    assert sum(device["breakdown_ns"].values()) == window
    for lane in device["lane_breakdown_ns"].values():
        assert sum(lane.values()) == window
        assert min(lane.values(), default=0) >= 0
    for states in device["breakdown_by_class_ns"].values():
        assert min(states.values(), default=0) >= 0
    listed = sum(gap["duration_ns"] for gap in device["idle_gaps"])
    assert listed + device["idle_gaps_unlisted_ns"] == device["idle_ns"]
    for gap in device["idle_gaps"]:
        assert sum(gap["breakdown_ns"].values()) == gap["duration_ns"]
    figures = [
        *device["breakdown_ns"].values(),
        *device["concurrency_ns"].values(),
        *(lane["busy_ns"] for lane in device["lanes"]),
        *(shared for _, _, shared in device["lane_overlap_ns"]),
        device["overlap_ns"],
        device["same_lane_overlap_ns"],
    ]
    assert min(figures, default=0) >= 0
    achieved = device["parallelism"]["achieved"]
    assert achieved is None or achieved >= 1

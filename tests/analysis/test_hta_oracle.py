"""HTA as an oracle: idle, compute and non-compute time of real traces.

Holistic Trace Analysis computes these three by its own code. With its rounding
to whole microseconds off and the last profiler step kept it means the same by
them as we do, except where DIFFERENCES says otherwise. It keeps times as doubles
of microseconds, hence the tolerance.

Run as a script, with the paths of traces, this file prints HTA's figures: the
rounding is switched by an environment variable, which belongs to a process of
its own.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import analysis
from tests.shared import ABSENT, REPOSITORY, real_traces

TOLERANCE_US = 0.1

SYNC_ROWS = "HTA counts the cuda_sync rows, in which the host waits, as device activity"
NO_DEVICE = "HTA stops with an IndexError, as the trace holds no device activity"
DIFFERENCES = {
    "hta-alexnet-sync-events.json.gz": SYNC_ROWS,
    "hta-event-sync-multi-stream.json.gz": SYNC_ROWS,
    "hta-event-sync.json.gz": SYNC_ROWS,
    "hta-simple-add.json.gz": SYNC_ROWS,
    "hta-cpu-only.json.gz": NO_DEVICE,
    "hta-rank-non-gpu.json.gz": NO_DEVICE,
    "tracelens-b200-eager.json.gz": "HTA counts a Triton cpu_op that carries a stream as device "
    "activity, and multimem_all_reduce kernels as computation",
}

paths = real_traces()
if not paths:
    pytest.skip(ABSENT, allow_module_level=True)


@pytest.mark.parametrize("path", paths, ids=lambda path: path.name.removesuffix(".json.gz"))
def test_agrees_with_hta_except_where_named(path: Path) -> None:
    theirs, ours = hta_figures()[path.name], our_figures(path)
    reason = DIFFERENCES.get(path.name)
    if reason is None:
        assert ours == pytest.approx(theirs, rel=0, abs=TOLERANCE_US)
    elif reason is NO_DEVICE:
        assert list(theirs) == ["error"]
        assert theirs["error"].startswith("IndexError")
        assert ours is None
    else:
        assert ours != pytest.approx(theirs, rel=0, abs=TOLERANCE_US), f"no longer so: {reason}"


def test_every_named_difference_has_its_trace() -> None:
    assert set(DIFFERENCES) <= {path.name for path in paths}


def our_figures(path: Path) -> dict[str, float] | None:
    """Our figures of the trace's one device, in us; None where it has no accelerator."""
    devices = analysis.analyze(analysis.load(path)).to_json()["devices"]
    accelerators = [device for device in devices if device["kind"] != "cpu"]
    if not accelerators:
        return None
    (device,) = accelerators
    compute = device["class_busy_ns"].get("compute", 0)
    return {
        "idle": device["idle_ns"] / 1000,
        "compute": compute / 1000,
        "non_compute": (device["busy_ns"] - compute) / 1000,
    }


@cache
def hta_figures() -> dict[str, Any]:
    """HTA's figures by file name, in us, or {"error": ...}, from one child process."""
    child = subprocess.run(
        [sys.executable, __file__, *map(str, paths)],
        env=os.environ | {"HTA_DISABLE_NS_ROUNDING": "1", "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return dict(json.loads(child.stdout))


def print_hta_figures(names: list[str]) -> None:
    with contextlib.redirect_stdout(sys.stderr):
        figures = {Path(name).name: _temporal_breakdown(name) for name in names}
    json.dump(figures, sys.stdout)


def _temporal_breakdown(path: str) -> dict[str, Any]:
    from hta.trace_analysis import TraceAnalysis  # noqa: PLC0415 - the other process has no need

    logging.disable(logging.CRITICAL)
    try:
        analysis = TraceAnalysis(
            trace_files={0: path}, trace_dir="/", include_last_profiler_step=True
        )
        row = analysis.get_temporal_breakdown(visualize=False).iloc[0]
    except Exception as error:  # noqa: BLE001 - which error is part of what is compared
        return {"error": f"{type(error).__name__}: {error}"}
    return {key: float(row[f"{key}_time(us)"]) for key in ("idle", "compute", "non_compute")}


if __name__ == "__main__":
    print_hta_figures(sys.argv[1:])

"""Every mode from end to end, and the files that it leaves."""

from __future__ import annotations

import gzip
import hashlib
import json
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

from profiling import MODES

if TYPE_CHECKING:
    from profiling.manifest import Manifest
    from profiling.recorder import Recording

STEPS = 5
ROUNDS = 4
MARKED = [
    "sequential",
    "no_grad",
    "inference_mode",
    "threads",
    "processes",
    "jit_fork",
    "script_fork",
]
ON_OWN_THREADS = ["threads", "processes", "script_fork"]
RECORDED = [*MARKED, "stacked", "compile"]
GRAPHED = [mode for mode in RECORDED if mode != "processes"]
"""A process sees no operators of others."""


def manifest_of(recording: Recording, mode: str) -> Manifest:
    return next(manifest for manifest in recording.manifests if manifest["mode"] == mode)


def events_of(recording: Recording, mode: str) -> list[dict[str, Any]]:
    path = recording.folder / f"cpu-custom-{mode}.pt.trace.json.gz"
    document = json.loads(gzip.decompress(path.read_bytes()))
    return [event for event in document["traceEvents"] if event.get("ph") == "X"]


def test_every_mode_is_recorded(recording: Recording) -> None:
    assert recording.failures == {}
    assert [manifest["mode"] for manifest in recording.manifests] == RECORDED
    assert set(recording.skipped) == set(MODES) - set(RECORDED)
    assert "aten::gru" in recording.skipped.pop("vmap")
    assert {mode for mode in recording.skipped if "cpu" in MODES[mode].devices} == set()


def test_what_is_called_proven_is_what_was_recorded(recording: Recording) -> None:
    """Branches of linear layers prove vmap, in a test of its own."""
    proven = {name for name, mode in MODES.items() if "cpu" in mode.proven}
    assert proven == {*RECORDED, "vmap"}


def test_the_folder_holds_three_files_per_mode_and_a_journal(recording: Recording) -> None:
    ends = ("pt.trace.json.gz", "manifest.json")
    expected = {f"cpu-custom-{mode}.{end}" for mode in RECORDED for end in ends}
    expected |= {f"cpu-custom-{mode}.graph.json.gz" for mode in GRAPHED}
    found = {path.name for path in recording.folder.iterdir()}
    assert found == {*expected, "cpu-custom.run.json"}


@pytest.mark.parametrize("mode", RECORDED)
def test_manifest_file_keeps_the_contract(recording: Recording, mode: str) -> None:
    manifest = json.loads((recording.folder / f"cpu-custom-{mode}.manifest.json").read_text())
    assert manifest == manifest_of(recording, mode)
    assert set(manifest) == {
        "schema_version",
        "run",
        "resumes",
        "mode",
        "preset",
        "pass",
        "grad",
        "device",
        "recorded_at",
        "trace",
        "sha256",
        "workload",
        "environment",
        "conditions",
        "timing",
        "traced",
        "graph",
        "outputs",
        "gradients",
        "proof",
    }
    assert manifest["schema_version"] == 1
    assert manifest["run"] == recording.run
    assert (manifest["preset"], manifest["pass"], manifest["device"]) == (
        "custom",
        "forward",
        "cpu",
    )
    assert manifest["workload"] == {
        "branches": 2,
        "input_size": 3,
        "hidden_size": 128,
        "batch": 128,
        "seq_length": 3,
        "layers": 2,
        "dtype": "float32",
        "seed": 0,
    }
    assert set(manifest["environment"]) == {
        "torch",
        "python",
        "platform",
        "device_name",
        "cpu",
        "cpu_count",
        "torch_threads",
        "torch_interop_threads",
        "cuda",
        "driver",
        "env",
        "load_average",
        "tf32",
    }
    assert manifest["environment"]["tf32"] == {"matmul": False, "cudnn": False}
    for moment in ("before", "after"):
        assert set(manifest["conditions"][moment]) == {
            "load_average",
            "cpu_mhz",
            "cpu_celsius",
            "cpu_throttles",
            "cpu_governor",
            "gpus",
        }
    assert set(manifest["environment"]["env"]) == {
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "CUDA_DEVICE_MAX_CONNECTIONS",
        "CUDA_LAUNCH_BLOCKING",
    }
    assert manifest["grad"] is True
    assert manifest["gradients"] is None
    overhead = manifest["traced"].pop("overhead")
    wall = manifest["traced"].pop("wall_ns")
    assert overhead == wall / manifest["timing"]["median_ns"] > 0
    assert manifest["traced"] == {
        "steps": STEPS,
        "warmup_steps": 3,
        "step_range": "overlap.step",
        "branch_range": "overlap.branch {index}",
        "branch_ranges": mode in MARKED,
        "shapes": False,
        "stacks": False,
    }
    assert manifest["outputs"]["reference"] == "float64 sequential"
    assert 0 < manifest["outputs"]["max_abs_difference"] < manifest["outputs"]["tolerance"] < 1e-3
    assert manifest["proof"]


@pytest.mark.parametrize("mode", RECORDED)
def test_timing_is_one_sample_per_round(recording: Recording, mode: str) -> None:
    timing = manifest_of(recording, mode)["timing"]
    assert timing["isolated"] is False
    assert timing["rounds"] == len(timing["samples_ns"]) == ROUNDS
    assert timing["inner_steps"] >= 1
    assert timing["warmup_steps"] == 5
    assert all(sample > 1000 for sample in timing["samples_ns"])
    assert timing["median_ns"] == median(timing["samples_ns"])
    low, high = timing["ci95_ns"]
    assert min(timing["samples_ns"]) <= low <= timing["median_ns"] <= high
    assert high <= max(timing["samples_ns"])
    assert timing["cpu_seconds_per_wall_second"] > 0


@pytest.mark.parametrize("mode", RECORDED)
def test_manifest_names_its_trace_by_hash(recording: Recording, mode: str) -> None:
    manifest = manifest_of(recording, mode)
    trace = (recording.folder / manifest["trace"]).read_bytes()
    assert manifest["sha256"] == hashlib.sha256(trace).hexdigest()


@pytest.mark.parametrize("mode", GRAPHED)
def test_manifest_names_its_graph_by_hash(recording: Recording, mode: str) -> None:
    facts = manifest_of(recording, mode)["graph"]
    assert facts["file"] == f"cpu-custom-{mode}.graph.json.gz"
    assert facts["reason"] is None
    stored = (recording.folder / facts["file"]).read_bytes()
    assert facts["sha256"] == hashlib.sha256(stored).hexdigest()
    document = json.loads(gzip.decompress(stored))
    assert [node["name"] for node in document["nodes"]].count("overlap.step") == 1
    composite = set(document["composite_operators"])
    assert not composite & {"aten::addmm", "aten::mm", "aten::transpose.int"}
    if mode in MARKED:
        assert composite >= {"aten::gru.input", "aten::linear"}


@pytest.mark.parametrize("mode", RECORDED)
def test_trace_marks_each_step(recording: Recording, mode: str) -> None:
    events = events_of(recording, mode)
    steps = [e for e in events if e["name"] == "overlap.step"]
    profiler_steps = [
        e for e in events if e["name"].startswith("ProfilerStep#") and e["pid"] == steps[0]["pid"]
    ]
    assert len(profiler_steps) == len(steps) == STEPS
    for outer, inner in zip(profiler_steps, steps, strict=True):
        assert outer["ts"] <= inner["ts"]
        assert inner["ts"] + inner["dur"] <= outer["ts"] + outer["dur"]


@pytest.mark.parametrize("mode", MARKED)
def test_trace_marks_each_branch_on_the_thread_that_runs_it(
    recording: Recording, mode: str
) -> None:
    events = events_of(recording, mode)
    calling = {event["tid"] for event in events if event["name"] == "overlap.step"}
    for index in range(2):
        ranges = [event for event in events if event["name"] == f"overlap.branch {index}"]
        assert len(ranges) == STEPS
        for marked in ranges:
            assert (marked["tid"] in calling) is (mode not in ON_OWN_THREADS)
            operators = [
                event
                for event in events
                if event["name"] == "aten::gru"
                and event["tid"] == marked["tid"]
                and marked["ts"] <= event["ts"] < marked["ts"] + marked["dur"]
            ]
            assert len(operators) == 1


def test_no_graph_of_several_processes(recording: Recording) -> None:
    facts = manifest_of(recording, "processes")["graph"]
    assert facts["file"] is facts["sha256"] is None
    assert "operators ran in further processes" in str(facts["reason"])


@pytest.mark.parametrize("mode", ["threads", "processes"])
def test_branches_stay_where_they_are(recording: Recording, mode: str) -> None:
    events = events_of(recording, mode)
    threads = [
        {event["tid"] for event in events if event["name"] == f"overlap.branch {index}"}
        for index in range(2)
    ]
    assert [len(tids) for tids in threads] == [1, 1]
    assert threads[0] != threads[1]


@pytest.mark.parametrize("mode", ["stacked", "compile"])
def test_modes_without_branches_mark_none(recording: Recording, mode: str) -> None:
    assert not any(e["name"].startswith("overlap.branch") for e in events_of(recording, mode))

"""Traces, and recorded runs, as files of a test's own folder."""

import gzip
import hashlib
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import analysis
from analysis import Trace
from analysis.cli import main
from tests.builders import Event, chrome_trace, write_trace
from tests.executions import Op, write_execution


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's cache is left alone."""
    monkeypatch.setenv("TORCH_OVERLAP_CACHE", str(tmp_path_factory.mktemp("cache")))


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    code: object
    out: str
    err: str


@pytest.fixture
def analyze(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Runs `analyze` in this process, in a folder of the test's own, on a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments: str | Path) -> Ended:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        return Ended(ended.value.code, *capfd.readouterr())

    return invoke


@pytest.fixture
def load_bytes(tmp_path: Path) -> Callable[..., Trace]:
    """Writes bytes as they are to a file, and loads it; keyword arguments are `load`'s."""

    def load(data: bytes, name: str = "trace.json", **options: Any) -> Trace:
        path = tmp_path / name
        path.write_bytes(data)
        return analysis.load(path, **options)

    return load


@pytest.fixture
def load_events(tmp_path: Path) -> Callable[..., Trace]:
    """Writes built events to a file, and loads it; keyword arguments are `write_trace`'s."""

    def load(events: Sequence[Event], name: str = "trace.json", **form: Any) -> Trace:
        return analysis.load(write_trace(tmp_path / name, events, **form))

    return load


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Path]:
    """Writes a trace with the manifest, and the graph, that the recorder would put beside it."""

    def write(
        mode: str,
        events: Sequence[Event],
        samples_ns: Sequence[float],
        *,
        name: str = "",
        header: dict[str, object] | None = None,
        graph: Sequence[Op] | None = None,
        **keys: Any,
    ) -> Path:
        name = name or f"cpu-post-{mode}"
        trace = tmp_path / f"{name}.pt.trace.json.gz"
        trace.write_bytes(gzip.compress(chrome_trace(events, header=header)))
        manifest: dict[str, Any] = {
            "schema_version": 1,
            "run": "run-1",
            "mode": mode,
            "preset": "post",
            "device": "cpu",
            "trace": trace.name,
            "sha256": hashlib.sha256(trace.read_bytes()).hexdigest(),
            "timing": {
                "samples_ns": list(samples_ns),
                "median_ns": statistics.median(samples_ns),
                "ci95_ns": [min(samples_ns), max(samples_ns)],
                "cpu_seconds_per_wall_second": None,
            },
            "workload": {"branches": 2},
            "environment": {"torch": "2.13.0", "cpu_count": 2},
            "recorded_at": "2025-01-01T00:00:00+00:00",
        }
        manifest["timing"] |= keys.pop("timing", {})
        if graph is not None:
            execution = write_execution(tmp_path / f"{name}.graph.json.gz", graph)
            digest = hashlib.sha256(execution.read_bytes()).hexdigest()
            manifest["graph"] = {"file": execution.name, "sha256": digest, "reason": None}
        beside = tmp_path / f"{name}.manifest.json"
        beside.write_text(json.dumps(manifest | keys))
        return trace

    return write

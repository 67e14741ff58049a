"""The observed run: what it writes, and what happens where it cannot."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
import torch

from profiling import graphing, record
from profiling.errors import UnavailableError
from profiling.graphing import graph, is_composite

if TYPE_CHECKING:
    from pathlib import Path

    from profiling.branches import Workload


@pytest.mark.parametrize(
    ("operator", "composite"),
    [
        ("aten::linear", True),
        ("aten::matmul", True),
        ("aten::gru.input", True),
        ("aten::unsafe_chunk", True),
        ("aten::addmm", False),
        ("aten::mm", False),
        ("aten::transpose.int", False),
        ("aten::add_.Tensor", False),
        ("no::operator", False),
    ],
)
def test_composite_is_what_has_no_kernel_of_its_own(operator: str, composite: bool) -> None:
    assert is_composite(operator, "cpu") is composite


def test_one_step_is_observed_after_the_warm_up(tmp_path: Path) -> None:
    path = tmp_path / "graph.json.gz"
    runs = []

    def run() -> torch.Tensor:
        runs.append(1)
        return torch.nn.functional.linear(torch.ones(2, 2), torch.ones(2, 2)).tanh()

    graph(run, path, device="cpu")
    assert len(runs) == graphing.GRAPH_WARMUP + 1
    document = json.loads(gzip.decompress(path.read_bytes()))
    names = [node["name"] for node in document["nodes"]]
    assert names.count("overlap.step") == names.count("aten::tanh") == 1
    assert "aten::linear" in document["composite_operators"]
    (tanh,) = (node for node in document["nodes"] if node["name"] == "aten::tanh")
    (given,), (made,) = tanh["inputs"]["values"], tanh["outputs"]["values"]
    assert given[1] != made[1]
    assert (given[3:], made[3:]) == ([4, 4, "cpu"], [4, 4, "cpu"])


def test_the_observer_is_gone_after_an_error(tmp_path: Path) -> None:
    def broken() -> None:
        raise RuntimeError("broken")

    path = tmp_path / "graph.json.gz"
    for _ in range(2):
        with pytest.raises(RuntimeError, match="broken"):
            graph(broken, path, device="cpu")
    graph(lambda: torch.ones(1).tanh(), path, device="cpu")
    assert path.exists()


def test_a_torch_without_the_observer_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: Workload
) -> None:
    monkeypatch.delattr(torch.profiler, "ExecutionTraceObserver")
    with pytest.raises(UnavailableError, match="has no ExecutionTraceObserver"):
        graph(lambda: None, tmp_path / "graph.json.gz", device="cpu")
    stale = tmp_path / "cpu-custom-no_grad.graph.json.gz"
    stale.write_bytes(b"of an earlier recording")
    recording = record(
        tiny, ["no_grad"], tmp_path, device="cpu", warmup=0, steps=1, rounds=1, isolate=False
    )
    (manifest,) = recording.manifests
    assert manifest["graph"]["file"] is manifest["graph"]["sha256"] is None
    assert "has no ExecutionTraceObserver" in (manifest["graph"]["reason"] or "")
    assert not stale.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cpu-custom-no_grad.manifest.json",
        "cpu-custom-no_grad.pt.trace.json.gz",
        "cpu-custom.run.json",
    ]

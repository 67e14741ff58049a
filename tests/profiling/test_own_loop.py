"""A loop of one's own, from the profiler to the report."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest
import torch

import analysis
from profiling import profiler

if TYPE_CHECKING:
    from pathlib import Path


# torch says at its second cycle that it forgets the first one; raised, that crashes it.
@pytest.mark.filterwarnings("ignore:.*Profiler clears events:UserWarning")
def test_a_loop_of_one_s_own(tmp_path: Path) -> None:
    model, given = torch.nn.Linear(4, 4), torch.ones(2, 4)

    def work() -> None:
        # Python threads other than the first are recorded too.
        thread = threading.Thread(target=lambda: model(given))
        thread.start()
        model(given)
        thread.join()

    handler = analysis.trace_handler(tmp_path / "reports", name="mine")
    with profiler(handler, wait=1, warmup=1, active=2, repeat=2) as running:
        for _ in range(8):
            work()
            running.step()
    assert {path.name for path in (tmp_path / "reports").iterdir()} == {
        "mine-1",
        "mine-1.pt.trace.json.gz",
        "mine-2",
        "mine-2.pt.trace.json.gz",
    }
    found = json.loads((tmp_path / "reports" / "mine-2" / "report.json").read_text())
    (trace,) = found["traces"]
    assert [step["name"] for step in trace["steps"]] == ["ProfilerStep#6", "ProfilerStep#7"]
    assert len(trace["devices"][0]["lanes"]) == 3  # the first thread, and one in each step

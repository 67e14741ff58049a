"""What runs inside of the program that is profiled: it writes, or logs, and never raises."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from analysis import trace_handler
from tests.builders import cpu_op, write_trace


class Recorded:
    """A profiler that recorded one operator."""

    def export_chrome_trace(self, path: str) -> None:
        write_trace(Path(path), [cpu_op("aten::mm", 0, 10)])


class Failing:
    def export_chrome_trace(self, path: str) -> None:
        raise RuntimeError(f"{Path(path).name}: Profiler is not running")


def test_a_trace_and_its_report_after_every_cycle(tmp_path: Path) -> None:
    handle = trace_handler(tmp_path / "new" / "reports", name="run")
    for _ in range(2):
        handle(Recorded())
    folder = tmp_path / "new" / "reports"
    assert {path.name for path in folder.iterdir()} == {
        "run-1",
        "run-1.pt.trace.json.gz",
        "run-2",
        "run-2.pt.trace.json.gz",
    }
    found = json.loads((folder / "run-2" / "report.json").read_text())
    assert [trace["path"] for trace in found["traces"]] == [str(folder / "run-2.pt.trace.json.gz")]
    assert (folder / "run-2" / "report.md").read_text().startswith("# What ran in parallel")


@pytest.mark.parametrize(
    ("rank", "name"), [("3", "rank3-1"), (None, f"trace-{os.getpid()}-1")], ids=["rank", "process"]
)
def test_ranks_do_not_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: str | None, name: str
) -> None:
    monkeypatch.delenv("RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("RANK", rank)
    trace_handler(tmp_path)(Recorded())
    assert (tmp_path / name / "report.md").is_file()


def test_what_fails_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    handle = trace_handler(tmp_path, name="run")
    handle(Failing())
    (tmp_path / "run-2").write_text("in the way")
    handle(Recorded())
    (tmp_path / "file").write_text("")
    trace_handler(tmp_path / "file", name="run")(Recorded())
    told = [record.getMessage() for record in caplog.records]
    assert told[0].startswith(f"{tmp_path / 'run-1'}: no report was written: ")
    assert told[0].endswith("Profiler is not running")
    assert "run-2: no report was written: " in told[1]
    assert len(told) == 3
    # A trace whose report could not be written is there all the same.
    assert (tmp_path / "run-2.pt.trace.json.gz").is_file()

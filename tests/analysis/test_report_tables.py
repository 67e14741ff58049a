"""The tables of a report: complete, and the same figures as in report.json."""

from __future__ import annotations

import csv
import io
import sys
from typing import TYPE_CHECKING, Any

import pyarrow.parquet
import pytest

from analysis.errors import MissingExtraError
from analysis.render import table_files as written
from analysis.report_tables import columns, tables
from analysis.reporting import report
from tests.builders import annotation, cpu_op, kernel, launch, write_trace
from tests.shared import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from analysis.report import Report
    from analysis.report_tables import Row, Tables

    Analyze = Callable[..., tuple[object, str, str]]

EXAMPLES = REPOSITORY / "traces/examples"
EVENTS = [
    annotation("ProfilerStep#1", 0, 900),
    launch(0, 10, correlation=1),
    launch(20, 30, correlation=2),
    kernel("gemm", 100, 300, stream=7, correlation=1),
    kernel("relu", 200, 500, stream=8, correlation=2),
    kernel("late", 700, 800, stream=8, correlation=3),
]


@pytest.fixture(scope="module")
def examples() -> Report:
    return report([EXAMPLES])


def numbers(value: Any) -> Iterator[float]:
    """Every number of report.json, however deep."""
    if isinstance(value, dict):
        for each in value.values():
            yield from numbers(each)
    elif isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield value


def test_a_trace_by_hand(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "t.json", EVENTS)
    found = tables(report([path]).to_json())
    owner = {"trace": "t", "rank": None, "path": str(path)}
    (device,) = found["devices"]
    assert device.items() >= {**owner, "device": "0", "window_ns": 700, "busy_ns": 500}.items()
    assert device["parallelism.achieved"] == 600 / 500
    assert found["lanes"] == [
        {**owner, "device": "0", "lane": "7", "activities": 1, "busy_ns": 200},
        {**owner, "device": "0", "lane": "8", "activities": 2, "busy_ns": 400},
    ]
    assert found["lane_overlap"] == [
        {**owner, "device": "0", "lane": "7", "and_lane": "8", "ns": 100}
    ]
    assert found["concurrency"] == [
        {**owner, "device": "0", "lanes": lanes, "ns": ns}
        for lanes, ns in (("0", 200), ("1", 400), ("2", 100))
    ]
    assert sum(row["ns"] for row in found["states"]) == 700  # type: ignore[misc]
    (step,) = found["step_devices"]
    assert step.items() >= {**owner, "step": "ProfilerStep#1", "window_ns": 900}.items()
    assert {row["step"] for row in found["step_states"]} == {"ProfilerStep#1"}
    (gap,) = found["idle_gaps"]
    assert gap.items() >= {"gap_start_ns": 400, "duration_ns": 200, "after": "late"}.items()
    assert sum(row["ns"] for row in found["gap_states"]) == 200  # type: ignore[misc]


def test_no_figure_of_the_report_is_missing(examples: Report) -> None:
    data = examples.to_json()
    # Lists of bare numbers, such as an interval, are one cell.
    cells = [cell for rows in tables(data).values() for row in rows for cell in row.values()]
    texts = {text for cell in cells if isinstance(cell, str) for text in cell.split("; ")}
    held = {cell for cell in cells if isinstance(cell, (int, float))}
    missing = {each for each in numbers(data) if each not in held and str(each) not in texts} - {
        data["schema_version"]
    }
    assert not missing


def test_rows_know_what_they_belong_to(examples: Report) -> None:
    found = tables(examples.to_json())
    labels = {trace.label for trace in examples.traces}
    assert {row["trace"] for row in found["states"]} == labels
    assert {row["mode"] for row in found["modes"]} == labels
    assert len(found["steps"]) == sum(len(trace.steps) for trace in examples.traces)
    for name in ("span_operators", "missed_overlap", "missed_states", "findings", "step_spread"):
        assert all(row["trace"] in labels for row in found[name])
    for rows in found.values():
        names = columns(rows)
        assert not [name for name in names if any(c.startswith(f"{name}.") for c in names)]


def test_jobs_are_numbered_and_their_steps_are_no_traces_steps() -> None:
    job = {"world_size": 2, "ranks": [{"rank": 0}], "steps": [{"lost_ns": 5, "slowest": [1]}]}
    trace = {"label": "t", "rank": 0, "path": "p", "steps": [{"name": "s", "devices": []}]}
    found = tables({"traces": [trace], "jobs": [job, {**job, "world_size": 4}]})
    assert found["jobs"] == [{"job": 0, "world_size": 2}, {"job": 1, "world_size": 4}]
    assert found["job_ranks"] == [{"job": 0, "rank": 0}, {"job": 1, "rank": 0}]
    assert found["job_steps"][1] == {"job": 1, "lost_ns": 5, "slowest": "1"}
    assert found["steps"] == [{"trace": "t", "rank": 0, "path": "p", "step": "s"}]


def parsed(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_files_hold_the_tables(examples: Report, suffix: str) -> None:
    found: Tables = tables(examples.to_json())
    files = written.files(found, suffix)
    assert set(files) == {f"{name}.{suffix}" for name in found}
    for name, rows in found.items():
        data = files[f"{name}.{suffix}"]
        if suffix == "csv":
            shown = [
                {column: "" if row.get(column) is None else str(row[column]) for column in row}
                for row in rows
            ]
            assert [{k: v for k, v in row.items() if v} for row in parsed(data)] == [
                {k: v for k, v in row.items() if v} for row in shown
            ]
        else:
            table = pyarrow.parquet.read_table(io.BytesIO(data))
            assert table.column_names == columns(rows)
            for got, row in zip(table.to_pylist(), rows, strict=True):
                # A column holds one type: a text among numbers makes them texts.
                assert {k: v for k, v in got.items() if v is not None} == {
                    k: str(v) if isinstance(got[k], str) else v
                    for k, v in row.items()
                    if v is not None
                }


HOSTILE: list[Row] = [
    {"name": 'a,"b"\n\r\x00;=1+1', "ns": 2**62},
    {"name": "tr\udcffce 中", "ns": None},
    {"name": None, "ns": 1.5},
    {"other": True},
]


def test_hostile_names_come_back_whole() -> None:
    rows = parsed(written.as_csv([{"name": 'a,"b"\n\r;=1+1'}, {"name": "tr\udcffce 中"}]))
    assert [row["name"] for row in rows] == ['a,"b"\n\r;=1+1', "tr\\udcffce 中"]
    table = pyarrow.parquet.read_table(io.BytesIO(written.as_parquet(HOSTILE))).to_pylist()
    assert [row["name"] for row in table] == [HOSTILE[0]["name"], "tr\\udcffce 中", None, None]
    assert [row["ns"] for row in table] == [float(2**62), None, 1.5, None]
    assert table[3]["other"] is True


def test_parquet_without_pyarrow(
    analyze: Analyze, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="pip install"):
        written.as_parquet(HOSTILE)
    path = write_trace(tmp_path / "t.json", EVENTS)
    code, out, err = analyze("report", path, "--tables", "parquet")
    assert (code, out) == (2, "")
    assert err.startswith("Error: Parquet needs pyarrow")
    assert not (tmp_path / "reports").exists()
    assert analyze("report", path, "--tables", "csv")[0] == 0


def test_the_command_writes_them(analyze: Analyze, tmp_path: Path) -> None:
    path = write_trace(tmp_path / "t.json", EVENTS)
    code, out, _ = analyze("report", path, "--tables", "csv")
    assert code == 0
    assert out.splitlines()[-1].endswith("reports/tables")
    names = {each.name for each in (tmp_path / "reports/tables").iterdir()}
    assert {"devices.csv", "states.csv", "idle_gaps.csv", "step_devices.csv"} <= names
    (device,) = parsed((tmp_path / "reports/tables/devices.csv").read_bytes())
    assert (device["trace"], device["busy_ns"]) == ("t", "500")


def test_the_summary_goes_where_a_job_shows_it(analyze: Analyze, tmp_path: Path) -> None:
    path = write_trace(tmp_path / "t.json", [cpu_op("aten::mm", 0, 10)])
    page = tmp_path / "new.md"
    code, out, _ = analyze("report", path, "--summary", page)
    assert code == 0
    assert "What ran in parallel" in out
    first = page.read_text()
    assert first.startswith("# What ran in parallel\n\n- t: 1 thread")
    assert "Every nanosecond" not in first  # details stay in report.md
    analyze("report", path, "--summary", page)
    assert page.read_text() == first * 2
    _, out, _ = analyze("report", path, "--summary", "-")
    assert out == first
    code, _, err = analyze("report", path, "--summary", "")
    assert code == 2
    assert "GITHUB_STEP_SUMMARY" in err

"""Traces of several processes on one clock."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.merging import merge

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

BASE = 1_790_857_026_000_000_000


def event(ts: str, pid: Any = 1, ph: str = "X", **args: Any) -> str:
    return json.dumps(
        {"ph": ph, "name": "a", "pid": pid, "tid": 2, "ts": "TS", "args": args}
    ).replace('"TS"', ts)


def write(path: Path, base: int, *events: str) -> Path:
    text = f'{{"baseTimeNanoseconds": {base}, "traceEvents": [{", ".join(events)}]}}'
    path.write_bytes(gzip.compress(text.encode()))
    return path


def read(path: Path) -> Any:
    return json.loads(gzip.decompress(path.read_bytes()), parse_float=str, parse_int=str)


def times(path: Path) -> list[str]:
    return [event["ts"] for event in read(path)["traceEvents"]]


def test_times_stay_to_the_nanosecond(tmp_path: Path) -> None:
    """A double cannot hold either of these."""
    whole = write(tmp_path / "a.json.gz", BASE, event("4667759986999.879"))
    other = write(tmp_path / "b.json.gz", BASE, event("4667759986999.877", pid=7))
    merge(whole, [other])
    assert times(whole) == ["4667759986999.879", "4667759986999.877"]
    assert read(whole)["baseTimeNanoseconds"] == str(BASE)


def test_another_base_shifts_by_what_it_is_later(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.json.gz", BASE, event("10.5"))
    later = write(tmp_path / "b.json.gz", BASE + 2_000_001, event("10.5", pid=7))
    earlier = write(tmp_path / "c.json.gz", BASE - 1000, event("10.5", pid=8))
    merge(whole, [later, earlier])
    assert times(whole) == ["10.5", "2010.501", "9.5"]


@settings(max_examples=50, deadline=None)
@given(
    base=st.integers(0, 2**62),
    other=st.integers(0, 2**62),
    at=st.integers(0, 2**52),
)
def test_absolute_time_is_kept(
    base: int, other: int, at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    whole = write(folder / "a.json.gz", base)
    further = write(folder / "b.json.gz", other, event(f"{Decimal(at) / 1000:f}", pid=7))
    merge(whole, [further])
    (ts,) = times(whole)
    assert base + Decimal(ts) * 1000 == other + at


def test_what_a_trace_says_beside_times_stays(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.json.gz", BASE, event("1", share=0.25, text='decimal:"1.5"'))
    merge(whole, [])
    (found,) = read(whole)["traceEvents"]
    assert found["args"] == {"share": "0.25", "text": 'decimal:"1.5"'}


def test_arrows_and_the_profilers_own_rows_stay_behind(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.json.gz", BASE, event("1", ph="s"))
    other = write(
        tmp_path / "b.json.gz",
        BASE,
        event("2", pid=7, ph="s"),
        event("3", pid="Spans"),
        event("4", pid=7, ph="M"),
        event("5", pid=7),
    )
    merge(whole, [other])
    assert times(whole) == ["1", "4", "5"]

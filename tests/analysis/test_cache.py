"""A large trace is parsed once; what the cache holds is checked before it is believed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

import analysis
from analysis import cache
from analysis.cli import cli
from analysis.trace import loading
from tests.analysis.raw import document, event
from tests.builders import card, chrome_trace, copy, kernel, launch, shape, stream_wait

if TYPE_CHECKING:
    from analysis import Trace

pytest.importorskip("pyarrow", reason="needs the cache extra")

EVENTS = [
    *(launch(10 * i, 10 * i + 3, correlation=i + 1) for i in range(50)),
    *(kernel(f"gemm {i % 3}", 10 * i + 4, 10 * i + 8, correlation=i + 1) for i in range(50)),
    kernel("shaped", 600, 650, shape=shape(4, 128, registers=32, shared=1024)),
    copy("Memcpy HtoD", 700, 710, stream=9),
    kernel("replayed", 800, 810, shape={"graph id": 9, "graph node id": 4}),
]
GRAPHS = [
    {
        "exec_graph_id": 9,
        "nodes": [{"node_id": 4, "dependencies": []}, {"node_id": 6, "dependencies": [0]}],
    }
]


@pytest.fixture(autouse=True)
def _everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_LARGE", 0)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "t.json"
    path.write_bytes(chrome_trace(EVENTS, header={"cuda_graphs": GRAPHS}))
    return path


def entries() -> list[Path]:
    return sorted(Path(os.environ[cache.FOLDER]).glob("*"))


def same(one: Trace, other: Trace) -> bool:
    def plain(value: object) -> object:
        if isinstance(value, np.ndarray):
            return value.dtype, value.tolist()
        if isinstance(value, msgspec.Struct):
            return [(name, plain(getattr(value, name))) for name in value.__struct_fields__]
        return value

    return plain(one) == plain(other)


def test_the_second_time_nothing_is_parsed(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = analysis.load(trace)
    assert first.graphs
    assert len(first.graph_nodes.row)
    assert len(entries()) == 1
    monkeypatch.setattr(loading, "_read", None)
    second = analysis.load(trace)
    assert same(first, second)
    assert analysis.analyze(second).to_json() == analysis.analyze(first).to_json()


@pytest.mark.parametrize(
    "text",
    [
        chrome_trace([]),
        chrome_trace(EVENTS, header={"deviceProperties": [card()], "distributedInfo": {"rank": 3}}),
        document(event(), event(cat='"cuda_sync"', args='{"wait_on_stream":8}')),
        document(event(cat='"gpu_memcpy"', args='{"stream":7,"memory bandwidth (GB/s)":2.5}')),
        document(event(name='"größe \\ud83d\\ude00"', ts="1.234")),
    ],
)
def test_every_trace_comes_back_whole(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(text)
    read = analysis.load(path, cached=False)
    assert not entries()
    analysis.load(path)
    assert len(entries()) == 1
    again = analysis.load(path)
    assert same(read, again)


def test_the_same_bytes_elsewhere_are_the_same_entry(trace: Path, tmp_path: Path) -> None:
    analysis.load(trace)
    other = tmp_path / "other.json"
    other.write_bytes(trace.read_bytes())
    assert analysis.load(other).path == str(other)
    assert len(entries()) == 1
    other.write_bytes(chrome_trace(EVENTS[:5]))
    assert len(analysis.load(other).events) == 5
    assert len(entries()) == 2


def test_another_version_reads_anew(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    analysis.load(trace)
    monkeypatch.setattr(cache, "VERSION", cache.VERSION + 1)
    analysis.load(trace)
    assert len(entries()) == 2


def test_traces_with_losses_are_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(document(event(), event(ts="x")))
    assert analysis.load(path).losses
    assert not entries()


@pytest.mark.parametrize("kind", ["empty", "foreign", "cut", "directory"])
def test_an_unsound_entry_is_rewritten(trace: Path, kind: str) -> None:
    sound = analysis.load(trace)
    (entry,) = entries()
    data = entry.read_bytes()
    if kind == "directory":
        entry.unlink()
        entry.mkdir()
    else:
        entry.write_bytes({"empty": b"", "foreign": b"PAR1 hello PAR1", "cut": data[:-9]}[kind])
    assert same(analysis.load(trace), sound)
    if kind != "directory":
        assert entry.read_bytes() == data


def test_no_byte_of_an_entry_can_change_what_is_read(trace: Path) -> None:
    sound = analysis.load(trace)
    (entry,) = entries()
    data = entry.read_bytes()
    refused = 0
    for place in range(0, len(data), 7):
        entry.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        found = cache.get(entry, trace)
        refused += found is None
        assert found is None or same(found, sound)
    assert refused > len(data) // 7 // 2


def test_an_entry_of_impossible_columns_is_refused(trace: Path) -> None:
    sound = analysis.load(trace, cached=False)
    entry = Path(os.environ[cache.FOLDER]) / "x.parquet"
    changes: list[dict[str, Any]] = [
        {"name": sound.events.name + 100},
        {"stream": sound.events.stream - 2},
        {"role": sound.events.role + 9},
        {"end": sound.events.start - 1},
    ]
    for change in changes:
        events = msgspec.structs.replace(sound.events, **change)
        cache.put(entry, msgspec.structs.replace(sound, events=events))
        assert entry.is_file()
        assert cache.get(entry, trace) is None
    cache.put(entry, sound)
    assert cache.get(entry, trace) is not None


def test_the_oldest_entries_go_first(
    trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analysis.load(trace)
    (first,) = entries()
    monkeypatch.setattr(cache, "MOST_BYTES", int(2.5 * first.stat().st_size))
    os.utime(first, (1, 1))
    for number in (1, 2):
        other = tmp_path / f"{number}.json"
        other.write_bytes(trace.read_bytes() + b" " * number)
        analysis.load(other)
        os.utime(max(entries(), key=os.path.getmtime), (1 + number, 1 + number))
    assert len(entries()) == 2
    assert first not in entries()


def test_use_makes_an_entry_young(trace: Path) -> None:
    analysis.load(trace)
    (entry,) = entries()
    os.utime(entry, (1, 1))
    analysis.load(trace)
    assert entry.stat().st_mtime > 1


def test_a_folder_that_cannot_be_written_to_is_no_error(
    trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(cache.FOLDER, str(tmp_path / "file" / "below"))
    assert len(analysis.load(trace).events) == len(EVENTS)


def test_it_can_be_switched_off(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.FOLDER, "off")
    analysis.load(trace)
    assert cache.find(trace) is None
    assert cache.contents() == cache.Contents(None, "TORCH_OVERLAP_CACHE is off", 0, 0)
    assert cache.clear() == 0


def test_without_pyarrow_nothing_is_kept(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert len(analysis.load(trace).events) == len(EVENTS)
    assert not entries()
    ended = CliRunner().invoke(cli, ["cache", "info"])
    assert "pip install 'torch-overlap[cache]'" in ended.output


def test_the_user_s_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(cache.FOLDER)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.contents().folder == tmp_path / "torch-overlap"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache.contents().folder == Path("/home/somebody/.cache/torch-overlap")


def test_commands(trace: Path) -> None:
    run = CliRunner().invoke
    analysis.load(trace)
    size = entries()[0].stat().st_size
    shown = run(cli, ["cache", "info"])
    assert shown.exit_code == 0
    assert shown.output == (
        f"{os.environ[cache.FOLDER]}: 1 traces, {size / 1e6:.1f} MB of at most 4,295\n"
    )
    assert run(cli, ["cache", "clear"]).output == "1 traces deleted\n"
    assert not entries()
    ended = run(cli, ["report", str(trace), "--no-cache", "--out", str(trace.parent / "out")])
    assert ended.exit_code == 0
    assert not entries()


def test_waits_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(chrome_trace([*EVENTS, stream_wait(800, stream=7, on_stream=9, record=5)]))
    assert same(analysis.load(path), analysis.load(path))

"""However a text is cut into blocks and pieces, whatever it holds, the columns are the same."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import analysis
from analysis.trace import cut, decode, walk
from analysis.trace.cut import pieces
from analysis.trace.head import take_head
from analysis.trace.parse import parse
from analysis.trace.reader import Reader
from tests.builders import chrome_trace, kernel, launch, write_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from analysis import Trace
    from analysis.trace.cut import Piece

LOOK_ALIKE = '},\n{"ph": "X", "name": "no event"'

texts = st.one_of(
    st.text(max_size=6),
    st.sampled_from([LOOK_ALIKE, '"', "\\", "\\\\", '\\"', "é", "𝄞", "]}", "}\n]", "\u2028"]),
    st.lists(st.sampled_from(['},{"ph":1', "\\", '"', "é", "]", "\n"]), max_size=5).map("".join),
)
nested = st.recursive(
    st.one_of(st.integers(), texts, st.just({"ph": "X", "name": "no event", "ts": 1, "dur": 1})),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
events = st.fixed_dictionaries(
    {
        "ph": st.sampled_from(["X", "X", "X", "M", "i"]),
        "cat": st.sampled_from(["cpu_op", "kernel", "python_function"]),
        "name": texts,
        "pid": st.integers(0, 3),
        "tid": st.one_of(st.integers(0, 3), texts),
        "ts": st.integers(0, 10**6),
        "dur": st.integers(0, 100),
        # Of no name that the reader knows and would object to: Hypothesis draws words of the code.
        "args": st.dictionaries(texts.map("own {}".format), nested, max_size=2),
    }
)
keys = st.permutations(["ph", "cat", "name", "pid", "tid", "ts", "dur", "args"])
LAYOUTS: list[dict[str, Any]] = [
    {"separators": (",", ":")},
    {"indent": 1},
    {"indent": "\t"},
    {},
    {"ensure_ascii": False},
    {"separators": (" ,\r\n", " : "), "ensure_ascii": False},
]


@st.composite
def documents(draw: st.DrawFn) -> tuple[bytes, list[dict[str, Any]]]:
    """A trace's text, and its events."""
    order = draw(keys)
    listed = [{key: event[key] for key in order} for event in draw(st.lists(events, max_size=12))]
    around = {"before": draw(nested), "traceEvents": listed, "after": draw(nested)}
    chosen = draw(st.sampled_from([listed, around, {"traceEvents": listed}]))
    return json.dumps(chosen, **draw(st.sampled_from(LAYOUTS))).encode(), listed


def blocks(text: bytes, size: int) -> Iterator[bytes]:
    for begin in range(0, len(text), size):
        yield text[begin : begin + size]


def read(
    text: bytes, path: Path, *, size: int, decoded: Callable[[Piece], Any] = parse
) -> tuple[Trace, int]:
    """The trace that reading in pieces gives, and how many there were."""
    head, rest = take_head(blocks(text, size), path)
    found = Reader(path, head, strict=True)
    number = 0
    for piece in pieces(rest, head.length):
        found.take(piece, decoded(piece))
        number += 1
    return found.finish(), number


def rows(trace: Trace) -> list[tuple[Any, ...]]:
    found = trace.events
    return list(
        zip(
            (found.names[code] for code in found.name),
            (found.pids[code] for code in found.pid),
            (found.tids[code] for code in found.tid),
            (found.categories[code] for code in found.category),
            found.start.tolist(),
            found.end.tolist(),
            found.position.tolist(),
            strict=True,
        )
    )


def expected(listed: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (
            event["name"],
            str(event["pid"]),
            str(event["tid"]),
            event["cat"],
            1000 * event["ts"],
            1000 * (event["ts"] + event["dur"]),
            position,
        )
        for position, event in enumerate(listed)
        if event["ph"] == "X"
    ]


@given(documents(), st.integers(1, 400), st.integers(1, 400))
@settings(max_examples=400)
def test_every_cut_gives_the_same_columns(
    document: tuple[bytes, list[dict[str, Any]]], piece: int, block: int
) -> None:
    text, listed = document
    with mock.patch.object(cut, "PIECE", piece):
        trace, _ = read(text, None, size=block)  # type: ignore[arg-type] # no message is wanted
    assert rows(trace) == expected(listed)


@given(documents(), st.integers(1, 60))
@settings(max_examples=200)
def test_reading_event_by_event_gives_the_same_columns(
    document: tuple[bytes, list[dict[str, Any]]], piece: int
) -> None:
    text, listed = document
    with (
        mock.patch.object(cut, "PIECE", piece),
        mock.patch.object(decode, "end", return_value=None),
    ):
        trace, _ = read(text, None, size=50, decoded=lambda _: None)  # type: ignore[arg-type]
    assert rows(trace) == expected(listed)


@pytest.mark.parametrize(
    "name",
    [
        'a},{"ph":"X","name":"b',
        'a},\n  {"ph": "X"',
        'quote " and },{"ph":',
        'backslash \\ },{"ph":',
        'é },{"ph": 𝄞',
    ],
)
@pytest.mark.parametrize("layout", [{"separators": (",", ":")}, {"indent": 2}, {}])
def test_names_do_not_look_like_the_end_of_an_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, layout: dict[str, Any]
) -> None:
    listed = [
        {"ph": "X", "cat": "cpu_op", "name": name, "pid": 1, "tid": 1, "ts": i, "dur": 1}
        for i in range(20)
    ]
    text = json.dumps({"traceEvents": listed}, **layout).encode()
    monkeypatch.setattr(cut, "PIECE", 10)
    trace, number = read(text, tmp_path, size=len(text))
    assert number == 20
    assert rows(trace) == expected(listed)


def test_an_event_of_nested_look_alikes_may_span_many_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = [{"ph": "X", "name": str(i), "pid": 1, "tid": 1, "ts": 1, "dur": 1} for i in range(500)]
    listed = [
        {"ph": "X", "cat": "cpu_op", "name": "n", "pid": 1, "tid": 1, "ts": i, "dur": 1, "args": a}
        for i, a in enumerate([{}, {"list": inner}, {}])
    ]
    text = json.dumps(listed, separators=(",", ":")).encode()
    monkeypatch.setattr(cut, "PIECE", 100)
    trace, number = read(text, tmp_path, size=1000)
    assert number > 100
    assert rows(trace) == expected(listed)
    # Where patience ends before the event does, it is taken for damage, which strictness refuses.
    monkeypatch.setattr(walk, "_PATIENCE", 1000)
    with pytest.raises(analysis.errors.DamagedTraceError, match="event 1"):
        read(text, tmp_path, size=1000)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("bare", [False, True])
def test_workers_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, bare: bool
) -> None:
    built = [
        event
        for i in range(3_000)
        for event in (
            launch(1_000 * i, 1_000 * i + 200, correlation=i + 1),
            kernel(f"gemm {i % 7}", 1_000 * i + 300, 1_000 * i + 900, correlation=i + 1),
        )
    ]
    text = chrome_trace(built, bare=bare)
    path = tmp_path / "t.json"
    # One piece in the middle is odd, and one longer than a worker's memory.
    middle = text.index(b'"gemm 3"', len(text) // 2)
    path.write_bytes(text[:middle] + b'"gemm\n3"' + text[middle + 8 :])
    monkeypatch.setattr(cut, "PIECE", 5_000)
    alone = analysis.load(path, workers=0)
    together = analysis.load(path, workers=workers)
    assert rows(together) == rows(alone)
    assert together.losses == alone.losses
    assert len(alone.losses) == 1
    assert len(alone.events) == 6_000


def test_a_dead_worker_s_pieces_are_decoded_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_trace(tmp_path / "t.json", [kernel("k", i, i + 1) for i in range(5_000)])
    monkeypatch.setattr(cut, "PIECE", 1_000)
    monkeypatch.setattr("sys.executable", "/bin/false")
    trace = analysis.load(path, workers=2)
    assert rows(trace) == rows(analysis.load(path, workers=0))
    assert trace.events.start.tolist() == list(range(5_000))


def test_times_are_read_as_they_are_written(tmp_path: Path) -> None:
    spelled = ["0.001", "4584725184722.053", "7.1235", "1e3", '"12.5"']
    listed = ",".join(
        f'{{"ph":"X","cat":"cpu_op","name":"n","pid":1,"tid":1,"ts":{each},"dur":0}}'
        for each in spelled
    )
    path = tmp_path / "t.json"
    path.write_text(f"[{listed}]")
    wanted = [
        int((Decimal(each.strip('"')) * 1000).quantize(1, "ROUND_HALF_UP")) for each in spelled
    ]
    assert analysis.load(path).events.start.tolist() == wanted

"""A trace's text is handed on byte for byte, and where it is damaged, as valid JSON."""

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

import pytest
from hypothesis import given, settings

from analysis.errors import DamagedTraceError, OutputError, TraceError
from analysis.trace import cut, packed, trace_text
from tests.analysis.raw import document, event
from tests.analysis.test_trace_pieces import documents
from tests.builders import chrome_trace, cpu_op
from tests.fuzz.mutations import mutated
from tests.fuzz.texts import texts
from tests.shared import real_traces

FIRST, LAST = event(ts="10"), event(ts="40")


def copied(path: Path, **options: Any) -> tuple[bytes, int, tuple[str, ...]]:
    """What is handed on, put together; how many events; what was lost."""
    with trace_text(path, **options) as text:
        stretches = list(text.events())
        assert all(stretches)
        for stretch in stretches:
            assert all(isinstance(each, dict) for each in strictly(b"[" + stretch + b"]"))
        return text.head + b",".join(stretches) + text.tail, text.number, text.losses


def copy_of(tmp_path: Path, data: bytes) -> tuple[bytes, int, tuple[str, ...]]:
    path = tmp_path / "t.json"
    path.write_bytes(data)
    return copied(path)


def strictly(text: bytes) -> Any:
    """JSON by the book: no NaN, no text that is not UTF-8."""
    return json.loads(text.decode(), parse_constant=refuse)


def refuse(word: str) -> NoReturn:
    raise AssertionError(word)


@given(document=documents())
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("piece", [1, 200])
def test_intact_texts_come_out_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, document: tuple[bytes, list[Any]], piece: int
) -> None:
    text, listed = document
    path = tmp_path_factory.getbasetemp() / f"copied-{piece}.json"
    path.write_bytes(text + b"\n")
    with mock.patch.object(cut, "PIECE", piece):
        assert copied(path) == (text + b"\n", len(listed), ())


@pytest.mark.parametrize("path", real_traces(), ids=lambda path: path.name)
def test_real_traces_come_out_byte_for_byte(path: Path) -> None:
    text = gzip.decompress(path.read_bytes())
    made, number, lost = copied(path)
    assert made == text
    assert lost == ()
    assert number == len(json.loads(text)["traceEvents"])


def test_names_that_are_no_unicode_stay_as_they_are(tmp_path: Path) -> None:
    text = document(FIRST, event(name='"half \\ud800 a pair"'), LAST)
    made, number, lost = copy_of(tmp_path, text)
    assert (strictly(made), number, lost) == (strictly(text), 3, ())
    assert event(name='"half \\ud800 a pair"') in made


def test_a_name_of_ten_megabytes(tmp_path: Path) -> None:
    text = document(FIRST, event(name='"' + "n" * 10_000_000 + '"'), LAST)
    assert copy_of(tmp_path, text) == (text, 3, ())


@pytest.mark.parametrize(
    ("text", "events", "said"),
    [
        (document(FIRST, event(dur="NaN"), LAST), [FIRST, event(dur="null"), LAST], "became null"),
        (document(FIRST, event(name='"a"b"')), [FIRST, event(name='"a\\"b"')], "were escaped"),
        (document(FIRST, b'{"ph":"X","ts":}', LAST), [FIRST, LAST], "could not be mended"),
        (document(FIRST, b"nonsense", LAST), [FIRST, LAST], "passed over"),
        (document(FIRST, LAST)[:-20], [FIRST], "ends early"),
        (document(FIRST)[:-2], [FIRST], "ends early"),
        (document(FIRST)[:-2] + b",", [FIRST], "ends early"),
        (document(FIRST) + document(LAST), [FIRST], "a second document"),
        (document(FIRST)[:-1] + b',"rank":', [FIRST], "what follows the events"),
        (document(FIRST)[:-1] + b',"bandwidth":NaN}', [FIRST], "became null"),
        (b"[" + FIRST + b"," + LAST + b",", [FIRST, LAST], "ends early"),
        (b'{"a": NaN, "traceEvents": [' + FIRST + b"]}", [FIRST], "precedes the events"),
    ],
)
def test_damage_is_mended_or_left_out_and_said(
    tmp_path: Path, text: bytes, events: list[bytes], said: str
) -> None:
    made, _, lost = copy_of(tmp_path, text)
    found = strictly(made)
    listed = found if isinstance(found, list) else found["traceEvents"]
    assert listed == [strictly(each) for each in events]
    assert said in " ".join(lost)


def test_bytes_that_are_no_utf_8_become_valid(tmp_path: Path) -> None:
    made, number, lost = copy_of(tmp_path, document(FIRST, event().replace(b"gemm", b"ge\xffmm")))
    assert strictly(made)["traceEvents"][1]["name"] == "ge\ufffdmm"
    assert number == 2
    assert "no UTF-8" in lost[0]


def test_a_comma_too_many_costs_nothing_else(tmp_path: Path) -> None:
    made, number, _ = copy_of(tmp_path, document(FIRST, LAST).replace(b"]}", b",]}"))
    assert (strictly(made), number) == (strictly(document(FIRST, LAST)), 2)


def test_nothing_to_copy_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DamagedTraceError, match="none of its events can be read"):
        copy_of(tmp_path, b'{"traceEvents":[{"ph":"X","na')
    with pytest.raises(TraceError, match="not a Chrome trace"):
        copy_of(tmp_path, b"<html></html>")


def test_no_events_are_no_damage(tmp_path: Path) -> None:
    assert copy_of(tmp_path, b'{"traceEvents": [ ]}') == (b'{"traceEvents": [ ]}', 0, ())
    assert copy_of(tmp_path, b"[]") == (b"[]", 0, ())


def test_a_compressed_text_that_breaks_off(tmp_path: Path) -> None:
    text = chrome_trace([cpu_op(f"op {i}", i, i + 1) for i in range(3_000)])
    packed_text = gzip.compress(text)
    path = tmp_path / "t.json.gz"
    path.write_bytes(packed_text[: len(packed_text) // 2])
    made, _, lost = copied(path)
    found = strictly(made)["traceEvents"]
    assert 0 < len(found) < 3_000
    assert found == strictly(text)["traceEvents"][: len(found)]
    assert "gzip data end early" in " ".join(lost)


def test_a_text_of_too_many_bytes_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(chrome_trace([cpu_op(f"op {i}", i, i + 1) for i in range(3_000)]))
    made, _, lost = copied(path, max_bytes=50_000)
    assert 100 < len(strictly(made)["traceEvents"]) < 3_000
    assert "--max-bytes" in " ".join(lost)


def test_whatever_is_broken_valid_json_comes_out(tmp_path: Path) -> None:
    known = texts()
    path = tmp_path / "t.json"
    whole = damaged = refused = 0
    for number in range(120):
        done, data = mutated(random.Random(f"copy {number}"), known)
        path.write_bytes(data)
        try:
            made, _, lost = copied(path)
            strictly(made)
        except TraceError:
            refused += 1
        except BaseException as error:
            error.add_note(f"mutation {number}: {done}")
            raise
        else:
            damaged += bool(lost)
            whole += not lost
    assert damaged > 40
    assert whole > 5
    assert refused > 5


def parts() -> Iterator[bytes]:
    yield b"[1,"
    yield b"2," * 600_000
    yield b"3]"


@pytest.mark.parametrize("name", ["t.json", "t.json.gz", "t.json.zst"])
def test_packing_by_suffix(tmp_path: Path, name: str) -> None:
    from analysis.trace.unpack import unpack  # noqa: PLC0415 - beside what it undoes

    target = tmp_path / name
    stored = list(packed(target, parts()))
    assert b"".join(unpack(iter(stored), target)) == b"".join(parts())
    assert (sum(map(len, stored)) < 100_000) is (name != "t.json")
    assert b"".join(packed(target, parts())) == b"".join(stored)


@pytest.mark.parametrize("name", ["t.zip", "t.tar.gz", "t.tgz"])
def test_archives_are_not_written(name: str) -> None:
    with pytest.raises(OutputError, match=r"\.json\.gz or \.json\.zst"):
        packed(Path(name), [])

"""Whatever is wrong with a file, the error says which, where, what was expected, what to do."""

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import analysis
from analysis.errors import DamagedTraceError, NotATraceError, TraceError
from analysis.trace.build import build
from analysis.trace.decode import decode
from tests.analysis.raw import document, event
from tests.builders import chrome_trace, cpu_op, kernel, launch

LoadBytes = Callable[..., analysis.Trace]

EVENTS = [
    event
    for i in range(200)
    for event in (
        cpu_op("aten::mm", 1_000 * i, 1_000 * i + 900),
        launch(1_000 * i + 100, 1_000 * i + 200, correlation=i + 1),
        kernel("gemm", 1_000 * i + 300, 1_000 * i + 1_250 + i, correlation=i + 1),
    )
]
TEXT = chrome_trace(EVENTS)
GZIPPED = gzip.compress(TEXT, mtime=0)

STARTS = "is not a Chrome trace: it starts with "
NO_TRACE = "is JSON but not a Chrome trace: "
GIVE = "give the .json or .json.gz file that torch.profiler's export_chrome_trace wrote"
BRACE = f", expected '{{' or '['; {GIVE}"
KEY = "expected an object with the key 'traceEvents', or a list of events"
AGAIN = "copy or record the file again"
ELSE = f"of something else; {AGAIN}"
EARLY = "the gzip data end early, after {:,} bytes ({:,} decompressed); " + AGAIN
CORRUPT = "the gzip data are corrupt (Error -3 while decompressing data: {}); " + AGAIN
CORRECT = "correct or record the trace again"
MEANT = f"expected a number of microseconds, at most 4.6e15 (2^62 ns); {CORRECT}"
AN_ID = f"expected a whole number or text; {CORRECT}"
BITS = f"expected a 64-bit integer; {CORRECT}"
LATE = f"{2**62 // 1000 * 1000:,} ns after 1,500 ns, expected an end of at most 2^62 ns; {CORRECT}"
FIELD = "correct that field or record the trace again"


def third(**changes: str | None) -> bytes:
    """A trace whose third event is changed, after one that is not looked at."""
    return document(event(), b'{"ph":"M"}', event(**changes), event())


def failure(load_bytes: LoadBytes, data: bytes, kind: type[TraceError], name: str) -> str:
    """The message, without the path that it must start with."""
    with pytest.raises(kind) as caught:
        load_bytes(data, name)
    assert type(caught.value) is kind
    path, name_found, rest = str(caught.value).partition(f"{name}: ")
    assert Path(path).is_dir()
    assert name_found
    return rest


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"ts,dur\n1,2\n", f"{STARTS}'ts,dur\\n1,2\\n'{BRACE}"),
        (
            b"<!DOCTYPE html>\n<p>Not found</p>",
            f"{STARTS}'<!DOCTYPE html>\\n<p>Not found</p>'{BRACE}",
        ),
        (b"x" * 100, f"{STARTS}'{'x' * 40}'{BRACE}"),
        (
            b"\x80\x04\x95",
            f"{STARTS}'\N{REPLACEMENT CHARACTER}\\x04\N{REPLACEMENT CHARACTER}'{BRACE}",
        ),
        (b"12.5", f"{STARTS}'12.5'{BRACE}"),
        (b" \n ", f"{STARTS}' \\n '{BRACE}"),
        (b"", "is empty; was the recording interrupted? Record it again"),
        (b"\xef\xbb\xbf", "is empty; was the recording interrupted? Record it again"),
        (b"{}", f"{NO_TRACE}Object missing required field `traceEvents`; {KEY}"),
        (b'{"nodes":[]}', f"{NO_TRACE}Object missing required field `traceEvents`; {KEY}"),
        (
            b'{"traceEvents":null}',
            f"{NO_TRACE}Expected `array`, got `null` - at `$.traceEvents`; {KEY}",
        ),
        (
            b'{"traceEvents":{"a":1}}',
            f"{NO_TRACE}Expected `array`, got `object` - at `$.traceEvents`; {KEY}",
        ),
        (b"[1, 2]", f"{NO_TRACE}Expected `object`, got `int` - at `$[0]`; {KEY}"),
        (TEXT.decode().encode("utf-16"), "is encoded in UTF-16, expected UTF-8; re-encode it"),
        (
            b"\xfe\xff" + TEXT.decode().encode("utf-16-be"),
            "is encoded in UTF-16, expected UTF-8; re-encode it",
        ),
    ],
)
def test_files_that_are_something_else(
    load_bytes: LoadBytes, compress: Callable[[bytes], bytes], data: bytes, message: str
) -> None:
    if compress is bytes or data:
        assert failure(load_bytes, compress(data), NotATraceError, "other.json") == message


def test_an_empty_gzip_file(load_bytes: LoadBytes) -> None:
    message = failure(load_bytes, gzip.compress(b""), NotATraceError, "t.json.gz")
    assert message == "is empty; was the recording interrupted? Record it again"


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    with pytest.raises(TraceError) as caught:
        analysis.load(path)
    assert str(caught.value) == (
        f"{path}: cannot be read (No such file or directory); expected a .json or .json.gz file"
    )


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(TraceError) as caught:
        analysis.load(str(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path}: cannot be read (Is a directory); expected a .json or .json.gz file"
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (GZIPPED[:2], EARLY.format(2, 0)),
        (GZIPPED[:-8], EARLY.format(len(GZIPPED) - 8, len(TEXT))),
        (GZIPPED[:-1], EARLY.format(len(GZIPPED) - 1, len(TEXT))),
        (GZIPPED + GZIPPED[:12], EARLY.format(len(GZIPPED) + 12, len(TEXT))),
        (GZIPPED + b"rest", f"after the gzip data, at byte {len(GZIPPED):,}, come 4 bytes {ELSE}"),
        (GZIPPED[:-8] + bytes(4) + GZIPPED[-4:], CORRUPT.format("incorrect data check")),
        (GZIPPED[:2] + b"\x07" + GZIPPED[3:], CORRUPT.format("unknown compression method")),
    ],
    ids=["header", "trailer", "last byte", "second member", "trailing", "checksum", "method"],
)
def test_broken_gzip_data(load_bytes: LoadBytes, data: bytes, message: str) -> None:
    assert failure(load_bytes, data, DamagedTraceError, "t.json.gz") == message


def test_gzip_data_cut_in_the_middle_say_how_far_they_reach(load_bytes: LoadBytes) -> None:
    half = len(GZIPPED) // 2
    message = failure(load_bytes, GZIPPED[:half], DamagedTraceError, "t.json.gz")
    assert message.startswith(f"the gzip data end early, after {half:,} bytes (")
    decompressed = int(message.partition("(")[2].partition(" ")[0].replace(",", ""))
    assert 0 < decompressed < len(TEXT)


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("length", [1, 16, 150, 5_000, len(TEXT) - 2, len(TEXT) - 1])
def test_json_that_ends_early(
    load_bytes: LoadBytes, compress: Callable[[bytes], bytes], length: int
) -> None:
    assert failure(load_bytes, compress(TEXT[:length]), DamagedTraceError, "t.json") == (
        f"the JSON ends early, at byte {length:,}; was the recording interrupted? "
        "Copy or record the file again"
    )


def test_a_list_that_ends_early(load_bytes: LoadBytes) -> None:
    cut = b"[" + event() + b","
    message = failure(load_bytes, cut, DamagedTraceError, "t.json")
    assert message.startswith(f"the JSON ends early, at byte {len(cut)};")


@pytest.mark.parametrize(
    ("broken", "offset", "reason"),
    [
        (b'{"ph":"X",,"ts":1}', 10, "object keys must be strings"),
        (event(ts="NaN"), event().index(b"1.5"), "invalid character"),
        (event(ts="1.2.3"), event().index(b"1.5") + 3, "expected ',' or '}'"),
        (event(ts="007"), event().index(b"1.5") + 1, "invalid number"),
        (event(name='"a\nb"'), event().index(b"gemm") + 1, "invalid character"),
    ],
)
def test_malformed_json_names_the_byte(
    load_bytes: LoadBytes, broken: bytes, offset: int, reason: str
) -> None:
    before = b'{"traceEvents":[' + event() + b","
    data = before + broken + b"," + event() + b"]}"
    place = len(before) + offset
    near = repr(data[place - 20 : place + 20].decode())
    assert failure(load_bytes, data, DamagedTraceError, "t.json") == (
        f"JSON is malformed: {reason} (byte {place}), near {near}; {AGAIN}"
    )


def test_text_behind_the_json_is_placed(load_bytes: LoadBytes) -> None:
    assert failure(
        load_bytes, b'{"traceEvents":[]} {"traceEvents":[]}', DamagedTraceError, "t"
    ) == (
        "JSON is malformed: trailing characters (byte 20), near "
        f"""'{{"traceEvents":[]}} {{"traceEvents":[]}}'; {AGAIN}"""
    )


@pytest.mark.parametrize(
    ("name", "offset", "reason"),
    [
        (b"ab\xffcd", 2, "invalid start byte"),
        ("größe".encode("latin-1"), 2, "invalid start byte"),
        ("naïveté".encode("latin-1"), 2, "invalid continuation byte"),
        (b"\xed\xa0\x80", 0, "invalid continuation byte"),
    ],
)
def test_bytes_that_are_no_utf_8_are_placed(
    load_bytes: LoadBytes, name: bytes, offset: int, reason: str
) -> None:
    data = document(event(), event(name='"NAME"').replace(b"NAME", name), event())
    place = data.index(name) + offset
    near = repr(data[place - 20 : place + 20].decode("utf-8", "replace"))
    assert failure(load_bytes, data, DamagedTraceError, "t.json") == (
        f"is not valid UTF-8 at byte {place}, near {near} ({reason}); "
        "re-encode or record the file again"
    )


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("ph", "1", f"Expected `str`, got `int` - at `$.traceEvents[2].ph`; {FIELD}"),
        ("cat", "[]", f"Expected `str | null`, got `array` - at `$.traceEvents[2].cat`; {FIELD}"),
        ("name", "3", f"Expected `str | null`, got `int` - at `$.traceEvents[2].name`; {FIELD}"),
        (
            "args",
            "[]",
            f"Expected `object | null`, got `array` - at `$.traceEvents[2].args`; {FIELD}",
        ),
        (
            "args",
            '"x"',
            f"Expected `object | null`, got `str` - at `$.traceEvents[2].args`; {FIELD}",
        ),
        ("pid", "9" * 5000, f"Integer value out of range - at `$.traceEvents[2].pid`; {FIELD}"),
        ("pid", None, f"`$.traceEvents[2].pid` is missing, {AN_ID}"),
        ("pid", "null", f"`$.traceEvents[2].pid` is missing, {AN_ID}"),
        ("pid", "1.5", f"`$.traceEvents[2].pid` is 1.5, {AN_ID}"),
        ("pid", "true", f"`$.traceEvents[2].pid` is true, {AN_ID}"),
        ("tid", None, f"`$.traceEvents[2].tid` is missing, {AN_ID}"),
        ("tid", "[1]", f"`$.traceEvents[2].tid` is [1], {AN_ID}"),
        ("tid", '{"a": 1}', f'`$.traceEvents[2].tid` is {{"a": 1}}, {AN_ID}'),
        ("args", '{"stream":1.5}', f"`$.traceEvents[2].args.stream` is 1.5, {AN_ID}"),
        ("args", '{"stream":true}', f"`$.traceEvents[2].args.stream` is true, {AN_ID}"),
        ("args", '{"correlation":"3"}', f'`$.traceEvents[2].args.correlation` is "3", {BITS}'),
        ("args", '{"correlation":3.0}', f"`$.traceEvents[2].args.correlation` is 3.0, {BITS}"),
        (
            "args",
            f'{{"correlation":{2**63}}}',
            f"`$.traceEvents[2].args.correlation` is {2**63}, {BITS}",
        ),
        ("ts", None, f"`$.traceEvents[2].ts` is missing, {MEANT}"),
        ("dur", None, f"`$.traceEvents[2].dur` is missing, {MEANT}"),
        ("ts", "null", f"`$.traceEvents[2].ts` is null, {MEANT}"),
        ("ts", "true", f"`$.traceEvents[2].ts` is true, {MEANT}"),
        ("ts", '"12"', f'`$.traceEvents[2].ts` is "12", {MEANT}'),
        ("ts", '"1,2"', f'`$.traceEvents[2].ts` is "1,2", {MEANT}'),
        ("dur", '"2"', f'`$.traceEvents[2].dur` is "2", {MEANT}'),
        ("ts", "[1,2]", f"`$.traceEvents[2].ts` is [1,2], {MEANT}"),
        ("ts", '{"a":1}', f'`$.traceEvents[2].ts` is {{"a":1}}, {MEANT}'),
        ("ts", "1e300", f"`$.traceEvents[2].ts` is 1e300, {MEANT}"),
        ("ts", "1e999999999", f"`$.traceEvents[2].ts` is 1e999999999, {MEANT}"),
        ("ts", "-99999999999999999", f"`$.traceEvents[2].ts` is -99999999999999999, {MEANT}"),
        ("dur", "1e17", f"`$.traceEvents[2].dur` is 1e17, {MEANT}"),
        ("dur", "4611686018427387", f"`$.traceEvents[2].dur` is {LATE}"),
        ("dur", "-2.5", f"`$.traceEvents[2].dur` is -2,500 ns, expected 0 or more; {CORRECT}"),
    ],
)
def test_a_bad_field_is_named_with_its_event(
    load_bytes: LoadBytes, key: str, value: str | None, message: str
) -> None:
    data = third(**{key: value})
    assert failure(load_bytes, data, DamagedTraceError, "t.json") == message


def test_an_activity_on_no_lane_at_all(load_bytes: LoadBytes) -> None:
    message = failure(load_bytes, third(args=None, tid=None), DamagedTraceError, "t.json")
    assert message == f"`$.traceEvents[2].args.stream` is missing, {AN_ID}"


@pytest.mark.parametrize("value", ["null", "3", "[]", '"x"'])
def test_an_event_that_is_none(load_bytes: LoadBytes, value: str) -> None:
    kinds = {"null": "null", "3": "int", "[]": "array", '"x"': "str"}
    data = document(event(), value.encode(), event())
    assert failure(load_bytes, data, DamagedTraceError, "t.json") == (
        f"Expected `object`, got `{kinds[value]}` - at `$.traceEvents[1]`; {FIELD}"
    )


DEEP = 200_000


@pytest.mark.parametrize(
    "data",
    [
        b'{"other":' + b"[" * DEEP + b"]" * DEEP + b',"traceEvents":[]}',
        document(event(args='{"x":' * DEEP + "1" + "}" * DEEP)),
        document(event(ts="[" * DEEP + "]" * DEEP)),
        document(event(pid="[" * DEEP + "]" * DEEP)),
        b'{"distributedInfo":' + b'{"a":' * DEEP,
    ],
    ids=["skipped key", "args", "ts", "pid", "unclosed"],
)
def test_nesting_without_end(load_bytes: LoadBytes, data: bytes) -> None:
    assert failure(load_bytes, data, DamagedTraceError, "t.json") == (
        f"its JSON is nested too deeply to be a trace; {AGAIN}"
    )


SMALL = chrome_trace(EVENTS[:4], mixed=True)


@pytest.mark.parametrize(
    "text", [SMALL, chrome_trace(EVENTS[:4], bare=True)], ids=["object", "list"]
)
def test_a_trace_cut_anywhere_is_an_error(load_bytes: LoadBytes, text: bytes) -> None:
    for length in range(len(text)):
        with pytest.raises(TraceError, match=r"t\.json: "):
            load_bytes(text[:length], "t.json")


def test_a_compressed_trace_cut_anywhere_is_an_error(load_bytes: LoadBytes) -> None:
    data = gzip.compress(SMALL)
    for length in range(len(data)):
        with pytest.raises(TraceError, match=r"t\.json: "):
            load_bytes(data[:length], "t.json")


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_damaged_bytes_are_an_error_of_ours_or_harmless(
    load_bytes: LoadBytes, compressed: bool
) -> None:
    chosen = random.Random(1)
    whole = gzip.compress(SMALL, mtime=0) if compressed else SMALL
    refused = 0
    for _ in range(500):
        data = bytearray(whole)
        for _ in range(chosen.choice([1, 1, 2, 5])):
            data[chosen.randrange(len(data))] = chosen.choice(b'\x00\xff{}[]",:-.0e9 n\n\\')
        refused += not measures_or_refuses(bytes(data), load_bytes)
    assert 150 < refused <= 500


def measures_or_refuses(data: bytes, load: Callable[[bytes], analysis.Trace]) -> bool:
    """Whether a file could be read; anything but figures or one of our errors is raised."""
    try:
        trace_read = load(data)
    except TraceError as error:
        assert "trace.json: " in str(error)  # noqa: PT017 - what the error is makes no difference
        return False
    analysis.analyze(trace_read).to_json()
    return True


values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(["X", "kernel", "cpu_op", "cuda_runtime", "user_annotation", "7", ""]),
        st.text(max_size=3),
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=3,
)
arguments = st.fixed_dictionaries({}, optional={"stream": values, "correlation": values})
GOOD = {
    "ph": "X",
    "cat": "kernel",
    "name": "k",
    "pid": 0,
    "tid": 7,
    "ts": 1.5,
    "dur": 2,
    "args": {"stream": 7, "correlation": 3},
}


@given(
    st.lists(
        st.dictionaries(st.sampled_from(sorted(GOOD)), values | arguments, max_size=2),
        min_size=1,
        max_size=3,
    )
)
@settings(max_examples=300)
def test_fields_of_any_kind_are_an_error_of_ours_or_harmless(
    changes: list[dict[str, object]],
) -> None:
    events = [GOOD, *(GOOD | change for change in changes)]
    for whole in (events, {"traceEvents": events, "distributedInfo": changes[0]}):
        measures_or_refuses(json.dumps(whole).encode(), in_memory)


def in_memory(data: bytes) -> analysis.Trace:
    path = Path("trace.json")
    return build(path, decode(path, data))

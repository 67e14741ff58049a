"""Whatever is wrong with a file, the error says which, where, what was expected, what to do."""

import gzip
import json
import random
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import analysis
from analysis.errors import DamagedTraceError, NotATraceError, TraceError
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
PAGE = "it looks like a web page, perhaps an error message: download the trace again"


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
            f"{STARTS}'<!DOCTYPE html>\\n<p>Not found</p>', expected '{{' or '['; {PAGE}",
        ),
        (b"x" * 100, f"{STARTS}'{'x' * 40}'{BRACE}"),
        (
            b"\x80\x04\x95",
            f"{STARTS}'\N{REPLACEMENT CHARACTER}\\x04\N{REPLACEMENT CHARACTER}'{BRACE}",
        ),
        (b"12.5", f"{STARTS}'12.5'{BRACE}"),
        (b" \n ", "holds nothing but blanks; was the recording interrupted? Record it again"),
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
        (b"[1, 2]", f"{NO_TRACE}a list of something else than events; {KEY}"),
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


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (TEXT[:1], "the JSON ends early, at byte 1, before the first event"),
        (TEXT[:16], "the JSON ends early, at byte 16, before the first event"),
        (b"[", "the JSON ends early, at byte 1, before the first event"),
        (b'{"a":1,,}', "JSON is malformed: object keys must be strings (byte 7), near "),
        (b'{"a":' + b"[" * 200_000, "its JSON is nested too deeply to be a trace"),
        (
            b'{"traceEvents":[{"ph":"X","na',
            "none of its events can be read: event 0, bytes 16 to 29: the JSON ends early",
        ),
        (
            document(event(ts=None), event(dur="-1")),
            "none of its events can be read: event 0, bytes 16 to 115: `ts` is missing",
        ),
    ],
)
def test_traces_of_which_nothing_is_left(
    load_bytes: LoadBytes, compress: Callable[[bytes], bytes], data: bytes, message: str
) -> None:
    assert failure(load_bytes, compress(data), DamagedTraceError, "t.json").startswith(message)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (GZIPPED[:2], "the gzip data end early, after 2 bytes (0 decompressed)"),
        (
            GZIPPED[:2] + b"\x07" + GZIPPED[3:],
            (
                "the gzip data are corrupt (Error -3 while decompressing data: unknown compression "
                "method)"
            ),
        ),
    ],
)
def test_gzip_data_of_which_nothing_is_left(
    load_bytes: LoadBytes, data: bytes, message: str
) -> None:
    found = failure(load_bytes, data, DamagedTraceError, "t.json.gz")
    assert found == f"{message}; {AGAIN}"


SMALL = chrome_trace(EVENTS[:4], mixed=True)


@pytest.mark.parametrize(
    "text", [SMALL, chrome_trace(EVENTS[:4], bare=True)], ids=["object", "list"]
)
def test_a_trace_cut_anywhere_is_an_error_when_strict(load_bytes: LoadBytes, text: bytes) -> None:
    for length in range(len(text)):
        with pytest.raises(TraceError, match=r"t\.json: "):
            load_bytes(text[:length], "t.json", strict=True)


def test_a_compressed_trace_cut_anywhere_is_an_error_when_strict(load_bytes: LoadBytes) -> None:
    data = gzip.compress(SMALL)
    for length in range(len(data)):
        with pytest.raises(TraceError, match=r"t\.json: "):
            load_bytes(data[:length], "t.json", strict=True)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_damaged_bytes_are_an_error_of_ours_or_harmless(
    load_bytes: LoadBytes, compressed: bool, strict: bool
) -> None:
    chosen = random.Random(1)
    whole = gzip.compress(SMALL, mtime=0) if compressed else SMALL
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chosen.choice([1, 1, 2, 5])):
            data[chosen.randrange(len(data))] = chosen.choice(b'\x00\xff{}[]",:-.0e9 n\n\\')
        refused += not measures_or_refuses(bytes(data), partial(load_bytes, strict=strict))
    assert 60 < refused <= 300 if strict else refused < 200


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
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trace.json"
            path.write_text(json.dumps(whole))
            measures_or_refuses(b"", lambda _: analysis.load(path))  # noqa: B023 - called at once

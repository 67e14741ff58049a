"""Of a damaged trace all is read that is there, and what is lost is said, with its place."""

import gzip
import io
import json
import os
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import analysis
from analysis import headline, notes
from analysis.diff import recording
from analysis.errors import DamagedTraceError, NotATraceError
from analysis.trace import cut, trace_text
from tests.analysis.raw import document, event
from tests.builders import annotation, chrome_trace, cpu_op, kernel, launch

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LoadBytes = Callable[..., analysis.Trace]

BUILT = [
    event
    for i in range(200)
    for event in (
        cpu_op("aten::mm", 1_000 * i, 1_000 * i + 900),
        launch(1_000 * i + 100, 1_000 * i + 200, correlation=i + 1),
        kernel("gemm", 1_000 * i + 300, 1_000 * i + 1_250 + i, correlation=i + 1),
    )
]
TEXT = chrome_trace(BUILT)
GZIPPED = gzip.compress(TEXT, mtime=0)

BEFORE = [event(ts="10"), event(ts="20")]
AFTER = [event(ts="40"), event(ts="50")]
NUMBER = "expected a number of microseconds, at most 4.6e15 (2^62 ns)"
AN_ID = "expected a whole number or text"
FATAL = "is damaged, it could not be mended"
PASSED = "is no event, it was passed over"
RETYPED = "fields of a wrong type were made text or left out"
LATE = f"`dur` is {2**62 // 1000 * 1000:,} ns after 1,500 ns"


def third(changed: bytes) -> bytes:
    return document(*BEFORE, changed, *AFTER)


def where(changed: bytes) -> str:
    begin = third(changed).index(changed, len(document(*BEFORE)) - 2)
    return f"event 2, bytes {begin:,} to {begin + len(changed):,}: "


def starts(trace: analysis.Trace) -> list[int]:
    found: list[int] = trace.events.start.tolist()
    return found


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        (event(ts=None), f"`ts` is missing, {NUMBER}"),
        (event(dur=None), f"`dur` is missing, {NUMBER}"),
        (event(ts="null"), f"`ts` is null, {NUMBER}"),
        (event(ts="true"), f"`ts` is true, {NUMBER}"),
        (event(ts='"soon"'), f'`ts` is "soon", {NUMBER}'),
        (event(ts="[1,2]"), f"`ts` is [1,2], {NUMBER}"),
        (event(ts="1e300"), f"`ts` is 1e300, {NUMBER}"),
        (event(dur=str(2**63)), f"`dur` is {2**63}, {NUMBER}"),
        (event(dur="4611686018427387"), f"{LATE}, expected an end of at most 2^62 ns"),
        (event(dur="-2.5"), "`dur` is -2,500 ns, expected 0 or more"),
        (event(pid=None), f"`pid` is missing, {AN_ID}"),
        (event(pid="null"), f"`pid` is missing, {AN_ID}"),
        (event(pid="1.5"), f"`pid` is 1.5, {AN_ID}"),
        (event(pid="true"), f"`pid` is true, {AN_ID}"),
        (event(tid=None), f"`tid` is missing, {AN_ID}"),
        (event(tid='{"a": 1}'), f'`tid` is {{"a": 1}}, {AN_ID}'),
        (event(args='{"stream":1.5}'), f"`args.stream` is 1.5, {AN_ID}"),
        (event(args='{"stream":[7]}'), f"`args.stream` is [7], {AN_ID}"),
        (event(ph="3"), FATAL),
        (event(pid="9" * 5000), FATAL),
        (event(ts="1.2.3"), FATAL),
        (event(ts="007"), FATAL),
        (event(ts="1,5"), FATAL),
        (event(dur="2, 5"), FATAL),
        (b'{"ph":"X",,"ts":1}', FATAL),
        (event()[:-1], FATAL),
        (event(args='{"grid":[1,1,1,"stream":7}'), FATAL),
        (event(args='{"x":' * 100_000 + "1" + "}" * 100_000), FATAL),
        (event(ts="[" * 100_000 + "]" * 100_000), FATAL),
    ],
)
def test_an_event_that_cannot_be_read_is_lost_alone(
    load_bytes: LoadBytes, changed: bytes, what: str
) -> None:
    trace = load_bytes(third(changed))
    assert starts(trace) == [10_000, 20_000, 40_000, 50_000]
    assert trace.events.position.tolist() == [0, 1, 3, 4]
    assert trace.losses == (f"Lost 1 event: {where(changed)}{what}.",)
    with pytest.raises(DamagedTraceError) as caught:
        load_bytes(third(changed), strict=True)
    assert str(caught.value).partition("trace.json: ")[2] == (
        f"{where(changed)}{what}; copy or record the file again, or read it without --strict"
    )


@pytest.mark.parametrize(
    ("changed", "name", "what"),
    [
        (event(name='"say "hi" now"'), 'say "hi" now', "quotes inside a text were escaped"),
        (event(name='"f("a", "b")"'), 'f("a", "b")', "quotes inside a text were escaped"),
        (
            event(name='"{"device": "cpu", "dtype": "float32"}(12): run"'),
            '{"device": "cpu", "dtype": "float32"}(12): run',
            "quotes inside a text were escaped",
        ),
        (
            b'{"name":"say "hi" now","ph":"X","cat":"","id":"7","pid":0,"tid":9,"ts":1.5,"dur":2}',
            'say "hi" now',
            "quotes inside a text were escaped",
        ),
        (event(name='""'), "", ""),
        (event(name=r'"C:\temp\quux"'), "C:\temp\\quux", "single backslashes were doubled"),
        (event(name=r'"\ud800x"'), r"\ud800x", "single backslashes were doubled"),
        (event(name='"a\nb\x01"'), "a b ", "control characters became blanks"),
        (
            event(name='"NAME"').replace(b"NAME", b"a\xffb"),
            "a\N{REPLACEMENT CHARACTER}b",
            "bytes that are no UTF-8 became U+FFFD",
        ),
        (
            event(name='"GR"').replace(b"GR", "größe\n".encode("latin-1")),
            "gr\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}e ",
            "bytes that are no UTF-8 became U+FFFD, control characters became blanks",
        ),
        (
            event(name='"NaN"', args='{"stream":7,"x":NaN,"y":-Infinity,"z":"inf"}'),
            "NaN",
            "NaN and infinities became null",
        ),
        (
            event(
                name=r'"\": 1,5}"',
                args='{"blocks per SM": 7,757576, "warps per SM":-31,030304e-05,"grid":[1,2,3]}',
            ),
            '": 1,5}',
            "decimal commas became points",
        ),
        (event(args="[1]"), "gemm", RETYPED),
        (event(args='""').replace(b",", b",\n"), "gemm", RETYPED),
        (event(args='{\n"x":NaN}'), "gemm", "NaN and infinities became null"),
        (
            event(name='"a\nb"', args='{"x":NaN,\n"y":1,5}'),
            "a b",
            (
                "decimal commas became points, control characters became blanks, NaN and "
                "infinities became null"
            ),
        ),
        (event(args='"x"'), "gemm", RETYPED),
        (event(name="3"), "3", RETYPED),
        (event(name='{"a":1}'), '{"a":1}', RETYPED),
        (event(cat="[]"), "gemm", RETYPED),
    ],
)
def test_what_can_be_mended_is_kept(
    load_bytes: LoadBytes, changed: bytes, name: str, what: str
) -> None:
    trace = load_bytes(third(changed))
    assert starts(trace) == [10_000, 20_000, 1_500, 40_000, 50_000]
    assert trace.events.names[trace.events.name[2]] == name
    place = where(changed)
    whole = "UTF-8" not in what and what != RETYPED
    found = "is not valid JSON" if whole else "is damaged"
    wanted = (f"{place[0].upper()}{place[1:]}{found}, {what}.",) if what else ()
    assert trace.losses == wanted
    assert trace.mended == (wanted if whole else ())
    if what:
        with pytest.raises(DamagedTraceError) as caught:
            load_bytes(third(changed), strict=True)
        again = "" if whole else "copy or record the file again, or "
        assert str(caught.value).endswith(f"{found}, {what}; {again}read it without --strict")


def test_a_decimal_comma_is_a_point(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(document(event(args='{"blocks per SM": 7,757576,"x":-1,5e-3}')))
    with trace_text(path) as text:
        (stretch,) = text.events()
    assert json.loads(stretch)["args"] == {"blocks per SM": 7.757576, "x": -0.0015}


@pytest.mark.parametrize(
    ("changed", "lost"),
    [
        (event(name='"a\nb"'), False),
        (event(name=r'"C:\Users"'), False),
        (event(name='"say "hi" now"'), False),
        (event(args='{"x":NaN}'), False),
        (event(args='{"x":1,5}'), False),
        (event(name='"a\0b"'), True),
        (event(name='"a\nb"', args="[1]"), True),
        (event(name='"NAME"').replace(b"NAME", b"a\xffb"), True),
        (event(dur="NaN"), True),
        (event(ts="1.2.3"), True),
    ],
)
def test_what_mending_cost_is_known(load_bytes: LoadBytes, changed: bytes, lost: bool) -> None:
    trace = load_bytes(third(changed))
    assert bool(trace.lost) is lost
    assert set(trace.mended) | set(trace.lost) == set(trace.losses)
    assert len(trace.mended) + len(trace.lost) == len(trace.losses)


def test_a_device_that_is_lost_was_recorded(load_bytes: LoadBytes) -> None:
    host = [event for event in BUILT if event.category != "kernel"]
    for text, note in (
        (chrome_trace(host), "Device not recorded: "),
        (chrome_trace(host).replace(b"aten::mm", b"aten::\nmm"), "Device not recorded: "),
        (TEXT.replace(b'"kernel"', b'["kernel"]'), "Device not read: "),
        (chrome_trace(host)[:-30], "Device not read: "),
    ):
        trace = load_bytes(text)
        report = analysis.analyze(trace)
        assert report.notes[0].startswith(note)
        assert headline.of_trace(report) == f"{note}no conclusion on parallelism."
        assert notes.inconclusive(recording.of_trace(trace).notes)
    spans = chrome_trace([annotation("x", 0, 5), annotation("y", 5, 9)])
    for text, word in ((spans, "recorded"), (spans[:-30], "lost")):
        (note,) = analysis.analyze(load_bytes(text)).notes
        assert word in note


@pytest.mark.parametrize("value", ["null", "3", "[]", '"x"', event().decode()[1:]])
def test_what_is_no_event_is_passed_over(load_bytes: LoadBytes, value: str) -> None:
    trace = load_bytes(third(value.encode()))
    assert starts(trace) == [10_000, 20_000, 40_000, 50_000]
    (note,) = trace.losses
    assert PASSED in note
    assert note.startswith("Event 2, bytes ")


@pytest.mark.parametrize(
    ("spelled", "correlation", "noted"),
    [('"77"', 77, False), ("3.0", -1, True), ('"x"', -1, True), (str(2**63), -1, True)],
)
def test_correlations_that_are_no_numbers(
    load_bytes: LoadBytes, spelled: str, correlation: int, noted: bool
) -> None:
    changed = event(args=f'{{"stream":7,"correlation":{spelled}}}')
    trace = load_bytes(third(changed))
    assert trace.events.correlation.tolist() == [3, 3, correlation, 3, 3]
    place = where(changed)
    assert trace.losses == (
        (
            (
                f"{place[0].upper()}{place[1:]}`args.correlation` is {spelled}, expected a 64-bit "
                "integer; its launch is not known."
            ),
        )
        if noted
        else ()
    )


def test_losses_of_one_kind_are_one_note(load_bytes: LoadBytes) -> None:
    bad = [event(ts=str(i), dur="-1") for i in range(6)]
    good = [event(ts=str(100 + i)) for i in range(6)]
    mixed = [each for pair in zip(good, bad, strict=True) for each in pair]
    text = document(*mixed)
    places = [text.index(each) for each in bad]
    ends = [place + len(each) for place, each in zip(places, bad, strict=True)]
    (note,) = load_bytes(text).losses
    assert note == (
        f"Lost 6 events: 6 places, the first: event 1, bytes {places[0]:,} to {ends[0]:,}: `dur` "
        f"is -1,000 ns, expected 0 or more; then bytes {places[1]:,} to {ends[1]:,}, "
        f"{places[2]:,} to {ends[2]:,}, {places[3]:,} to {ends[3]:,} and 2 more."
    )


@pytest.mark.parametrize("piece", [cut.PIECE, 300])
@pytest.mark.parametrize("length", [150, 5_000, len(TEXT) // 2, len(TEXT) - 2])
def test_json_that_ends_early_keeps_its_whole_events(
    load_bytes: LoadBytes, monkeypatch: pytest.MonkeyPatch, length: int, piece: int
) -> None:
    monkeypatch.setattr(cut, "PIECE", piece)
    whole = load_bytes(TEXT)
    trace = load_bytes(TEXT[:length])
    kept = len(trace.events)
    assert 0 < kept <= 600
    assert starts(trace) == starts(whole)[:kept]
    (note,) = trace.losses
    assert note.endswith(f"to {length:,}: the JSON ends early, was the recording interrupted?")
    rest = TEXT[:length].rstrip(b"]")
    assert note.startswith("Lost 1 event: ") is not rest.endswith(b"}")


def test_a_trace_cut_anywhere_keeps_a_beginning(load_bytes: LoadBytes) -> None:
    small = chrome_trace(BUILT[:4], mixed=True)
    whole = starts(load_bytes(small))
    lengths = set()
    for length in range(small.index(b'"X"'), len(small) - 1):
        try:
            found = load_bytes(small[:length])
        except DamagedTraceError as error:
            assert "none of its events can be read" in str(error)  # noqa: PT017
            continue
        assert starts(found) == whole[: len(found.events)]
        assert found.losses
        lengths.add(len(found.events))
    assert lengths == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("piece", [cut.PIECE, 300])
def test_gzip_data_cut_in_the_middle(
    load_bytes: LoadBytes, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(cut, "PIECE", piece)
    half = len(GZIPPED) // 2
    trace = load_bytes(GZIPPED[:half], "t.json.gz")
    kept = len(trace.events)
    assert 250 < kept < 350
    assert starts(trace) == starts(load_bytes(TEXT))[:kept]
    lost, reason = trace.losses
    assert lost.startswith(f"Lost 1 event: event {kept}, bytes ")
    assert f"the gzip data end early, after {half:,} bytes (" in reason
    assert reason.endswith("decompressed), the rest, if any, is lost.")


CORRUPT = "the gzip data are corrupt (Error -3 while decompressing data: {}), "


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            GZIPPED[:-8],
            (
                f"the gzip data end early, after {len(GZIPPED) - 8:,} bytes ({len(TEXT):,} "
                "decompressed), "
            ),
        ),
        (
            GZIPPED[:-1],
            (
                f"the gzip data end early, after {len(GZIPPED) - 1:,} bytes ({len(TEXT):,} "
                "decompressed), "
            ),
        ),
        (GZIPPED[:-8] + bytes(4) + GZIPPED[-4:], CORRUPT.format("incorrect data check")),
        (GZIPPED[:-4] + bytes(4), CORRUPT.format("incorrect length check")),
        (GZIPPED + b"rest", "something else follows the gzip data, "),
        (GZIPPED + b"\x1f", "something else follows the gzip data, "),
        (GZIPPED + bytes(20), ""),
        (GZIPPED + gzip.compress(b" \n"), ""),
    ],
    ids=["trailer", "last byte", "checksum", "length", "trailing", "magic", "zeros", "blank"],
)
def test_gzip_data_with_a_broken_end_keep_all_events(
    load_bytes: LoadBytes, data: bytes, reason: str
) -> None:
    trace = load_bytes(data, "t.json.gz")
    assert starts(trace) == starts(load_bytes(TEXT))
    size = len(TEXT)
    told = (f"Bytes {size:,} to {size:,}: {reason}the rest, if any, is lost.",) if reason else ()
    assert trace.losses == told


def test_members_of_gzip_data_are_one_text(load_bytes: LoadBytes) -> None:
    parts = [gzip.compress(TEXT[i : i + 10_000]) for i in range(0, len(TEXT), 10_000)]
    trace = load_bytes(bytes(3).join(parts), "t.json.gz")
    assert starts(trace) == starts(load_bytes(TEXT))
    assert trace.losses == ()


def test_what_precedes_a_fault_in_gzip_data_is_kept(load_bytes: LoadBytes) -> None:
    place = len(GZIPPED) * 2 // 3
    trace = load_bytes(GZIPPED[:place] + b"\xff" * 40 + GZIPPED[place + 40 :], "t.json.gz")
    sound = starts(load_bytes(TEXT))[:300]
    assert starts(trace)[:300] == sound
    assert any("the gzip data are corrupt" in note for note in trace.losses)


@pytest.mark.parametrize("between", [b"", b"\n", b"\0"])
@pytest.mark.parametrize("piece", [cut.PIECE, 300])
@pytest.mark.parametrize("bare", [False, True])
def test_of_two_documents_the_first_is_read(
    load_bytes: LoadBytes, monkeypatch: pytest.MonkeyPatch, between: bytes, piece: int, bare: bool
) -> None:
    monkeypatch.setattr(cut, "PIECE", piece)
    first = chrome_trace(BUILT[:30], bare=bare).rstrip()
    second = chrome_trace(BUILT[30:50])
    text = first + between + second
    number = second.count(b'"ph"')
    trace = load_bytes(text)
    assert starts(trace) == starts(load_bytes(first))
    assert trace.losses == (
        (
            f"Bytes {len(text) - len(second):,} to {len(text):,}: a second document follows, with "
            f"about {number} events, the first one alone was read; split the file "
            "there."
        ),
    )


def test_a_stray_bracket_does_not_end_the_events(load_bytes: LoadBytes) -> None:
    stray = b'1],"block":[1]}}'
    text = document(*BEFORE, stray, *AFTER)
    trace = load_bytes(text)
    assert starts(trace) == [10_000, 20_000, 40_000, 50_000]
    assert all(PASSED in note for note in trace.losses)


@pytest.mark.parametrize(
    ("before", "rank", "what"),
    [
        (b'"x":NaN,"distributedInfo":{"rank":3},', 3, "NaN and infinities became null"),
        (b'"x":@,"distributedInfo":{"rank":3},', None, "rank and device properties are not known"),
    ],
)
def test_a_damaged_head(load_bytes: LoadBytes, before: bytes, rank: int | None, what: str) -> None:
    text = b"{" + before + document(*BEFORE)[1:]
    trace = load_bytes(text)
    assert starts(trace) == [10_000, 20_000]
    assert trace.rank == rank
    end = text.index(b"[") + 1
    found = "is damaged" if rank is None else "is not valid JSON"
    assert trace.losses == (f"Bytes 0 to {end}: what precedes the events {found}, {what}.",)
    assert trace.mended == (() if rank is None else trace.losses)


@pytest.mark.parametrize("after", [b',"x":@}', b',"x":"unfinished', b',"x":{"y":[', b","])
def test_a_damaged_tail(load_bytes: LoadBytes, after: bytes) -> None:
    text = document(*BEFORE)[:-1] + after
    trace = load_bytes(text)
    assert starts(trace) == [10_000, 20_000]
    (note,) = trace.losses
    assert note.endswith(
        "what follows the events is damaged, rank and device properties may not be known."
    )


def test_rank_and_devices_may_come_last(load_bytes: LoadBytes) -> None:
    text = document(*BEFORE)[:-1] + b',"distributedInfo":{"rank":5}}'
    assert load_bytes(text).rank == 5


def test_activities_recorded_twice_count_once(load_bytes: LoadBytes) -> None:
    sync = event(cat='"cuda_sync"', ts="45.5", args='{"wait_on_stream":7}')
    copied = event(cat='"gpu_memcpy"', ts="60", args='{"stream":7,"memory bandwidth (GB/s)":2.5}')
    text = document(BEFORE[0], BEFORE[0], BEFORE[1], BEFORE[0], sync, copied)
    trace = load_bytes(text)
    assert starts(trace) == [10_000, 20_000, 45_500, 60_000]
    assert trace.events.position.tolist() == [0, 2, 4, 5]
    assert trace.synchronisations.row.tolist() == [2]
    assert trace.transfers.row.tolist() == [3]
    assert trace.losses == (
        (
            "2 activities are recorded twice, with the same name, lane, times and launch; each "
            "counts once."
        ),
    )


@pytest.mark.parametrize(
    "twin",
    [
        event(ts="10", name='"other"'),
        event(ts="10", pid="1"),
        event(ts="10", args='{"stream":8,"correlation":3}'),
        event(ts="10", args='{"stream":7,"correlation":4}'),
        event(ts="10", dur="2.001"),
        event(ts="10", cat='"cpu_op"'),
    ],
)
def test_activities_that_differ_in_anything_both_count(load_bytes: LoadBytes, twin: bytes) -> None:
    fraction = event(ts="0.5")
    assert len(load_bytes(document(BEFORE[0], twin, fraction)).events) == 3


def test_short_activities_of_a_coarse_trace_both_count(load_bytes: LoadBytes) -> None:
    # Whole microseconds throughout: two short kernels of one graph launch look alike.
    assert len(load_bytes(document(event(ts="10"), event(ts="10"))).events) == 2


def test_a_long_name_and_an_order_without_sense(load_bytes: LoadBytes) -> None:
    long = event(name='"' + "x" * (10 << 20) + '"', ts="30")
    trace = load_bytes(document(*AFTER, long, *BEFORE))
    assert starts(trace) == [40_000, 50_000, 30_000, 10_000, 20_000]
    assert trace.losses == ()


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "."), data)
    return buffer.getvalue()


def tarred(mode: str, **members: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            member = tarfile.TarInfo(name.replace("__", "."))
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


ZSTD = zstd.compress(TEXT)
PACKED = {
    "gzip": GZIPPED,
    "gzip in gzip": gzip.compress(GZIPPED),
    "zstd": ZSTD,
    "zstd frames": zstd.compress(TEXT[:9_000]) + zstd.compress(TEXT[9_000:]),
    "zip": zipped(a__txt=b"-", t__json=TEXT),
    "gzip in zip": zipped(t__json__gz=GZIPPED, t__manifest__json=b"{}"),
    "tar": tarred("w", readme=b"-", t__json=TEXT),
    "tar.gz": tarred("w:gz", t__json=TEXT, readme=b"-"),
    "zstd in tar.gz": tarred("w:gz", t__json__zst=ZSTD),
}


@pytest.mark.parametrize("data", PACKED.values(), ids=PACKED.keys())
def test_packed_traces(load_bytes: LoadBytes, data: bytes) -> None:
    trace = load_bytes(data, "t")
    assert starts(trace) == starts(load_bytes(TEXT))
    assert trace.losses == ()


@pytest.mark.parametrize("data", [TEXT, GZIPPED, PACKED["zip"], PACKED["tar.gz"]])
def test_traces_from_a_pipe(tmp_path: Path, load_bytes: LoadBytes, data: bytes) -> None:
    reading, writing = os.pipe()
    with open(writing, "wb") as pipe:  # noqa: PTH123 - a descriptor
        pipe.write(data[:60_000])
    trace = analysis.load(f"/dev/fd/{reading}")
    os.close(reading)
    if len(data) < 60_000:
        assert starts(trace) == starts(load_bytes(TEXT))
    else:
        assert "the JSON ends early" in trace.losses[0]


def test_a_pipe_that_nobody_writes_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(NotATraceError, match="fifo: is empty"):
        analysis.load(tmp_path / "fifo")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (zipped(a__txt=b"-"), "is an archive that holds no trace (.json, .json.gz, .json.zst)"),
        (tarred("w:gz", a=b"-"), "is an archive that holds no trace (.json, .json.gz, .json.zst)"),
        (
            zipped(a__json=TEXT, b__json__gz=GZIPPED),
            "is an archive of several traces (a.json, b.json.gz); unpack it",
        ),
    ],
    # Bytes as names would hold the second at which they were packed.
    ids=["zip of none", "tar of none", "zip of several"],
)
def test_archives_of_none_or_several(load_bytes: LoadBytes, data: bytes, message: str) -> None:
    with pytest.raises(NotATraceError) as caught:
        load_bytes(data, "t.zip")
    assert str(caught.value).endswith(f"t.zip: {message}")


def test_a_tar_archive_that_breaks_off(load_bytes: LoadBytes) -> None:
    data = PACKED["tar.gz"]
    trace = load_bytes(data[: len(data) * 3 // 4], "t.tar.gz")
    kept = len(trace.events)
    assert 200 < kept < 600
    assert starts(trace) == starts(load_bytes(TEXT))[:kept]
    assert "the gzip data end early" in trace.losses[1]


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("a.pftrace", b"\n\x87", "a Perfetto protobuf trace"),
        ("a.nsys-rep", b"NVIDIA", "a report of Nsight Systems"),
        ("host.xplane.pb", b"\n\x05", "an XPlane trace of XLA"),
        ("a.json", b"SQLite format 3\0", "an SQLite database"),
    ],
)
def test_files_of_other_tools_are_named(
    load_bytes: LoadBytes, name: str, data: bytes, what: str
) -> None:
    with pytest.raises(NotATraceError) as caught:
        load_bytes(data, name)
    assert f"{name}: is {what}" in str(caught.value)


def test_a_text_of_too_many_bytes(load_bytes: LoadBytes) -> None:
    trace = load_bytes(gzip.compress(TEXT), "t.json.gz", max_bytes=20_000)
    kept = len(trace.events)
    assert 100 < kept < 250
    assert starts(trace) == starts(load_bytes(TEXT))[:kept]
    assert trace.losses[1] == (
        "Bytes 20,000 to 20,000: the text is longer than 20,000 bytes, the most that is read "
        "(--max-bytes allows more), the rest, if any, is lost."
    )


@pytest.mark.parametrize("filling", [b" ", b"x", b"{", b"["])
def test_a_bomb_takes_little_memory(
    load_bytes: LoadBytes, monkeypatch: pytest.MonkeyPatch, filling: bytes
) -> None:
    monkeypatch.setattr(cut, "LONGEST", 1 << 20)
    text = document(*BEFORE, filling * (8 << 20))
    trace = load_bytes(gzip.compress(text), "bomb.json.gz")
    assert starts(trace) == [10_000, 20_000]


def test_categories_of_other_devices(load_bytes: LoadBytes) -> None:
    kinds = ["xpu_runtime", "xpu_driver", "mtia_runtime", "privateuse1_runtime", "mtia_ccp_events"]
    trace = load_bytes(document(*(event(cat=f'"{kind}"') for kind in kinds)))
    assert [analysis.columns.Role(code).name for code in trace.events.role] == [
        *["CALL"] * 4,
        "KERNEL",
    ]

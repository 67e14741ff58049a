import gc
import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analysis
from analysis import Trace
from analysis.columns import NONE, LaunchShape, Multiprocessors, Role
from tests.analysis.raw import document, event
from tests.builders import (
    Event,
    annotation,
    chrome_trace,
    copy,
    cpu_op,
    fill,
    in_old_categories,
    kernel,
    launch,
    python,
    runtime,
    write_trace,
)
from tests.shared import REPOSITORY

LoadEvents = Callable[..., Trace]
LoadBytes = Callable[..., Trace]

# Beyond 2^42 us: a double has steps of 2 ns there.
EPOCH = 4_584_725_184_722_053

ONE_OF_EACH = [
    cpu_op("aten::mm", EPOCH, EPOCH + 9_001),
    launch(EPOCH + 100, EPOCH + 2_100, correlation=11),
    runtime(
        "cuLaunchKernelEx", EPOCH + 2_200, EPOCH + 2_300, correlation=12, category="cuda_driver"
    ),
    annotation("ProfilerStep#3", EPOCH - 50, EPOCH + 10_000),
    python("model.py(3): forward", EPOCH - 20, EPOCH + 9_999, tid=2),
    kernel("gemm", EPOCH + 3_001, EPOCH + 4_003, device=1, stream=7, correlation=11),
    copy("Memcpy HtoD (Pageable -> Device)", EPOCH + 5_000, EPOCH + 5_000, device=1, stream=20),
    fill("Memset (Device)", EPOCH + 6_000, EPOCH + 6_001, device=1, stream=20, correlation=12),
    Event("cuda_sync", "Stream Sync", 1, 7, EPOCH, EPOCH + 7, {"stream": 7, "correlation": 13}),
    Event("gpu_user_annotation", "ProfilerStep#3", 1, 7, EPOCH, EPOCH + 8, {}),
    Event("Trace", "PyTorch Profiler (0)", "Spans", "PyTorch Profiler", EPOCH, EPOCH + 9, {}),
]
ROLES = [
    *(Role.OPERATOR, Role.CALL, Role.CALL, Role.ANNOTATION, Role.PYTHON),
    *(Role.KERNEL, Role.MEMCPY, Role.MEMSET, Role.SYNC, Role.OTHER, Role.OTHER),
]


def rows(trace: Trace) -> list[tuple[object, ...]]:
    """Each event with its texts in place of codes."""
    e = trace.events
    return [
        (
            Role(e.role[i]),
            e.names[e.name[i]],
            e.pids[e.pid[i]],
            e.tids[e.tid[i]],
            e.streams[e.stream[i]] if e.stream[i] != NONE else None,
            int(e.start[i]),
            int(e.end[i]),
            int(e.correlation[i]),
        )
        for i in range(len(e))
    ]


def expected_rows(events: list[Event], roles: list[Role]) -> list[tuple[object, ...]]:
    return [
        (
            role,
            e.name,
            str(e.pid),
            str(e.tid),
            str(e.args["stream"]) if "stream" in e.args else None,
            e.start,
            e.end,
            e.correlation or NONE,
        )
        for e, role in zip(events, roles, strict=True)
    ]


@pytest.mark.parametrize("name", ["t.json", "t.json.gz", "t.pt.trace.json.gz", "odd.name"])
@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("pretty", [False, True])
@pytest.mark.parametrize("mixed", [False, True])
def test_every_form_of_file_gives_the_same_columns(
    load_events: LoadEvents, name: str, bare: bool, pretty: bool, mixed: bool
) -> None:
    trace = load_events(ONE_OF_EACH, name, bare=bare, pretty=pretty, mixed=mixed)
    assert rows(trace) == expected_rows(ONE_OF_EACH, ROLES)
    assert trace.resolution_ns == 1
    assert trace.path.endswith(name)
    assert trace.notes == ()


def test_columns_have_the_types_that_their_docstring_names(load_events: LoadEvents) -> None:
    events = load_events(ONE_OF_EACH).events
    types = {
        **dict.fromkeys(("start", "end", "correlation"), np.int64),
        **dict.fromkeys(("name", "pid", "tid", "stream"), np.int32),
        "role": np.int8,
    }
    for column, kind in types.items():
        assert getattr(events, column).dtype == kind
        assert getattr(events, column).shape == (len(ONE_OF_EACH),)


def test_old_categories_mean_the_same(load_events: LoadEvents) -> None:
    old = [
        Event("Operator", e.name, e.pid, e.tid, e.start, e.end) if e.category == "cpu_op" else e
        for e in in_old_categories(ONE_OF_EACH)
    ]
    categories = {"Operator", "Kernel", "Memcpy", "Memset", "Runtime"}
    assert {e.category for e in old} >= categories
    assert rows(load_events(old)) == expected_rows(old, ROLES)


@pytest.mark.parametrize("category", ["Operator", "cpu_op"])
@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("ProfilerStep#3", Role.ANNOTATION),
        ("enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__", Role.ANNOTATION),
        ("Optimizer.step#SGD.step", Role.ANNOTATION),
        ("Optimizer.zero_grad#SGD.zero_grad", Role.ANNOTATION),
        ("nccl:all_reduce", Role.ANNOTATION),
        ("aten::mm", Role.OPERATOR),
        ("AddmmBackward0", Role.OPERATOR),
        ("forward pass", Role.OPERATOR),
        ("nccl::all_reduce", Role.OPERATOR),
        ("mine::ProfilerStep#3", Role.OPERATOR),
        ("Optimizer", Role.OPERATOR),
    ],
)
def test_ranges_that_are_written_as_operators_are_known_by_name(
    load_events: LoadEvents, category: str, name: str, role: Role
) -> None:
    """As torch 1.8 (`Operator`) to 1.10 (`cpu_op`) write them."""
    event = Event(category, name, 1, 1, 0, 9)
    others = [kernel(name, 0, 5), python(name, 0, 5), cpu_op("aten::mm", 0, 1)]
    roles = load_events([*others, event]).events.role.tolist()
    assert roles == [Role.KERNEL, Role.PYTHON, Role.OPERATOR, role]


@pytest.mark.parametrize(
    ("category", "role"),
    [
        ("musa_runtime", Role.CALL),
        ("gcu_driver", Role.CALL),
        ("privateuse1_kernel", Role.KERNEL),
        ("privateuse1_memcpy", Role.MEMCPY),
        ("GCU_MEMCPY", Role.MEMCPY),
        ("GCU_MEMSET", Role.MEMSET),
        ("_kernel", Role.OTHER),
        ("musa_kernels", Role.OTHER),
        ("my musa_kernel", Role.OTHER),
        ("", Role.OTHER),
    ],
)
def test_categories_of_other_back_ends_are_known_by_their_form(
    load_events: LoadEvents, category: str, role: Role
) -> None:
    """Of Moore Threads, Enflame and Cambricon."""
    assert load_events([Event(category, "x", 0, 7, 0, 9)]).events.role.tolist() == [role]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("CopyHostToDevice", Role.MEMCPY),
        ("CopyDeviceToHost", Role.MEMCPY),
        ("CopyDeviceToDevice", Role.MEMCPY),
        ("FillBuffer", Role.MEMSET),
        ("Marker", Role.OTHER),
        ("CopyHostToDevice_kernel", Role.KERNEL),
        ("FillBuffers", Role.KERNEL),
        ("void Marker<float>", Role.KERNEL),
        ("MarkerKernel", Role.KERNEL),
    ],
)
def test_records_of_roctracer_that_are_no_kernels(
    load_events: LoadEvents, name: str, role: Role
) -> None:
    assert load_events([kernel(name, 0, 9)]).events.role.tolist() == [role]


def test_rocm_calls_launch_like_cuda_ones(load_events: LoadEvents) -> None:
    events = [
        launch(0, 5, correlation=4, name="hipLaunchKernel"),
        launch(5, 9, correlation=5, name="hipExtModuleLaunchKernel"),
        kernel("Cijk_Ailk", 10, 20, device=2, stream=0, correlation=4),
        kernel("Cijk_Bjlk", 20, 30, device=2, stream=0, correlation=5),
    ]
    assert rows(load_events(events)) == expected_rows(
        events, [Role.CALL, Role.CALL, Role.KERNEL, Role.KERNEL]
    )


@pytest.mark.parametrize("split", [1, 200, -1])
def test_members_of_a_gzip_file_are_joined(load_bytes: LoadBytes, split: int) -> None:
    text = chrome_trace(ONE_OF_EACH)
    data = gzip.compress(text[:split]) + gzip.compress(b"") + gzip.compress(text[split:])
    assert rows(load_bytes(data)) == expected_rows(ONE_OF_EACH, ROLES)


def test_zero_padding_after_gzip_data_is_no_data(load_bytes: LoadBytes) -> None:
    data = gzip.compress(chrome_trace(ONE_OF_EACH)) + bytes(512)
    assert rows(load_bytes(data)) == expected_rows(ONE_OF_EACH, ROLES)


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_byte_order_mark_is_skipped(
    load_bytes: LoadBytes, compress: Callable[[bytes], bytes]
) -> None:
    data = compress(b"\xef\xbb\xbf" + chrome_trace(ONE_OF_EACH))
    assert rows(load_bytes(data)) == expected_rows(ONE_OF_EACH, ROLES)


@pytest.mark.parametrize("bare", [False, True])
def test_white_space_around_the_json_is_skipped(load_bytes: LoadBytes, bare: bool) -> None:
    data = b" \r\n\t" + chrome_trace(ONE_OF_EACH, bare=bare) + b"\n\n"
    assert rows(load_bytes(data)) == expected_rows(ONE_OF_EACH, ROLES)


def test_text_beyond_ascii_survives(load_events: LoadEvents, load_bytes: LoadBytes) -> None:
    name = 'forward "größer" 並列 😀'
    assert load_events([cpu_op(name, 0, 1)]).events.names == (name,)
    raw = chrome_trace([cpu_op("NAME", 0, 1)]).replace(b"NAME", "größer 並列 😀".encode())
    assert load_bytes(raw).events.names == ("größer 並列 😀",)


def test_a_number_and_its_text_are_the_same_process_and_thread(load_events: LoadEvents) -> None:
    events = load_events(
        [
            cpu_op("a", 0, 1, pid=7, tid=1),
            cpu_op("b", 1, 2, pid="7", tid="1"),
            cpu_op("c", 2, 3, pid="python 7", tid=-1),
        ]
    ).events
    assert events.pids == ("7", "python 7")
    assert events.pid.tolist() == [0, 0, 1]
    assert events.tids == ("1", "-1")
    assert events.tid.tolist() == [0, 0, 1]


def test_a_stream_as_text_and_as_number_is_one_lane(load_events: LoadEvents) -> None:
    as_text = Event("kernel", "b", 0, 7, 1, 2, {"stream": "7"})
    events = load_events([kernel("a", 0, 1, stream=7), as_text]).events
    assert events.streams == ("7",)
    assert events.stream.tolist() == [0, 0]


@pytest.mark.parametrize("args", [None, "null", "{}", '{"stream":null}', '{"device":0}'])
def test_without_a_stream_the_row_is_the_lane(load_bytes: LoadBytes, args: str | None) -> None:
    events = load_bytes(document(event(args=args))).events
    assert [events.streams[code] for code in events.stream] == ["9"]
    assert events.correlation.tolist() == [NONE]


@pytest.mark.parametrize("correlation", ["0", "-1", "-7", "null"])
def test_a_correlation_that_is_not_positive_is_none(
    load_bytes: LoadBytes, correlation: str
) -> None:
    text = event(args=f'{{"stream":7,"correlation":{correlation}}}')
    assert load_bytes(document(text)).events.correlation.tolist() == [NONE]


def test_a_correlation_may_take_all_of_64_bits(load_bytes: LoadBytes) -> None:
    text = event(args=f'{{"stream":7,"correlation":{2**63 - 1}}}')
    assert load_bytes(document(text)).events.correlation.tolist() == [2**63 - 1]


@pytest.mark.parametrize("absent", ["cat", "name", "args"])
def test_fields_that_an_event_can_do_without(load_bytes: LoadBytes, absent: str) -> None:
    events = load_bytes(document(event(**{absent: None}))).events
    assert events.start.tolist() == [1_500]
    assert events.names == ("" if absent == "name" else "gemm",)
    assert events.role.tolist() == [Role.OTHER if absent == "cat" else Role.KERNEL]


def test_unread_arguments_may_be_anything(load_bytes: LoadBytes) -> None:
    args = (
        '{"stream":7,"correlation":3,"grid":[1,2,3],"External id":"x","deep":{"a":[{}]},"f":1e999}'
    )
    events = load_bytes(document(event(args=args))).events
    assert events.correlation.tolist() == [3]


def test_an_argument_that_its_event_has_no_use_for_may_be_odd(load_bytes: LoadBytes) -> None:
    operator = event(cat='"cpu_op"', args='{"stream":[1],"correlation":"x"}')
    events = load_bytes(document(operator)).events
    assert (events.stream.tolist(), events.correlation.tolist()) == ([NONE], [NONE])


def test_events_that_are_not_complete_ones_are_not_looked_at(load_bytes: LoadBytes) -> None:
    others = [
        b'{"ph":"M","name":"process_name","pid":[1],"ts":"soon"}',
        b'{"ph":"s","id":3,"pid":0,"tid":0,"ts":-1e300,"cat":"ac2g","name":"ac2g"}',
        b'{"ph":"i","s":"t","name":"Iteration Start"}',
        b'{"name":"no phase at all"}',
        b"{}",
    ]
    trace = load_bytes(document(*others, event(), *others))
    assert rows(trace) == [(Role.KERNEL, "gemm", "0", "9", "7", 1_500, 3_500, 3)]
    assert trace.notes == ()


def test_begin_and_end_events_are_counted_in_a_note(load_bytes: LoadBytes) -> None:
    begin, end = event(ph='"B"', dur=None), event(ph='"E"', dur=None)
    trace = load_bytes(document(event(), begin, end, begin))
    assert trace.notes == ("3 begin/end events (`ph: B`, `E`) are not read; Kineto writes none.",)
    assert len(trace.events) == 1


@pytest.mark.parametrize("data", [b'{"traceEvents":[]}', b"[]", b'{"traceEvents":[{"ph":"M"}]}'])
def test_a_trace_without_complete_events_says_so(load_bytes: LoadBytes, data: bytes) -> None:
    trace = load_bytes(data)
    assert len(trace.events) == 0
    assert trace.notes == (
        "The trace holds no complete events (`ph: X`): there is nothing to measure.",
    )


@pytest.mark.parametrize(
    ("start", "duration", "expected"),
    [
        ("4584725184722.053", "0.001", (4_584_725_184_722_053, 4_584_725_184_722_054)),
        ("4584725184722.054", "0", (4_584_725_184_722_054, 4_584_725_184_722_054)),
        (
            "1700000000000000.007",
            "12345.678",
            (1_700_000_000_000_000_007, 1_700_000_000_012_345_685),
        ),
        ("-5.25", "1.125", (-5_250, -4_125)),
        ("1.5e3", "25e-1", (1_500_000, 1_502_500)),
        ("0.0005", "1", (1, 1_001)),
    ],
)
def test_times_are_exact(
    load_bytes: LoadBytes, start: str, duration: str, expected: tuple[int, int]
) -> None:
    events = load_bytes(document(event(ts=start, dur=duration))).events
    assert (int(events.start[0]), int(events.end[0])) == expected


def test_one_ns_apart_stays_one_ns_apart(load_events: LoadEvents) -> None:
    events = load_events([kernel("k", EPOCH + i, EPOCH + i + 1) for i in range(50)]).events
    assert events.start.tolist() == list(range(EPOCH, EPOCH + 50))
    assert events.end.tolist() == list(range(EPOCH + 1, EPOCH + 51))


@pytest.mark.parametrize(
    ("times", "resolution"),
    [
        ([(0, 5_000), (7_000, 9_000)], 1000),
        ([(0, 5_000), (7_000, 9_001)], 1),
        ([(1, 5_001), (7_001, 9_001)], 1),
        ([(EPOCH - EPOCH % 1000, EPOCH - EPOCH % 1000 + 1000)], 1000),
    ],
)
def test_resolution(load_events: LoadEvents, times: list[tuple[int, int]], resolution: int) -> None:
    assert load_events([kernel("k", *time) for time in times]).resolution_ns == resolution


@pytest.mark.parametrize(
    ("info", "rank"),
    [
        ({"backend": "nccl", "rank": 3, "world_size": 8}, 3),
        ({"rank": 0}, 0),
        ({"backend": "nccl"}, None),
        ({"rank": "3"}, None),
        ({"rank": True}, None),
        ([3], None),
        (None, None),
    ],
)
def test_rank(load_bytes: LoadBytes, info: Any, rank: int | None) -> None:
    header = {"distributedInfo": info}
    assert load_bytes(chrome_trace([kernel("k", 0, 1)], header=header)).rank == rank


def test_without_distributed_info_there_is_no_rank(load_events: LoadEvents) -> None:
    assert load_events([kernel("k", 0, 1)]).rank is None


def test_launch_shapes_are_those_of_kernels_that_say_all(load_bytes: LoadBytes) -> None:
    whole = '"grid":[4,2,1],"block":[128,1,2],"registers per thread":32,"shared memory":1024'
    args = [
        f'{{"stream":7,{whole}}}',
        '{"stream":7,"grid":[4,2,1],"block":[128,1,1],"registers per thread":32}',
        '{"stream":7,"grid":[],"block":[1],"registers per thread":32,"shared memory":0}',
        '{"stream":7,"grid":"4x2","block":[1],"registers per thread":32,"shared memory":0}',
        f'{{"stream":8,{whole.replace("32", "33")}}}',
        f'{{"stream":9,{whole}}}',
    ]
    copied = event(cat='"gpu_memcpy"', args=args[0])
    events = load_bytes(document(*(event(args=each) for each in args), copied)).events
    assert events.shapes == (LaunchShape(8, 256, 32, 1024), LaunchShape(8, 256, 33, 1024))
    assert events.shape.tolist() == [0, NONE, NONE, NONE, 1, 0, NONE]


def test_recorded_waits_between_streams(load_bytes: LoadBytes) -> None:
    def sync(name: str, args: str) -> bytes:
        return event(cat='"cuda_sync"', name=f'"{name}"', pid="1", args=args)

    known = '"wait_on_stream":7,"wait_on_cuda_event_record_corr_id":11'
    unknown = '"wait_on_stream":-1,"wait_on_cuda_event_record_corr_id":-1'
    trace = load_bytes(
        document(
            event(pid="1"),
            sync("Stream Wait Event", f'{{"stream":20,"correlation":12,{known}}}'),
            sync("Stream Wait Event", f'{{"stream":7,"correlation":13,{unknown}}}'),
            sync("Stream Wait Event", '{"stream":21,"correlation":14}'),
            sync("Stream Wait Event", f'{{"stream":-1,"correlation":15,{known}}}'),
            sync("Event Sync", f'{{"stream":20,"correlation":16,{known}}}'),
        )
    )
    waits, streams = trace.synchronisations, trace.events.streams
    events = trace.events.select(waits.row)
    assert [events.pids[code] for code in events.pid] == ["1"] * 3
    assert [streams[code] if code >= 0 else None for code in events.stream] == ["20", None, "20"]
    assert [streams[code] for code in waits.on_stream] == ["7"] * 3
    assert events.correlation.tolist() == [12, 15, 16]
    assert waits.record.tolist() == [11] * 3


def test_without_waits_their_table_is_empty(load_events: LoadEvents) -> None:
    waits = load_events([kernel("k", 0, 1)]).synchronisations
    for column in (waits.row, waits.on_stream, waits.record):
        assert column.shape == (0,)


def test_what_a_device_holds(load_bytes: LoadBytes) -> None:
    whole = {
        "id": 1,
        "name": "NVIDIA H100",
        "computeMajor": 9,
        "computeMinor": 0,
        "numSms": 132,
        "maxThreadsPerMultiprocessor": 2048,
        "regsPerMultiprocessor": 65536,
        "sharedMemPerMultiprocessor": 233472,
        "warpSize": 32,
    }
    partly = {key: value for key, value in whole.items() if key != "warpSize"} | {"id": 2}
    header = {"deviceProperties": [whole, partly, {"id": 3} | {"name": "AMD"}, "none"]}
    data = chrome_trace([kernel("k", 0, 1)], header=header)
    assert load_bytes(data).multiprocessors == {
        "1": Multiprocessors(132, (9, 0), 2048, 65536, 233472, 32)
    }
    oddities: list[object] = [None, {}, [], "x"]
    for odd in oddities:
        data = chrome_trace([kernel("k", 0, 1)], header={"deviceProperties": odd})
        assert load_bytes(data).multiprocessors == {}


def test_categories_are_kept_as_recorded(load_events: LoadEvents) -> None:
    events = load_events(ONE_OF_EACH).events
    assert [events.categories[code] for code in events.category] == [
        e.category for e in ONE_OF_EACH
    ]


def test_select_and_of_keep_the_tables(load_events: LoadEvents) -> None:
    events = load_events(ONE_OF_EACH).events
    calls = events.of(Role.CALL)
    assert [events.names[code] for code in calls.name] == ["cudaLaunchKernel", "cuLaunchKernelEx"]
    assert calls.names is events.names
    assert len(events.of(Role.KERNEL, Role.MEMSET)) == 2
    assert events.select(np.array([3, 0])).start.tolist() == [EPOCH - 50, EPOCH]
    assert len(events.select(np.zeros(len(events), np.bool_))) == 0


@pytest.mark.parametrize("whole", [True, False])
def test_as_a_frame(load_events: LoadEvents, whole: bool) -> None:
    trace = load_events(ONE_OF_EACH)
    frame = trace.to_frame() if whole else trace.events.to_frame()
    assert frame["role"].tolist() == [role.name.lower() for role in ROLES]
    assert frame["name"].tolist() == [e.name for e in ONE_OF_EACH]
    assert frame["pid"].tolist() == [str(e.pid) for e in ONE_OF_EACH]
    assert frame["tid"].tolist() == [str(e.tid) for e in ONE_OF_EACH]
    assert frame["start_ns"].tolist() == [e.start for e in ONE_OF_EACH]
    assert frame["duration_ns"].tolist() == [e.end - e.start for e in ONE_OF_EACH]
    assert frame["correlation"].tolist() == [e.correlation or NONE for e in ONE_OF_EACH]
    assert frame["stream"].iloc[5:9].tolist() == ["7", "20", "20", "7"]
    assert frame["stream"].isna().sum() == len(ONE_OF_EACH) - 4


def test_an_empty_trace_as_a_frame(load_bytes: LoadBytes) -> None:
    frame = load_bytes(b"[]").to_frame()
    assert frame.shape == (0, 8)


def test_figures_as_a_frame(load_events: LoadEvents) -> None:
    events = [
        launch(0, 10, correlation=1),
        launch(10, 20, correlation=2),
        kernel("a", 30, 130, device=0, stream=7, correlation=1),
        kernel("b", 80, 230, device=0, stream=8, correlation=2),
        kernel("c", 500, 700, device=1, stream=7),
    ]
    report = analysis.analyze(load_events(events))
    frame = report.to_frame()
    assert frame["device"].tolist() == ["0", "1"]
    assert frame["window_ns"].tolist() == [200, 200]
    assert frame["busy_ns"].tolist() == [200, 200]
    assert frame["overlap_ns"].tolist() == [50, 0]
    assert frame["overlapped"].tolist() == [50, 0]
    assert frame["window_start_ns"].tolist() == ["30", "500"]
    assert frame["path"].tolist() == [report.path] * 2
    assert frame["one_nothing_queued"].tolist() == [100, 200]


def test_the_collector_runs_again_afterwards(load_events: LoadEvents) -> None:
    assert gc.isenabled()
    load_events(ONE_OF_EACH)
    assert gc.isenabled()


def test_a_disabled_collector_stays_disabled(load_events: LoadEvents) -> None:
    gc.disable()
    try:
        load_events(ONE_OF_EACH)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_loading_and_measuring_need_no_heavy_package(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "t.json", [kernel("k", 0, 1)])
    program = (
        "import json, sys, analysis\n"
        f"analysis.analyze(analysis.load({str(path)!r})).to_json()\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    modules = set(json.loads(loaded.stdout))
    assert "analysis.trace.loading" in modules
    assert not modules & {"pandas", "torch", "hta", "click", "rich", "matplotlib"}


def test_importing_the_package_reads_nothing_else() -> None:
    program = "import json, sys, analysis; print(json.dumps(sorted(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    modules = set(json.loads(loaded.stdout))
    assert {name for name in modules if name.startswith("analysis")} == {"analysis"}
    assert not modules & {"numpy", "msgspec", "click"}


def test_the_package_lists_its_names() -> None:
    assert dir(analysis) == sorted(analysis.__all__)
    for name in analysis.__all__:
        assert getattr(analysis, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        analysis.nonsense  # noqa: B018

"""Anonymized traces: nothing of anybody's own is left, and no figure changes."""

from __future__ import annotations

import gzip
import io
import json
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import analysis
from analysis import vocabulary
from analysis.anonymize import anonymize, rules
from analysis.anonymize.naming import name_of
from analysis.anonymize.pseudonyms import Pseudonyms
from analysis.anonymize.rewriting import Rewriter
from analysis.cli import main
from analysis.columns import Role
from analysis.errors import DamagedTraceError, NotATraceError, OutputError
from analysis.reporting import report
from analysis.roles import is_known, of_category, of_event
from analysis.trace import Reading
from analysis.trace.schema import Args, Document, Event
from analysis.unread import format_of
from tests.builders import Event as Row
from tests.builders import annotation, chrome_trace, cpu_op, write_trace
from tests.shared import ABSENT, REPOSITORY, real_traces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OWN_WORD = "Projekt-\N{CYRILLIC SMALL LETTER YA}-4711"
"""Holds a letter that no public word does, and a number."""

EVERYTHING: dict[str, Any] = {
    "schemaVersion": 1,
    "deviceProperties": [
        {
            "id": 0,
            "name": "NVIDIA H100 80GB HBM3",
            "numSms": 132,
            "serial": 880_231,
            "uuid": "GPU-1",
        }
    ],
    "distributedInfo": {
        "backend": "nccl",
        "rank": 3,
        "world_size": 8,
        "nccl_version": "2.20.5",
        "pg_config": [{"pg_name": "tensor_parallel", "pg_desc": "mine", "ranks": [0, 1]}],
    },
    "host_name": "node17.example.org",
    "username": "someone",
    "trace_id": "0A1B",
    "env": {"HOME": "/home/someone", "PORT": 4242, "LIST": ["a", {"b": "c"}]},
    "numbers": {"correlation": 880_232, "list": [880_233, 880_234]},
    "INFO": ["INFO:2024 node17 something"],
    "traceEvents": [
        {
            "ph": "X",
            "cat": "cpu_op",
            "name": "aten::addmm",
            "pid": 12,
            "tid": "thread 12",
            "ts": 4523444000000.123,
            "dur": 10.5,
            "args": {
                "External id": 7,
                "Input type": ["float", "long int", "MyTensor", ""],
                "Input Dims": [[32, 10], [20]],
                "Concrete Inputs": ["", "[1, 0]", "True", "mean"],
                "Call stack": "mine.py(3): forward;/home/someone/train.py(9): main",
                "Module Hierarchy": "top(MyNet)::forward.gru(GRU)",
                "my key": {"inner": [1, "x", {"deep": "y"}]},
            },
        },
        {
            "ph": "X",
            "cat": "kernel",
            "name": "void mine::fused<float>(float*)",
            "pid": 0,
            "tid": 7,
            "ts": 4523444000001,
            "dur": 3,
            "args": {"stream": 7, "correlation": 1, "grid": [1, 2, 3], "kernel_file": "/home/k.py"},
        },
        {
            "ph": "X",
            "cat": "user_annotation",
            "name": "phase one",
            "pid": 12,
            "tid": 12,
            "ts": 4523444000000,
            "dur": 40,
            "args": {
                "Collective name": "allreduce",
                "dtype": "BFloat16",
                "Process Group Name": "tensor_parallel",
                "Process Group Ranks": "[0, 1]",
            },
        },
        {"ph": "X", "cat": "gpu_memcpy", "name": "Memcpy DtoH (Device -> Pinned)", "args": {}},
        {"ph": "X", "cat": "gpu_memset", "name": "Memset (Device)", "args": {"bytes": "512"}},
        {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "args": {"cbid": 211}},
        {"ph": "X", "cat": "cuda_sync", "name": "Event Sync", "args": {"stream": 7}},
        {"ph": "X", "cat": "python_function", "name": "nn.Module: Net_0", "args": {}},
        {"ph": "X", "cat": "Trace", "name": "PyTorch Profiler (0)", "args": {"Op count": 0}},
        {"ph": "M", "name": "process_name", "pid": 12, "tid": 0, "args": {"name": "trainer"}},
        {"ph": "M", "name": "process_labels", "pid": 0, "tid": 0, "args": {"labels": "GPU 0"}},
        {"ph": "M", "name": "thread_name", "pid": 1, "tid": 2, "args": {"name": "thread 2 (io)"}},
        {"ph": "s", "id": 1, "pid": 12, "tid": 12, "ts": 1, "cat": "ac2g", "name": "ac2g"},
        {"ph": "i", "s": "g", "name": "Record Window End", "pid": "", "tid": "", "ts": 1},
    ],
    "traceName": "/home/someone/trace.json",
    "displayTimeUnit": "ms",
}
"""An event of every kind, and metadata before and after them."""


def rewritten(path: Path, document: object) -> Any:
    """Anonymize a document, and read what comes out."""
    path.write_text(json.dumps(document))
    target = path.with_name("out.json")
    anonymize(path, target)
    return json.loads(target.read_text())


def planted(value: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield the document with the secret in each text, and in each key, one at a time."""
    if isinstance(value, str):
        yield where, OWN_WORD
        yield where, f"{value} {OWN_WORD}"
        yield where, f"{OWN_WORD};{value}"
        yield where, {OWN_WORD: [OWN_WORD, {OWN_WORD: OWN_WORD}]}
        yield where, [OWN_WORD, [OWN_WORD]]
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key != "traceEvents":
                yield (*where, key), {k if k != key else OWN_WORD: v for k, v in value.items()}
            for place, new in planted(inner):
                yield (*where, key, *place), value | {key: new}
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            for place, new in planted(inner):
                yield (*where, index, *place), [*value[:index], new, *value[index + 1 :]]
    else:
        yield where, OWN_WORD


CASES = list(planted(EVERYTHING))


def _written(document: object) -> bytes:
    """The whole through the rewriter, as `anonymize` does with head, events and tail."""
    text = json.dumps(document, ensure_ascii=False).encode()
    rewriter = Rewriter()
    events = json.dumps(document["traceEvents"], ensure_ascii=False).encode()  # type: ignore[index]
    return rewriter.document(text) + rewriter.events(events[1:-1])


def test_no_secret_survives_in_any_text_or_key() -> None:
    assert len(CASES) > 400  # each text and each key, in several ways
    for where, document in CASES:
        assert b"4711" not in _written(document), where
        assert "\N{CYRILLIC SMALL LETTER YA}".encode() not in _written(document), where


def test_none_survives_a_file_that_holds_all_of_them(tmp_path: Path) -> None:
    events = [each[1]["traceEvents"] for each in CASES if each[0][0] == "traceEvents"]
    document = EVERYTHING | {"traceEvents": [event for each in events for event in each]}
    document |= {
        OWN_WORD: OWN_WORD,
        "host_name": OWN_WORD,
        "deviceProperties": [{OWN_WORD: OWN_WORD}],
    }
    text = json.dumps(rewritten(tmp_path / "trace.json", document), ensure_ascii=False)
    assert "4711" not in text
    assert "\N{CYRILLIC SMALL LETTER YA}" not in text


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        (Args, rules.ARGS),
        (Event, rules.EVENT | {"name": None, "args": None}),
        (Document, rules.DOCUMENT | {"traceEvents": None}),
    ],
)
def test_every_key_that_the_analysis_reads_is_known(
    fields: type[msgspec.Struct], known: dict[str, object]
) -> None:
    assert {each.encode_name for each in msgspec.structs.fields(fields)} <= set(known)


def test_what_is_public_stays_and_numbers_keep_every_digit(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    found = rewritten(path, EVERYTHING)
    text = path.with_name("out.json").read_text()
    for number in ("4523444000000.123", "10.5", "132", "[32,10]"):
        assert number in text.replace(" ", "")
    op, fused, phase, *_ = found["traceEvents"]
    assert (op["name"], op["cat"], op["tid"]) == ("aten::addmm", "cpu_op", "thread 12")
    assert op["args"]["Input type"] == ["float", "long int", "type 1", ""]
    assert op["args"]["Concrete Inputs"] == ["", "[1, 0]", "True", "input 1"]
    assert op["args"]["Call stack"] == "frame 1;frame 2"
    assert fused["name"] == "kernel 1"
    assert phase["name"] == "range 1"
    assert phase["args"]["Collective name"] == "allreduce"
    group = phase["args"]["Process Group Name"]
    assert group == found["distributedInfo"]["pg_config"][0]["pg_name"] == "group 1"
    assert found["deviceProperties"][0]["name"] == "NVIDIA H100 80GB HBM3"
    assert found["distributedInfo"]["rank"] == 3
    names = [event["args"]["name"] for event in found["traceEvents"] if "_name" in event["name"]]
    assert names == ["process name 1", "thread 2 (thread name 1)"]


def test_numbers_under_keys_that_are_not_known_are_none(tmp_path: Path) -> None:
    text = json.dumps(rewritten(tmp_path / "trace.json", EVERYTHING))
    assert "88023" not in text  # a serial number, and more
    assert "4242" not in text


def test_text_that_is_a_number_to_the_last_digit(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_text(
        '[{"ph":"X","cat":"cpu_op","name":"aten::a","pid":1,"tid":1,'
        '"ts":18446744073709551.615,"dur":1.10e-3,"args":{"bytes":123456789012345678901234567890}}]'
    )
    anonymize(path, tmp_path / "out.json")
    text = (tmp_path / "out.json").read_text()
    for number in ("18446744073709551.615", "1.10e-3", "123456789012345678901234567890"):
        assert f":{number}" in text


PUBLIC = [
    ("cpu_op", "aten::add_.out"),
    ("cpu_op", "autograd::engine::evaluate_function: AddmmBackward0"),
    ("cpu_op", "torch::autograd::AccumulateGrad"),
    ("cpu_op", "Torch-Compiled Region: 0/1"),
    ("cpu_op", "nccl:all_reduce"),
    ("cpu_op", "ProfilerStep#17"),
    ("Operator", "Optimizer.step#SGD.step"),
    ("user_annotation", "ProfilerStep#17"),
    ("user_annotation", "overlap.branch 1"),
    ("user_annotation", "Optimizer.step#AdamW.step"),
    ("gpu_user_annotation", "nccl:_all_gather_base"),
    ("cuda_runtime", "cudaLaunchKernelExC"),
    ("cuda_driver", "cuLaunchKernelEx"),
    ("cuda_runtime", "hipMemcpyWithStream"),
    ("musa_runtime", "musaStreamSynchronize"),
    ("musa_driver", "muStreamSynchronize"),
    ("gpu_memcpy", "Memcpy HtoD (Pageable -> Device)"),
    ("gpu_memset", "Memset (Device)"),
    ("cuda_sync", "Stream Wait Event"),
    ("kernel", "ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)"),
    ("kernel", "ncclKernel_AllReduce_RING_LL_Sum_float(ncclDevComm*, unsigned long, ncclWork*)"),
    ("kernel", "CopyHostToDevice"),
    ("kernel", "FillBuffer"),
    ("kernel", "Marker"),
    ("Trace", "PyTorch Profiler (0)"),
]


@pytest.mark.parametrize(("category", "name"), PUBLIC)
def test_public_names_stay(category: str, name: str) -> None:
    assert name_of(Pseudonyms(), category, name) == name


OWN = [
    ("cpu_op", "mine::op"),
    ("cpu_op", "MyFunctionBackward"),
    ("cpu_op", "autograd::engine::evaluate_function: MyFunctionBackward"),
    ("cpu_op", "forward_mine"),
    ("cpu_op", "<mine>"),
    ("cpu_op", "cudaMine"),
    ("cpu_op", "cudaMine::op"),
    ("cpu_op", "c10d::min\u00e9"),
    ("cpu_op", "nccl:mine"),
    ("cpu_op", "Optimizer.step#Mine.step"),
    ("cpu_op", "ProfilerStep#mine"),
    ("user_annotation", "mine"),
    ("user_annotation", "nccl:mine"),
    ("user_annotation", "overlap.branch mine"),
    ("user_annotation", "ProfilerStep#mine"),
    ("user_annotation", "cudaMine"),
    ("cuda_runtime", "mineLaunch"),
    ("cuda_runtime", "mineMemcpy"),
    ("cuda_runtime", "mine"),
    ("kernel", "void mine::gemm<int>"),
    ("kernel", "ncclKernel_AllReduce_mine"),
    ("kernel", "mine_cross_device_reduce_1stage"),
    ("kernel", "void mine::one_shot_all_reduce"),
    ("kernel", "void at::native::vectorized_elementwise_kernel<4, mine>"),
    ("gpu_memcpy", "mine (Pageable)"),
    ("gpu_memcpy", "mine"),
    ("cuda_sync", "mine"),
    ("python_function", "mine.py(3): forward"),
    ("python_function", "nn.Module: mine_0"),
    ("mine", "mine"),
]
KINDS: list[Callable[..., Any]] = [
    vocabulary.synchronises,
    vocabulary.blocks,
    vocabulary.copies_synchronously,
    vocabulary.launches_graph,
    vocabulary.launches,
    vocabulary.waits_on_event,
    vocabulary.makes_stream_wait,
    vocabulary.pageable,
    vocabulary.host_collective,
    vocabulary.c10d_operator,
    vocabulary.may_be_container,
    vocabulary.scope,
    vocabulary.accelerator_sign,
    vocabulary.profiler_step,
    vocabulary.own_step,
    vocabulary.branch,
    vocabulary.branch_number,
    vocabulary.namespaced,
]
ASKED = {
    "cpu_op": slice(8, None),
    "user_annotation": slice(8, None),
    "cuda_runtime": slice(0, 8),
    "gpu_memcpy": slice(7, 8),
    "cuda_sync": slice(6, 7),
}


@pytest.mark.parametrize(
    ("pid", "category"), [("CPU functions", ""), ("CUDA functions", ""), (3, "dequeue")]
)
def test_a_format_that_is_not_read_is_known_afterwards(
    tmp_path: Path, pid: int | str, category: str
) -> None:
    events = [Row(category, "mine", pid, 1, 0, 9), Row("", "mine", 3, 1, 0, 9)]
    path = write_trace(tmp_path / "trace.json", events)
    anonymize(path, tmp_path / "out.json")
    before, after = (format_of(analysis.load(tmp_path / n)) for n in ("trace.json", "out.json"))
    assert before is not None
    assert after == before


@pytest.mark.parametrize(
    "category", ["mine", "mine_runtime", "mine_KERNEL", "mine_memcpy", "mine_memset", "mine_event"]
)
def test_own_categories_go_and_mean_the_same_to_the_analysis(category: str) -> None:
    new = rules.EVENT["cat"](Pseudonyms(), category)  # type: ignore[operator]
    assert "mine" not in new
    assert (of_category(new), is_known(new)) == (of_category(category), is_known(category))


@pytest.mark.parametrize(("category", "name"), OWN)
def test_own_names_go_and_mean_the_same_to_the_analysis(category: str, name: str) -> None:
    pseudonyms = Pseudonyms()
    new = name_of(pseudonyms, category, name)
    assert "min" not in new
    assert name_of(pseudonyms, category, name) == new
    assert name_of(pseudonyms, category, f"{name}2") != new
    assert of_event(category, new) == of_event(category, name)
    for kind in KINDS[ASKED.get(category, slice(0))]:
        assert kind((new,)).tolist() == kind((name,)).tolist(), kind.__name__
    if category == "kernel":
        roles, codes = np.full(2, Role.KERNEL, np.int8), np.arange(2, dtype=np.int32)
        old_class, new_class = vocabulary.work_class(roles, (name, new), codes)
        assert old_class == new_class


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("ncclKernel_AllReduce_mine", "nccl all_reduce 1"),
        ("void mine::cross_device_reduce_1stage", "cross_device_reduce 1"),
        ("mine_nvshmem_all_gather", "nvshmem all_gather 1"),
        ("void at::native::reduce_kernel<512, mine>", "at::native::reduce_kernel 1"),
        ("ampere_sgemm_128x64_tn", "ampere_sgemm_128x64_tn 1"),
        ("void at::native::mine<int>", "kernel 1"),
    ],
)
def test_kernels_keep_what_is_public_of_their_names(name: str, new: str) -> None:
    assert name_of(Pseudonyms(), "kernel", name) == new


def test_ranges_of_host_and_device_keep_one_name() -> None:
    pseudonyms = Pseudonyms()
    ours = [name_of(pseudonyms, f"{where}user_annotation", "mine") for where in ("", "gpu_")]
    assert ours[0] == ours[1]


texts = st.text('\N{CYRILLIC SMALL LETTER YA}\N{CYRILLIC SMALL LETTER ZHE}"\\\n:/# 0', max_size=12)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
keys = texts | st.sampled_from(["ph", "cat", "name", "pid", "tid", "ts", "dur", "args", "id", "s"])


@given(st.lists(st.dictionaries(keys, values, max_size=6), min_size=1, max_size=4))
def test_whatever_an_event_holds_no_text_of_it_is_left(events: list[dict[str, Any]]) -> None:
    text = json.dumps(events, ensure_ascii=False).encode()[1:-1]
    found = json.loads(b"[" + Rewriter().events(text) + b"]")
    assert len(found) == len(events)
    said = json.dumps(found, ensure_ascii=False)
    assert "\N{CYRILLIC SMALL LETTER YA}" not in said
    assert "\N{CYRILLIC SMALL LETTER ZHE}" not in said
    assert Rewriter().events(text) == Rewriter().events(text)
    for old, new in zip(events, found, strict=True):
        assert len(old) == len(new)


# --- the proof: no figure changes -----------------------------------------------------------

EXAMPLES = sorted((REPOSITORY / "traces" / "examples").glob("*.pt.trace.json.gz"))
SMALL = [path for path in real_traces() if path.stat().st_size < 500_000]
"""The others take minutes to report twice."""


def leaves(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{where}.{key}")
    elif isinstance(value, list):
        yield f"{where}#", len(value)
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{where}[{index}]")
    else:
        yield where, value


def same_figures(path: Path, folder: Path) -> None:
    """Every figure is equal, and every name has one other name, all through the report."""
    target = folder / path.name
    anonymize(path, target)
    lone = folder / "original" / path.name
    lone.parent.mkdir()
    lone.write_bytes(path.read_bytes())  # without its manifest and graph, which are not copied
    before, after = (report([each]).to_json() for each in (lone, target))
    given: dict[str, str] = {}
    taken: dict[str, str] = {}
    pairs = list(zip(leaves(before), leaves(after), strict=True))
    assert len(pairs) > 100
    for (where, old), (there, new) in pairs:
        if isinstance(old, str) and not where.endswith((".path", ".label")) and "note" not in where:
            assert where == there
            assert given.setdefault(old, new) == new, where
            assert taken.setdefault(new, old) == old, where
        elif not isinstance(old, str):
            assert (where, old) == (there, new)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name.split(".")[0])
def test_the_report_of_an_example_stays(path: Path, tmp_path: Path) -> None:
    same_figures(path, tmp_path)


@pytest.mark.skipif(not SMALL, reason=ABSENT)
@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.name.split(".")[0])
def test_the_report_of_a_real_trace_stays(path: Path, tmp_path: Path) -> None:
    same_figures(path, tmp_path)


# --- files ----------------------------------------------------------------------------------

EVENTS = [annotation("mine", 0, 100), cpu_op("aten::add", 10, 20), cpu_op("mine::op", 30, 40)]


@pytest.mark.parametrize("form", [{}, {"bare": True}, {"pretty": True}, {"mixed": True}])
@pytest.mark.parametrize("suffix", [".json", ".json.gz", ".json.zst"])
def test_every_form_of_a_trace(tmp_path: Path, form: dict[str, Any], suffix: str) -> None:
    path = write_trace(tmp_path / "trace.json", EVENTS, **form)
    target = tmp_path / "deep" / f"out{suffix}"
    made = anonymize(path, target)
    assert made.losses == ()
    before, after = (analysis.load(each).events for each in (path, target))
    assert before.start.tolist() == after.start.tolist()
    assert [after.names[code] for code in after.name.tolist()] == [
        "range 1",
        "aten::add",
        "namespace::operator 1",
    ]


def test_a_trace_of_many_pieces_is_one_document(tmp_path: Path) -> None:
    events = [cpu_op(f"mine::{place % 7}", 10 * place, 10 * place + 5) for place in range(30_000)]
    path = write_trace(tmp_path / "trace.json", events)
    assert path.stat().st_size > 2 << 20
    made = anonymize(path, tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text())["traceEvents"]
    assert len(found) == made.events == 30_000
    assert len({each["name"] for each in found}) == 7


def test_a_trace_without_events_or_metadata(tmp_path: Path) -> None:
    for text, expected in [
        ('{"traceEvents": []}', {"traceEvents": []}),
        (
            '{"a": "b", "traceEvents": [], "c": 5}',
            {"key 1": "text 1", "traceEvents": [], "key 2": 0},
        ),
        ("[]", []),
    ]:
        (tmp_path / "trace.json").write_text(text)
        anonymize(tmp_path / "trace.json", tmp_path / "out.json")
        assert json.loads((tmp_path / "out.json").read_text()) == expected


def test_halves_of_surrogate_pairs_and_depth_are_no_way_out(tmp_path: Path) -> None:
    deep = "[" * 200 + '"secret"' + "]" * 200
    path = tmp_path / "trace.json"
    event = '{"ph":"X","name":"sec\\ud800ret","pid":1,"tid":1,"ts":1,"dur":1,"args":{"%s":%s}}'
    path.write_text(f'{{"traceEvents":[{event % ("k", deep)},{event % ("secret", 5)}]}}')
    anonymize(path, tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text())
    assert [each["name"] for each in found["traceEvents"]] == ["name 1", "name 1"]
    assert "sec" not in json.dumps(found)


def test_a_name_of_any_length_is_one_name(tmp_path: Path) -> None:
    name = "autograd::engine::evaluate_function: " * 5_000 + "mine"
    path = write_trace(tmp_path / "trace.json", [cpu_op(name, 0, 1)])
    anonymize(path, tmp_path / "out.json")
    assert "mine" not in (tmp_path / "out.json").read_text()


def test_of_a_damaged_trace_the_rest_is_written_and_the_loss_said(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_bytes(chrome_trace(EVENTS)[:-40])
    target = tmp_path / "out.json"
    made = anonymize(path, target)
    assert made.losses
    assert len(json.loads(target.read_text())["traceEvents"]) == 2
    target.write_text("an earlier one")
    with pytest.raises(DamagedTraceError, match="--strict"):
        anonymize(path, target, reading=Reading(strict=True))
    assert target.read_text() == "an earlier one"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out.json", "trace.json"]


def test_a_trace_is_not_written_over_itself(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "trace.json", EVENTS)
    (tmp_path / "link.json").symlink_to(path)
    before = path.read_bytes()
    for target in (path, tmp_path / "link.json"):
        with pytest.raises(OutputError, match="is the trace itself"):
            anonymize(path, target)
    assert path.read_bytes() == before


def test_what_is_no_trace_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "trace.json").write_text('{"a": 1}')
    with pytest.raises(NotATraceError):
        anonymize(tmp_path / "trace.json", tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()


class Ended(NamedTuple):
    code: object
    out: str
    err: str


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ended:
    with pytest.raises(SystemExit) as ended:
        main(["anonymize", *map(str, arguments)])
    return Ended(ended.value.code, *capsys.readouterr())


def test_the_command_says_what_lies_beside_the_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_trace(tmp_path / "run.pt.trace.json", EVENTS)
    for name in ("run.manifest.json", "run.graph.json.gz"):
        (tmp_path / name).write_text("{}")
    code, out, err = run(capsys, path, "-o", tmp_path / "out.json.gz")
    assert code == 0
    assert out == f"Written: {tmp_path / 'out.json.gz'} (3 events, 2 names replaced)\n"
    for name in ("run.manifest.json", "run.graph.json.gz"):
        assert f"Note: {tmp_path / name} holds names, too, and was not copied." in err
    assert b"mine" not in gzip.decompress((tmp_path / "out.json.gz").read_bytes())


def test_standard_input_is_a_trace_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(chrome_trace(EVENTS))))
    code, out, err = run(capsys, "-", "-o", tmp_path / "out.json")
    assert (code, err) == (0, "")
    assert "3 events" in out


@pytest.mark.parametrize("name", ["out.zip", "file/out.json"])
def test_a_target_that_cannot_be_is_said_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "file").touch()
    path = write_trace(tmp_path / "trace.json", EVENTS)
    code, out, err = run(capsys, path, "-o", tmp_path / name)
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert err.count("\n") == 1

"""The command line as a user meets it: files, summary, exit codes, and never a traceback."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from analysis import cli
from analysis.cli import report as report_command
from analysis.errors import Interrupted
from analysis.report import SCHEMA_VERSION
from tests.analysis.raw import document, event
from tests.analysis.running import Ended, Run, run
from tests.builders import (
    annotation,
    chrome_trace,
    cpu_op,
    kernel,
    launch,
    write_trace,
)
from tests.shared import REPOSITORY

Record = Callable[..., Path]

__all__ = ["run"]

EVENTS = [
    *(annotation(f"ProfilerStep#{i}", 1_000 * i, 1_000 * i + 900) for i in (3, 4)),
    *(
        each
        for i in (3, 4)
        for each in (
            launch(1_000 * i, 1_000 * i + 10, correlation=10 * i),
            launch(1_000 * i + 10, 1_000 * i + 20, correlation=10 * i + 1),
            kernel("gemm", 1_000 * i + 100, 1_000 * i + 300, stream=7, correlation=10 * i),
            kernel("relu", 1_000 * i + 200, 1_000 * i + 500, stream=8, correlation=10 * i + 1),
        )
    ),
]


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return write_trace(tmp_path / "two-lanes.json", EVENTS)


def written(folder: Path) -> Any:
    return json.loads((folder / "report.json").read_text())


def test_formats_are_chosen(run: Run, trace: Path, tmp_path: Path) -> None:
    ended = run("report", trace, "--format", "json", "--format", "html")
    assert ended.out.splitlines()[-1] == "Written: reports/report.json, reports/report.html"
    names = sorted(each.name for each in (tmp_path / "reports").iterdir())
    assert names == ["report.html", "report.json"]
    refused = run("report", trace, "--format", "pdf")
    assert refused.code == 2
    assert "'pdf' is not one of 'html', 'md', 'json'" in refused.err


def test_a_report_is_written_and_its_summary_printed(run: Run, trace: Path, tmp_path: Path) -> None:
    ended = run("report", trace)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "What ran in parallel"
    assert lines[1].startswith("- two-lanes: 2 lanes, 14.3% of the time overlapped: ")
    assert lines[-1] == "Written: reports/report.html, reports/report.md, reports/report.json"
    assert "\x1b" not in ended.out
    folder = tmp_path / "reports"
    assert sorted(each.name for each in folder.iterdir()) == [
        "report.html",
        "report.json",
        "report.md",
    ]
    (figures,) = written(folder)["traces"]
    assert figures["path"] == str(trace)
    (device,) = figures["devices"]
    assert (device["window_ns"], device["busy_ns"], device["overlap_ns"]) == (1_400, 800, 200)
    assert [step["name"] for step in figures["steps"]] == ["ProfilerStep#3", "ProfilerStep#4"]
    markdown = (folder / "report.md").read_text()
    assert markdown.startswith("# What ran in parallel\n")
    assert "two-lanes: 2 lanes, 14.3% of the time overlapped" in markdown


def test_the_report_can_go_elsewhere(run: Run, trace: Path, tmp_path: Path) -> None:
    ended = run("report", trace, "--out", "new/deep")
    assert ended.code == 0
    assert (
        ended.out.splitlines()[-1]
        == "Written: new/deep/report.html, new/deep/report.md, new/deep/report.json"
    )
    assert (tmp_path / "new" / "deep" / "report.json").is_file()
    assert not (tmp_path / "reports").exists()


def test_a_report_is_replaced(run: Run, trace: Path, tmp_path: Path) -> None:
    run("report", trace)
    run("report", write_trace(tmp_path / "other.json", [cpu_op("aten::mm", 0, 10)]))
    assert [each["label"] for each in written(tmp_path / "reports")["traces"]] == ["other"]


def test_a_folder_of_recordings(run: Run, record: Record, tmp_path: Path) -> None:
    steps = [annotation("overlap.step", 0, 1_000), cpu_op("aten::mm", 0, 800)]
    record("sequential", steps, [1_000_000] * 5)
    record("threads", steps, [500_000] * 5)
    ended = run("report", tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert "Modes of post on cpu" in ended.out
    assert "threads: 2.00\N{MULTIPLICATION SIGN} as fast" in ended.out
    (compared,) = written(tmp_path / "reports")["comparison"]["runs"]
    assert [mode["mode"] for mode in compared["modes"]] == ["sequential", "threads"]


@pytest.mark.parametrize("step", ["3", "4"])
def test_one_step(run: Run, trace: Path, tmp_path: Path, step: str) -> None:
    assert run("report", trace, "--step", step).code == 0
    (figures,) = written(tmp_path / "reports")["traces"]
    (device,) = figures["devices"]
    assert device["window_start_ns"] == f"{step}000"
    assert (device["window_ns"], device["busy_ns"], device["overlap_ns"]) == (900, 400, 100)


def test_times(run: Run, tmp_path: Path) -> None:
    path = write_trace(tmp_path / "t.json", [kernel("a", 500, 900), kernel("b", 1100, 1500)])
    assert run("report", path, "--from", "300ns", "--to", ".7us").code == 0
    (device,) = written(tmp_path / "reports")["traces"][0]["devices"]
    assert (device["window_start_ns"], device["window_ns"], device["busy_ns"]) == ("800", 400, 200)
    ended = run("report", path, "--from", "1")
    assert ended.code == 2
    assert ended.err == (
        f"Error: {path}: has nothing at 1.00 \N{MICRO SIGN}s, where the time to measure begins: it "
        "lasts 1.00 \N{MICRO SIGN}s from its first event, from which times count\n"
    )


def test_a_step_that_is_not_there(run: Run, trace: Path, tmp_path: Path) -> None:
    ended = run("report", trace, "--step", "5")
    assert ended == Ended(
        2,
        "",
        f"Error: {trace}: has no range named ProfilerStep#5 that launched anything; "
        "its ranges are: ProfilerStep#3, ProfilerStep#4\n",
    )
    assert not (tmp_path / "reports").exists()


def test_a_trace_without_steps(run: Run, tmp_path: Path) -> None:
    path = write_trace(tmp_path / "t.json", [kernel("k", 0, 1)])
    ended = run("report", path, "--step", "0")
    assert ended.code == 2
    assert ended.err == (
        f"Error: {path}: has no range named ProfilerStep#0 that launched anything; "
        "it holds no range (record_function)\n"
    )


@pytest.mark.parametrize(("gaps", "listed"), [("0", 0), ("2", 2), ("3", 3), ("99", 3)])
def test_the_number_of_gaps(run: Run, tmp_path: Path, gaps: str, listed: int) -> None:
    kernels = [kernel("k", 100 * i * i, 100 * i * i + 50) for i in range(4)]
    path = write_trace(tmp_path / "t.json", kernels)
    assert run("report", path, "--gaps", gaps).code == 0
    (device,) = written(tmp_path / "reports")["traces"][0]["devices"]
    assert device["idle_gaps_total"] == 3
    assert [gap["duration_ns"] for gap in device["idle_gaps"]] == [450, 250, 50][:listed]
    assert device["idle_gaps_unlisted_ns"] == sum([450, 250, 50][listed:])


def test_a_broken_trace_among_good_ones(run: Run, trace: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("<html>")
    ended = run("report", tmp_path)
    assert ended.code == 1
    assert "Not read" in ended.out
    assert "broken.json: is not a Chrome trace" in ended.out
    found = written(tmp_path / "reports")
    assert [each["label"] for each in found["traces"]] == [trace.stem]
    assert [each["path"] for each in found["failures"]] == [str(broken)]
    assert "broken.json: is not a Chrome trace" in (tmp_path / "reports/report.md").read_text()


GOOD = chrome_trace(EVENTS)
BROKEN = {
    "empty": b"",
    "html": b"<!DOCTYPE html>",
    "number": b"1",
    "other JSON": b'{"nodes": []}',
    "list of numbers": b"[1, 2]",
    "no events": b'{"traceEvents": 3}',
    "truncated": GOOD[: len(GOOD) // 2],
    "malformed": GOOD.replace(b'"ph"', b'"ph', 1),
    "trailing": GOOD + b"]",
    "truncated gzip": gzip.compress(GOOD)[:100],
    "corrupt gzip": gzip.compress(GOOD)[:-8] + bytes(8),
    "utf-16": GOOD.decode().encode("utf-16"),
    "bad utf-8": GOOD.replace(b"gemm", b"g\xffmm"),
    "missing ts": document(event(ts=None)),
    "missing dur": document(event(dur=None)),
    "negative dur": document(event(dur="-1")),
    "string ts": document(event(ts='"soon"')),
    "absurd ts": document(event(ts="1e999999999")),
    "absurd dur": document(event(dur="4611686018427387")),
    "no pid": document(event(pid=None)),
    "bad correlation": document(event(args='{"correlation": []}')),
    "bad name": document(event(name="[]")),
    "nested": document(event(args='{"x":' * 200_000)),
    "surrogate": document(event(name='"\\ud800"')),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_no_broken_file_shows_a_traceback(run: Run, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(BROKEN[kind])
    ended = run("report", "--strict", path)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith(f"Error: {path}: ")
    assert ended.err.count("\n") == 1
    assert "Traceback" not in ended.err
    assert not (tmp_path / "reports").exists()


RECOVERED = {
    "truncated": "the JSON ends early",
    "malformed": "is damaged, it could not be mended",
    "trailing": "is no event",
    "corrupt gzip": "the gzip data are corrupt",
    "bad utf-8": "bytes that are no UTF-8 became U+FFFD",
    "surrogate": "single backslashes were doubled",
}


@pytest.mark.parametrize("kind", RECOVERED)
def test_what_is_left_of_a_broken_file_is_measured(run: Run, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(BROKEN[kind])
    ended = run("report", path)
    assert ended.code == 0
    assert "Traceback" not in ended.err
    (trace,) = written(tmp_path / "reports")["traces"]
    assert any(RECOVERED[kind] in note for note in trace["notes"])
    assert RECOVERED[kind] in " ".join(ended.out.split())


def test_a_trace_from_standard_input(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "analysis", "report", "-", "--out", str(tmp_path / "reports")],
        input=gzip.compress(GOOD),
        capture_output=True,
        cwd=REPOSITORY,
        check=True,
    )
    assert not ended.stderr
    (trace,) = written(tmp_path / "reports")["traces"]
    assert trace["path"] == "-"


@pytest.mark.parametrize(("size", "code"), [("1k", 0), ("900 B", 0), ("0", 2), ("much", 2)])
def test_a_limit_of_bytes(run: Run, trace: Path, tmp_path: Path, size: str, code: int) -> None:
    ended = run("report", trace, "--max-bytes", size)
    assert ended.code == code
    if code:
        assert "is no size; expected for example 500M or 20G" in " ".join(ended.err.split())
    else:
        (found,) = written(tmp_path / "reports")["traces"]
        assert any("(--max-bytes allows more)" in note for note in found["notes"])


ODD = {
    "no complete events": b'{"traceEvents": []}',
    "only metadata": document(b'{"ph":"M","name":"process_name"}'),
    "host calls alone": chrome_trace([launch(0, 1, correlation=1)]),
    "annotations alone": chrome_trace([annotation("ProfilerStep#1", 0, 5)]),
    "no length": chrome_trace([kernel("k", 5, 5), cpu_op("aten::mm", 5, 5)]),
    "operator without length": chrome_trace([cpu_op("aten::mm", 5, 5)]),
    "step without length": chrome_trace(
        [annotation("ProfilerStep#1", 5, 5), cpu_op("aten::mm", 1, 9)]
    ),
    "names": document(
        event(name='"| `a` * <b> \\u0007\\u001b[31m \\u2028 \\ud83d\\ude00"'),
        event(name='""', args='{"stream":"| x"}', ts="9"),
    ),
    "far apart": document(event(), event(ts="4000000000000000", args='{"stream":8}')),
    "before zero": document(event(ts="-4000000000000000.5")),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_traces_are_reported(run: Run, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "odd.json"
    path.write_bytes(ODD[kind])
    ended = run("report", path)
    assert (ended.code, ended.err) == (0, "")
    assert "\x1b" not in ended.out
    assert "\x1b" not in (tmp_path / "reports" / "report.md").read_text()
    found = written(tmp_path / "reports")
    assert len(found["traces"]) == 1
    for device in found["traces"][0]["devices"]:
        assert sum(ns or 0 for ns in device["breakdown_ns"].values()) == device["window_ns"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("none.json", "no such file or directory; expected a trace or a folder"),
        ("x" * 300, "cannot be read (File name too long); expected a trace or a folder"),
        (
            ".",
            "holds no trace (.json, .json.gz, .json.zst); `profiling record --out .` records some",
        ),
    ],
)
def test_paths_that_hold_nothing(run: Run, path: str, reason: str) -> None:
    assert run("report", path) == Ended(2, "", f"Error: {path}: {reason}\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("report",), "Missing argument 'TRACES...'"),
        (("report", "t.json", "--gaps", "-1"), "Invalid value for '--gaps'"),
        (("report", "t.json", "--gaps", "many"), "'many' is not a valid integer"),
        (("report", "t.json", "--step", "x"), "Invalid value for '--step'"),
        (("report", "t.json", "--from", "x"), "'x' is no time; expected a number with ns, us, ms"),
        (("report", "t.json", "--to", "1.5ns"), "no whole number of nanoseconds"),
        (("report", "t.json", "--from", "3ms", "--to", "3000"), "--from must come before --to"),
        (("report", "t.json", "--from", "3ms", "--step", "1"), "give one of them"),
        (("report", "t.json", "--range", "a", "--to", "1s"), "give one of them"),
        (("report", "t.json", "--memory", "127M"), "one process alone takes 128M"),
        (("report", "t.json", "--nonsense"), "No such option"),
        (("nonsense",), "No such command 'nonsense'"),
    ],
)
def test_usage_errors(run: Run, arguments: tuple[str, ...], words: str) -> None:
    ended = run(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Usage: analyze")
    assert words in ended.err


def test_an_unwritable_place_is_refused_before_any_work(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    # The trace does not exist; it is not what the message is about.
    ended = run("report", "none.json", "--out", "file/below")
    assert ended == Ended(
        2, "", "Error: file: cannot be written (Not a directory); name another directory\n"
    )


def test_a_file_in_place_of_the_folder(run: Run, trace: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("keep me")
    ended = run("report", trace, "--out", "file")
    assert (ended.code, ended.out) == (2, "")
    assert "Invalid value for '--out'" in ended.err
    assert (tmp_path / "file").read_text() == "keep me"


def test_a_broken_manifest(run: Run, record: Record) -> None:
    path = record("threads", EVENTS, [1], timing={"samples_ns": []})
    ended = run("report", path)
    assert ended.code == 0
    (trace,) = json.loads(Path("reports/report.json").read_text())["traces"]
    assert trace["timing"] is None
    assert "cpu-post-threads.manifest.json: is not a manifest" in trace["notes"][0]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyboardInterrupt(), ""),
        (click.Abort(), ""),
        (Interrupted("1 of 2 traces is kept"), " 1 of 2 traces is kept."),
    ],
)
def test_an_interrupt_says_that_nothing_was_written(
    run: Run, trace: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, words: str
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(report_command, "report", interrupted)
    ended = run("report", trace)
    assert (ended.code, ended.out) == (130, "")
    assert ended.err.strip() == f"Interrupted; nothing was written.{words}"
    assert not Path("reports").exists()


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help(run: Run, flag: str) -> None:
    ended = run(flag)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("Usage: analyze [OPTIONS] COMMAND [ARGS]...")
    commands = [line.split(maxsplit=1) for line in ended.out.splitlines()]
    assert ["report", "Measure traces; write a report and print its summary."] in commands


def test_help_on_a_command(run: Run) -> None:
    ended = run("report", "--help")
    assert ended.code == 0
    assert ended.out.startswith("Usage: analyze report [OPTIONS] TRACES...")
    for option in ("--out", "--gaps", "--step"):
        assert option in ended.out
    shown = " ".join(ended.out.split())
    assert "[default: reports]" in shown
    assert "[default: 100; x>=0]" in shown


def module(*arguments: str | Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "error"}
    return subprocess.run(
        [sys.executable, "-m", "analysis", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        **settings,
    )


def test_the_module_is_the_command(tmp_path: Path, trace: Path) -> None:
    shown = module("--help", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("Usage: analyze [OPTIONS] COMMAND [ARGS]...")
    ended = module("report", trace, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert written(tmp_path / "reports")["schema_version"] == SCHEMA_VERSION
    failed = module("report", "none.json", cwd=tmp_path)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr.startswith("Error: none.json: no such file")


def test_help_loads_no_more_than_click() -> None:
    program = (
        "import json, sys\n"
        "from analysis.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    modules = set(json.loads(shown.stdout.splitlines()[-1]))
    assert "click" in modules
    assert not modules & {"numpy", "pandas", "msgspec", "rich", "torch", "hta", "analysis.pipeline"}


def test_a_report_does_not_load_what_it_does_not_need(tmp_path: Path, trace: Path) -> None:
    program = (
        "import json, sys\n"
        "from analysis.cli import main\n"
        f"try: main(['report', {str(trace)!r}, '--out', {str(tmp_path / 'out')!r}])\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    modules = set(json.loads(shown.stdout.splitlines()[-1]))
    assert "analysis.pipeline" in modules
    assert not modules & {"pandas", "torch", "hta", "jsonschema", "matplotlib"}


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path, trace: Path) -> None:
    command = [sys.executable, "-m", "analysis", "report", str(trace)]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "reports" / "report.json").is_file()


def test_the_version_is_told_wherever_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("torch-overlap ")

"""kill -9, full disks and read-only folders: what is left is whole, and it goes on from there."""

from __future__ import annotations

import errno
import fcntl
import gzip
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from profiling.errors import OutputError
from profiling.files import ensure_writable, remove_stale, replacing, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
TINY = ["--hidden-size", "4", "--batch", "2", "--warmup", "1", "--steps", "1", "--device", "cpu"]
MODES = ["--mode", "sequential", "--mode", "no_grad"]
PATIENCE_S = 60


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `python -m profiling` in an empty folder; whatever is left of it ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(*args: str, **options: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "profiling", *args],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def children(process: subprocess.Popen[str]) -> list[int]:
    of = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in of.read_text().split()]


def is_computing(pid: int) -> bool:
    """Whether a process is there and no zombie, which only waits for its parent to look."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def assert_whole(folder: Path) -> list[dict[str, Any]]:
    """Every file can be read, and every manifest describes the trace that lies there."""
    for path in folder.rglob("*.json.gz"):
        json.loads(gzip.decompress(path.read_bytes()))
    manifests = [read(path) for path in sorted(folder.rglob("*.manifest.json"))]
    for path, manifest in zip(sorted(folder.rglob("*.manifest.json")), manifests, strict=True):
        trace = (path.parent / manifest["trace"]).read_bytes()
        assert hashlib.sha256(trace).hexdigest() == manifest["sha256"]
    assert [path for path in folder.rglob(".*") if path.is_file()] == []
    return manifests


def test_kill_9_of_a_recording(start: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    recording = start("record", *TINY, *MODES, "--rounds", "1000000")
    until(lambda: len(children(recording)) == 2)
    workers = children(recording)
    time.sleep(2)
    recording.send_signal(signal.SIGKILL)
    recording.wait()
    until(lambda: not any(map(is_computing, workers)))
    traces = tmp_path / "traces"
    assert [path.name for path in traces.iterdir()] == ["cpu-custom.run.json"]
    modes = read(traces / "cpu-custom.run.json")["modes"]
    assert {name: each["state"] for name, each in modes.items()} == {
        "sequential": "missing",
        "no_grad": "missing",
    }
    draft = traces / ".0123abcd-cpu-custom-no_grad.pt.trace.json.gz"
    draft.write_bytes(b"half a tr")
    resumed = start("record", *TINY, "--rounds", "3", "--resume")
    output, errors = resumed.communicate(timeout=PATIENCE_S)
    assert (resumed.returncode, errors) == (0, "")
    assert "no_grad" in output
    assert len(assert_whole(traces)) == 2


def test_a_worker_in_the_middle_of_something_long_ends_with_its_parent(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """It reads from its pipe only when it is done, which here would be never."""
    (tmp_path / "endless.py").write_text(
        "import pathlib, time, torch\n"
        "from profiling import Branch\n"
        "def long(x):\n"
        "    pathlib.Path('begun').touch()\n"
        "    while True:\n"
        "        x = x + 1\n"
        "def branches(): return [Branch(long, torch.ones(3))]\n"
    )
    recording = start("record", "--mode", "sequential", "--target", "endless:branches")
    until((tmp_path / "begun").exists)
    (worker,) = children(recording)
    assert is_computing(worker)
    recording.send_signal(signal.SIGKILL)
    recording.wait()
    until(lambda: not is_computing(worker))


def test_kill_9_of_a_worker_is_one_mode_that_failed_and_can_be_resumed(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    recording = start("record", *TINY, *MODES, "--rounds", "20")
    until(lambda: len(children(recording)) == 2)
    os.kill(children(recording)[1], signal.SIGKILL)  # they start in the order of the modes
    output, errors = recording.communicate(timeout=PATIENCE_S)
    assert (recording.returncode, errors) == (1, "")
    assert "failed   no_grad: the process of the mode was ended by SIGKILL" in output
    assert "--resume" in output
    traces = tmp_path / "traces"
    (first,) = assert_whole(traces)
    entry = read(traces / "cpu-custom.run.json")["modes"]["no_grad"]
    assert (entry["state"], "SIGKILL" in entry["reason"]) == ("failed", True)
    resumed = start("record", *TINY, "--rounds", "3", "--resume")
    output, _ = resumed.communicate(timeout=PATIENCE_S)
    assert resumed.returncode == 0
    assert "recorded before: sequential" in output
    assert "timed in a run of its own" in output
    manifests = assert_whole(traces)
    assert {each["mode"] for each in manifests if each["resumes"] == first["run"]} == {
        "sequential",
        "no_grad",
    }


def test_kill_9_of_a_sweep(start: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    sizes = ["--hidden-size", "4,5", "--batch", "2", "--warmup", "0", "--steps", "1"]
    sizes += ["--mode", "sequential", "--rounds", "30", "--device", "cpu"]
    command = ["sweep", *sizes, "--out", "sweep"]
    sweep = start(*command)
    noted = tmp_path / "sweep" / "sweep.run.json"
    first, second = "hidden_size=4", "hidden_size=5"

    def state(name: str) -> str:
        return str(read(noted)["points"][name]["state"]) if noted.exists() else ""

    until(lambda: state(first) == "recorded" and len(children(sweep)) == 1)
    workers = children(sweep)
    sweep.send_signal(signal.SIGKILL)
    sweep.wait()
    until(lambda: not any(map(is_computing, workers)))
    assert (state(first), state(second)) == ("recorded", "missing")
    assert len(assert_whole(tmp_path / "sweep" / first)) == 1
    before = {path: path.read_bytes() for path in (tmp_path / "sweep" / first).iterdir()}
    refused = start(*command)
    _, errors = refused.communicate(timeout=PATIENCE_S)
    assert refused.returncode == 2
    assert "holds a sweep of 2 points: --resume goes on with it" in errors
    resumed = start(*command, "--resume")
    output, errors = resumed.communicate(timeout=PATIENCE_S)
    assert (resumed.returncode, errors) == (0, "")
    assert f"{first}  recorded before" in output
    assert (state(first), state(second)) == ("recorded", "recorded")
    assert {path: path.read_bytes() for path in (tmp_path / "sweep" / first).iterdir()} == before
    assert len(assert_whole(tmp_path / "sweep")) == 2


@pytest.mark.parametrize("command", ["record", "sweep"])
def test_no_room_is_an_error_in_a_line(
    command: str, start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """Of 4 KiB a file, which the journal fits and no trace does."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    process = start(
        command,
        *("--mode", "sequential", "--steps", "9", "--warmup", "0", "--rounds", "1"),
        *("--device", "cpu", "--hidden-size", "4", "--out", "out"),
        preexec_fn=limit,
    )
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, output) == (2, "")
    assert errors.startswith("Error: ")
    assert errors.count("\n") == 1
    assert "make room" in errors
    assert assert_whole(tmp_path / "out") == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
def test_a_full_or_read_only_disk_is_told_by_the_file_and_leaves_the_old_one(
    number: int, tmp_path: Path
) -> None:
    target = tmp_path / "trace.json"
    target.write_text("old")

    def write_half() -> None:
        with replacing(target) as new:
            new.write_text("ha")
            raise OSError(number, os.strerror(number))

    with pytest.raises(OutputError, match=r"trace\.json: cannot be written .*--out"):
        write_half()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_other_errors_are_left_to_whoever_knows_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), writing(tmp_path):
        (tmp_path / "none").read_text()


def test_a_read_only_folder(tmp_path: Path) -> None:
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(mounted)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs mount")
    if done.returncode:
        pytest.skip("needs the right to mount")
    try:
        with pytest.raises(OutputError, match=r"cannot write into .* \(Read-only file system\)"):
            ensure_writable(mounted / "traces")
    finally:
        subprocess.run(["umount", mounted], check=True)


def test_drafts_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    stale = tmp_path / ".89abcdef-cpu-post-threads.manifest.json"
    others = [
        tmp_path / ".bashrc",
        tmp_path / ".12345678-notes.txt",
        tmp_path / "89abcdef-cpu-post-threads.manifest.json",
    ]
    for path in (stale, *others):
        path.write_text("")
    (tmp_path / ".89abcdef-folder.json").mkdir()
    with replacing(tmp_path / "trace.json") as living:
        living.write_text("whole")
        assert remove_stale(tmp_path) == [stale]
        assert living.exists()
    assert (tmp_path / "trace.json").read_text() == "whole"
    assert all(path.exists() for path in others)


def test_a_draft_is_free_once_its_writer_was_killed(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys, time\nfrom profiling.files import replacing\n"
        "with replacing(pathlib.Path('trace.json')) as new:\n"
        "    new.write_text('half'); print('begun', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        (draft,) = tmp_path.iterdir()
        assert remove_stale(tmp_path) == []
        writer.kill()
    assert remove_stale(tmp_path) == [draft]


def test_a_file_system_without_locks_keeps_its_drafts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / ".89abcdef-trace.json").write_text("half")
    ensure_writable(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    with replacing(tmp_path / "trace.json") as new:
        new.write_text("whole")
    assert (tmp_path / "trace.json").read_text() == "whole"

"""Modes in processes of their own, and how those end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
import torch
from torch import nn

from profiling import Branch, record
from profiling.branches import Workload
from profiling.errors import BrokenModeError, MissingTorchError, UsageError
from profiling.job import Request
from profiling.remote import RemoteSession, pack
from profiling.tracing import Detail

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
TINY = Workload(input_size=3, hidden_size=4, batch=2, seq_length=3)


def request(folder: Path, given: Workload | list[Branch] = TINY, device: str = "cpu") -> Request:
    return Request(
        run="run",
        folder=folder,
        given=given,
        device=device,
        warmup=1,
        steps=1,
        detail=Detail(),
        isolated=True,
        load_average=None,
    )


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[RemoteSession]:
    session = RemoteSession("sequential", pack(request(tmp_path)))
    yield session
    session.close()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_own_branches_are_recorded_in_processes_that_end(tmp_path: Path) -> None:
    pids: list[int] = []

    def noting(_label: str, items: Sequence[T], /) -> Iterable[T]:
        pids.extend(item.pid for item in items if isinstance(item, RemoteSession))
        return items

    branches = [Branch(nn.GRU(3, 4), torch.randn(5, 2, 3)) for _ in range(2)]
    recording = record(
        branches, ["sequential", "threads"], tmp_path, warmup=1, steps=1, rounds=2, track=noting
    )
    assert recording.failures == {}
    assert [manifest["timing"]["isolated"] for manifest in recording.manifests] == [True, True]
    assert len({manifest["run"] for manifest in recording.manifests}) == 1
    assert len(set(pids)) == 2
    assert os.getpid() not in pids
    assert not any(map(is_alive, pids))


@pytest.mark.parametrize(
    ("number", "end"),
    [
        (signal.SIGKILL, "was ended by SIGKILL"),
        (signal.SIGTERM, "ended with 143"),  # it unwound, and removed what it was writing
    ],
)
def test_a_process_that_is_killed_is_a_mode_that_broke(
    remote: RemoteSession, number: signal.Signals, end: str
) -> None:
    remote.start()
    os.kill(remote.pid, number)
    with pytest.raises(BrokenModeError, match=f"the process of the mode {end}"):
        remote.prepare()


def test_errors_come_back_as_they_were_raised(tmp_path: Path) -> None:
    session = RemoteSession("sequential", pack(request(tmp_path, device="toaster")))
    try:
        session.start()
        with pytest.raises(UsageError, match="device is 'toaster'; expected auto, cpu or cuda"):
            session.prepare()
    finally:
        session.close()


def test_branches_that_cannot_be_sent(tmp_path: Path) -> None:
    branches = [Branch(lambda x: x, torch.ones(1))]
    with pytest.raises(UsageError, match=r"cannot be sent .*pass isolate=False"):
        record(branches, ["sequential"], tmp_path)


def test_branches_that_cannot_be_unpacked_over_there(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import torch\n"
        "from profiling import Branch, record\n"
        "from profiling.errors import UsageError\n"
        "class Mine(torch.nn.Module):\n"
        "    def forward(self, x): return x\n"
        "try:\n"
        "    record([Branch(Mine(), torch.ones(1))], ['sequential'], 'out')\n"
        "except UsageError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "cannot be sent to the process of a mode" in done.stdout
    assert "Mine" in done.stdout
    assert done.stderr == ""


def test_missing_torch_over_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('No torch', name='torch')")
    packed = pack(request(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    session = RemoteSession("sequential", packed)
    try:
        with pytest.raises(MissingTorchError, match=r'pip install "torch-overlap\[record\]"'):
            session.start()
    finally:
        session.close()


def test_ctrl_c_leaves_neither_processes_nor_half_files(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "profiling", "record", "--mode", "sequential"]
    recording = subprocess.Popen(
        [*command, "--mode", "threads", "--rounds", "1000000", "--device", "cpu"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    children = Path(f"/proc/{recording.pid}/task/{recording.pid}/children")
    workers: list[int] = []
    deadline = time.monotonic() + 60
    while len(workers) < 2 and time.monotonic() < deadline:
        workers = [int(pid) for pid in children.read_text().split()]
        time.sleep(0.05)
    time.sleep(3)
    # As a terminal does it: to every process of the group.
    os.killpg(recording.pid, signal.SIGINT)
    output, errors = recording.communicate(timeout=60)
    assert recording.returncode == 130
    assert output == ""
    assert errors.strip() == "Interrupted. Every file that was written is complete."
    assert len(workers) == 2
    assert not any(map(is_alive, workers))
    (journal,) = (tmp_path / "traces").iterdir()
    modes = json.loads(journal.read_text())["modes"]
    assert {name: each["state"] for name, each in modes.items()} == {
        "sequential": "missing",
        "threads": "missing",
    }

"""One small recording of every mode in this process, shared by the tests that read it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
import torch

from profiling import record
from profiling.branches import Workload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from profiling.recorder import Recording

ROOT = Path(__file__).parents[2]
TINY = Workload(input_size=3, hidden_size=4, batch=2, seq_length=3, layers=2)
# Branches of some milliseconds: where they are shorter than waking a thread, one thread
# of a pool runs them all.
LONG = Workload(input_size=3, hidden_size=128, batch=128, seq_length=3, layers=2)
STEPS = 5
ROUNDS = 4


class RunCommand(Protocol):
    def __call__(
        self, *args: str, path: Path | None = None
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope="session", autouse=True)
def one_thread_per_operator() -> Iterator[None]:
    """Teams of threads only wait for each other on a machine that runs other tests too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny() -> Workload:
    return TINY


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return record(
        LONG,
        out=tmp_path_factory.mktemp("traces"),
        device="cpu",
        warmup=5,
        steps=STEPS,
        rounds=ROUNDS,
        isolate=False,
    )


@pytest.fixture
def run_command(tmp_path: Path) -> RunCommand:
    """Run `python -m profiling` in an empty folder; `path` is looked at before any other."""

    def run(*args: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
        search = [str(path)] if path else []
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*search, str(ROOT)])}
        return subprocess.run(
            [sys.executable, "-m", "profiling", *args],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run

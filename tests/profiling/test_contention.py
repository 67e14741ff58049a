"""What other programs use is what all use, less what we do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from profiling.contention import Usage, is_disturbed, other_cores, usage

if TYPE_CHECKING:
    from pathlib import Path


def a_process(proc: Path, pid: int, session: int, ticks: tuple[int, int, int, int]) -> None:
    (proc / str(pid)).mkdir()
    before = f"{pid} (a (strange) name) S 1 {pid} {session} 0 -1 4194304 0 0 0 0"
    (proc / str(pid) / "stat").write_text(f"{before} {' '.join(map(str, ticks))} 20 0 1 0\n")


def test_cores_and_processes_are_summed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 2})
    (tmp_path / "stat").write_text(
        "cpu  9 9 9 9 9 9 9 9 0 0\n"
        "cpu0 100 20 30 5000 40 1 2 3 0 0\n"  # idle and iowait are not busy; steal is
        "cpu1 999 0 0 0 0 0 0 0 0 0\n"  # none of ours
        "cpu2 10 0 0 0 0 0 0 0 0 0\n"
        "intr 1\n"
    )
    a_process(tmp_path, os.getpid(), 1, (1, 2, 3, 4))
    a_process(tmp_path, 5_000_001, 5_000_001, (10, 0, 0, 0))
    a_process(tmp_path, 5_000_002, 5_000_001, (0, 20, 0, 0))
    a_process(tmp_path, 5_000_003, 7, (500, 0, 0, 0))
    found = usage({5_000_001}, tmp_path)
    assert found is not None
    per_second = os.sysconf("SC_CLK_TCK")
    assert found.busy * per_second == pytest.approx(100 + 20 + 30 + 1 + 2 + 3 + 10)
    assert found.own * per_second == pytest.approx(1 + 2 + 3 + 4 + 10 + 20)


def test_a_system_that_does_not_tell(tmp_path: Path) -> None:
    assert usage(set(), tmp_path / "none") is None
    assert other_cores(None, Usage(1, 1, 1)) is None
    assert not is_disturbed(None, 2)


def test_others_are_the_rest() -> None:
    assert other_cores(Usage(10, 100, 40), Usage(14, 108, 46)) == pytest.approx(0.5)
    # Clocks that tick apart make it no less than nothing.
    assert other_cores(Usage(10, 100, 40), Usage(14, 104, 46)) == 0


@pytest.mark.parametrize(("others", "disturbed"), [(0.19, False), (0.21, True)])
def test_a_tenth_of_the_cores_is_too_much(others: float, *, disturbed: bool) -> None:
    assert is_disturbed(others, 2) is disturbed


def test_a_real_program_counts_as_ours_or_another() -> None:
    busy = "import time; end = time.monotonic() + 60\nwhile time.monotonic() < end: pass"
    with subprocess.Popen([sys.executable, "-c", busy], start_new_session=True) as program:
        try:
            ours = usage({program.pid}), usage(set())
            time.sleep(1)
            later = usage({program.pid}), usage(set())
        finally:
            program.kill()
    as_ours, as_others = other_cores(ours[0], later[0]), other_cores(ours[1], later[1])
    assert as_ours is not None
    assert as_others is not None
    # The rest of the machine may be busy too, at both times alike.
    assert 0.2 < as_others - as_ours < 1.2

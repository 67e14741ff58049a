"""However traces are measured, the results are the same to the nanosecond, and survive."""

from __future__ import annotations

import os
import pickle
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from analysis import cache
from analysis.directory import discover
from analysis.errors import Interrupted
from analysis.fleet import kept, memory
from analysis.fleet.job import jobs
from analysis.fleet.local import Pool
from analysis.fleet.measure import Options, Task, measure
from analysis.fleet.run import Done, run
from analysis.report import Failure
from analysis.reporting import report
from analysis.trace import Reading
from tests.ranks import all_reduce, job

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.fleet.run import Outcome, Telling
    from analysis.location import Location

OPTIONS = Options(gaps=5, within=None, marks=None, hta=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four ranks of a job."""
    folder = tmp_path / "job"
    folder.mkdir()
    ranks = job(4)
    for number in range(3):
        for rank in ranks:
            rank.run("gemm", 1_001 + 777 * rank.rank * number)
        all_reduce(ranks, 5_000, jitter=[0, 3, 40, 7 * number])
    for rank in ranks:
        rank.write(folder / f"rank{rank.rank}.json.gz")
    return folder


def tasks(folder: Path, **reading: Any) -> list[Task]:
    return [Task(source, OPTIONS, Reading(**reading)) for source in discover([folder])]


class Spy:
    """Measures here, and remembers what it was asked for."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.asked: list[str] = []
        self._stop_after = stop_after

    def __call__(self, tasks: Sequence[Task], _tell: Telling) -> Iterator[tuple[int, Outcome]]:
        for place, task in enumerate(tasks):
            if place == self._stop_after:
                raise KeyboardInterrupt
            self.asked.append(task.source.path.name)
            yield place, measure(task)


def quiet(*_: object) -> None:
    pass


def test_a_pool_says_the_same_as_one_process(folder: Path) -> None:
    here = report([folder])
    there = report([folder], way=Pool(jobs=2))
    assert here.to_json() == there.to_json()
    assert len(here.jobs) == 1


def test_finished_ranks_are_not_measured_again(folder: Path) -> None:
    with pytest.raises(Interrupted, match=r"^2 of 4 traces are measured and kept: the same comm"):
        run(tasks(folder), Spy(stop_after=2), quiet)
    spy, told = Spy(), []

    def tell(path: Location, progress: object) -> None:
        if isinstance(progress, Done):
            told.append((path.name, progress.number, progress.kept))

    found = run(tasks(folder), spy, tell)
    assert spy.asked == ["rank2.json.gz", "rank3.json.gz"]
    assert told == [
        ("rank0.json.gz", 1, True),
        ("rank1.json.gz", 2, True),
        ("rank2.json.gz", 3, False),
        ("rank3.json.gz", 4, False),
    ]
    anew = run(tasks(folder, cached=False), Spy(), quiet)
    assert jobs(each for each in found if not isinstance(each, Failure)) == jobs(
        each for each in anew if not isinstance(each, Failure)
    )


def test_an_interrupt_promises_nothing_where_nothing_is_kept(folder: Path) -> None:
    for some, after in ((tasks(folder), 0), (tasks(folder, cached=False), 2)):
        with pytest.raises(KeyboardInterrupt) as stopped:
            run(some, Spy(stop_after=after), quiet)
        assert not isinstance(stopped.value, Interrupted)


def test_a_changed_file_another_question_and_other_code_find_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first, *_) = tasks(folder)
    place = kept.place(first)
    assert place is not None
    assert kept.place(first) == place
    other = first._replace(options=OPTIONS._replace(gaps=6))
    assert kept.place(other) != place
    strict = first._replace(reading=Reading(strict=True))
    assert kept.place(strict) != place
    assert isinstance(first.source.path, Path)
    os.utime(first.source.path, ns=(1, 1))
    assert kept.place(first) != place
    os.utime(first.source.path, ns=(2, 2))
    before = kept.place(first)
    monkeypatch.setattr(kept, "version", lambda: "another")
    assert kept.place(first) != before
    assert kept.place(first._replace(reading=Reading(cached=False))) is None


def test_what_is_damaged_or_foreign_is_no_result(folder: Path, tmp_path: Path) -> None:
    (first, *_) = tasks(folder)
    place = kept.place(first)
    assert place is not None
    result = measure(first)
    kept.put(place, result)
    again = kept.get(place)
    assert again is not None
    assert again.report.to_json() == result.report.to_json()
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 1
    place.write_bytes(content)
    assert kept.get(place) is None
    witness = tmp_path / "witness"

    class Harmful:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, (f"touch {witness}",)

    harmful: Any = Harmful()
    replaced = msgspec.structs.replace(result, identity=harmful)
    for foreign in (Harmful(), replaced, "text"):
        kept_bytes = pickle.dumps(foreign)
        digest = kept.blake2b(kept_bytes, digest_size=20).digest()  # type: ignore[attr-defined] # as it does
        place.write_bytes(digest + kept_bytes)
        assert kept.get(place) is None
    assert not witness.exists()


def test_kept_results_count_as_entries_of_the_cache(folder: Path) -> None:
    run(tasks(folder), Spy(), quiet)
    assert cache.contents().entries == 4
    assert cache.clear() == 4


def test_a_rank_that_kills_its_worker_is_named_and_the_others_are_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A worker is killed -9 twice while it reads from a pipe that never ends."""
    os.mkfifo(folder / "rank9.json")
    writer = os.open(folder / "rank9.json", os.O_RDWR)
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while not over.is_set():
            for pid in reading_from(folder / "rank9.json"):
                if pid not in killed:
                    killed.append(pid)
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        listed = tasks(folder)
        fifo = msgspec.structs.replace(listed[0].source, path=folder / "rank9.json")
        found = run([*listed, listed[0]._replace(source=fifo)], Pool(jobs=2), quiet)
    finally:
        over.set()
        killer.join()
        os.close(writer)
    *good, bad = found
    assert isinstance(bad, Failure)
    assert "killed, 2 times (exit status -9)" in bad.reason
    assert len(killed) == 2
    assert not any(isinstance(each, Failure) for each in good)


def reading_from(path: Path) -> list[int]:
    """Processes that have a file open to read it alone.

    A child of ours holds our own end of the pipe, too, until its program has been executed; that
    end can be written to.
    """
    return [
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if any(reads(opened, path) for opened in descriptors(process))
    ]


def descriptors(process: Path) -> list[Path]:
    try:
        return list((process / "fd").iterdir())
    except OSError:  # it has ended, or is another user's
        return []


def reads(opened: Path, path: Path) -> bool:
    try:
        return str(opened.readlink()) == str(path) and not opened.lstat().st_mode & stat.S_IWUSR
    except OSError:  # closed since
        return False


def test_an_interrupted_pool_leaves_no_process(folder: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from analysis.fleet.local import Pool\n"
        "from tests.analysis.test_fleet_ways import tasks, quiet\n"
        "for place, outcome in Pool(jobs=2)(tasks(Path(sys.argv[1])), quiet):\n"
        "    raise KeyboardInterrupt\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert "KeyboardInterrupt" in done.stderr
    children = [
        process
        for process in Path("/proc").glob("[0-9]*/cmdline")
        if str(folder).encode() in _read(process)
    ]
    assert children == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize(
    ("jobs", "budget", "expected"),
    [(1, None, 1), (8, 1 << 40, 4), (3, 1 << 40, 3), (8, 1, 1), (8, 2 * (161 << 20), 2)],
)
def test_as_many_workers_as_cores_and_memory_allow(
    folder: Path, jobs: int, budget: int | None, expected: int
) -> None:
    assert memory.workers(tasks(folder), jobs, budget) == expected


def test_memory_of_this_machine_is_found() -> None:
    assert 0 < memory.available() <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")

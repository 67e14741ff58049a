"""A real cluster and a real object store, on loopback, with all that goes wrong there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from analysis.errors import ClusterError, MissingExtraError, TraceError
from analysis.fleet import cluster
from analysis.fleet.cluster import Cluster
from analysis.location import Url, located
from analysis.reporting import report
from analysis.trace import Reading
from tests.ranks import all_reduce, job
from tests.storage import Storage, free_port, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis import Report

distributed = pytest.importorskip("distributed", reason="needs the dask extra")
s3fs = pytest.importorskip("s3fs", reason="needs s3fs")
psutil = pytest.importorskip("psutil", reason="comes with distributed")
pytest.importorskip("moto.server", reason="needs moto[server]")

REPOSITORY = Path(__file__).parents[2]
UNCACHED = Reading(cached=False)
SIZE = 8
BUCKET = "traces"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("job")
    ranks = job(SIZE)
    for number in range(3):
        for rank in ranks:
            rank.run("gemm", 1_001 + 777 * rank.rank * number)
        all_reduce(ranks, 5_000)
    for rank in ranks:
        rank.write(folder / f"rank{rank.rank}.json.gz")
    return folder


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """Whose storage it is; workers inherit it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("TORCH_OVERLAP_CACHE", "off")
        patch.setenv("PYTHONPATH", str(REPOSITORY))
        yield dict(os.environ)


@pytest.fixture(scope="module")
def storage(folder: Path, environment: dict[str, str]) -> Iterator[Storage]:
    """A bucket with the job's ranks."""
    with served() as found, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", found.url)
        system = s3fs.S3FileSystem(endpoint_url=found.url, skip_instance_cache=True)
        system.mkdir(BUCKET)
        for path in sorted(folder.iterdir()):
            system.pipe(f"{BUCKET}/run/{path.name}", path.read_bytes())
        yield found


@pytest.fixture(scope="module")
def scheduler(storage: Storage) -> Iterator[str]:
    """A scheduler and three workers, each a process of its own without a nanny."""
    address = f"tcp://127.0.0.1:{free_port()}"
    dask = [sys.executable, "-m", "dask"]
    worker = ["worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    started = [
        subprocess.Popen(
            [*dask, *arguments],
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for arguments in (["scheduler", "--host", address, "--no-dashboard"], *[worker] * 3)
    ]
    try:
        with distributed.Client(address, timeout="60s") as client:
            client.wait_for_workers(3, timeout=60)
        yield address
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


def without_paths(found: Report) -> object:
    """The report, whatever the traces are called."""
    text = json.dumps(found.to_json())
    for trace in found.traces:
        text = text.replace(trace.path, trace.label)
    return json.loads(text)


def test_the_cluster_says_the_same_as_one_process(
    scheduler: str, storage: Storage, folder: Path
) -> None:
    here = report([folder], reading=UNCACHED)
    there = report([Url(f"s3://{BUCKET}/run")], reading=UNCACHED, way=Cluster(scheduler))
    far = report([Url(f"s3://{BUCKET}/run/*.json.gz")], reading=UNCACHED)
    assert without_paths(there) == without_paths(here) == without_paths(far)
    assert [trace.path for trace in there.traces] == [
        f"s3://{BUCKET}/run/rank{rank}.json.gz" for rank in range(SIZE)
    ]
    assert there.jobs[0].world_size == SIZE


def test_all_that_goes_wrong_at_once(scheduler: str, storage: Storage, folder: Path) -> None:
    """A worker is killed while it reads; one object is cut short, one forbidden, one missing."""
    system = s3fs.S3FileSystem(endpoint_url=storage.url, skip_instance_cache=True)
    whole = (folder / "rank2.json.gz").read_bytes()
    for rank in range(SIZE):
        if rank != 6:
            system.copy(f"{BUCKET}/run/rank{rank}.json.gz", f"{BUCKET}/bad/rank{rank}.json.gz")
    system.pipe(f"{BUCKET}/bad/rank2.json.gz", whole[: len(whole) // 2])
    killed: list[int] = []

    def kill(port: int) -> None:
        (pid,) = {
            each.pid
            for each in psutil.net_connections("tcp")
            if each.laddr and each.laddr.port == port and each.pid != os.getpid()
        }
        os.kill(pid, signal.SIGKILL)
        killed.append(pid)
        time.sleep(0.2)

    storage.forbidden, storage.watched, storage.seen = (
        ("bad/rank4.json.gz",),
        ("bad/rank1.json.gz",),
        kill,
    )
    names = [Url(f"s3://{BUCKET}/bad/rank{rank}.json.gz") for rank in range(SIZE)]
    try:
        found = report(names, reading=UNCACHED, way=Cluster(scheduler))
    finally:
        storage.forbidden = storage.watched = ()
    assert len(killed) == 1
    assert [Path(each.path).name for each in found.failures] == ["rank4.json.gz", "rank6.json.gz"]
    assert "access is denied" in found.failures[0].reason
    assert "no such file" in found.failures[1].reason
    assert [trace.label for trace in found.traces] == [
        f"rank{rank}" for rank in range(SIZE) if rank not in (4, 6)
    ]
    assert [trace.label for trace in found.traces if trace.losses] == ["rank2"]
    assert "ends early" in found.traces[2].losses[0]
    (laid,) = found.jobs
    assert laid.missing == (4, 6)
    assert any("Rank 2 was not read as it stands" in note for note in laid.notes)
    assert [row.rank for row in laid.ranks] == [0, 1, 2, 3, 5, 7]
    sound = report([folder], reading=UNCACHED)
    expected = {trace.label: trace.devices for trace in sound.traces}
    for trace in found.traces:
        if trace.label != "rank2":
            assert trace.devices == expected[trace.label]


def test_other_versions_are_refused_before_anything_is_measured(
    scheduler: str, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = cluster.versions()

    class Other:
        def run(self, _: object, on_error: str) -> dict[str, object]:
            assert on_error == "return"
            return {"tcp://a": own, "tcp://b": own | {"numpy": "1.0"}}

    with pytest.raises(ClusterError, match=r"worker tcp://b: has numpy 1\.0, here"):
        cluster._compare_versions(Other())

    class Without(Other):
        def run(self, _: object, on_error: str) -> dict[str, object]:
            assert on_error == "return"
            return {"tcp://a": ModuleNotFoundError("No module named 'analysis'")}

    with pytest.raises(ClusterError, match="does not work there"):
        cluster._compare_versions(Without())
    with distributed.Client(scheduler, timeout="30s") as client:
        cluster._compare_versions(client)


def test_where_no_cluster_is_the_message_says_how_to_start_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_PATIENCE", "1s")
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(ClusterError, match=f"{address}: no Dask cluster .*dask scheduler"):
        report([folder], reading=UNCACHED, way=Cluster(address))


INTERRUPTED = """
import os, signal, sys
from contextlib import contextmanager
from analysis import cli
from analysis.cli import report
from analysis.fleet.run import Done

def tell(path, told=None):
    if isinstance(told, Done):
        os.killpg(0, signal.SIGINT)  # as a terminal does: to all processes of the command

@contextmanager
def shown():
    yield tell

report.shown = shown
signal.signal(signal.SIGINT, signal.default_int_handler)  # else ignored in the background
cli.main(["report", sys.argv[1], "--dask", "2"])
"""


@pytest.mark.parametrize("cached", [True, False])
def test_an_interrupted_cluster_ends_in_one_sentence(
    folder: Path, environment: dict[str, str], tmp_path: Path, cached: bool
) -> None:
    command = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(folder)],
        env=environment | {"TORCH_OVERLAP_CACHE": str(tmp_path) if cached else "off"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = command.communicate(timeout=120)
        ended = _has_ended(command.pid)
    finally:
        command.kill()
    kept = f" 1 of {SIZE} traces are measured and kept: the same command goes on from there."
    assert err.strip() == f"Interrupted; nothing was written.{kept if cached else ''}"
    assert (command.returncode, out, ended) == (130, "", True)


def _has_ended(group: int) -> bool:
    """Tell whether no process of a group is left, soon."""
    for _ in range(50):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_without_the_extras_advice_is_given(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"torch-overlap\[dask\]"):
        report([folder], reading=UNCACHED, way=Cluster(None, 2))
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=r"torch-overlap\[remote\]"):
        report([Url("s3://bucket/a.json")])


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"s3://{BUCKET}/none/rank0.json", "no such file"),
        (f"s3://{BUCKET}/none/*.json", "holds no trace"),
        ("nothing://a/b.json", "nothing"),
        ("http://127.0.0.1:9/a.json", "cannot be read"),
    ],
)
def test_urls_that_lead_nowhere_are_errors(storage: Storage, url: str, reason: str) -> None:
    with pytest.raises(TraceError, match=reason) as caught:
        report([Url(url)], reading=UNCACHED)
    assert url in str(caught.value)


def test_paths_and_urls_are_told_apart() -> None:
    assert located("s3://a/b.json") == Url("s3://a/b.json")
    assert located("file:///a/b.json") == Path("/a/b.json")
    assert located("run/rank0.json") == Path("run/rank0.json")
    assert Url("https://host/a/rank0.json.gz?signature=x/y").name == "rank0.json.gz"

"""Workers of a Dask cluster, wherever they run: each reads and measures traces of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import signal
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from analysis.errors import ClusterError, MissingExtraError
from analysis.fleet import kept
from analysis.fleet.measure import outcome
from analysis.report import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.fleet.measure import Task
    from analysis.fleet.run import Outcome, Telling

_PATIENCE = "30s"
_DIED = (
    "the workers that measured it died, one after the other ({error}); was memory short? See the "
    "workers' logs, or give each more memory"
)


class Cluster(msgspec.Struct, frozen=True):
    """Measures on a Dask cluster; see `Way`.

    Attributes:
        address: of its scheduler; None: a cluster is started on this machine.
        workers: of the cluster that is started; None: as many as there are cores.
    """

    address: str | None = None
    workers: int | None = None

    def __call__(self, tasks: Sequence[Task], tell: Telling) -> Iterator[tuple[int, Outcome]]:
        """Yield the place of each task with what came of it, as they finish.

        Raises:
            MissingExtraError: Dask is not installed.
            ClusterError: the cluster cannot be reached, or its workers run something else.
        """
        with _client(self.address, self.workers) as client:
            _compare_versions(client)
            yield from _measured(client, tasks, tell)


@contextmanager
def _client(address: str | None, workers: int | None) -> Iterator[Any]:
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise MissingExtraError(
            "measuring on a cluster needs Dask: pip install 'torch-overlap[dask]'"
        ) from error
    with ExitStack() as stack:
        try:
            where: Any = address
            if address is None:
                where = stack.enter_context(_local(distributed, workers))
            client = stack.enter_context(distributed.Client(where, timeout=_PATIENCE))
            client.wait_for_workers(1, timeout=_PATIENCE)
        except (OSError, ValueError, TimeoutError) as error:
            raise ClusterError(
                f"{address or 'a local cluster'}: no Dask cluster with workers answers there "
                f"({str(error) or type(error).__name__}); start one with `dask scheduler` and "
                "`dask worker ADDRESS`, on machines where torch-overlap is installed"
            ) from error
        yield client


@contextmanager
def _local(distributed: Any, workers: int | None) -> Iterator[Any]:
    """Start a cluster here; where we are interrupted it ends at once, and without complaint."""
    with _interrupts_withheld():
        cluster = distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address=":0",  # a free port: the usual one may be another cluster's
            scheduler_kwargs={"dashboard": False},
        )
    with cluster:
        try:
            yield cluster
        except (KeyboardInterrupt, GeneratorExit):
            with _silent(logging.getLogger("distributed")):
                cluster.sync(_kill, list(cluster.workers.values()))
                cluster.close()
            raise


@contextmanager
def _interrupts_withheld() -> Iterator[None]:
    """Keep Ctrl-C from the threads and processes that are started meanwhile: it is ours.

    They inherit the mask, and so do the workers that one of the threads starts later.
    """
    resource_tracker.ensure_running()  # else the first process starts it, and is unmasked then
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


async def _kill(nannies: Sequence[Any]) -> None:
    """End workers in the midst of a trace, which they would read to its end first."""
    pids = [nanny.pid for nanny in nannies]
    # One that is closing starts no other worker in the place of a killed one.
    closing = [asyncio.ensure_future(nanny.close()) for nanny in nannies]
    await asyncio.sleep(0)
    for pid in filter(None, pids):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await asyncio.gather(*closing)


def versions() -> dict[str, str]:
    """Return what must be the same everywhere for results to be comparable."""
    return {
        "torch-overlap": kept.version()[:12],
        "python": ".".join(platform.python_version_tuple()[:2]),
        "numpy": np.__version__,
        "msgspec": msgspec.__version__,
    }


def _compare_versions(client: Any) -> None:
    own = versions()
    # A worker that lacks our package cannot even be asked by our function.
    found = client.run(versions, on_error="return")
    for worker, theirs in sorted(found.items()):
        if not isinstance(theirs, dict):
            raise ClusterError(
                f"worker {worker}: torch-overlap does not work there ({theirs}); install the same "
                "version as here"
            )
        different = [
            f"{name} {theirs.get(name)}, here {version}"
            for name, version in own.items()
            if theirs.get(name) != version
        ]
        if different:
            raise ClusterError(
                f"worker {worker}: has {'; '.join(different)}; results would not be comparable: "
                "install the same versions there and here"
            )


def _measured(client: Any, tasks: Sequence[Task], tell: Telling) -> Iterator[tuple[int, Outcome]]:
    distributed: Any = import_module("distributed")
    futures = {}
    for place, task in enumerate(tasks):
        alone = task._replace(reading=task.reading.alone())
        # A result is of one file at one time: the scheduler must not take another's for it.
        future = client.submit(outcome, alone, pure=False, retries=1)
        futures[future] = place
        tell(task.source.path, None)
    for future in distributed.as_completed(list(futures)):
        place = futures.pop(future)
        yield place, _result(future, tasks[place])
        future.release()


def _result(future: Any, task: Task) -> Outcome:
    distributed: Any = import_module("distributed")
    try:
        result: Outcome = future.result()
    except (distributed.KilledWorker, distributed.scheduler.NoValidWorkerError) as error:
        path = str(task.source.path)
        return Failure(path, f"{path}: {_DIED.format(error=type(error).__name__)}")
    except (OSError, distributed.client.FutureCancelledError) as error:
        raise ClusterError(f"the Dask cluster was lost ({error}); start it again") from error
    return result

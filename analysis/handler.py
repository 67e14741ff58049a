"""Analysis at the end of a profiler's cycle, inside of the program that is profiled."""

from __future__ import annotations

import logging
import os
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from analysis.compose.report import compose
from analysis.output import write_all
from analysis.render import RENDERERS
from analysis.reporting import report
from analysis.trace import Reading

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG = logging.getLogger("analysis")


class Profiler(Protocol):
    """What is needed of torch.profiler.profile."""

    def export_chrome_trace(self, path: str) -> object:
        """Write what was recorded."""


def trace_handler(
    directory: str | os.PathLike[str], *, name: str | None = None
) -> Callable[[Profiler], None]:
    """Return an `on_trace_ready` that writes each trace, and a report of it.

    For `torch.profiler.profile(on_trace_ready=...)`, as `tensorboard_trace_handler` is
    used. The n-th trace becomes `NAME-n.pt.trace.json.gz`, its report `NAME-n/report.html`,
    `report.md` and `report.json`. Whatever fails is logged (logger `analysis`), and the
    program that is profiled goes on.

    Args:
        directory: where to; made if missing.
        name: what the files are called; None: `rankR` where RANK is set in the
            environment, else `trace-PID`.
    """
    folder = Path(directory)
    rank = os.environ.get("RANK")
    stem = name or (f"trace-{os.getpid()}" if rank is None else f"rank{rank}")
    numbers = count(1)

    def handle(profiler: Profiler) -> None:
        called = f"{stem}-{next(numbers)}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            trace = folder / f"{called}.pt.trace.json.gz"
            profiler.export_chrome_trace(str(trace))
            _report(trace, folder / called)
        except Exception as error:  # noqa: BLE001 - nothing here is worth a training run
            _LOG.warning("%s: no report was written: %s", folder / called, error)

    return handle


def _report(trace: Path, folder: Path) -> None:
    # Each trace is read once.
    found = report([trace], pictures=True, reading=Reading(cached=False))
    document = compose(found)
    written = write_all(
        folder,
        {f"report.{suffix}": render(found, document) for suffix, render in RENDERERS.items()},
    )
    _LOG.info("report: %s", written[0])

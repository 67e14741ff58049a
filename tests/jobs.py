"""Synthetic ranks, written, measured and laid side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.directory import discover
from analysis.fleet.job import jobs
from analysis.fleet.measure import Options, Task, measure
from analysis.trace import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from analysis.fleet.figures import Job
    from analysis.fleet.rank import Measured
    from tests.ranks import Rank

OPTIONS = Options(gaps=0, within=None, marks=None, hta=False)


def write(folder: Path, ranks: Sequence[Rank]) -> Path:
    for rank in ranks:
        rank.write(folder / f"rank{rank.rank}.json")
    return folder


def measured(folder: Path, within: str | None = None) -> list[Measured]:
    reading = Reading(cached=False)
    options = OPTIONS._replace(within=within)
    return [measure(Task(source, options, reading)) for source in discover([folder])]


def laid(folder: Path, ranks: Sequence[Rank]) -> Job:
    (found,) = jobs(measured(write(folder, ranks)))
    return found


def step_of_work(ranks: Sequence[Rank], durations: Sequence[int]) -> None:
    for rank, duration in zip(ranks, durations, strict=True):
        rank.run("gemm", duration)

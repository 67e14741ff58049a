"""Merge the communications of made-up ranks, as the client does; print the seconds it took.

python -m tests.benchmarks.merging RANKS COLLECTIVES
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.columns import CollectiveCall
from analysis.directory import discover
from analysis.fleet.communication import Communication
from analysis.fleet.identity import Identity
from analysis.fleet.job import merge
from analysis.fleet.measure import Options, Task, measure
from analysis.trace import Reading
from tests.ranks import Rank

if TYPE_CHECKING:
    from analysis.fleet.rank import Measured

STEPS = 5
PER_HOST = 8
SIZES = 30


def main() -> int:
    ranks, collectives = map(int, sys.argv[1:])
    made = job(ranks, collectives)
    begin = time.perf_counter()
    found = merge(made, ranks)
    seconds = time.perf_counter() - begin
    if found.matched != collectives:
        raise RuntimeError(f"{found.matched} of {collectives} collectives were matched")
    print(seconds)
    return 0


def job(ranks: int, collectives: int) -> list[Measured]:
    """Ranks that arrive at each all-reduce within 20 us, and leave it within 50 ns."""
    with tempfile.TemporaryDirectory() as folder:
        Rank(0, ranks).write(Path(folder) / "rank0.json")
        (source,) = discover([Path(folder)])
        one = measure(Task(source, Options(0, None, None, hta=False), Reading(cached=False)))
    random = np.random.default_rng(0)
    start = np.arange(1, collectives + 1) * 100_000 + random.integers(
        0, 20_000, (ranks, collectives)
    )
    end = start.max(axis=0) + 5_000 + random.integers(0, 50, (ranks, collectives))
    zeros, number = np.zeros(collectives, np.int64), np.arange(collectives)
    calls = tuple(
        CollectiveCall("allreduce", "0", "", ranks, elements, elements, "Float", -1, -1)
        for elements in range(1, SIZES + 1)
    )
    return [
        msgspec.structs.replace(
            one,
            report=msgspec.structs.replace(one.report, path=f"rank{rank}.json", resolution_ns=1),
            identity=Identity(rank, ranks, "distributedInfo", f"host{rank // PER_HOST}"),
            communication=Communication(
                start=start[rank],
                end=end[rank],
                hidden=zeros,
                inside=zeros == 0,
                call=(number % SIZES).astype(np.int32),
                kind=zeros.astype(np.int32),
                sequence=zeros - 1,
                step=(number * STEPS // collectives).astype(np.int32),
                calls=calls,
                kinds=("all_reduce",),
                steps=tuple(f"ProfilerStep#{step}" for step in range(STEPS)),
            ),
        )
        for rank in range(ranks)
    ]


if __name__ == "__main__":
    sys.exit(main())

"""`make fuzz`: break small traces in every way, and see that nothing but our own errors comes out.

Each mutation has a number, from which it can be made again: --first N --number 1.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from multiprocessing import Pool
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.fuzz.checks import check
from tests.fuzz.mutations import mutated
from tests.fuzz.texts import texts

if TYPE_CHECKING:
    from types import FrameType

NUMBER = 20_000
SECONDS = 20
MEMORY = 3 << 30


class Outcome(NamedTuple):
    """What became of one mutation; `failure` is a traceback."""

    number: int
    done: str
    kind: str
    seconds: float
    failure: str | None
    path: Path


def main() -> int:
    options = parse_options()
    numbers = range(options.first, options.first + options.number)
    kinds: Counter[str] = Counter()
    failures = []
    slowest = 0.0
    folder = Path(tempfile.mkdtemp(prefix="torch-overlap-fuzz-"))
    with Pool(os.cpu_count(), limit, (folder, options.seed)) as pool:
        for done, outcome in enumerate(pool.imap_unordered(run, numbers, chunksize=20), 1):
            kinds[outcome.kind.partition(":")[0]] += 1
            slowest = max(slowest, outcome.seconds)
            if outcome.failure is not None:
                failures.append(outcome)
                sys.stderr.write(
                    f"\n{outcome.number} ({outcome.done}): {outcome.path}\n{outcome.failure}\n"
                )
            elif not done % 200:
                sys.stderr.write(f"\r{done:,} of {len(numbers):,}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    told = ", ".join(f"{number:,} {kind}" for kind, number in sorted(kinds.items()))
    print(
        f"\n{len(numbers):,} mutations (seed {options.seed}): {told}; slowest {slowest:.1f} s, "
        f"largest process {peak / 1024:.0f} MB"
    )
    return 1 if failures else 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--number", type=int, default=NUMBER, help="default: %(default)s")
    parser.add_argument("--first", type=int, default=0, help="number of the first; %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    return parser.parse_args()


def limit(folder: Path, seed: int) -> None:
    """Prepare a process: memory and time are bounded, and warnings are errors."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _too_slow)
    warnings.simplefilter("error")
    _STATE.update(folder=folder, seed=seed, texts=texts())


def run(number: int) -> Outcome:
    """Make the mutation of a number, and check it; its file stays if that fails."""
    done, data = mutated(random.Random(f"{_STATE['seed']} {number}"), _STATE["texts"])
    path = _STATE["folder"] / f"{number}.json"
    path.write_bytes(data)
    begin = time.perf_counter()
    kind, failure = "failed", None
    signal.alarm(SECONDS)
    try:
        kind = check(path)
    except BaseException:  # noqa: BLE001 - that is what is looked for
        failure = traceback.format_exc()
    finally:
        signal.alarm(0)
    if failure is None:
        path.unlink()
    return Outcome(number, done, kind, time.perf_counter() - begin, failure, path)


def _too_slow(signal_number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"{SECONDS} s were not enough")


_STATE: dict[str, Any] = {}


if __name__ == "__main__":
    sys.exit(main())

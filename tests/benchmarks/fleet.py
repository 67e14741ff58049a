"""`make bench-fleet`: many ranks on one machine, in time, memory and efficiency.

Each measurement is a fresh process that lays a job's ranks side by side and keeps
nothing. Two jobs: copies of one real trace as its ranks, and many small made-up ones.
A worker is bound to no core: for one core each, run it under `taskset -c 0,1`.
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

import msgspec

from tests.benchmarks.bench import TRACE, Run, Subject, measure, median_inside
from tests.ranks import all_reduce, job
from tests.shared import TRACES

KERNELS_PER_STEP = 100
BYTES_PER_KERNEL = 245
"""Of the text, with its launch."""


def main() -> int:
    options = parse_options()
    if not options.trace.is_file():
        sys.stderr.write(f"{options.trace}: no such trace; name one with --trace PATH\n")
        return 2
    os.environ["TORCH_OVERLAP_CACHE"] = "off"
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_copies(options.trace, folder / "large", options.large)
        write_small(folder / "small", options.small, options.small_bytes)
        for name, number in (("large", options.large), ("small", options.small)):
            if number:
                bench(folder / name, number, options.jobs, options.repeats)
    bench_merging(options.small or 2, options.collectives, options.repeats)
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trace", type=Path, default=TRACES / TRACE, help="default: %(default)s")
    parser.add_argument("--large", type=int, default=64, help="copies of it; %(default)s")
    parser.add_argument("--small", type=int, default=1_000, help="made-up ranks; %(default)s")
    parser.add_argument(
        "--small-bytes", type=int, default=1_000_000, help="of text of each; %(default)s"
    )
    parser.add_argument(
        "--collectives", type=int, default=1_200, help="of each rank, to merge; %(default)s"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes; %(default)s")
    parser.add_argument("--repeats", type=int, default=3, help="%(default)s")
    return parser.parse_args()


def bench(folder: Path, ranks: int, jobs: int, repeats: int) -> None:
    """Time one process beside the others."""
    files = sorted(folder.iterdir())
    stored = sum(path.stat().st_size for path in files)
    text = len(gzip.decompress(files[0].read_bytes()))
    print(
        f"\n{folder.name}: {ranks:,} ranks, {text / 1e6:.1f} MB of text each, "
        f"{stored / 1e6:.1f} MB stored in all; {repeats} runs of each"
    )
    subjects = [subject(folder, number) for number in (1, jobs)]
    runs = measure(subjects, repeats)
    for each in subjects:
        mine = runs[each.label]
        print(
            f"{each.label:<12} {wall(mine):8.2f} s ({min(run.wall for run in mine):.2f} - "
            f"{max(run.wall for run in mine):.2f}), {ranks * text / 1e6 / wall(mine):8.1f} MB/s of "
            f"text, peak {mine[0].peak / 1e6:,.0f} MB"
        )
    one, several = (runs[each.label] for each in subjects)
    gain = wall(one) / wall(several)
    print(f"efficiency of {jobs}: {gain / jobs:.2f} ({gain:.2f} times as fast)")


def bench_merging(ranks: int, collectives: int, repeats: int) -> None:
    """Time what the client does with what the ranks send it."""
    module = "tests.benchmarks.merging"
    command = (sys.executable, "-m", module, str(ranks), str(collectives))
    (runs,) = measure([Subject("merging", command)], repeats).values()
    seconds = median_inside(runs)
    assert seconds is not None
    number = ranks * collectives
    print(
        f"\nmerging {ranks:,} ranks with {collectives:,} collectives each: {seconds:.2f} s, "
        f"{1e6 * seconds / number:.1f} us a communication, peak {runs[0].peak / 1e6:,.0f} MB with "
        "the ranks' tables"
    )


def subject(folder: Path, jobs: int) -> Subject:
    program = (
        "import sys; from pathlib import Path; from analysis.fleet.local import Pool; "
        "from analysis.reporting import report; from analysis.trace import Reading; "
        "found = report([Path(sys.argv[1])], gaps=10, reading=Reading(cached=False), "
        "way=Pool(int(sys.argv[2]))); assert found.jobs and not found.failures"
    )
    label = f"{jobs} process" + "es" * (jobs > 1)
    return Subject(label, (sys.executable, "-c", program, str(folder), str(jobs)), reports=False)


def wall(runs: list[Run]) -> float:
    return median(run.wall for run in runs)


def write_copies(trace: Path, folder: Path, number: int) -> None:
    """Write a trace as each of so many ranks."""
    folder.mkdir()
    document = msgspec.json.decode(gzip.decompress(trace.read_bytes()), type=dict[str, msgspec.Raw])
    rest = {key: value for key, value in document.items() if key != "distributedInfo"}
    body = msgspec.json.encode(rest)[1:]
    for rank in range(number):
        info = msgspec.json.encode({"backend": "nccl", "rank": rank, "world_size": number})
        text = b'{"distributedInfo":' + info + b"," + body
        (folder / f"rank{rank}.json.gz").write_bytes(gzip.compress(text, 6))


def write_small(folder: Path, number: int, size: int) -> None:
    """Write a job of so many ranks, of about so many bytes of text each."""
    folder.mkdir()
    ranks = job(number)
    steps = max(size // (KERNELS_PER_STEP * BYTES_PER_KERNEL), 1)
    for step in range(steps):
        for rank in ranks:
            for kernel in range(KERNELS_PER_STEP - 1):
                rank.run(f"gemm {kernel}", 1_001 + (rank.rank * 7 + step + kernel) % 50)
        all_reduce(ranks, 20_000)
    for rank in ranks:
        rank.write(folder / f"rank{rank.rank}.json.gz")


if __name__ == "__main__":
    sys.exit(main())

"""`make bench`: our time and memory against HTA's and against bare decoding.

Every measurement is a fresh process. The subjects take turns in random order, so
that a busy or throttled moment of the machine falls on all of them alike.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.shared import REPOSITORY, TRACES

HERE = Path(__file__).resolve().parent
TRACE = "tracelens-h100-owlv2.json.gz"
KIBIBYTE = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss


@dataclass(frozen=True)
class Run:
    """One process: seconds from its start to its end, seconds without imports, peak bytes."""

    wall: float
    inside: float | None
    peak: int


@dataclass(frozen=True)
class Subject:
    """A command to time; `reports` says whether it prints its seconds without imports."""

    label: str
    command: tuple[str, ...]
    reports: bool = True


def main() -> int:
    options = parse_options()
    if not options.trace.is_file():
        sys.stderr.write(
            f"{options.trace}: no such trace; name one with --trace PATH "
            "(make bench ARGS='--trace PATH')\n"
        )
        return 2
    subjects = make_subjects(options.trace, options.activities)
    options.trace.read_bytes()  # into the file cache, for whoever comes first
    runs = measure(subjects, options.repeats)
    size = options.trace.stat().st_size
    print(f"{options.trace.name}, {size / 1e6:.1f} MB as stored; {options.repeats} runs of each\n")
    print_table(runs)
    print()
    print_ratios(runs)
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--trace", type=Path, default=TRACES / TRACE, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=5, help="default: %(default)s")
    parser.add_argument(
        "--activities", type=int, default=1_000_000, help="of the made-up trace; %(default)s"
    )
    return parser.parse_args()


def make_subjects(trace: Path, activities: int) -> list[Subject]:
    child = (sys.executable, str(HERE / "subjects.py"))
    return [
        Subject("ours", (*child, "ours", str(trace))),
        Subject("HTA", (*child, "hta", str(trace))),
        Subject("floor", (*child, "floor", str(trace))),
        Subject(f"{activities:,} made up", (*child, "synthetic", str(activities))),
        Subject(
            "analyze --help", (str(Path(sys.executable).with_name("analyze")), "--help"), False
        ),
    ]


def measure(subjects: list[Subject], repeats: int) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {subject.label: [] for subject in subjects}
    order = random.Random(0)
    for _ in range(repeats):
        for subject in order.sample(subjects, len(subjects)):
            runs[subject.label].append(run(subject))
    return runs


def run(subject: Subject) -> Run:
    begin = time.perf_counter()
    with subprocess.Popen(subject.command, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
        assert process.stdout
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{subject.label}: exit status {process.returncode} (see above)")
    inside = float(json.loads(output)) if subject.reports else None
    return Run(wall, inside, usage.ru_maxrss * KIBIBYTE)


def print_table(runs: dict[str, list[Run]]) -> None:
    row = "{:<18} {:>10} {:>19} {:>14} {:>10}"
    print(row.format("", "wall s", "(least - most)", "no imports s", "peak MB"))
    for label, mine in runs.items():
        walls = [run.wall for run in mine]
        inside = median_inside(mine)
        print(
            row.format(
                label,
                f"{median(walls):.3f}",
                f"({min(walls):.3f} - {max(walls):.3f})",
                "" if inside is None else f"{inside:.3f}",
                f"{median_peak(mine) / 1e6:.0f}",
            )
        )
    print("Medians; wall is a whole process, start, imports and exit included.")


def print_ratios(runs: dict[str, list[Run]]) -> None:
    ours, hta, floor = (runs[label] for label in ("ours", "HTA", "floor"))
    print(f"HTA / ours:   {walls_ratio(hta, ours):.1f} x wall (aim: 5), ", end="")
    print(f"{inside_ratio(hta, ours):.1f} x without imports (aim: 10), ", end="")
    print(f"{median_peak(hta) / median_peak(ours):.1f} x peak memory")
    print(f"ours / floor: {walls_ratio(ours, floor):.1f} x wall, ", end="")
    print(f"{inside_ratio(ours, floor):.1f} x without imports, ", end="")
    print(f"{median_peak(ours) / median_peak(floor):.1f} x peak memory")


def walls_ratio(slow: list[Run], fast: list[Run]) -> float:
    return median(run.wall for run in slow) / median(run.wall for run in fast)


def inside_ratio(slow: list[Run], fast: list[Run]) -> float:
    slow_seconds, fast_seconds = median_inside(slow), median_inside(fast)
    assert slow_seconds
    assert fast_seconds
    return slow_seconds / fast_seconds


def median_inside(runs: list[Run]) -> float | None:
    seconds = [run.inside for run in runs if run.inside is not None]
    return median(seconds) if seconds else None


def median_peak(runs: list[Run]) -> float:
    return median(run.peak for run in runs)


if __name__ == "__main__":
    sys.exit(main())

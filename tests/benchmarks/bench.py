"""`make bench`: our time and memory against HTA's and against bare decoding.

Every measurement is a fresh process. The subjects take turns in random order, so
that a busy or throttled moment of the machine falls on all of them alike. Memory is
the proportional share (PSS) of the process and all that it starts, summed.
"""

from __future__ import annotations

import argparse
import compileall
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from tests.benchmarks.large import write_repeated
from tests.shared import REPOSITORY, TRACES

HERE = Path(__file__).resolve().parent
TRACE = "tracelens-h100-owlv2.json.gz"
SAMPLED_S = 0.01
AGAIN = 8
HUGE = 57


@dataclass(frozen=True)
class Run:
    """One process: seconds from its start to its end, seconds without imports, peak bytes."""

    wall: float
    inside: float | None
    peak: float


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
    size = options.trace.stat().st_size
    print(f"{options.trace.name}, {size / 1e6:.1f} MB as stored; {options.repeats} runs of each\n")
    runs = measure(report_subjects(options.trace, options.activities), options.repeats)
    print_table(runs)
    print()
    print_ratios(runs)
    if options.large:
        with tempfile.TemporaryDirectory() as folder:
            bench_loading(options.trace, Path(folder), options.repeats, huge=options.huge)
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--trace", type=Path, default=TRACES / TRACE, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=5, help="default: %(default)s")
    parser.add_argument(
        "--activities", type=int, default=1_000_000, help="of the made-up trace; %(default)s"
    )
    parser.add_argument(
        "--large",
        action=argparse.BooleanOptionalAction,
        default=True,
        help=f"load the trace {AGAIN} times over too; default: yes",
    )
    parser.add_argument(
        "--huge", action="store_true", help=f"and {HUGE} times over (2 GB of text from the default)"
    )
    return parser.parse_args()


def report_subjects(trace: Path, activities: int) -> list[Subject]:
    return [
        subject("ours", trace),
        subject("load", trace),
        subject("figures", trace),
        subject("HTA", trace),
        subject("floor", trace),
        subject("synthetic", activities, f"{activities:,} made up"),
        Subject(
            "analyze --help", (str(Path(sys.executable).with_name("analyze")), "--help"), False
        ),
    ]


def subject(name: str, argument: Path | int, label: str | None = None) -> Subject:
    script = str(HERE / "subjects.py")
    return Subject(label or name, (sys.executable, script, name.lower(), str(argument)))


def bench_loading(trace: Path, folder: Path, repeats: int, *, huge: bool) -> None:
    """Load the trace alone, and several times over."""
    sizes = {}
    for times in (1, AGAIN, *([HUGE] if huge else ())):
        path = folder / f"{times}.json.gz"
        sizes[times] = write_repeated(trace, path, times)
        stored = path.stat().st_size
        print(
            f"\n{times} times over: {sizes[times] / 1e6:.0f} MB of text, {stored / 1e6:.1f} stored"
        )
        subjects = [subject("load", path), subject("load-alone", path)]
        if times == AGAIN:
            subjects += [subject("HTA-load", path), subject("inflate", path)]
            subjects.append(subject("load-again", path))
            run(subjects[-1])
        # HTA takes half a minute.
        runs = measure(subjects, min(repeats, 3))
        print_table(runs)
        print_loading(runs, sizes[times])


def measure(subjects: list[Subject], repeats: int) -> dict[str, list[Run]]:
    """Time each subject; then run it once more for its memory, since looking costs time."""
    # As it is where it was installed, which compiled HTA too.
    compileall.compile_dir(REPOSITORY / "analysis", quiet=1)
    runs: dict[str, list[Run]] = {subject.label: [] for subject in subjects}
    order = random.Random(0)
    for _ in range(repeats):
        for each in order.sample(subjects, len(subjects)):
            runs[each.label].append(run(each))
    for each in subjects:
        peak = run(each, watched=True).peak
        runs[each.label] = [replace(timed, peak=peak) for timed in runs[each.label]]
    return runs


def run(measured: Subject, *, watched: bool = False) -> Run:
    begin = time.perf_counter()
    with subprocess.Popen(measured.command, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
        peak = Peak(process.pid)
        if watched:
            peak.start()
        output, _ = process.communicate()
        wall = time.perf_counter() - begin
        if watched:
            peak.stop()
    if process.returncode:
        raise SystemExit(f"{measured.label}: exit status {process.returncode} (see above)")
    inside = float(json.loads(output)) if measured.reports else None
    return Run(wall, inside, peak.value)


class Peak(threading.Thread):
    """Samples the memory of a process and its children; bytes."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.value = 0.0
        self._process = process
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(SAMPLED_S):
            self.value = max(self.value, sum(map(proportional, family(self._process))))

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def family(process: int) -> list[int]:
    """The process, its children, their children, …, as far as they still run."""
    found = [process]
    for each in found:
        try:
            for thread in Path(f"/proc/{each}/task").iterdir():
                found += map(int, (thread / "children").read_text().split())
        except OSError:
            continue
    return found


def proportional(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


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
    print(f"HTA / ours:   {walls_ratio(hta, ours):.1f} x wall (aim: 8), ", end="")
    print(f"{inside_ratio(hta, ours):.1f} x without imports (aim: 10), ", end="")
    print(f"{median_peak(hta) / median_peak(ours):.1f} x peak memory")
    print(f"ours / floor: {walls_ratio(ours, floor):.1f} x wall, ", end="")
    print(f"{inside_ratio(ours, floor):.1f} x without imports, ", end="")
    print(f"{median_peak(ours) / median_peak(floor):.1f} x peak memory")


def print_loading(runs: dict[str, list[Run]], size: int) -> None:
    ours = runs["load"]
    seconds = median_inside(ours)
    assert seconds
    print(f"{1e9 * seconds / size:.2f} s and ", end="")
    print(f"{median_peak(ours) / size:.2f} bytes of memory (aim: 0.5) per GB and byte of text")
    if "HTA-load" in runs:
        hta, inflate = runs["HTA-load"], runs["inflate"]
        print(f"HTA / ours:     {inside_ratio(hta, ours):.1f} x (aim: 15 to 25), ", end="")
        print(f"{median_peak(hta) / median_peak(ours):.1f} x peak memory")
        print(f"ours / inflate: {inside_ratio(ours, inflate):.1f} x (aim: 3 to 2.5)")


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

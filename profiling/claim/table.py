"""What the variants read off their clocks, as text for a terminal."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from profiling.doubts import others_at_work
from profiling.table import aligned, unit_of

if TYPE_CHECKING:
    from profiling.claim.manifest import ClaimManifest, RunFacts

_HEADER = ("variant", "with grad", "no_grad", "ratio", "from", "to", "processes")
_NAMES = {0}


def readings(manifest: ClaimManifest) -> str:
    """A row per variant that measured anything: the medians over its processes."""
    measured = {name: each["runs"] for name, each in manifest["variants"].items() if each["runs"]}
    shortest = min(
        (median(run["no_grad_ns"]) for runs in measured.values() for run in runs), default=1.0
    )
    rows = [_row(name, runs, unit_of(shortest)) for name, runs in measured.items()]
    return "\n".join(aligned([_HEADER, *rows], _NAMES))


def busy(manifest: ClaimManifest) -> list[str]:
    """Say that other programs were at work in half of the processes or more, if so."""
    runs = [run for each in manifest["variants"].values() for run in each["runs"]]
    known = [run["other_cores"] for run in runs if run["other_cores"] is not None]
    others = median(known) if known else None
    return others_at_work(others, manifest["environment"]["cpu_count"], "meanwhile")


def ratio(run: RunFacts) -> float:
    """How many times longer the pass with gradients took in one process."""
    return median(run["with_grad_ns"]) / median(run["no_grad_ns"])


def _row(name: str, runs: list[RunFacts], unit: tuple[float, str]) -> tuple[str, ...]:
    scale, symbol = unit
    ratios = [ratio(run) for run in runs]
    times = (
        median(median(samples) for samples in each) / scale
        for each in (
            [run["with_grad_ns"] for run in runs],
            [run["no_grad_ns"] for run in runs],
        )
    )
    return (
        name,
        *(f"{time:.2f} {symbol}" for time in times),
        *(f"{value:.2f}x" for value in (median(ratios), min(ratios), max(ratios))),
        str(len(runs)),
    )

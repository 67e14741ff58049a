"""The comparison of recorded modes, as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from profiling.bootstrap import Estimate, ratio_estimate
from profiling.modes import BASELINE

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from profiling.manifest import Manifest

_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "us"))
_HEADER = (
    "mode",
    "wall/step",
    "95% interval",
    "speed-up",
    "95% interval",
    "CPU s/s",
    "traced",
    "max diff",
    "trace",
)
_NAMES = {_HEADER.index("mode"), _HEADER.index("trace")}


def comparison(manifests: Sequence[Manifest], *, width: int) -> str:
    """A row per mode; speed-ups are over the baseline, of the same rounds.

    "Traced" is how many times longer a step takes under the profiler.

    Args:
        manifests: of one recording, one or more.
        width: of the terminal; the names of the traces are left out where they would
            not fit.
    """
    baseline = next((m["timing"]["samples_ns"] for m in manifests if m["mode"] == BASELINE), None)
    unit = unit_of(min(manifest["timing"]["median_ns"] for manifest in manifests))
    rows = [_HEADER, *(_row(manifest, baseline, unit) for manifest in manifests)]
    text = aligned(rows, _NAMES)
    if max(map(len, text)) > width:
        text = aligned([row[:-1] for row in rows], _NAMES)
    return "\n".join(text)


def speed_up(manifest: Manifest, baseline_ns: Sequence[float] | None) -> Estimate | None:
    """How many times faster than the baseline; None without one, and for itself."""
    if baseline_ns is None or manifest["mode"] == BASELINE:
        return None
    return ratio_estimate(baseline_ns, manifest["timing"]["samples_ns"])


def speed_ups(manifests: Sequence[Manifest]) -> str:
    """Each mode's speed-up over the baseline, in a line; empty without one."""
    baseline = next((m["timing"]["samples_ns"] for m in manifests if m["mode"] == BASELINE), None)
    told = []
    for manifest in manifests:
        faster = speed_up(manifest, baseline)
        if faster is not None:
            low, high = f"{faster.low:.2f}", f"{faster.high:.2f}"
            told.append(f"{manifest['mode']} {faster.value:.2f}x ({low} to {high})")
    return ", ".join(told)


def _row(
    manifest: Manifest, baseline_ns: Sequence[float] | None, unit: tuple[float, str]
) -> tuple[str, ...]:
    timing = manifest["timing"]
    low, high = timing["ci95_ns"]
    faster = speed_up(manifest, baseline_ns)
    scale, symbol = unit
    return (
        manifest["mode"],
        f"{timing['median_ns'] / scale:.1f} {symbol}",
        f"{low / scale:.1f} to {high / scale:.1f}",
        f"{faster.value:.2f}x" if faster else "-",
        f"{faster.low:.2f} to {faster.high:.2f}" if faster else "-",
        f"{timing['cpu_seconds_per_wall_second']:.2f}",
        f"{manifest['traced']['overhead']:.2f}x",
        f"{manifest['outputs']['max_abs_difference']:.0e}",
        manifest["trace"],
    )


def unit_of(ns: float) -> tuple[float, str]:
    """One unit for all rows, so that they compare at a glance."""
    return next(((scale, unit) for scale, unit in _UNITS if ns >= scale), (1.0, "ns"))


def aligned(rows: Sequence[Sequence[str]], names: Collection[int]) -> list[str]:
    """Columns two spaces apart: those of names to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place in names else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]

"""One file per analysis: a view of a device in, a frozen struct out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.metrics.breakdown import breakdown
from analysis.metrics.dependencies import dependencies
from analysis.metrics.lanes import lanes
from analysis.metrics.launches import launches
from analysis.metrics.lengths import lengths
from analysis.metrics.occupancy import occupancy
from analysis.metrics.parallelism import parallelism
from analysis.metrics.usage import usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.metrics.view import View

METRICS: dict[str, Callable[[View], object]] = {
    "usage": usage,
    "breakdown": breakdown,
    "lanes": lanes,
    "parallelism": parallelism,
    "operator_lengths": lengths,
    "graph": dependencies,
    "launches": launches,
    "occupancy": occupancy,
}
"""Every metric that a report holds for each device and window."""

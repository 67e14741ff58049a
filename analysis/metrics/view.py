"""What every metric is computed from: one device in one window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analysis.device import Device
    from analysis.graph import Graph
    from analysis.graph.spans import Spans
    from analysis.host import Host
    from analysis.metrics.launches import Heads
    from analysis.metrics.stages import Stages
    from analysis.metrics.timeline import LaneRuns, Timeline
    from analysis.processes import Process


class View(msgspec.Struct, frozen=True, eq=False):
    """One device in the window [low, high).

    Attributes:
        device: its activities, all of them.
        runs: when each lane ran, all of it.
        compute_runs: when each lane ran compute, all of it.
        timeline: the states inside the window.
        low: int ns.
        high: int ns.
        host: what the host did.
        heads: the device's launch calls; None on a CPU.
        stages: the activities' stages; None on a CPU.
        process: the process's threads; None on an accelerator.
        graph: what depends on what in the window; None where that is not known.
        spans: the longest paths of the graph; None without one.
    """

    device: Device
    runs: LaneRuns
    compute_runs: LaneRuns
    timeline: Timeline
    low: int
    high: int
    host: Host
    heads: Heads | None = None
    stages: Stages | None = None
    process: Process | None = None
    graph: Graph | None = None
    spans: Spans | None = None

    @property
    def length(self) -> int:
        """Return the window's length in ns."""
        return self.high - self.low

    def inside(self) -> NDArray[np.bool_]:
        """Tell which activities run, or happen in no time, inside the window."""
        device = self.device
        runs = (device.start < self.high) & (device.end > self.low)
        instant = (device.start == device.end) & (device.start <= self.high)
        inside: NDArray[np.bool_] = runs | (instant & (device.start >= self.low))
        return inside

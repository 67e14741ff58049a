"""What depends on what on a device: by an execution trace, or by the CUDA graphs it replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.graph.build import build
from analysis.graph.captured import captured

if TYPE_CHECKING:
    from analysis.columns import Trace
    from analysis.device import Device
    from analysis.graph import Execution, Graph
    from analysis.metrics.replays import Replays


def dependency_graph(
    trace: Trace, device: Device, replays: Replays | None, execution: Execution | None
) -> Graph | None:
    """Return the graph that explains more of the work; None where nothing is known.

    Args:
        trace: that holds the device's activities.
        device: an accelerator of the trace, or a process's CPU.
        replays: what CUDA graphs say of its activities.
        execution: the execution trace beside the trace.
    """
    found = []
    if replays is not None and device.launches is not None and replays.told.any():
        found.append(captured(device, device.launches, replays.told, replays.held, replays.source))
    if execution is not None:
        found.append(build(trace, device, execution))
    return max(found, key=lambda graph: int(graph.work.sum()), default=None)

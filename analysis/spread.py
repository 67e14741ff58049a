"""What the steps of a trace have in common, and how far they lie apart."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from analysis.metrics.parallelism import Parallelism
from analysis.metrics.usage import Usage
from analysis.report import Spread, StepSpread

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.report import DeviceFigures, StepFigures


def spread(steps: Sequence[StepFigures]) -> tuple[StepSpread, ...]:
    """Return, for each device that ran two steps or more, the figures' medians and extremes."""
    by_device: dict[str, list[DeviceFigures]] = {}
    for step in steps:
        for device in step.devices:
            by_device.setdefault(device.device, []).append(device)
    return tuple(
        _of_device(label, devices) for label, devices in by_device.items() if len(devices) > 1
    )


def _of_device(label: str, devices: list[DeviceFigures]) -> StepSpread:
    usage = [device.of(Usage) for device in devices]
    achieved = [device.of(Parallelism).achieved for device in devices]
    known = [value for value in achieved if value is not None]
    return StepSpread(
        device=label,
        steps=len(devices),
        window_ns=_of(device.window_ns for device in devices),
        busy_ns=_of(each.busy_ns for each in usage),
        idle_ns=_of(each.idle_ns for each in usage),
        overlap_ns=_of(each.overlap_ns for each in usage),
        achieved=_of(known) if known else None,
    )


def _of(values: Iterable[float]) -> Spread:
    found = sorted(values)
    return Spread(median(found), found[0], found[-1])

"""Can a trace be believed? One question, one function, one line in `CHECKS`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.trust import device, host, recording
from analysis.trust.doubt import Doubt, Evidence, Gravity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from analysis.columns import Trace

__all__ = ["CHECKS", "Doubt", "Gravity", "check", "verdict"]

CHECKS: tuple[Callable[[Evidence], Iterator[Doubt]], ...] = (
    recording.nothing_recorded,
    recording.device_not_recorded,
    recording.format_not_read,
    recording.unknown_categories,
    recording.losses,
    device.no_correlations,
    device.launches_without_activities,
    device.activities_without_launches,
    device.launches_alone,
    device.replays_that_differ,
    device.lanes_out_of_order,
    device.streams_overrun,
    device.clocks_apart,
    recording.missing_steps,
    recording.profiler_overhead,
    host.operators_not_nested,
    host.python_not_nested,
    recording.coarse_times,
)


def check(trace: Trace) -> tuple[Doubt, ...]:
    """Return what speaks against a trace, the gravest first."""
    evidence = Evidence(trace)
    found = [doubt for each in CHECKS for doubt in each(evidence)]
    return tuple(sorted(found, key=lambda doubt: -doubt.gravity))


def verdict(doubts: tuple[Doubt, ...]) -> Gravity:
    """Return how grave the gravest doubt is; `NOTE` where there is none."""
    return max((doubt.gravity for doubt in doubts), default=Gravity.NOTE)

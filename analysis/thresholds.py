"""The few constants that the measures rest on."""

from __future__ import annotations

import msgspec

REPLAY_ERRORS = 2
"""A gain of fewer errors of its replay than this is too close to tell: the error is a mean over
steps, so that single windows miss by more, and a gain must stand out from what is missed anyhow."""


class Thresholds(msgspec.Struct, frozen=True):
    """Bounds between the states; the defaults are those of docs/measures.md.

    Attributes:
        latency_floor_ns: a ready interval up to this long is always start latency.
        latency_ceiling_ns: a fitted bound above this is made of waits and is not used.
        latency_samples: the least number of ready intervals that a bound is fitted to.
        slow_launch_ns: a launch call longer than this is slow.
    """

    latency_floor_ns: int = 10_000
    latency_ceiling_ns: int = 100_000
    latency_samples: int = 100
    slow_launch_ns: int = 100_000

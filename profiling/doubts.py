"""What makes the timings of a recording doubtful, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from profiling.condition import throttled
from profiling.contention import is_disturbed
from profiling.steadiness import drift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from profiling.manifest import Manifest
    from profiling.recorder import Recording

_NS_PER_US = 1000


def disturbances(recording: Recording) -> list[str]:
    """Say whether other programs were at work, and which samples moved more than they say."""
    if not recording.manifests:
        return []
    environment = recording.manifests[0]["environment"]
    busy = _busy(recording.other_cores, environment["load_average"], environment["cpu_count"])
    return [*busy, *slowed(recording.manifests), *unsteady(recording.manifests)]


def slowed(manifests: Sequence[Manifest]) -> list[str]:
    """Say what heat or power held down between the begin and the end of the timings."""
    found: dict[str, None] = {}
    for manifest in manifests:
        before, after = manifest["conditions"]["before"], manifest["conditions"]["after"]
        if before is not None:
            found |= dict.fromkeys(throttled(before, after))
    return [f"slowed   {words}" for words in found]


def others_at_work(others: float | None, cores: int, when: str) -> list[str]:
    """Say that other programs used more of the cores than timings bear, if they did."""
    if not is_disturbed(others, cores):
        return []
    words = (
        f"busy     other programs used {others:.1f} of {cores} cores {when}: "
        "they disturb the timings"
    )
    return [words]


def unsteady(manifests: Sequence[Manifest]) -> list[str]:
    """Say of each mode whose samples hang together how far they moved."""
    found = []
    for manifest in manifests:
        timing = manifest["timing"]
        low, high = timing["ci95_ns"]
        moved = drift(timing["samples_ns"], (low, high))
        if moved is not None:
            found.append(
                f"unsteady {manifest['mode']}: quarters of its rounds took "
                f"{moved.low_ns / _NS_PER_US:.1f} to {moved.high_ns / _NS_PER_US:.1f} us, beyond "
                f"its interval ({low / _NS_PER_US:.1f} to {high / _NS_PER_US:.1f}): something "
                "else changed meanwhile"
            )
    return found


def _busy(others: float | None, load: float | None, cores: int) -> list[str]:
    if others is None:
        # The last resort looks back for a minute, in which we may have been the load.
        if (load or 0) <= cores / 2:
            return []
        words = (
            f"busy     load average {load:.1f} on {cores} cores in the minute before: other "
            "programs, if it was them, disturb the timings"
        )
        return [words]
    return others_at_work(others, cores, "while the modes were timed")

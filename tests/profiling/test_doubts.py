"""What is said of timings that cannot be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from profiling.doubts import disturbances
from profiling.recorder import Recording

if TYPE_CHECKING:
    from pathlib import Path

    from profiling.manifest import Manifest


def manifest(samples: list[float], interval: list[float], load: float | None) -> Manifest:
    content: dict[str, Any] = {
        "mode": "threads",
        "conditions": {"before": None, "after": None},
        "environment": {"cpu_count": 2, "load_average": load},
        "timing": {"samples_ns": samples, "ci95_ns": interval},
    }
    return cast("Manifest", content)


@pytest.mark.parametrize(
    ("others", "load", "said"),
    [
        (0.1, 9.0, ""),  # the load was ours, or is over
        (1.2, 0.0, "busy     other programs used 1.2 of 2 cores while the modes were timed"),
        (None, 1.5, "busy     load average 1.5 on 2 cores in the minute before"),
        (None, 0.5, ""),
        (None, None, ""),
    ],
)
def test_what_others_did_meanwhile_counts_before_the_load(
    others: float | None, load: float | None, said: str, tmp_path: Path
) -> None:
    steady = manifest([5.0] * 20, [5.0, 5.0], load)
    found = disturbances(Recording("run", tmp_path, [steady], other_cores=others))
    assert len(found) == bool(said)
    assert "".join(found).startswith(said)


def test_a_mode_that_drifted_is_named_with_its_extent(tmp_path: Path) -> None:
    drifting = manifest([1000.0 + place for place in range(20)], [1008.0, 1010.0], 0)
    (found,) = disturbances(Recording("run", tmp_path, [drifting]))
    assert found.startswith("unsteady threads: quarters of its rounds took 1.0 to 1.0 us")


def test_nothing_is_said_of_nothing(tmp_path: Path) -> None:
    assert disturbances(Recording("run", tmp_path)) == []

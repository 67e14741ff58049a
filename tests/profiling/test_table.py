"""The comparison, from literal manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from profiling.table import comparison

if TYPE_CHECKING:
    from profiling.manifest import Manifest


def manifest(mode: str, samples_ns: list[float]) -> Manifest:
    low, middle, high = sorted(samples_ns)
    facts: dict[str, Any] = {
        "mode": mode,
        "trace": f"cpu-post-{mode}.pt.trace.json.gz",
        "timing": {
            "samples_ns": samples_ns,
            "median_ns": middle,
            "ci95_ns": [low, high],
            "cpu_seconds_per_wall_second": 0.987,
        },
        "traced": {"overhead": 1.337},
        "outputs": {"max_abs_difference": 1.2e-7},
    }
    return cast("Manifest", facts)


SEQUENTIAL = manifest("sequential", [400_000.0, 200_000.0, 300_000.0])
HALF = manifest("no_grad", [200_000.0, 100_000.0, 150_000.0])
SLOW = manifest("threads", [1.5e6, 0.5e6, 1.25e6])


def test_a_row_per_mode() -> None:
    figures, traces = zip(
        *(
            line.rsplit("  ", 1)
            for line in comparison([SEQUENTIAL, HALF, SLOW], width=200).split("\n")
        ),
        strict=True,
    )
    assert figures == (
        "mode        wall/step     95% interval  speed-up  95% interval  CPU s/s  traced  max diff",
        "sequential   300.0 us   200.0 to 400.0         -             -     0.99   1.34x     1e-07",
        "no_grad      150.0 us   100.0 to 200.0     2.00x  2.00 to 2.00     0.99   1.34x     1e-07",
        "threads     1250.0 us  500.0 to 1500.0     0.24x  0.24 to 0.40     0.99   1.34x     1e-07",
    )
    assert traces == (
        "trace",
        "cpu-post-sequential.pt.trace.json.gz",
        "cpu-post-no_grad.pt.trace.json.gz",
        "cpu-post-threads.pt.trace.json.gz",
    )


def test_a_narrow_terminal_gets_no_trace_names() -> None:
    lines = comparison([SEQUENTIAL, HALF], width=100).splitlines()
    assert max(map(len, lines)) <= 100
    assert "trace" not in lines[0].split()


def test_no_speed_up_without_the_baseline() -> None:
    assert comparison([HALF], width=200).splitlines()[1].split()[6:8] == ["-", "-"]

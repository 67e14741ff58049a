"""The page on modes says what the modes themselves say."""

from __future__ import annotations

from pathlib import Path

from profiling import MODES

PAGE = Path(__file__).parents[2] / "docs" / "modes.md"
NAMES = {"cpu": "CPU", "cuda": "CUDA"}


def listed(devices: frozenset[str]) -> str:
    return ", ".join(NAMES[device] for device in sorted(devices)) or "nowhere yet"


def test_each_mode_has_its_row() -> None:
    rows = [line.split(" | ") for line in PAGE.read_text("utf-8").splitlines() if "| `" in line]
    found = {row[0].strip("| `"): [cell.strip("| ") for cell in row[1:]] for row in rows}
    assert found == {
        name: [
            mode.shows.rstrip("."),
            mode.expect.removeprefix("Expect ").rstrip("."),
            listed(mode.devices),
            listed(mode.proven),
            "no" if mode.no_backward else "yes",
        ]
        for name, mode in MODES.items()
    }

"""The state of the machine, from files and from a stand-in for nvidia-smi."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from profiling.condition import condition, gpus, throttled

if TYPE_CHECKING:
    from pathlib import Path

    from profiling.manifest import ConditionFacts

CPU = "sys/devices/system/cpu"
ANSWER = (
    "NVIDIA H100 80GB HBM3, 1755, 1980, 2619, 41, 123.45, 7, 0x0000000000000004\n"
    "NVIDIA H100 80GB HBM3, 345, 1980, 2619, [N/A], [Not Supported], 0, 0x0000000000000001\n"
)


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a script called nvidia-smi, the only one that is found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder / "nvidia-smi"


def says(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_all_that_a_machine_tells(tmp_path: Path) -> None:
    root = put(
        tmp_path,
        {
            f"{CPU}/cpu0/cpufreq/scaling_cur_freq": "3000000\n",
            f"{CPU}/cpu1/cpufreq/scaling_cur_freq": "2000000\n",
            f"{CPU}/cpu0/cpufreq/scaling_governor": "performance\n",
            f"{CPU}/cpu0/thermal_throttle/core_throttle_count": "2\n",
            f"{CPU}/cpu1/thermal_throttle/package_throttle_count": "3\n",
            "sys/class/thermal/thermal_zone0/temp": "45000\n",
            "sys/class/hwmon/hwmon0/temp1_input": "61500\n",
            "proc/cpuinfo": "cpu MHz\t\t: 1.0\n",
        },
    )
    found = condition("cpu", root=root)
    assert found.pop("load_average") is not None  # type: ignore[misc]
    assert found == {
        "cpu_mhz": 2500,
        "cpu_celsius": 61.5,
        "cpu_throttles": 5,
        "cpu_governor": "performance",
        "gpus": [],
    }


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    found = condition("cpu", root=put(tmp_path, {"sys/class/thermal/thermal_zone0/temp": "?\n"}))
    assert [found["cpu_mhz"], found["cpu_celsius"], found["cpu_throttles"]] == [None] * 3
    assert found["cpu_governor"] is None


def test_a_virtual_machine_tells_its_clock_elsewhere(tmp_path: Path) -> None:
    root = put(tmp_path, {"proc/cpuinfo": "cpu MHz\t\t: 2000.5\nx\ncpu MHz\t\t: 3000.5\n"})
    assert condition("cpu", root=root)["cpu_mhz"] == 2500.5


def test_gpus_are_asked(smi: Path) -> None:
    says(smi, f"printf '{ANSWER}'")
    first, second = gpus()
    assert first == {
        "name": "NVIDIA H100 80GB HBM3",
        "sm_mhz": 1755,
        "max_sm_mhz": 1980,
        "memory_mhz": 2619,
        "celsius": 41,
        "watts": 123.45,
        "utilization": 0.07,
        "throttled": True,
    }
    # An idle GPU's low clock is no throttling.
    assert second["throttled"] is False
    assert second["celsius"] is second["watts"] is None


def test_an_older_driver_is_asked_in_its_own_words(smi: Path) -> None:
    says(smi, f"case \"$*\" in *event_reasons*) exit 2;; *) printf '{ANSWER}';; esac")
    assert len(gpus()) == 2


@pytest.mark.parametrize("script", ["exit 9", "printf 'no devices were found\\n'", "kill -9 $$"])
def test_a_driver_that_fails_costs_nothing_else(smi: Path, script: str) -> None:
    says(smi, script)
    assert gpus() == []


def test_a_cpu_recording_asks_no_gpu(smi: Path) -> None:
    says(smi, f"printf '{ANSWER}'")
    assert condition("cpu")["gpus"] == []
    assert len(condition("cuda")["gpus"]) == 2


def test_what_was_slowed_down(smi: Path, tmp_path: Path) -> None:
    says(smi, f"printf '{ANSWER}'")
    count = tmp_path / f"{CPU}/cpu0/thermal_throttle/core_throttle_count"
    moments: list[ConditionFacts] = []
    for number in ("4", "9"):
        put(tmp_path, {str(count.relative_to(tmp_path)): number})
        moments.append(condition("cuda", root=tmp_path))
    assert throttled(*moments) == [
        "the CPU was throttled 5 times",
        "GPU 0 (NVIDIA H100 80GB HBM3) ran below its clock: 1755.0 of 1980.0 MHz, 41.0 degrees",
    ]
    assert throttled(moments[0], moments[0])[0].startswith("GPU 0")

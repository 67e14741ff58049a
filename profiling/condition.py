"""The state of the machine at a moment: load, clocks, temperature, throttling, where readable."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Final

from profiling.environment import load_average

if TYPE_CHECKING:
    from collections.abc import Sequence

    from profiling.manifest import ConditionFacts, GpuFacts

_SYSTEM: Final = Path("/")
_TIMEOUT_S: Final = 5
# What nvidia-smi is asked for; older drivers call the last one clocks_throttle_reasons.
_QUERY: Final = (
    "name",
    "clocks.sm",
    "clocks.max.sm",
    "clocks.mem",
    "temperature.gpu",
    "power.draw",
    "utilization.gpu",
)
_REASONS: Final = ("clocks_event_reasons.active", "clocks_throttle_reasons.active")
# Of the bits of the reasons: power cap, hardware slowdown, sync boost, software and hardware
# thermal slowdown, power brake. An idle GPU and clocks set by an application are no throttling.
_THROTTLED: Final = 0x4 | 0x8 | 0x10 | 0x20 | 0x40 | 0x80


def condition(device: str, *, root: Path = _SYSTEM) -> ConditionFacts:
    """Read the state of the machine; what cannot be read is None, and costs nothing else.

    Args:
        device: `cpu`, `cuda`, or `auto`; the GPUs are asked unless it is `cpu`.
        root: where `proc` and `sys` are.
    """
    return {
        "load_average": load_average(),
        "cpu_mhz": _cpu_mhz(root),
        "cpu_celsius": _cpu_celsius(root),
        "cpu_throttles": _cpu_throttles(root),
        "cpu_governor": _governor(root),
        "gpus": [] if device == "cpu" else gpus(),
    }


def gpus() -> list[GpuFacts]:
    """Ask nvidia-smi, where there is one; nothing where it fails."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    for reasons in _REASONS:
        try:
            done = subprocess.run(  # noqa: S603 - the driver's own tool
                [
                    command,
                    f"--query-gpu={','.join([*_QUERY, reasons])}",
                    "--format=csv,noheader,nounits",
                ],
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
            return []
        if done.returncode == 0:
            rows = [line.split(",") for line in done.stdout.splitlines()]
            return [_gpu(row) for row in rows if len(row) == len(_QUERY) + 1]
    return []


def throttled(before: ConditionFacts, after: ConditionFacts) -> list[str]:
    """What was slowed down between two moments, in words."""
    found = []
    first, last = before["cpu_throttles"], after["cpu_throttles"]
    if first is not None and last is not None and last > first:
        found.append(f"the CPU was throttled {last - first} times")
    found += [
        f"GPU {index} ({gpu['name']}) ran below its clock: {gpu['sm_mhz']} of {gpu['max_sm_mhz']} "
        f"MHz, {gpu['celsius']} degrees"
        for index, gpu in enumerate(after["gpus"])
        if gpu["throttled"]
    ]
    return found


def _gpu(row: Sequence[str]) -> GpuFacts:
    name, *figures, reasons = [each.strip() for each in row]
    sm, max_sm, memory, celsius, watts, utilization = [_number(each) for each in figures]
    try:
        active: int | None = int(reasons, 16)
    except ValueError:
        active = None
    return {
        "name": name,
        "sm_mhz": sm,
        "max_sm_mhz": max_sm,
        "memory_mhz": memory,
        "celsius": celsius,
        "watts": watts,
        "utilization": None if utilization is None else utilization / 100,
        "throttled": None if active is None else bool(active & _THROTTLED),
    }


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:  # [N/A], [Not Supported]
        return None


def _cpu_mhz(root: Path) -> float | None:
    """The mean over the cores."""
    exact = _numbers(root, "sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq")
    if exact:
        return fmean(exact) / 1000
    text = _text(root / "proc/cpuinfo") or ""
    told = [float(each) for each in re.findall(r"^cpu MHz\s*:\s*([\d.]+)", text, re.MULTILINE)]
    return fmean(told) if told else None


def _cpu_celsius(root: Path) -> float | None:
    """The hottest of all sensors."""
    found = _numbers(root, "sys/class/thermal/thermal_zone*/temp")
    found += _numbers(root, "sys/class/hwmon/hwmon*/temp*_input")
    return max(found) / 1000 if found else None


def _cpu_throttles(root: Path) -> int | None:
    """How often any core was slowed down for its heat since the machine started."""
    found = _numbers(root, "sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/*_throttle_count")
    return int(sum(found)) if found else None


def _governor(root: Path) -> str | None:
    text = _text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return text.strip() if text else None


def _numbers(root: Path, pattern: str) -> list[float]:
    texts = (_text(path) for path in sorted(root.glob(pattern)))
    numbers = (_number(text) for text in texts if text is not None)
    return [number for number in numbers if number is not None]


def _text(path: Path) -> str | None:
    """A file of the kernel; None where it is missing or does not answer."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None

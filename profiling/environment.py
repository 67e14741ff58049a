"""The facts about machine and software that timings depend on."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING

from profiling._torch import torch
from profiling.settings import tf32

if TYPE_CHECKING:
    from profiling.manifest import EnvironmentFacts

_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "CUDA_DEVICE_MAX_CONNECTIONS",
    "CUDA_LAUNCH_BLOCKING",
)

# NVIDIA's own, that of the Windows subsystem for Linux, and AMD's.
_GPU_DRIVERS = ("/dev/nvidiactl", "/proc/driver/nvidia", "/dev/dxg", "/dev/kfd")


def describe_environment(device: str, load: float | None) -> EnvironmentFacts:
    """Collect the facts for a recording on `device`, `cpu` or `cuda`, begun under a load."""
    cpu = _cpu_name()
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device_name": torch.cuda.get_device_name() if device == "cuda" else cpu,
        "cpu": cpu,
        "cpu_count": _usable_cores(),
        "torch_threads": torch.get_num_threads(),
        "torch_interop_threads": torch.get_num_interop_threads(),
        "cuda": torch.version.cuda,
        "driver": _driver_version(),
        "env": {name: os.environ.get(name) for name in _VARIABLES},
        "load_average": load,
        "tf32": tf32(),
    }


def may_have_gpu() -> bool:
    """Whether a driver for a GPU is loaded: without one, torch need not be asked."""
    return any(Path(path).exists() for path in _GPU_DRIVERS)


def load_average() -> float | None:
    """How many processes wanted a core on average over the last minute; None if unknown."""
    try:
        return os.getloadavg()[0]
    except OSError:
        return None


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_name() -> str:
    return _first_match(Path("/proc/cpuinfo"), r"^model name\s*:\s*(.+)$") or (
        platform.processor() or platform.machine()
    )


def _driver_version() -> str | None:
    return _first_match(Path("/proc/driver/nvidia/version"), r"Kernel Module[^\d]*([\d.]+)")


def _first_match(path: Path, pattern: str) -> str | None:
    """The first group of a pattern in a file of the kernel; None where either is missing."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1).strip() if found else None

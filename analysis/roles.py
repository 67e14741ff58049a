"""What events are, whatever their recorder calls them: by category and, in few cases, by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from analysis.columns import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_CATEGORIES = {
    "kernel": Role.KERNEL,
    "Kernel": Role.KERNEL,
    "mtia_ccp_events": Role.KERNEL,
    "gpu_memcpy": Role.MEMCPY,
    "Memcpy": Role.MEMCPY,
    "gpu_memset": Role.MEMSET,
    "Memset": Role.MEMSET,
    "cuda_sync": Role.SYNC,
    "cuda_runtime": Role.CALL,
    "cuda_driver": Role.CALL,
    "mtia_runtime": Role.CALL,
    "privateuse1_driver": Role.CALL,
    "privateuse1_runtime": Role.CALL,
    "xpu_driver": Role.CALL,
    "xpu_runtime": Role.CALL,
    "Runtime": Role.CALL,
    "cpu_op": Role.OPERATOR,
    "Operator": Role.OPERATOR,
    "user_annotation": Role.ANNOTATION,
    "python_function": Role.PYTHON,
}

# Other back ends of Kineto have words of their own, of the same make: musa_runtime
# (Moore Threads), GCU_MEMCPY (Enflame), privateuse1_kernel (Cambricon).
_FORMS = (
    (re.compile(r"\w+_(runtime|driver)", re.IGNORECASE), Role.CALL),
    (re.compile(r"\w+_kernel", re.IGNORECASE), Role.KERNEL),
    (re.compile(r"\w+_memcpy", re.IGNORECASE), Role.MEMCPY),
    (re.compile(r"\w+_memset", re.IGNORECASE), Role.MEMSET),
)

# What recorders write beside what ran: copies of ranges and of host calls on the device's
# side, counters, and what the profiler did itself.
_BESIDE = re.compile(
    r"Trace|overhead|cpu_instant_event|external_correlation|collective_comm"
    r"|mtia_(insight|workloadd)"
    r"|\w+_(user_annotation|sync|event|profiler_range|pm_counter|counters)",
    re.IGNORECASE,
)

# Until torch 1.10, ranges of `record_function` were written as operators are. Those that
# torch opens itself, and c10d's marks, are known by name: no operator is called so.
_NAMES = {
    Role.OPERATOR: (
        (
            re.compile(
                r"ProfilerStep#|enumerate\(DataLoader\)#|Optimizer\.\w+#|(nccl|gloo|mpi|ucc):(?!:)"
            ),
            Role.ANNOTATION,
        ),
    ),
    # Roctracer may call all of its records kernels (pytorch#97167); "Marker" is a barrier in
    # a queue, of no work.
    Role.KERNEL: (
        (re.compile(r"Copy(Host|Device)To(Host|Device)$"), Role.MEMCPY),
        (re.compile(r"FillBuffer$"), Role.MEMSET),
        (re.compile(r"Marker$"), Role.OTHER),
    ),
}


def of_category(category: str) -> Role:
    """Return what events of a category are, but for those that their name tells apart."""
    if category in _CATEGORIES:
        return _CATEGORIES[category]
    return next((role for form, role in _FORMS if form.fullmatch(category)), Role.OTHER)


def is_known(category: str) -> bool:
    """Tell whether it is known what events of a category are, be it of no use here."""
    return of_category(category) != Role.OTHER or _BESIDE.fullmatch(category) is not None


def of_event(category: str, name: str) -> Role:
    """Return what an event is."""
    return _by_name(of_category(category), name)


def of_events(
    categories: Sequence[str],
    category: NDArray[np.int32],
    names: Sequence[str],
    name: NDArray[np.int32],
) -> NDArray[np.int8]:
    """Return what events are, given the codes of their categories and names."""
    role = np.array([of_category(each) for each in categories], np.int8)[category]
    for kind in _NAMES:
        rows = np.flatnonzero(role == kind)
        used = np.zeros(len(names), np.bool_)
        used[name[rows]] = True
        meaning = np.full(len(names), kind, np.int8)
        meaning[used] = [_by_name(kind, names[code]) for code in np.flatnonzero(used).tolist()]
        role[rows] = meaning[name[rows]]
    return role


def _by_name(role: Role, name: str) -> Role:
    found = (becomes for pattern, becomes in _NAMES.get(role, ()) if pattern.match(name))
    return next(found, role)

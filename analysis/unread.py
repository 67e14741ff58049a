"""What a trace holds that is not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from analysis import roles
from analysis.columns import NONE, Role

if TYPE_CHECKING:
    from analysis.columns import Trace

_HOST_ROLES = (Role.CALL, Role.OPERATOR, Role.ANNOTATION, Role.PYTHON)
_LISTED = 3
_ASCEND_CALL = "AscendCL@"
_ASCEND_QUEUE = "dequeue"
"""What torch_npu's trace_view.json calls its calls, and what hands them to another thread."""
_WITHOUT_KINETO = ("CPU functions", "CUDA functions")
"""The processes that torch's profiler writes where Kineto is not used."""


class Format(NamedTuple):
    """A form of trace that is known, and not read.

    Attributes:
        found: what it is.
        advice: what to do about it.
        with_device: whether operators are read all the same, and what a device did is not.
    """

    found: str
    advice: str
    with_device: bool


ASCEND = Format(
    "this is a trace_view.json of torch_npu: a device was recorded, but its activities have a "
    "form that is not read",
    "look at it with Ascend's own tools (MindStudio Insight)",
    with_device=True,
)
WITHOUT_KINETO = Format(
    "this is the format of torch's profiler without Kineto (processes `CPU functions`, "
    "`CUDA functions`), which is not read",
    "record with torch.profiler.profile where torch.profiler.kineto_available() is true; with "
    "torch.autograd.profiler.profile, use_kineto=True",
    with_device=False,
)


class Unknown(msgspec.Struct, frozen=True):
    """Events whose category says nothing to the analysis.

    Attributes:
        number: how many.
        categories: what they are of, a few.
        on_device: whether some of them are where no thread of the host is.
    """

    number: int
    categories: tuple[str, ...]
    on_device: bool

    def __str__(self) -> str:
        listed = ", ".join(each or "(none)" for each in self.categories)
        return f"{self.number:,} complete events are of categories that are not known: {listed}"


def unknown(trace: Trace) -> Unknown | None:
    """Return the events of categories that are not known, if there are any.

    Of a trace whose form is not read there are none: that form is known.
    """
    events = trace.events
    if format_of(trace):
        return None
    strange = np.array([not roles.is_known(each) for each in events.categories], np.bool_)
    if not strange.any():
        return None
    found = events.select(strange[events.category])
    if not len(found):
        return None
    host = np.zeros(len(events.pids), np.bool_)
    host[events.of(*_HOST_ROLES).pid] = True
    counts = np.bincount(found.category)
    return Unknown(
        number=len(found),
        categories=tuple(
            events.categories[code]
            for code in np.argsort(-counts, kind="stable")[:_LISTED].tolist()
            if counts[code]
        ),
        on_device=bool(((found.stream != NONE) | ~host[found.pid]).any()),
    )


def format_of(trace: Trace) -> Format | None:
    """Return the form that the trace has, if it is one that is known and not read."""
    events = trace.events
    if "" not in events.categories:
        return None
    if any(process in events.pids for process in _WITHOUT_KINETO):
        return WITHOUT_KINETO
    if _ASCEND_QUEUE in events.categories or any(
        name.startswith(_ASCEND_CALL) for name in events.names
    ):
        return ASCEND
    return None

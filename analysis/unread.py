"""What a trace holds that is not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    """Return the events of categories that are not known, if there are any."""
    events = trace.events
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


def is_of_ascend(trace: Trace) -> bool:
    """Tell whether it is torch_npu's own trace, which gives what ran on the device no category."""
    events = trace.events
    return "" in events.categories and (
        _ASCEND_QUEUE in events.categories
        or any(name.startswith(_ASCEND_CALL) for name in events.names)
    )

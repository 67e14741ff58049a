"""What ran most, by name: the activities of a device, and the operators of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.columns import Events
    from analysis.metrics.view import View

    Ints = NDArray[np.int64]

LISTED = 100
"""So many names are listed; the others are summed."""


class Total(NamedTuple):
    """All of one name in a window; times are cut to it.

    Attributes:
        name: what they are called.
        number: how many.
        total_ns: their summed time.
        longest_ns: of the longest.
    """

    name: str
    number: int
    total_ns: int
    longest_ns: int


class Totals(msgspec.Struct, frozen=True):
    """Names by their time, longest first.

    Attributes:
        listed: `LISTED` names at most.
        names: how many there are.
        number: of all names.
        total_ns: of all names.
    """

    listed: tuple[Total, ...]
    names: int
    number: int
    total_ns: int


def activities(view: View) -> Totals:
    """Sum the activities of a window by name."""
    device = view.device
    return totals(
        device.names,
        device.name,
        np.clip(device.start, view.low, view.high),
        np.clip(device.end, view.low, view.high),
        view.inside(),
    )


def operators(events: Events, low: int, high: int) -> Totals:
    """Sum operators in [low, high) by name, each with all that it calls.

    Args:
        events: the operators.
        low: int ns.
        high: int ns.
    """
    inside = (events.start < high) & (events.end > low)
    return totals(
        events.names,
        events.name,
        np.clip(events.start, low, high),
        np.clip(events.end, low, high),
        inside,
    )


def totals(
    names: Sequence[str], code: NDArray[np.int32], start: Ints, end: Ints, wanted: NDArray[np.bool_]
) -> Totals:
    """Sum what is wanted by name.

    Args:
        names: the table of names.
        code: into it, shape (n,).
        start: int64 ns, shape (n,).
        end: int64 ns, shape (n,).
        wanted: what counts, shape (n,).
    """
    code, length = code[wanted], end[wanted] - start[wanted]
    count = np.bincount(code, minlength=len(names))
    total = np.zeros(len(names), np.int64)
    np.add.at(total, code, length)
    longest = np.zeros(len(names), np.int64)
    np.maximum.at(longest, code, length)
    present = np.flatnonzero(count).tolist()
    present.sort(key=lambda each: (-int(total[each]), -int(count[each]), names[each]))
    return Totals(
        listed=tuple(
            Total(names[each], int(count[each]), int(total[each]), int(longest[each]))
            for each in present[:LISTED]
        ),
        names=len(present),
        number=int(count.sum()),
        total_ns=int(total.sum()),
    )

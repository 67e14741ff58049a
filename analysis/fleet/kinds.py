"""What a collective is called, how much it moves, and what its bandwidth is measured by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.columns import CollectiveCall

POINT_TO_POINT = "send_recv"
OTHER = "other"

ENDS_TOGETHER = frozenset({"all_reduce", "all_gather", "reduce_scatter", "all_to_all", "barrier"})
"""Collectives that no rank can leave before every rank has arrived."""

_KINDS = (
    # The longer words first: "reduce" is part of three others.
    (
        "reduce_scatter",
        re.compile(r"reduce_?scatter|userbuffers_\w*_rs(?![a-z])", re.IGNORECASE),
    ),
    (
        "all_gather",
        re.compile(r"all_?gather|userbuffers_\w*_ag(?![a-z])", re.IGNORECASE),
    ),
    (
        "all_reduce",
        re.compile(
            r"all_?reduce|cross_device_reduce|quick_?reduce|userbuffers_\w*_sum_", re.IGNORECASE
        ),
    ),
    ("all_to_all", re.compile(r"all_?to_?all", re.IGNORECASE)),
    ("barrier", re.compile(r"barrier", re.IGNORECASE)),
    (
        POINT_TO_POINT,
        re.compile(r"send_?recv|^_?(i?send|i?recv)|:(i?send|i?recv)|batch_isend", re.IGNORECASE),
    ),
    ("broadcast", re.compile(r"broadcast", re.IGNORECASE)),
    ("gather", re.compile(r"(^|[_:])gather", re.IGNORECASE)),
    ("scatter", re.compile(r"(^|[_:])scatter", re.IGNORECASE)),
    ("reduce", re.compile(r"(^|[_:])reduce", re.IGNORECASE)),
)
_SIZED = frozenset({"all_reduce", "broadcast", "reduce", "all_gather", "reduce_scatter"})
_BYTES = {
    "Byte": 1,
    "Char": 1,
    "Bool": 1,
    "Float8_e4m3fn": 1,
    "Float8_e4m3fnuz": 1,
    "Float8_e5m2": 1,
    "Float8_e5m2fnuz": 1,
    "Float8_e8m0fnu": 1,
    "Short": 2,
    "UInt16": 2,
    "Half": 2,
    "BFloat16": 2,
    "Int": 4,
    "UInt32": 4,
    "Float": 4,
    "ComplexHalf": 4,
    "Long": 8,
    "UInt64": 8,
    "Double": 8,
    "ComplexFloat": 8,
    "ComplexDouble": 16,
}


def kind(name: str) -> str:
    """Return what a collective does, by the name of its call or of its kernel."""
    return next((each for each, pattern in _KINDS if pattern.search(name)), OTHER)


def size_bytes(call: CollectiveCall) -> int | None:
    """Return the bytes that nccl-tests calls S: of the larger of input and output.

    That is a rank's whole buffer for all-reduce, broadcast and point to point, and the
    gathered, or not yet scattered, one for the others.
    """
    elements = max(call.elements_in, call.elements_out)
    width = _BYTES.get(call.dtype)
    return None if width is None or elements < 0 else elements * width


def ranks_in(kind: str, call: CollectiveCall) -> int:
    """Return how many ranks take part in a collective; -1 where not known."""
    return 2 if kind == POINT_TO_POINT else call.size


def signature(kind: str, call: CollectiveCall) -> tuple[str, str, int]:
    """Return what must be the same on every rank of a collective."""
    sized = kind in _SIZED
    return kind, call.dtype, max(call.elements_in, call.elements_out) if sized else 0


def bus_factor(kind: str, ranks: int) -> float | None:
    """Return bus bandwidth / algorithm bandwidth, which is what the slowest link carries.

    Source: nccl-tests, doc/PERFORMANCE.md, "Bus bandwidth". None where it defines none.
    """
    if ranks < 2:
        return None
    others = (ranks - 1) / ranks
    return {
        "all_reduce": 2 * others,
        "all_gather": others,
        "reduce_scatter": others,
        "all_to_all": others,
        "gather": others,
        "scatter": others,
        "broadcast": 1.0,
        "reduce": 1.0,
        POINT_TO_POINT: 1.0,
    }.get(kind)

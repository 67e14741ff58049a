"""What only a few kinds of events say, kept for those rows alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.columns import ACTIVITY_ROLES, NONE, Role, StreamMentions, Synchronisations, Transfers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from analysis.trace.schema import Args, Event

_LARGEST = np.iinfo(np.int64).max


def mentions(
    chosen: Sequence[Event],
    role: NDArray[np.int8],
    encode: Callable[[Iterable[object]], NDArray[np.int32]],
) -> StreamMentions:
    """Collect the streams that events other than activities name."""
    activity = np.isin(role, ACTIVITY_ROLES).tolist()
    found = [
        (row, event.args.stream)
        for row, event in enumerate(chosen)
        if not activity[row]
        and event.args is not None
        and type(event.args.stream) in (int, str)
        # Kineto writes -1 where it means all streams, or does not know which.
        and event.args.stream != NONE
    ]
    return StreamMentions(
        row=np.array([row for row, _ in found], np.int32),
        stream=encode(str(stream) for _, stream in found),
    )


def synchronisations(
    chosen: Sequence[Event],
    role: NDArray[np.int8],
    encode: Callable[[Iterable[object]], NDArray[np.int32]],
) -> Synchronisations:
    """Collect the events that synchronisation rows wait for."""
    found = [
        (row, args)
        for row, args in _with_arguments(chosen, role == Role.SYNC)
        if _known(args.wait_on_stream) or _known(args.wait_on_record)
    ]
    return Synchronisations(
        row=np.array([row for row, _ in found], np.int32),
        on_stream=encode(
            str(args.wait_on_stream) if _known(args.wait_on_stream) else None for _, args in found
        ),
        record=np.array(
            [args.wait_on_record if _known(args.wait_on_record) else NONE for _, args in found],
            np.int64,
        ),
    )


def transfers(chosen: Sequence[Event], role: NDArray[np.int8]) -> Transfers:
    """Collect the bandwidths of copies and memsets."""
    moving = (role == Role.MEMCPY) | (role == Role.MEMSET)
    found = [
        (row, float(args.bandwidth))
        for row, args in _with_arguments(chosen, moving)
        if _known(args.bandwidth)
        or (type(args.bandwidth) is float and 0 <= args.bandwidth < math.inf)
    ]
    return Transfers(
        row=np.array([row for row, _ in found], np.int32),
        bandwidth=np.array([bandwidth for _, bandwidth in found], np.float64),
    )


def _with_arguments(
    chosen: Sequence[Event], wanted: NDArray[np.bool_]
) -> Iterable[tuple[int, Args]]:
    for row in np.flatnonzero(wanted).tolist():
        args = chosen[row].args
        if args is not None:
            yield row, args


def _known(number: Any) -> bool:
    return type(number) is int and 0 <= number <= _LARGEST

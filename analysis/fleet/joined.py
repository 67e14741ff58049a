"""The communications of all ranks in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
import numpy as np

from analysis.columns import NONE
from analysis.fleet.kinds import ENDS_TOGETHER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from analysis.columns import CollectiveCall
    from analysis.fleet.rank import Measured

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Bools = NDArray[np.bool_]

_Value = TypeVar("_Value")


class Joined(msgspec.Struct, frozen=True, eq=False):
    """The communications of all ranks, by rank and then by start; arrays of shape (n,).

    Attributes:
        rank: int32 code into `ranks`.
        start: int64 ns on the rank's clock, from what the trace's times count from.
        end: int64 ns.
        hidden: int64 ns of it beside compute on the same device.
        inside: whether it began in what is measured.
        ends_together: whether it is known to end on all of its ranks at once. What is matched
            without a process group may be of different groups, and is not.
        sequence: int64 number in the process group, or -1.
        call: int32 code into `calls`.
        kind: int32 code into `kinds`.
        step: int32 code into `steps`.
        ranks: the numbers of the ranks, ascending.
        clock: int32 code into `clocks` of each of `ranks`.
        clocks: the hosts, or "rank N" of a rank that is taken to have a clock of its own.
        calls: the distinct calls.
        kinds: the distinct kinds.
        steps: the distinct names of the profiler's steps; one is empty, outside of all.
    """

    rank: Codes
    start: Ints
    end: Ints
    hidden: Ints
    inside: Bools
    ends_together: Bools
    sequence: Ints
    call: Codes
    kind: Codes
    step: Codes
    ranks: tuple[int, ...]
    clock: Codes
    clocks: tuple[str, ...]
    calls: tuple[CollectiveCall, ...]
    kinds: tuple[str, ...]
    steps: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rank)


def join(measured: Mapping[int, Measured]) -> Joined:
    """Put the tables of all ranks one after the other, in the order of ranks.

    Ranks on one host share a clock; a rank whose host is not known has one of its own,
    and so has one that does not say what its times count from where others do.
    """
    ranks = tuple(sorted(measured))
    own = [measured[rank].communication for rank in ranks]
    lengths = [len(each) for each in own]
    based = any(each.base_ns is not None for each in measured.values())
    names = [_clock(rank, measured[rank], based=based) for rank in ranks]
    clocks = {name: code for code, name in enumerate(dict.fromkeys(names))}
    base = np.repeat([measured[rank].base_ns or 0 for rank in ranks], lengths)
    call, calls = _recoded([(each.calls, each.call) for each in own])
    kind, kinds = _recoded([(each.kinds, each.kind) for each in own])
    step, steps = _recoded([((*each.steps, ""), each.step) for each in own])  # -1 is the last
    return Joined(
        rank=np.repeat(np.arange(len(own), dtype=np.int32), lengths),
        start=np.concatenate([each.start for each in own]) + base,
        end=np.concatenate([each.end for each in own]) + base,
        hidden=np.concatenate([each.hidden for each in own]),
        inside=np.concatenate([each.inside for each in own]),
        sequence=np.concatenate([each.sequence for each in own]),
        ends_together=np.array([each in ENDS_TOGETHER for each in kinds], np.bool_)[kind]
        & np.array([bool(each.group) for each in calls], np.bool_)[call],
        call=call,
        kind=kind,
        step=step,
        ranks=ranks,
        clock=np.array([clocks[name] for name in names], np.int32),
        clocks=tuple(clocks),
        calls=calls,
        kinds=kinds,
        steps=steps,
    )


def _clock(rank: int, measured: Measured, *, based: bool) -> str:
    """Name a rank's clock: its host's, unless what it counts from was lost."""
    if measured.identity.host is None or (based and measured.base_ns is None):
        return f"rank {rank}"
    return measured.identity.host


def coded(
    columns: Sequence[Codes], meaning: Callable[..., _Value | None]
) -> tuple[Codes, tuple[_Value, ...]]:
    """Code what rows mean by the codes that they have, asking of each combination once.

    Args:
        columns: codes, each of shape (n,).
        meaning: takes one code of each; None is coded as -1.

    Returns:
        The rows' codes and what they mean, in the order of its text.
    """
    shape = [int(column.max(initial=0)) + 1 for column in columns]
    combined, of_row = np.unique(np.ravel_multi_index(columns, shape), return_inverse=True)
    apart = (column.tolist() for column in np.unravel_index(combined, shape))
    found = [meaning(*codes) for codes in zip(*apart, strict=True)]
    values = sorted({each for each in found if each is not None}, key=str)
    code: dict[_Value | None, int] = {None: NONE}
    code |= {value: number for number, value in enumerate(values)}
    return np.array([code[each] for each in found], np.int32)[of_row], tuple(values)


def _recoded(columns: Sequence[tuple[Sequence[_Value], Codes]]) -> tuple[Codes, tuple[_Value, ...]]:
    """Code columns by one table in place of one each."""
    codes: dict[_Value, int] = {}
    parts = []
    for values, column in columns:
        own = [codes.setdefault(value, len(codes)) for value in values]
        parts.append(np.array(own, np.int32)[column])
    return np.concatenate(parts), tuple(codes)

"""The communications of all ranks in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
import numpy as np

from analysis.columns import NONE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from analysis.columns import CollectiveCall
    from analysis.fleet.communication import Communication

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]

_Value = TypeVar("_Value")


class Joined(msgspec.Struct, frozen=True, eq=False):
    """The communications of all ranks, by rank and then by start; arrays of shape (n,).

    Attributes:
        rank: int32 code into `ranks`.
        start: int64 ns on the clock of the rank's trace.
        end: int64 ns.
        hidden: int64 ns of it beside compute on the same device.
        sequence: int64 number in the process group, or -1.
        call: int32 code into `calls`.
        kind: int32 code into `kinds`.
        step: int32 code into `steps`.
        ranks: the numbers of the ranks, ascending.
        calls: the distinct calls.
        kinds: the distinct kinds.
        steps: the distinct names of the profiler's steps; one is empty, outside of all.
    """

    rank: Codes
    start: Ints
    end: Ints
    hidden: Ints
    sequence: Ints
    call: Codes
    kind: Codes
    step: Codes
    ranks: tuple[int, ...]
    calls: tuple[CollectiveCall, ...]
    kinds: tuple[str, ...]
    steps: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rank)


def join(tables: Mapping[int, Communication]) -> Joined:
    """Put the tables of all ranks one after the other, in the order of ranks."""
    ranks = tuple(sorted(tables))
    own = [tables[rank] for rank in ranks]
    call, calls = _recoded([(each.calls, each.call) for each in own])
    kind, kinds = _recoded([(each.kinds, each.kind) for each in own])
    step, steps = _recoded([((*each.steps, ""), each.step) for each in own])  # -1 is the last
    return Joined(
        rank=np.repeat(np.arange(len(own), dtype=np.int32), [len(each) for each in own]),
        start=np.concatenate([each.start for each in own]),
        end=np.concatenate([each.end for each in own]),
        hidden=np.concatenate([each.hidden for each in own]),
        sequence=np.concatenate([each.sequence for each in own]),
        call=call,
        kind=kind,
        step=step,
        ranks=ranks,
        calls=calls,
        kinds=kinds,
        steps=steps,
    )


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

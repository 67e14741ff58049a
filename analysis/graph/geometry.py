"""Which bytes of a storage a tensor covers, and whether two tensors share any.

A tensor is taken as blocks of equal length at equal distances: the columns of a
matrix, which lie between each other, have no byte in common though their ranges
overlap. What strides cannot be written so is widened, never narrowed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


class Layout(NamedTuple):
    """The bytes of one tensor, from its first.

    Attributes:
        length: from the first byte to behind the last.
        period: from one block to the next; 0 where there is one block alone.
        block: length of a block.
    """

    length: int
    period: int
    block: int


class Region(NamedTuple):
    """The bytes of one tensor in its storage."""

    low: int
    high: int
    period: int
    block: int


class Bytes(NamedTuple):
    """The bytes of n tensors of one storage; arrays of shape (n,).

    Attributes:
        low: int64, the first byte.
        high: int64, behind the last.
        period: int64, as in `Layout`.
        block: int64, as in `Layout`.
    """

    low: Ints
    high: Ints
    period: Ints
    block: Ints

    def regions(self) -> Iterator[Region]:
        """Yield them one by one."""
        return map(Region, *(column.tolist() for column in self))

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Bytes:
        """Return the given rows."""
        return Bytes(*(column[rows] for column in self))


def layout(shape: Sequence[int], strides: Sequence[int], size: int) -> Layout:
    """Lay out a tensor.

    Args:
        shape: its extents; none of them zero.
        strides: in elements, of the same length; empty for a dense tensor.
        size: bytes of an element.
    """
    if len(strides) != len(shape):
        whole = math.prod(shape) * size
        return Layout(whole, 0, whole)
    steps = sorted(
        (stride, extent)
        for stride, extent in zip(strides, shape, strict=True)
        if extent > 1 and stride > 0
    )
    block, period, length = 1, 0, 1
    for stride, extent in steps:
        length += stride * (extent - 1)
        if not period and stride <= block:
            block = length
        else:
            period = math.gcd(period, stride)
    if block >= period:
        block, period = length, 0
    return Layout(length * size, period * size, block * size)


def share(a: Bytes, b: Bytes) -> NDArray[np.bool_]:
    """Tell which pairs of tensors of one storage may have a byte in common.

    Where it says no, there is none: blocks at distances p and q lie, modulo
    gcd(p, q), in one arc each, and two arcs that do not meet have no address in
    common.

    Args:
        a: n tensors.
        b: n tensors, or one.
    """
    near = (a.low < b.high) & (b.low < a.high)
    common = np.gcd(a.period, b.period)
    circle = np.maximum(common, 1)
    from_a = (b.low - a.low) % circle
    meet = (from_a < a.block) | ((circle - from_a) % circle < b.block)
    result: NDArray[np.bool_] = near & (meet | (common == 0))
    return result


def meet(a: Region, b: Region) -> bool:
    """Tell the same of two tensors: some of many pairs are looked at one by one."""
    if a.low >= b.high or b.low >= a.high:
        return False
    common = math.gcd(a.period, b.period)
    if not common:
        return True
    from_a = (b.low - a.low) % common
    return from_a < a.block or (common - from_a) % common < b.block


def within(a: Region, b: Region) -> bool:
    """Tell whether `a` lies in `b` whole."""
    return a == b or (not b.period and b.low <= a.low and a.high <= b.high)

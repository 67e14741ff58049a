"""CUDA streams of which one is more urgent."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from profiling._torch import torch
from profiling.errors import UnavailableError
from profiling.modes.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from profiling.branches import Branch
    from profiling.modes.base import Run


class StreamsPriority(Streams):
    """CUDA streams, that of the first branch of higher priority: its blocks start first.

    Expect no more overlap than with plain streams. Where blocks of two branches wait for room,
    those of the first go first, so that it ends earlier and the others later; what already runs
    is not interrupted. It pays where the first branch is the longest.
    """

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:
        """Make a stream per branch, and see that the device tells their priorities apart."""
        cuda: Any = torch.cuda
        high, *others = (
            cuda.Stream(priority=priority).priority
            for priority in self._priorities(max(2, len(branches)))
        )
        if high in others:
            raise UnavailableError(f"the device has one priority of streams, {high}, alone")
        with super().prepare(branches, device, ranges=ranges) as run:
            yield run

    def _priorities(self, count: int) -> list[int]:
        return [-1] + [0] * (count - 1)

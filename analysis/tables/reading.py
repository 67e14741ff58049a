"""Traces one after the other as tables are made of them."""

from __future__ import annotations

import os
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from analysis.columns import Trace
from analysis.directory import discover
from analysis.errors import TraceError
from analysis.fleet.identity import identity
from analysis.location import Url, located
from analysis.report import Failure
from analysis.tables.recorded import Recorded
from analysis.trace import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from analysis.directory import Source
    from analysis.location import Location
    from analysis.trace import Progress

    Given = str | os.PathLike[str] | Url | Trace
    Told = Callable[[Location, Progress | None], None]


class Traces(msgspec.Struct):
    """Traces to be read, or read already, and what went wrong with them.

    Attributes:
        sources: those to be read.
        loaded: those that were.
        reading: how traces are read.
        progress: called with each file before it is read, and then as it is read.
        losses: what of them was not read as it stands, once it was met.
        failures: those that could not be read, likewise.
    """

    sources: tuple[Source, ...]
    loaded: tuple[Trace, ...]
    reading: Reading
    progress: Told
    losses: list[str]
    failures: list[Failure]

    @classmethod
    def of(
        cls,
        given: Iterable[Given],
        reading: Reading | None = None,
        progress: Told = lambda *_: None,
    ) -> Traces:
        """Find the traces among paths of files and directories.

        Raises:
            TraceError: there is nothing to read at a path.
        """
        given = list(given)
        paths = [place(each) for each in given if not isinstance(each, Trace)]
        loaded = tuple(each for each in given if isinstance(each, Trace))
        return cls(discover(paths), loaded, reading or Reading(), progress, [], [])

    def each(self, use: Callable[[Recorded], None]) -> None:
        """Hand over each trace that can be read; no two are held at once.

        Raises:
            TraceError: the only one cannot be read.
        """
        for trace in self.loaded:
            rank = identity(trace, None, Path(trace.path).name).rank
            use(Recorded(trace, trace.path, rank=rank))
        labels = Counter(source.label for source in self.sources)
        for source in self.sources:
            self.progress(source.path, None)
            try:
                trace = self.reading.load(source.path, partial(self.progress, source.path))
            except TraceError as error:
                if len(self.sources) + len(self.loaded) == 1:
                    raise
                self.failures.append(Failure(str(source.path), str(error)))
                continue
            self.losses.extend(f"{source.path}: {loss}" for loss in trace.losses)
            label = source.label if labels[source.label] == 1 else str(source.path)
            use(_recorded(source, trace, label))
            del trace


def place(given: str | os.PathLike[str] | Url) -> Location:
    """Tell URLs from paths."""
    return given if isinstance(given, Url) else located(os.fspath(given))


def _recorded(source: Source, trace: Trace, label: str) -> Recorded:
    manifest = source.manifest
    if manifest is None:
        return Recorded(trace, label, rank=identity(trace, None, source.path.name).rank)
    rank = identity(trace, manifest.environment, source.path.name).rank
    return Recorded(trace, label, rank=rank, mode=manifest.mode)

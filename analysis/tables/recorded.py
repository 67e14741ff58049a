"""A trace with what several tables are made of, each worked out when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis import vocabulary
from analysis.columns import NONE, Role
from analysis.device import thread_codes
from analysis.nesting import in_order, nested
from analysis.pipeline import views
from analysis.tables.values import Texts, number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import Events, Trace
    from analysis.metrics.view import View
    from analysis.nesting import Nest
    from analysis.tables.values import Rows

    Ints = NDArray[np.int64]
    Places = NDArray[np.intp]


class Named(NamedTuple):
    """Nested events of one kind, and their names.

    Attributes:
        events: in the order of the nest.
        nest: which is inside which.
    """

    events: Events
    nest: Nest

    def around(self, thread: Ints, time: Ints) -> Places:
        """Return the row of the innermost one open on each thread at each time, or -1."""
        return self.nest.holding(self.nest.begun(thread, time), time)

    def name(self, row: Places) -> Texts:
        """Return the names of rows; -1 has none."""
        return Texts(coded(self.events.name, row), self.events.names)


class Recorded:
    """One trace.

    Attributes:
        trace: what `load` returned.
        label: what it is called in the column `trace`.
        rank: in a distributed job; None where nothing says one.
        mode: what its manifest calls it; None without one.
    """

    def __init__(
        self, trace: Trace, label: str, *, rank: int | None = None, mode: str | None = None
    ) -> None:
        """Take a trace."""
        self.trace = trace
        self.label = label
        self.rank = rank
        self.mode = mode

    @cached_property
    def views(self) -> tuple[View, ...]:
        """The devices, each over its whole window."""
        return views(self.trace)

    @cached_property
    def operators(self) -> Named:
        """The host's operators."""
        return self._named(self.trace.events.of(Role.OPERATOR))

    @cached_property
    def calls(self) -> Events:
        """The calls of the runtime and the driver, as `Launches.call` counts them."""
        return self.trace.events.of(Role.CALL)

    def row(self, position: NDArray[np.int32]) -> Places:
        """Return the rows among the trace's events that have these positions in the file."""
        of_row = self.trace.events.position
        order = self._by_position
        return order[np.searchsorted(of_row, position, sorter=order)]

    def where(self, pid: NDArray[np.int32], thread: Ints, time: Ints) -> Rows:
        """Tell in which step, range and module each time lies; the columns of that name.

        Args:
            pid: int32 code of the process, or -1, shape (n,).
            thread: code of `device.thread_codes`, or -1, shape (n,).
            time: int64 ns, shape (n,).
        """
        module = self._modules.around(thread, time)
        return {
            "step": self.step(pid, time),
            "range": self._ranges.name(self._ranges.around(thread, time)),
            "module": self._module_names(module),
            "module_path": self._module_path(module),
        }

    def step(self, pid: NDArray[np.int32], time: Ints) -> Texts:
        """Return the profiler's step of the process at each time."""
        steps = self._steps
        found = np.full(len(time), NONE, np.intp)
        for code in np.unique(steps.pid).tolist():
            own = np.flatnonzero(steps.pid == code)
            rows = np.flatnonzero(pid == code)
            place = np.searchsorted(steps.start[own], time[rows], side="right") - 1
            step = own[np.maximum(place, 0)]
            inside = (place >= 0) & (time[rows] < steps.end[step])
            found[rows] = np.where(inside, step, NONE)
        return Texts(coded(steps.name, found), steps.names)

    def operator(self, thread: Ints, time: Ints) -> Rows:
        """Return the columns on the innermost operator around each time."""
        row = self.operators.around(thread, time)
        return {
            "op": self.operators.name(row),
            "op_event": number(coded(self.operators.events.position, row)),
        }

    @cached_property
    def _by_position(self) -> Places:
        order: Places = np.argsort(self.trace.events.position, kind="stable")
        return order

    @cached_property
    def _annotations(self) -> tuple[Events, NDArray[np.bool_]]:
        """The annotations, and which of them are the profiler's steps."""
        annotations = self.trace.events.of(Role.ANNOTATION)
        step = vocabulary.profiler_step(annotations.names)[annotations.name]
        return annotations, step

    @cached_property
    def _steps(self) -> Events:
        annotations, step = self._annotations
        steps = annotations.select(step)
        return steps.select(np.lexsort((steps.end, steps.start)))

    @cached_property
    def _ranges(self) -> Named:
        annotations, step = self._annotations
        return self._named(annotations.select(~step))

    @cached_property
    def _modules(self) -> Named:
        frames = self.trace.events.of(Role.PYTHON)
        return self._named(frames.select(vocabulary.module(frames.names)[frames.name]))

    def _module_names(self, row: Places) -> Texts:
        modules = self._modules.events
        return Texts(coded(modules.name, row), [*map(vocabulary.module_name, modules.names)])

    def _module_path(self, row: Places) -> Texts:
        codes, paths = self._module_paths
        return Texts(coded(codes, row), paths)

    @cached_property
    def _module_paths(self) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """Return for each module its path, as a code into a table of them."""
        modules, nest = self._modules
        table: dict[str, int] = {}
        named = [vocabulary.module_name(name) for name in modules.names]
        paths: list[str] = []
        for name, parent in zip(modules.name.tolist(), nest.parent.tolist(), strict=True):
            path = named[name] if parent < 0 else f"{paths[parent]}/{named[name]}"
            table.setdefault(path, len(table))
            paths.append(path)
        return np.array([table[path] for path in paths], np.int32), tuple(table)

    @staticmethod
    def _named(events: Events) -> Named:
        events = events.select(in_order(events))
        return Named(events, nested(events))

    def threads(self, row: Places) -> Ints:
        """Return the code of the thread of each of the trace's events."""
        return thread_codes(self.trace.events)[row]


def coded(column: NDArray[np.int32], row: Places) -> NDArray[np.int32]:
    """Return a column's values in the given rows; -1 where the row is."""
    result = np.full(len(row), NONE, np.int32)
    known = row >= 0
    result[known] = column[row[known]]
    return result

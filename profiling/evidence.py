"""What a trace shows that a mode did: its proof is read from the file itself."""

from __future__ import annotations

import gzip
import json
import tempfile
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Final

from profiling.branches import BACKWARD_RANGE, BRANCH_RANGE, STEP_RANGE
from profiling.errors import OutputError, UnprovenError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

    from profiling.branches import Branch

Thread = tuple[int, int]

_LAUNCHED: Final = frozenset({"kernel", "gpu_memcpy", "gpu_memset"})
_CALLS: Final = frozenset({"cuda_runtime", "cuda_driver"})


@dataclass(frozen=True, slots=True)
class Event:
    """A complete event of the trace: where it ran, and when, in microseconds.

    What ran on a GPU has the stream it ran on, and the number of the call that launched it.
    """

    name: str
    category: str
    thread: Thread
    start: float
    end: float
    stream: int | None = None
    correlation: int | None = None


@dataclass(frozen=True)
class Evidence:
    """One run of a mode under the profiler.

    Attributes:
        branches: what was run.
        outputs: tensors that a step returned.
        events: the complete events of the trace.
        steps: how many steps were to be recorded.
    """

    branches: Sequence[Branch]
    outputs: Sequence[Tensor]
    events: Sequence[Event]
    steps: int

    @cached_property
    def steps_whole(self) -> list[Event]:
        """The range of each step, in order, with the backward pass if there is one."""
        return sorted(
            (event for event in self.events if event.name == STEP_RANGE),
            key=lambda event: event.start,
        )

    def step_ranges(self) -> list[Event]:
        """The range of each step up to its backward pass, in order: what a mode is about."""
        begins = sorted(event.start for event in self.events if event.name == BACKWARD_RANGE)
        return [
            replace(step, end=next((at for at in begins if step.start <= at < step.end), step.end))
            for step in self.steps_whole
        ]

    def step_wall_ns(self) -> float:
        """How long a step took under the profiler, in the median."""
        return median((step.end - step.start) * 1000 for step in self.steps_whole)

    @property
    def on_gpu(self) -> bool:
        """Whether anything ran on a GPU."""
        return any(event.category in _LAUNCHED for event in self.events)

    def launched_in(self, marked: Event) -> list[Event]:
        """What ran on a GPU and was launched inside a range, by the thread of the range."""
        return [
            event
            for event in self.events
            if event.category in _LAUNCHED
            and (call := self._calls.get(event.correlation)) is not None
            and call.thread == marked.thread
            and marked.start <= call.start < marked.end
        ]

    @cached_property
    def _calls(self) -> dict[int | None, Event]:
        """The call that launched, by correlation; of several the outermost, which is longest."""
        calls = [event for event in self.events if event.category in _CALLS]
        calls.sort(key=lambda event: event.end - event.start)
        return {event.correlation: event for event in calls if event.correlation is not None}

    def during(self, step: Event) -> list[Event]:
        """The events that start within a step, on any thread."""
        return [event for event in self.events if step.start <= event.start < step.end]

    def operators(self, step: Event) -> list[Event]:
        """The operators that start within a step; TorchScript's own frames are none."""
        return [e for e in self.during(step) if e.category == "cpu_op" and "::" in e.name]

    def operator_threads(self) -> list[set[Thread]]:
        """The threads that ran operators, for each step."""
        return [{e.thread for e in self.operators(step)} for step in self.step_ranges()]

    def branch_ranges(self, step: Event) -> list[Event]:
        """The branch ranges that start within a step, by index of the branch."""
        names = [BRANCH_RANGE.format(index=index) for index in range(len(self.branches))]
        found = [event for event in self.during(step) if event.name in set(names)]
        return sorted(found, key=lambda event: names.index(event.name))


def read_events(path: Path) -> list[Event]:
    """Read the complete events of a gzipped Chrome trace.

    Raises:
        OutputError: it is not whole.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            document = json.load(file)
    except (ValueError, EOFError) as error:
        # It writes the text elsewhere first, and does not look whether all of it fitted.
        raise OutputError(
            f"torch wrote a part of the trace only ({error}): make room in "
            f"{tempfile.gettempdir()}, where it begins (TMPDIR names another place), and in "
            f"{path.parent}. What was recorded before is complete"
        ) from error
    return [
        Event(
            name=row["name"],
            category=row.get("cat", ""),
            thread=(row["pid"], row["tid"]),
            start=float(row["ts"]),
            end=float(row["ts"]) + float(row["dur"]),
            stream=row.get("args", {}).get("stream"),
            correlation=row.get("args", {}).get("correlation"),
        )
        for row in document["traceEvents"]
        if row.get("ph") == "X" and isinstance(row["tid"], int)
    ]


def check_marks(evidence: Evidence, *, device: str, branch_ranges: bool) -> None:
    """Check that the trace carries what its manifest says.

    Raises:
        UnprovenError: a step or a branch is missing, or on a GPU all kernels are.
    """
    steps = evidence.step_ranges()
    backward = sum(event.name == BACKWARD_RANGE for event in evidence.events)
    if backward not in {0, len(steps)}:
        raise UnprovenError(f"{backward} of {len(steps)} steps ran backward; expected all or none")
    if len(steps) != evidence.steps:
        raise UnprovenError(f"the trace holds {len(steps)} steps; expected {evidence.steps}")
    for number, step in enumerate(steps):
        found = [event.name for event in evidence.branch_ranges(step)]
        expected = len(evidence.branches) if branch_ranges else 0
        if len(found) != expected or len(set(found)) != expected:
            raise UnprovenError(
                f"step {number} of the trace marks {found}; expected one range "
                f"for each of {expected} branches"
            )
    if device == "cuda" and not any(event.category == "kernel" for event in evidence.events):
        raise UnprovenError(
            "the trace holds no kernel: the profiler could not watch the GPU. "
            "KINETO_LOG_LEVEL=0 in the environment makes it say why"
        )

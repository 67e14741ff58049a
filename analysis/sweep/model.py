"""A sweep: plain data, in the shape of sweep.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from analysis.report import plain

if TYPE_CHECKING:
    from analysis.metrics.lengths import OperatorLengths
    from analysis.report import ModeFigures
    from analysis.statistics import Ratio

SCHEMA_VERSION = 1
"""Of sweep.json; within it keys are added, never renamed."""

Outcome = Literal["always", "from", "between", "never", "unknown"]


class Point(msgspec.Struct, frozen=True):
    """One recorded run, and how long the operators of its baseline took.

    Attributes:
        label: the sizes in which it differs from the others.
        group: the same, of those sizes alone that change the number of operators or
            branches and not how long an operator takes; empty if none is varied.
        folder: where its traces are.
        run: its id.
        device: "cpu" or "cuda".
        workload: all sizes.
        environment: where it ran.
        operators: of the baseline's trace.
        modes: the baseline first, then by speed-up.
        other_cores: cores that other programs kept busy while it was timed; None if unknown.
    """

    label: str
    group: str
    folder: str
    run: str
    device: str
    workload: dict[str, Any]
    environment: dict[str, Any]
    operators: OperatorLengths
    modes: tuple[ModeFigures, ...]
    other_cores: float | None = None

    def mode(self, name: str) -> ModeFigures | None:
        """Return the figures of a mode; None where it was not recorded."""
        return next((each for each in self.modes if each.mode == name), None)


class Verdict(msgspec.Struct, frozen=True):
    """Whether a mode pays, by the length of operators.

    It pays at a point where the whole interval of its speed-up lies above 1.

    Attributes:
        mode: its name.
        group: of which points; empty if there is one group.
        outcome: "always": at every point; "from": from some length on at every longer
            one; "between": at some, and not at the longest; "never": at none;
            "unknown": it was recorded at no point.
        points: how many there are of it.
        paying: at how many of them it pays.
        from_ns: operator length of the first point from which on it pays; None without one.
        from_label: that point's.
        from_speed_up: its speed-up there.
        best_ns: operator length where its speed-up is greatest.
        best_label: that point's.
        best_speed_up: its speed-up there.
    """

    mode: str
    group: str
    outcome: Outcome
    points: int
    paying: int
    from_ns: float | None = None
    from_label: str | None = None
    from_speed_up: Ratio | None = None
    best_ns: float | None = None
    best_label: str | None = None
    best_speed_up: Ratio | None = None


class Undone(msgspec.Struct, frozen=True):
    """A point that was asked for and is not whole.

    Attributes:
        name: the sizes that were varied.
        state: "missing" or "failed".
        reason: why, where that is known.
    """

    name: str
    state: str
    reason: str | None


class Sweep(msgspec.Struct, frozen=True):
    """Everything that one `analyze sweep` found.

    Attributes:
        points: by operator length.
        verdicts: of each mode but the baseline, by group.
        undone: points that are not complete.
        notes: what a reader of the figures must know.
        failures: traces that could not be read.
    """

    points: tuple[Point, ...]
    verdicts: tuple[Verdict, ...]
    undone: tuple[Undone, ...] = ()
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return sweep.json, as plain data."""
        fields = msgspec.structs.asdict(self)
        return {"schema_version": SCHEMA_VERSION} | {
            name: plain(value) for name, value in fields.items()
        }

"""What became of each rule: plain data, in the shape of gate.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from analysis.report import plain

if TYPE_CHECKING:
    from analysis.report import Failure

SCHEMA_VERSION = 1
"""Of gate.json; within it keys are added, never renamed."""


class Check(msgspec.Struct, frozen=True):
    """One rule on one device of one trace.

    Attributes:
        rule: as it was written.
        trace: its label, with the rank if it has one.
        device: its id; None where the whole trace failed.
        passed: whether the rule is kept.
        reason: why, in a sentence, with the figures.
        unit: of the values: "ns", "share" or "ratio"; None where there are none.
        before: the baseline's value; None of a requirement.
        value: the value.
        noise: whether a change beyond what is allowed lies within the spread of the steps.
    """

    rule: str
    trace: str
    device: str | None
    passed: bool
    reason: str
    unit: str | None = None
    before: float | None = None
    value: float | None = None
    noise: bool = False


class Gate(msgspec.Struct, frozen=True):
    """What became of all rules.

    Attributes:
        checks: by trace, then in the order of the rules.
        changes: what changed in each trace that failed a comparison, in a sentence.
        notes: what a reader must know, such as traces of the baseline without counterpart.
        failures: traces that could not be read; then nothing is concluded.
    """

    checks: tuple[Check, ...]
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def passed(self) -> bool:
        """Return whether all traces could be read and every rule is kept."""
        return not self.failures and all(check.passed for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Return gate.json, as plain data."""
        return {"schema_version": SCHEMA_VERSION, "passed": self.passed, **plain(self)}

"""What the checks look at, and what they say."""

from __future__ import annotations

import enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from analysis.columns import Role
from analysis.device import Device, accelerators

if TYPE_CHECKING:
    from analysis.columns import Events, Trace


class Gravity(enum.IntEnum):
    """How much a doubt matters; also the exit code of `analyze check-trace`."""

    NOTE = 0
    WARNING = 1
    UNUSABLE = 2


class Doubt(msgspec.Struct, frozen=True):
    """One thing that speaks against a trace.

    Attributes:
        check: the name of the check.
        gravity: how much it matters.
        found: what was found, with figures.
        advice: what to do about it.
    """

    check: str
    gravity: Gravity
    found: str
    advice: str

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "check": self.check,
            "gravity": self.gravity.name.lower(),
            "found": self.found,
            "advice": self.advice,
        }


class Evidence:
    """A trace and what several checks derive from it."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    @cached_property
    def devices(self) -> tuple[Device, ...]:
        """The accelerators that ran something."""
        return accelerators(self.trace)

    @cached_property
    def calls(self) -> Events:
        """Runtime and driver calls."""
        return self.trace.events.of(Role.CALL)

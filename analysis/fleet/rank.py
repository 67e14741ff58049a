"""All that is kept of one rank: its report, who it is, and what it communicated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from analysis.fleet.communication import Bubble, Communication
    from analysis.fleet.identity import Identity
    from analysis.report import TraceReport


class Measured(msgspec.Struct, frozen=True, eq=False):
    """One trace, measured.

    Attributes:
        report: its figures.
        identity: which rank it is.
        base_ns: what its clock's times are to be added to; None where not said.
        communication: what it communicated.
        bubble: of its pipeline; None without one.
    """

    report: TraceReport
    identity: Identity
    base_ns: int | None
    communication: Communication
    bubble: Bubble | None

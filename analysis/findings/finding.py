"""What a finding is, and what a rule looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import msgspec

from analysis.document import Unit
from analysis.factors import per_step
from analysis.metrics.breakdown import Breakdown
from analysis.metrics.lanes import Lanes
from analysis.thresholds import REPLAY_ERRORS
from analysis.units import text

if TYPE_CHECKING:
    from analysis.factors import PerStep
    from analysis.metrics.gaps import Gap
    from analysis.metrics.lanes import Lane
    from analysis.replay import Ceilings
    from analysis.report import DeviceFigures, ModeFigures, TraceReport

HELD_BY_HOST = (
    "idle_host_sync",
    "idle_host_call",
    "idle_host_op",
    "idle_host_python",
    "idle_host_untraced",
    "idle_launching",
    "idle_slow_launch",
    "idle_blocking_copy",
    "idle_start_latency",
    "one_nothing_queued",
    "one_launching",
    "one_start_latency",
)
"""What a launch that came earlier could shorten; elsewhere the host had done its part."""

Certainty: TypeAlias = Literal["measured", "likely", "too close to tell"]


class Ceiling(NamedTuple):
    """What a replay with one constraint removed comes to at most, by its name in `ceilings`."""

    removed: str
    speed_up: float


class Finding(msgspec.Struct, frozen=True):
    """Something that keeps a device from more, or a reader from a conclusion.

    Attributes:
        rule: its name.
        trace: label of the trace.
        path: of the trace.
        device: its id.
        claim: what was found; the same words wherever the rule holds.
        evidence: figures and places that show it.
        cause: why it is so.
        advice: what to try.
        gain_ns: at most so much of the window could be saved; None where it is not known.
        gain: the same as a share of the window.
        ceiling: what a replay predicts without it.
        certainty: "measured", "likely", or "too close to tell": its margin is within the
            error of what it stands on.
    """

    rule: str
    trace: str
    path: str
    device: str
    claim: str
    evidence: tuple[str, ...]
    cause: str
    advice: str
    gain_ns: int | None = None
    gain: float | None = None
    ceiling: Ceiling | None = None
    certainty: Certainty = "likely"


class Subject(msgspec.Struct, frozen=True):
    """One device of one trace, with all that is known of it.

    Attributes:
        trace: its report.
        device: figures of the whole window.
        mode: where a recorded run compares the trace with others.
    """

    trace: TraceReport
    device: DeviceFigures
    mode: ModeFigures | None = None

    def states(self, *names: str) -> int:
        """Return ns of the window in any of the states."""
        times = self.device.of(Breakdown).breakdown_ns
        return sum(times.get(name) or 0 for name in names)

    def share(self, ns: int) -> float:
        """Return ns as a share of the window; 0 of a window of no length."""
        return ns / self.device.window_ns if self.device.window_ns else 0.0

    def told(self, ns: int) -> str:
        """Say which share of the window a time is."""
        return f"{text(self.share(ns), Unit.SHARE)} of the window"

    def saved(self, ceiling: Ceiling) -> int:
        """Return what a ceiling saves of the window, in ns."""
        return round(self.device.window_ns * (1 - 1 / ceiling.speed_up))

    @property
    def ceilings(self) -> Ceilings | None:
        """Return the predicted windows."""
        return self.device.ceilings

    @property
    def on_cpu(self) -> bool:
        """Tell whether the device is a process's CPU."""
        return self.device.kind == "cpu"

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Return the device's lanes, or those of all processes where several serve each step."""
        devices = self.trace.devices if self.trace.together else (self.device,)
        return tuple(lane for each in devices for lane in each.of(Lanes).lanes)

    @property
    def average_step(self) -> PerStep | None:
        """Return wall, work and busy time of a step, on average; None without steps."""
        return per_step(self.trace.step_totals(self.device.device))

    def environment(self, name: str) -> str | None:
        """Return an environment variable of the recorded run; None where it is not known."""
        if self.trace.manifest is None:
            return None
        variables = self.trace.manifest.environment.get("env")
        value = variables.get(name) if isinstance(variables, dict) else None
        return None if value is None else str(value)

    def number(self, name: str) -> int | None:
        """Return a number of the recorded run's environment; None where it is not known."""
        value = None if self.trace.manifest is None else self.trace.manifest.environment.get(name)
        return value if isinstance(value, int) else None

    def worst_gap(self, *states: str) -> tuple[str, ...]:
        """Say where the listed idle gap lies that spends most time in these states."""

        def spent(gap: Gap) -> int:
            return sum(gap.breakdown_ns.get(state) or 0 for state in states)

        worst = max(self.device.gaps.idle_gaps, key=spent, default=None)
        if worst is None or not spent(worst):
            return ()
        return (f"longest {text(spent(worst), Unit.TIME)}{_place(worst)}",)

    def ceiling(self, removed: str) -> Ceiling | None:
        """Return the speed-up that a replay predicts with something removed."""
        value = None if self.ceilings is None else getattr(self.ceilings.speed_up, removed)
        return None if value is None else Ceiling(removed, value)

    def without_host(self) -> Ceiling | None:
        """Return the ceiling without the host, as far as the host held anything up.

        The replay knows no wait that is not recorded, so without the host it runs at once
        what depends on each other. That is no gain of a graph.
        """
        ceiling = self.ceiling("no_host")
        rest = 1 - self.share(self.states(*HELD_BY_HOST))
        if ceiling is None or ceiling.speed_up * rest <= 1:
            return ceiling
        return ceiling._replace(speed_up=1 / rest)

    def beyond_error(self, ceiling: Ceiling) -> bool:
        """Tell whether what a ceiling saves stands out from the error of its replay."""
        error = None if self.ceilings is None else self.ceilings.error
        return abs(1 - 1 / ceiling.speed_up) > REPLAY_ERRORS * abs(error or 0.0)


def _place(gap: Gap) -> str:
    """Say where the host was when a gap began, and what ended it."""
    parts = []
    if gap.host is not None:
        inside = [gap.host.call, gap.host.operator or gap.host.outermost_operator]
        parts += [f"in {text(name, Unit.CODE)}" for name in inside if name]
        if gap.host.python:
            parts.append(f"at {text(gap.host.python, Unit.CODE)}")
    if gap.after is not None:
        parts.append(f"before {text(gap.after, Unit.CODE)}")
    return f" {', '.join(parts)}" if parts else ""

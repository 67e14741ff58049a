"""What two recordings differ in: plain data, in the shape of compare.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import msgspec

from analysis.report import plain
from analysis.showing import Shown

if TYPE_CHECKING:
    import pandas as pd

    from analysis.factors import Factors
    from analysis.report import Failure
    from analysis.statistics import Ratio

SCHEMA_VERSION = 1
"""Of compare.json; within it keys are added, never renamed."""

Verdict: TypeAlias = Literal["same", "moved", "noise", "untold"]
"""Of a change: none; beyond the spread of the steps; within it; too few steps to tell."""


class OverSteps(NamedTuple):
    """A time per step: its mean over the steps, the least and the greatest, in ns."""

    mean: float
    low: int
    high: int


class Part(NamedTuple):
    """A ratio of means over steps, with its 95% interval where there are steps enough."""

    value: float
    low: float | None
    high: float | None


class Differing(NamedTuple):
    """A circumstance that is not the same for both."""

    what: str
    before: str
    after: str


class Change(msgspec.Struct, frozen=True):
    """One figure before and after, per step.

    Attributes:
        name: a figure, a state, or the name of what ran.
        before: ns per step.
        after: ns per step.
        change_ns: mean after - mean before.
        before_share: of the step's wall time; None of a step of no length.
        after_share: so, too.
        verdict: whether the steps' spread explains it.
        before_count: activities per step, of a name.
        after_count: so, too.
    """

    name: str
    before: OverSteps
    after: OverSteps
    change_ns: float
    before_share: float | None
    after_share: float | None
    verdict: Verdict
    before_count: float | None = None
    after_count: float | None = None


class DeviceDiff(msgspec.Struct, frozen=True):
    """One device before and after.

    Attributes:
        before: its id.
        after: the id of the device that it is compared with.
        kind: of the latter, "accelerator" or "cpu".
        steps_before: how many steps are compared; 0: the whole window stands for one.
        steps_after: so, too.
        verdict: on the wall time per step.
        speed_up: traced wall per step before / after; exactly less_work x more_overlap x
            less_idle. None, like them, where nothing ran.
        less_work: work before / after.
        more_overlap: achieved parallelism after / before.
        less_idle: busy share after / before.
        figures: wall, work, busy, idle and overlap.
        states: every state that either has, what moved most first.
        names: kernels and copies, on a CPU operators; what moved most first.
        operators: the same by the operator around the launch; on a CPU what each operator
            did itself.
        factors: the factors as exact fractions.
    """

    before: str
    after: str
    kind: str
    steps_before: int
    steps_after: int
    verdict: Verdict
    speed_up: Part | None
    less_work: Part | None
    more_overlap: Part | None
    less_idle: Part | None
    figures: tuple[Change, ...]
    states: tuple[Change, ...]
    names: tuple[Change, ...]
    operators: tuple[Change, ...]
    factors: Factors | None = None

    def figure(self, name: str) -> Change:
        """Return one of the figures by its name."""
        return next(each for each in self.figures if each.name == name)

    def to_json(self) -> dict[str, Any]:
        """Return the device's entry of compare.json."""
        return {key: value for key, value in plain(self).items() if key != "factors"}


class TraceDiff(msgspec.Struct, frozen=True):
    """One trace before and after.

    Attributes:
        label: what it is called: the mode, or the file's name.
        rank: in a distributed job.
        before: the file.
        after: the file.
        differing: what else is not the same: device, versions, workload, settings.
        notes: what a reader of the figures must know.
        untraced_speed_up: untraced wall before / after, where both were timed.
        devices: those that both have.
    """

    label: str
    rank: int | None
    before: str
    after: str
    differing: tuple[Differing, ...]
    notes: tuple[str, ...]
    untraced_speed_up: Ratio | None
    devices: tuple[DeviceDiff, ...]

    @property
    def title(self) -> str:
        """Return the label, with the rank if it has one."""
        return self.label if self.rank is None else f"{self.label} (rank {self.rank})"

    def to_json(self) -> dict[str, Any]:
        """Return the pair's entry of compare.json."""
        own: dict[str, Any] = plain(msgspec.structs.replace(self, devices=()))
        return own | {"devices": [each.to_json() for each in self.devices]}


class Diff(Shown, msgspec.Struct, frozen=True):
    """Everything that one comparison found.

    Attributes:
        pairs: traces of both sides that belong together.
        only_before: traces without a counterpart, and why.
        only_after: so, too.
        failures: traces that could not be read.
    """

    pairs: tuple[TraceDiff, ...]
    only_before: tuple[str, ...] = ()
    only_after: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return compare.json, as plain data."""
        return {
            "schema_version": SCHEMA_VERSION,
            "pairs": [pair.to_json() for pair in self.pairs],
            "only_before": list(self.only_before),
            "only_after": list(self.only_after),
            "failures": plain(self.failures),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per trace, device and change; times in ns per step."""
        from analysis.frames import records_frame  # noqa: PLC0415 - pandas only where asked for

        return records_frame(
            [
                {"trace": pair.label, "rank": pair.rank, "device": device.after, "kind": kind}
                | _row(change)
                for pair in self.pairs
                for device in pair.devices
                for kind in ("figures", "states", "names", "operators")
                for change in getattr(device, kind)
            ]
        )


def _row(change: Change) -> dict[str, object]:
    return {
        "name": change.name,
        "before_ns": change.before.mean,
        "after_ns": change.after.mean,
        "change_ns": change.change_ns,
        "before_share": change.before_share,
        "after_share": change.after_share,
        "before_count": change.before_count,
        "after_count": change.after_count,
        "verdict": change.verdict,
    }

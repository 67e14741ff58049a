"""What is found of a claim: plain data, in the shape of claim.json."""

from __future__ import annotations

import enum
from typing import Any, NamedTuple

import msgspec

from analysis.document import Estimate

SCHEMA_VERSION = 1
"""Of claim.json; within it keys are added, never renamed."""

LEAST_PROCESSES = 5
"""Of fewer, no interval holds the median in 95 of 100 cases."""

_NOTHING = 0.01


class Verdict(enum.Enum):
    """What a ratio with its interval allows to say."""

    RAISES = "raises"
    LOWERS = "lowers"
    NONE = "none"
    TOO_CLOSE = "too_close_to_tell"
    TOO_FEW = "too_few_processes"


class Measured(NamedTuple):
    """A ratio with its 95% interval over processes.

    Attributes:
        value: above 1, no_grad comes out faster for it.
        interval: from low to high; None of fewer than `LEAST_PROCESSES`.
        processes: the fewest that any part of it comes from.
    """

    value: float
    interval: tuple[float, float] | None
    processes: int

    @property
    def verdict(self) -> Verdict:
        """Return what can be said of it."""
        if self.interval is None:
            return Verdict.TOO_FEW
        low, high = self.interval
        if low >= 1 - _NOTHING and high <= 1 + _NOTHING:
            return Verdict.NONE
        if low > 1:
            return Verdict.RAISES
        return Verdict.LOWERS if high < 1 else Verdict.TOO_CLOSE

    @property
    def estimate(self) -> Estimate | float:
        """Return the value, with its interval if it has one."""
        return self.value if self.interval is None else Estimate(self.value, *self.interval)

    def to_json(self) -> dict[str, Any]:
        """Return its entry of claim.json."""
        return {
            "value": self.value,
            "interval": list(self.interval) if self.interval else None,
            "processes": self.processes,
            "verdict": self.verdict.value,
        }


class VariantFigures(msgspec.Struct, frozen=True):
    """One way to time the passes.

    Attributes:
        name: of the variant.
        shows: what it is there for.
        with_grad_ns: median over processes of each one's median.
        no_grad_ns: the same without gradients.
        ratio: with gradients / without, the median over processes.
        least: of any process.
        most: of any process.
    """

    name: str
    shows: str
    with_grad_ns: float
    no_grad_ns: float
    ratio: Measured
    least: float
    most: float


class Factor(msgspec.Struct, frozen=True):
    """One cause, by what it multiplies the result.

    Attributes:
        key: of the cause.
        words: what it is.
        source: `stopwatch` or `traces`.
        measured: the factor; None where it was not measured.
        absent: why it was not measured, or is 1 by its nature.
        proof: what shows it, in words.
    """

    key: str
    words: str
    source: str
    measured: Measured | None
    absent: str = ""
    proof: str = ""


class PassFigures(msgspec.Struct, frozen=True):
    """One pass as its traces show it: means over the processes' steps of median wall time.

    Attributes:
        kind: `cold` or `warm`.
        part: `with_grad` or `no_grad`.
        processes: that recorded it.
        wall_ns: of a step.
        work_ns: summed busy time of the lanes, per step.
        achieved: lanes running on average while at least one ran.
        busy_share: of the wall time.
        stopwatch_share: what a clock would have seen of the wall time that is read when
            the last call returns.
    """

    kind: str
    part: str
    processes: int
    wall_ns: float
    work_ns: float
    achieved: float
    busy_share: float
    stopwatch_share: float


class FirstCall(msgspec.Struct, frozen=True):
    """What the first call spent its time on: the function whose own time grew most.

    Attributes:
        name: of the operator or runtime call.
        cold_ns: its own time in the first pass of a process, median over processes.
        warm_ns: the same in a warm pass.
        share: of what the first pass took longer than a warm one.
    """

    name: str
    cold_ns: float
    warm_ns: float
    share: float


class Claim(msgspec.Struct, frozen=True):
    """One claim, settled.

    Attributes:
        path: of its manifest.
        device: `cpu` or `cuda`.
        preset: what a pass runs.
        environment: the machine and the software.
        variants: those that measured anything, in their order.
        total: what the script says as printed; the factors' product. None where too
            little was measured.
        extremes: the least and the most that any process said as printed.
        repeated: what is left of it, warmed up and repeated; the product of the factors
            from there on.
        factors: in order.
        passes: as the traces show them.
        first_call: what it spent its time on.
        sentences: the answer.
        notes: what a reader of the figures must know.
    """

    path: str
    device: str
    preset: str
    environment: dict[str, Any]
    variants: tuple[VariantFigures, ...]
    total: Measured | None
    extremes: tuple[float, float] | None
    repeated: Measured | None
    factors: tuple[Factor, ...]
    passes: tuple[PassFigures, ...]
    first_call: FirstCall | None
    sentences: tuple[str, ...]
    notes: tuple[str, ...]

    def variant(self, name: str) -> VariantFigures | None:
        """Return a variant by its name, if it was measured."""
        return next((each for each in self.variants if each.name == name), None)

    def factor(self, key: str) -> Factor | None:
        """Return a factor by its key, if the claim has it."""
        return next((each for each in self.factors if each.key == key), None)

    def seen(self, kind: str, part: str) -> PassFigures | None:
        """Return what the traces show of a pass, if there are any."""
        return next((each for each in self.passes if (each.kind, each.part) == (kind, part)), None)

    def to_json(self) -> dict[str, Any]:
        """Return the claim's entry of claim.json."""
        return {
            "path": self.path,
            "device": self.device,
            "preset": self.preset,
            "environment": self.environment,
            "sentences": list(self.sentences),
            "total": self.total.to_json() if self.total else None,
            "extremes": list(self.extremes) if self.extremes else None,
            "repeated": self.repeated.to_json() if self.repeated else None,
            "factors": [_with_measured(factor, "measured") for factor in self.factors],
            "variants": [_with_measured(variant, "ratio") for variant in self.variants],
            "passes": [msgspec.to_builtins(each) for each in self.passes],
            "first_call": msgspec.to_builtins(self.first_call),
            "notes": list(self.notes),
        }


class Claims(msgspec.Struct, frozen=True):
    """All claims of one `analyze claim`, and those that cannot be read."""

    claims: tuple[Claim, ...]
    failures: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return claim.json, as plain data."""
        return {
            "schema_version": SCHEMA_VERSION,
            "claims": [claim.to_json() for claim in self.claims],
            "failures": list(self.failures),
        }


def _with_measured(figures: Factor | VariantFigures, name: str) -> dict[str, Any]:
    measured: Measured | None = getattr(figures, name)
    return msgspec.structs.asdict(figures) | {name: measured.to_json() if measured else None}

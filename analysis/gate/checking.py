"""Recordings and rules to what became of each rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analysis.diff.changes import verdict
from analysis.diff.comparing import trace_diff
from analysis.diff.matching import devices, match
from analysis.diff.recording import read
from analysis.document import Unit as Shown
from analysis.gate.figures import LESS_IS_WORSE, AbsentError, values
from analysis.gate.model import Check, Gate
from analysis.gate.rules import OPERATORS, Requirement
from analysis.notes import inconclusive
from analysis.units import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from fractions import Fraction
    from pathlib import Path

    from analysis.diff.recording import Recording
    from analysis.gate.figures import Unit, Values
    from analysis.gate.rules import Regression
    from analysis.location import Location
    from analysis.metrics.stepwise import DeviceSteps
    from analysis.trace import Progress, Reading

_SHOWN: dict[Unit, Shown] = {"ns": Shown.TIME, "share": Shown.SHARE, "ratio": Shown.NUMBER}
_NO_DEVICE = "the trace holds no activity of the device, so nothing can be said of it"


def gate(
    paths: Sequence[Path],
    *,
    baseline: Path | None = None,
    requirements: Sequence[Requirement] = (),
    regressions: Sequence[Regression] = (),
    reading: Reading | None = None,
    progress: Callable[[Location, Progress | None], None] = lambda *_: None,
) -> Gate:
    """Hold every device of every trace to the rules.

    Args:
        paths: traces, and directories of them.
        baseline: a trace or a directory of them, matched by mode and rank.
        requirements: bounds.
        regressions: how much worse than the baseline figures may be.
        reading: how traces are read; None: in the usual way.
        progress: called with each file before it is read, and then as it is read.

    Raises:
        TraceError: there is nothing to read at a path, or a trace that was named alone
            cannot be read.
    """
    found, failures = read(paths, reading=reading, progress=progress)
    earlier: list[Recording] = []
    if baseline is not None:
        earlier, failed = read([baseline], reading=reading, progress=progress)
        failures += failed
    matched = match(earlier, found)
    before = {id(after): each for each, after in matched.pairs}
    rules = _Rules(requirements, regressions)
    checks = [check for each in found for check in rules.of(each, before.get(id(each)))]
    checks += rules.about_nothing(found)
    lost = {check.trace for check in checks if not check.passed and check.before is not None}
    return Gate(
        checks=tuple(checks),
        changes=tuple(
            said for pair in matched.pairs if pair[1].title in lost for said in _changes(*pair)
        ),
        notes=(
            *(f"The baseline also holds {each}." for each in matched.only_before),
            *(f"{each.title}: {note}" for each in found for note in each.notes),
        ),
        failures=tuple(failures),
    )


class _Rules(NamedTuple):
    requirements: Sequence[Requirement]
    regressions: Sequence[Regression]

    @property
    def all(self) -> tuple[Requirement | Regression, ...]:
        """Return the rules in their order."""
        return (*self.requirements, *self.regressions)

    def of(self, after: Recording, before: Recording | None) -> Iterator[Check]:
        """Hold one recording to the rules that are about it."""
        for rule in self.all:
            if rule.trace not in (None, after.label, after.title):
                continue
            if not after.devices:
                yield _failed(rule, after, None, "nothing ran that could be measured")
            elif inconclusive(after.notes):
                yield _failed(rule, after, None, _NO_DEVICE)
            elif isinstance(rule, Requirement):
                for device in after.devices:
                    yield _required(rule, after, device)
            else:
                yield from _compared(rule, before, after)

    def about_nothing(self, found: Sequence[Recording]) -> Iterator[Check]:
        """Fail rules that name a trace which is not there."""
        names = {name for each in found for name in (each.label, each.title)}
        for rule in self.all:
            if rule.trace is not None and rule.trace not in names:
                held = ", ".join(each.title for each in found)
                yield Check(
                    rule.text, rule.trace, None, False, f"no trace is called so; there are {held}"
                )


def _required(rule: Requirement, recording: Recording, device: DeviceSteps) -> Check:
    try:
        found = values(recording, device, rule.figure, rule.unit)
    except AbsentError as absent:
        return _failed(rule, recording, device, str(absent))
    kept = OPERATORS[rule.compare](found.value, rule.bound)
    bound = text(float(rule.bound), _SHOWN[rule.unit])
    return Check(
        rule=rule.text,
        trace=recording.title,
        device=device.device,
        passed=kept,
        reason=(
            f"{rule.figure} is {_shown(found, rule.unit)}, {'' if kept else 'not '}"
            f"{rule.compare} {bound}"
        ),
        unit=rule.unit,
        value=float(found.value),
    )


def _compared(rule: Regression, before: Recording | None, after: Recording) -> Iterator[Check]:
    if before is None:
        yield _failed(rule, after, None, "the baseline holds no trace of that mode and rank")
        return
    if inconclusive(before.notes):
        yield _failed(rule, after, None, f"in the baseline {_NO_DEVICE}")
        return
    pairs, _, alone = devices(before.devices, after.devices)
    for earlier, later in pairs:
        yield _regressed(rule, (before, earlier), (after, later))
    for label in alone:
        yield Check(rule.text, after.title, label, False, "the baseline holds no such device")


def _regressed(
    rule: Regression, before: tuple[Recording, DeviceSteps], after: tuple[Recording, DeviceSteps]
) -> Check:
    recording, device = after
    try:
        was = values(*before, rule.figure, rule.unit)
        now = values(*after, rule.figure, rule.unit)
    except AbsentError as absent:
        return _failed(rule, recording, device, str(absent))
    worse = was.value - now.value if rule.figure in LESS_IS_WORSE else now.value - was.value
    allowed = rule.limit * was.value if rule.relative else rule.limit
    told = _told(was, now, max(before[0].resolution_ns, recording.resolution_ns), rule.unit)
    noise = worse > allowed and told == "noise"
    return Check(
        rule=rule.text,
        trace=recording.title,
        device=device.device,
        passed=worse <= allowed or noise,
        reason=(
            f"{rule.figure} is {_shown(now, rule.unit)}, was {_shown(was, rule.unit)}: "
            f"{_worse(worse, was.value, rule)}{_doubt(worse > allowed, told)}"
        ),
        unit=rule.unit,
        before=float(was.value),
        value=float(now.value),
        noise=noise,
    )


def _told(was: Values, now: Values, resolution_ns: int, unit: Unit) -> str:
    if not was.by_step or not now.by_step:
        return "untold"
    return verdict(was.by_step, now.by_step, resolution_ns if unit == "ns" else 1)


def _worse(worse: Fraction, was: Fraction, rule: Regression) -> str:
    """Say how much worse a figure is, in the terms of the limit."""
    if worse <= 0:
        return "no worse"
    if not rule.relative:
        more, limit = text(float(worse), Shown.TIME), text(float(rule.limit), Shown.TIME)
        return f"{more} worse, {limit} allowed"
    limit = text(float(rule.limit), Shown.SHARE)
    if not was:
        return f"there was none before, {limit} more of that allowed"
    return f"{text(float(worse / was), Shown.SHARE)} worse, {limit} allowed"


def _doubt(beyond: bool, told: str) -> str:
    if not beyond:
        return ""
    if told == "noise":
        return ", but within the spread of the steps: noise"
    return "" if told == "moved" else "; too few steps to tell from noise"


def _shown(found: Values, unit: Unit) -> str:
    shown = text(float(found.value), _SHOWN[unit])
    return f"{shown} per step" if unit == "ns" and found.by_step else shown


def _failed(
    rule: Requirement | Regression, recording: Recording, device: DeviceSteps | None, reason: str
) -> Check:
    where = None if device is None else device.device
    return Check(rule.text, recording.title, where, False, reason)


def _changes(before: Recording, after: Recording) -> Iterator[str]:
    """Say what changed in a trace that failed a comparison."""
    found = trace_diff(before, after)
    for device in found.devices:
        moved = [each for each in device.states if each.verdict in ("moved", "untold")][:3]
        named = device.operators if device.kind == "cpu" else device.names
        moved += [each for each in named if each.verdict in ("moved", "untold")][:2]
        if moved:
            listed = ", ".join(
                f"{each.name} {text(each.change_ns, Shown.CHANGE)}" for each in moved
            )
            yield f"{found.title}, device {device.after}: most changed, per step: {listed}."

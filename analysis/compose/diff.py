"""What two recordings differ in, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.document import Bullets, Column, Document, Estimate, Section, Table, Unit
from analysis.headline import factor_words
from analysis.units import one_line, shortened, text
from analysis.wording import STATE_MEANING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.diff import Change, DeviceDiff, Diff, TraceDiff
    from analysis.diff.model import OverSteps, Part
    from analysis.document import Block, Cell

TOP = 10
"""How many of the names that moved most are listed one by one."""

_MOST_MOVERS = 3
_VERDICTS = {
    "same": "the same",
    "moved": "moved",
    "noise": "noise",
    "untold": "too few steps",
}
_COLUMNS = (
    Column("before", Unit.TIME),
    Column("after", Unit.TIME),
    Column("change", Unit.CHANGE),
    Column("share before", Unit.SHARE),
    Column("share after", Unit.SHARE),
    Column("verdict", Unit.TEXT),
)


def compose(diff: Diff, *, top: int = TOP) -> Document:
    """Arrange the speed-up, what differs besides, and what moved.

    Args:
        diff: what was found.
        top: how many of the names that moved most are listed one by one.
    """
    details = tuple(_details(pair, top) for pair in diff.pairs)
    single = len(details) == 1
    summary = [
        Section("What changed", 1, (Bullets(sentences(diff)),)),
        *differing(diff),
        *factors(diff),
        *(details if single else ()),
        *_alone(diff),
    ]
    return Document(tuple(summary), () if single else details)


def breakdowns(diff: Diff) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each device's time per step by state, before and after, with its label."""
    for pair in diff.pairs:
        for device in pair.devices:
            label = place(pair, device)
            for side in ("before", "after"):
                states = {each.name: getattr(each, side).mean for each in device.states}
                yield f"{label}, {side}", states


def sentences(diff: Diff) -> tuple[str, ...]:
    """Say of each device by what factor it is faster, and through what."""
    return tuple(
        f"{place(pair, device)}: {headline(pair, device)}"
        for pair in diff.pairs
        for device in pair.devices
    ) or ("Nothing ran that could be compared.",)


def place(pair: TraceDiff, device: DeviceDiff) -> str:
    """Return what a device is called."""
    return f"{pair.title}, device {device.after}" if len(pair.devices) > 1 else pair.title


def headline(pair: TraceDiff, device: DeviceDiff) -> str:
    """Say by what factor a device is faster, through what, and what moved most."""
    parts = [finding(pair, device)]
    moved = [each for each in device.states if each.verdict == "moved"][:_MOST_MOVERS]
    if moved:
        parts.append("most moved " + ", ".join(f"{_shift(each)}" for each in moved))
    named = device.operators if device.kind == "cpu" else device.names
    ran = [each for each in named if each.verdict == "moved"][:1]
    if ran:
        parts.append(f"and of what ran {_shift(ran[0])}")
    return "; ".join(parts) + "."


def finding(pair: TraceDiff, device: DeviceDiff) -> str:
    """Say by what factor a device is faster, and through what."""
    parts = [_speed(device)]
    if pair.untraced_speed_up is not None:
        parts.append(f"untraced {text(Estimate(*pair.untraced_speed_up), Unit.FACTOR)}")
    if device.verdict in ("moved", "untold") and (words := _factors_said(device)):
        parts.append(words)
    return "; ".join(parts)


def _speed(device: DeviceDiff) -> str:
    wall = device.figure("wall")
    if device.verdict == "same":
        return "the same wall time in every step"
    ratio = "" if device.speed_up is None else text(_estimate(device.speed_up), Unit.FACTOR)
    each = "step" if device.steps_after else "window"
    times = f"{text(wall.before.mean, Unit.TIME)} to {text(wall.after.mean, Unit.TIME)} per {each}"
    if device.verdict == "noise":
        return f"no change beyond the spread of the steps ({ratio or 'no speed-up'}, {times})"
    doubt = "" if device.verdict == "moved" else f"; {_few(device)} too few to tell from noise"
    if device.speed_up is None:
        return times + doubt
    slower = device.speed_up.value < 1
    return f"{f'slower, {ratio}' if slower else f'{ratio} as fast'} traced, {times}{doubt}"


def _few(device: DeviceDiff) -> str:
    if not device.steps_after:
        return "one window on each side is"
    return f"{device.steps_before} steps before and {device.steps_after} after are"


def _factors_said(device: DeviceDiff) -> str:
    names = ("less_work", "more_overlap", "less_idle")
    found: dict[str, Part | None] = {name: getattr(device, name) for name in names}
    return factor_words({name: part and part.value for name, part in found.items()})


def _shift(change: Change) -> str:
    return f"{shortened(one_line(change.name))} {text(change.change_ns, Unit.CHANGE)}"


def differing(diff: Diff) -> list[Section]:
    """Say what else is not the same, and what a reader must know; nothing if there is nothing."""
    rows = dict.fromkeys(
        each for pair in diff.pairs for each in pair.differing if each.what != "mode"
    )
    renamed = [
        f"{pair.title}: the mode is {each.after}, and was {each.before}."
        for pair in diff.pairs
        for each in pair.differing
        if each.what == "mode"
    ]
    notes = dict.fromkeys(note for pair in diff.pairs for note in pair.notes)
    blocks: list[Block] = []
    if rows:
        columns = (Column("", Unit.TEXT), Column("before", Unit.TEXT), Column("after", Unit.TEXT))
        caption = "Not the same on both sides, and each a reason for a difference."
        blocks.append(Table(columns, tuple(rows), caption))
    if renamed or notes:
        blocks.append(Bullets((*renamed, *notes)))
    return [Section("Before comparing", 2, tuple(blocks))] if blocks else []


def factors(diff: Diff) -> list[Section]:
    """Return the table of wall times, the speed-ups and their factors."""
    rows = tuple(
        (
            place(pair, device),
            *_sides(device.figure("wall")),
            _estimate(device.speed_up),
            _estimate(device.less_work),
            _estimate(device.more_overlap),
            _estimate(device.less_idle),
            pair.untraced_speed_up and Estimate(*pair.untraced_speed_up),
            _VERDICTS[device.verdict],
        )
        for pair in diff.pairs
        for device in pair.devices
    )
    if not rows:
        return []
    columns = (
        Column("trace", Unit.TEXT),
        Column("wall before", Unit.TIME),
        Column("after", Unit.TIME),
        Column("speed-up", Unit.FACTOR),
        Column("less work", Unit.FACTOR),
        Column("more overlap", Unit.FACTOR),
        Column("less idle", Unit.FACTOR),
        Column("untraced", Unit.FACTOR),
        Column("verdict", Unit.TEXT),
    )
    caption = (
        "Traced wall time per step: the mean (and the least to the greatest). The speed-up is the "
        "product of its three factors; ratios with 95% intervals where both sides have 5 steps or "
        "more. Noise: the spread of the steps explains the difference."
    )
    return [Section("Speed-up and its factors", 2, (Table(columns, rows, caption),))]


def _details(pair: TraceDiff, top: int) -> Section:
    blocks = tuple(
        table for device in pair.devices for table in tables(pair, device, top=top).values()
    )
    return Section(f"What moved: {pair.title}", 2, blocks)


def tables(pair: TraceDiff, device: DeviceDiff, *, top: int) -> dict[str, Table]:
    """Return what moved on one device, by figure, state, name and operator.

    Args:
        pair: the device's traces.
        device: what is shown.
        top: how many names are listed one by one; the others are summed.
    """
    where = f"Device {device.after}. " if len(pair.devices) > 1 else ""
    cpu = device.kind == "cpu"
    figures = tuple(
        (each.name, *_sides(each), each.change_ns, *_shares(each), _VERDICTS[each.verdict])
        for each in device.figures
    )
    running = "Operators" if cpu else "Kernels and copies"
    by = "what each did itself" if cpu else "device time that each launched"
    return {
        "figures": Table((Column("", Unit.TEXT), *_COLUMNS), figures, f"{where}Figures, per step."),
        "states": _states(device),
        running.lower(): _names(device.names, f"{running}: what ran on the lanes, per step", top),
        "operators by their own time" if cpu else "launching operators": _names(
            device.operators, f"Operators: {by}, per step", top
        ),
    }


def _states(device: DeviceDiff) -> Table:
    rows = tuple(
        (
            each.name,
            *_sides(each),
            each.change_ns,
            *_shares(each),
            _VERDICTS[each.verdict],
            STATE_MEANING[each.name],
        )
        for each in device.states
    )
    columns = (Column("state", Unit.CODE), *_COLUMNS, Column("meaning", Unit.TEXT))
    return Table(columns, rows, "States, per step; what moved most first.")


def _names(changes: Sequence[Change], title: str, top: int) -> Table:
    shown, rest = changes[:top], changes[top:]
    rows: list[tuple[Cell, ...]] = [
        (
            each.name,
            each.before_count,
            each.after_count,
            *_sides(each),
            each.change_ns,
            *_shares(each),
            _VERDICTS[each.verdict],
        )
        for each in shown
    ]
    if rest:
        rows.append(_summed(rest))
    columns = (
        Column("name", Unit.CODE),
        Column("times before", Unit.NUMBER),
        Column("times after", Unit.NUMBER),
        *_COLUMNS,
    )
    return Table(columns, tuple(rows), f"{title}; what moved most first.")


def _summed(changes: Sequence[Change]) -> tuple[Cell, ...]:
    """Return the row of all that is not listed, so that the columns add up."""
    return (
        f"({len(changes):,} more)",
        sum(each.before_count or 0 for each in changes),
        sum(each.after_count or 0 for each in changes),
        sum(each.before.mean for each in changes),
        sum(each.after.mean for each in changes),
        sum(each.change_ns for each in changes),
        _sum([each.before_share for each in changes]),
        _sum([each.after_share for each in changes]),
        None,
    )


def _sum(shares: Sequence[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return sum(known) if known else None


def not_compared(diff: Diff) -> tuple[str, ...]:
    """Name the traces without a counterpart, and those that could not be read."""
    return (
        *(f"Only before: {each}." for each in diff.only_before),
        *(f"Only after: {each}." for each in diff.only_after),
        *(failure.reason for failure in diff.failures),
    )


def _alone(diff: Diff) -> list[Section]:
    items = not_compared(diff)
    return [Section("Not compared", 2, (Bullets(items),))] if items else []


def _sides(change: Change) -> tuple[Cell, Cell]:
    return _spread(change.before), _spread(change.after)


def _spread(over: OverSteps) -> Cell:
    return over.mean if over.low == over.high else Estimate(over.mean, over.low, over.high)


def _shares(change: Change) -> tuple[float | None, float | None]:
    return change.before_share, change.after_share


def _estimate(part: Part | None) -> Cell:
    if part is None:
        return None
    if part.low is None or part.high is None:
        return part.value
    return Estimate(part.value, part.low, part.high)

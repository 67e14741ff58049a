"""A sweep to the document that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.comparison import BASELINE
from analysis.document import (
    Bullets,
    Column,
    Document,
    Estimate,
    Paragraph,
    Section,
    Table,
    Unit,
)
from analysis.sweep.verdicts import modes
from analysis.units import text
from analysis.wording import environment_words

if TYPE_CHECKING:
    from analysis.document import Block, Cell
    from analysis.report import ModeFigures
    from analysis.statistics import Ratio
    from analysis.sweep.model import Point, Sweep, Verdict

_CAPTION = (
    "A row per point, by the length of operators: in the sequential trace half of their time is "
    "spent in operators at least so long. Speed-up is untraced, with its 95% interval; the three "
    "factors multiply to the traced speed-up."
)


def compose(sweep: Sweep) -> Document:
    """Arrange the verdicts, the table, and what is missing."""
    sections = [Section("From where on it pays", 1, tuple(_verdicts(sweep)))]
    sections.append(Section("Point by point", 2, (Paragraph(_CAPTION), *_tables(sweep))))
    undone = [
        f"{each.name}: {each.state}" + (f" ({each.reason})" if each.reason else "")
        for each in sweep.undone
    ]
    if undone:
        advice = Paragraph("`profiling sweep --resume`, with the same options, records them.")
        sections.append(Section("Not complete", 2, (Bullets(tuple(undone)), advice)))
    if sweep.failures:
        sections.append(Section("Not read", 2, (Bullets(sweep.failures),)))
    return Document(summary=tuple(sections), details=())


def _verdicts(sweep: Sweep) -> list[Block]:
    blocks: list[Block] = [Bullets(tuple(sentence(each) for each in sweep.verdicts))]
    if not sweep.verdicts:
        blocks = [Paragraph(f"No mode beside {BASELINE} was recorded.")]
    if sweep.notes:
        blocks.append(Bullets(sweep.notes))
    blocks.append(Paragraph(_where(sweep.points[0])))
    return blocks


def sentence(verdict: Verdict) -> str:
    """Say from which operator length on a mode pays."""
    of = f" with {verdict.group}" if verdict.group else ""
    best = _at(verdict.best_speed_up, verdict.best_ns, verdict.best_label)
    first = _at(verdict.from_speed_up, verdict.from_ns, verdict.from_label)
    match verdict.outcome:
        case "always":
            words = f"pays at every point of this sweep, {first} at the shortest operators"
        case "from":
            words = f"pays from operators of {text(verdict.from_ns, Unit.TIME)} on, {first}"
        case "between":
            words = (
                f"pays at {verdict.paying} of {verdict.points} points, and not at the longest "
                f"operators: there is no length from which on it pays; at best {best}"
            )
        case "never":
            words = f"never pays in this sweep: at best {best}"
        case _:
            words = "was recorded at no point beside its baseline"
    if verdict.from_label is not None and verdict.best_label != verdict.from_label:
        words += f", and at best {best}"
    return f"{verdict.mode}{of} {words}."


def _at(ratio: Ratio | None, ns: float | None, label: str | None) -> str:
    if ratio is None or ns is None:
        return ""
    shown = text(Estimate(*ratio), Unit.FACTOR)
    return f"{shown} at {text(ns, Unit.TIME)} ({label})"


def _tables(sweep: Sweep) -> list[Table]:
    """A table per mode, the baseline first, of a row per point."""
    columns = (
        Column("point", Unit.TEXT),
        Column("operators", Unit.TIME),
        Column("speed-up", Unit.FACTOR),
        Column("less work", Unit.FACTOR),
        Column("more overlap", Unit.FACTOR),
        Column("less idle", Unit.FACTOR),
        Column("traced speed-up", Unit.FACTOR),
        Column("wall per step", Unit.TIME),
        Column("achieved", Unit.NUMBER),
        Column("CPU s/s", Unit.NUMBER),
        Column("median operator", Unit.TIME),
    )
    return [
        Table(
            columns,
            tuple(
                _row(point, figures)
                for point in sweep.points
                for figures in point.modes
                if figures.mode == mode
            ),
            mode,
        )
        for mode in (BASELINE, *modes(sweep.points))
    ]


def _row(point: Point, mode: ModeFigures) -> tuple[Cell, ...]:
    return (
        point.label,
        point.operators.half_time_ns,
        None if mode.speed_up is None else Estimate(*mode.speed_up),
        mode.less_work,
        mode.more_overlap,
        mode.less_idle,
        None if mode.traced_speed_up is None else mode.traced_speed_up.value,
        Estimate(mode.wall_ns, *mode.wall_ci95_ns),
        mode.achieved,
        mode.cpu_seconds_per_wall_second,
        point.operators.median_ns,
    )


def _where(point: Point) -> str:
    known = (f"Recorded on {point.device}", *environment_words(point.environment))
    return ", ".join(known) + "."

"""HTA's figures beside ours, as they are read in a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.document import Bullets, Column, Paragraph, Section, Table, Unit
from analysis.hta.agreement import CAUSES
from analysis.units import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.document import Block
    from analysis.hta.agreement import Agreement, Figure
    from analysis.report import TraceReport

_TITLES = {
    "idle_ns": "idle",
    "compute_ns": "compute",
    "non_compute_ns": "non-compute",
    "window_ns": "window",
    "lane_host_wait_ns": "gaps on streams: host wait",
    "lane_kernel_wait_ns": "gaps on streams: kernel wait",
    "lane_other_wait_ns": "gaps on streams: other",
    "communication_overlap": "communication overlap",
}
_UNEXPLAINED = "unexplained"


def summary(traces: Sequence[TraceReport]) -> list[Section]:
    """Return how many figures agree on each trace, and why others differ."""
    asked = [(trace.label, trace.hta) for trace in traces if trace.hta]
    if not asked:
        return []
    failures = {agreement.failure for _, agreement in asked}
    if len(failures) == 1 and None not in failures:
        return [Section("HTA beside ours", 2, (Paragraph(f"{failures.pop()}."),))]
    rows = tuple(_row(label, agreement) for label, agreement in asked)
    columns = (
        Column("trace", Unit.TEXT),
        Column("agree", Unit.COUNT),
        Column("differ", Unit.COUNT),
        Column("why", Unit.TEXT),
        Column("HTA fails", Unit.TEXT),
    )
    caption = "Figures of HTA's temporal breakdown, idle breakdown and communication overlap."
    return [Section("HTA beside ours", 2, (Table(columns, rows, caption),))]


def blocks(agreement: Agreement) -> list[Block]:
    """Return the details of one trace."""
    if agreement.failure:
        return [Paragraph(f"{agreement.failure}.")]
    found: list[Block] = []
    for unit, of_unit in ((Unit.TIME, True), (Unit.SHARE, False)):
        figures = [each for each in agreement.figures if each.figure.endswith("_ns") is of_unit]
        shown = [each for each in figures if each.ours is not None or not each.agrees]
        if shown:
            found.append(_table(agreement.version, shown, unit))
    causes = _causes(agreement.figures)
    if causes:
        sentences = tuple(f"{_words(cause)}: {CAUSES[cause]}." for cause in causes)
        found.append(Bullets(sentences))
    return found


def _row(label: str, agreement: Agreement) -> tuple[str | int | None, ...]:
    figures = agreement.figures
    failures = dict.fromkeys(each.failure for each in figures if each.failure)
    if agreement.failure:
        failures[agreement.failure] = None
    agreeing = sum(each.agrees for each in figures)
    why = [_words(cause) for cause in _causes(figures)]
    if any(each.unexplained for each in figures):
        why.append(_UNEXPLAINED)
    return (
        label,
        agreeing,
        len(figures) - agreeing,
        ", ".join(why) or None,
        "; ".join(failure.rpartition("this trace: ")[2] for failure in failures if failure) or None,
    )


def _table(version: str, figures: Sequence[Figure], unit: Unit) -> Table:
    columns = (
        Column("device", Unit.TEXT),
        Column("figure", Unit.TEXT),
        Column("ours", unit),
        Column("HTA", unit),
        Column("", Unit.TEXT),
        Column("what HTA's rules add", Unit.TEXT),
    )
    rows = tuple(
        (
            each.device,
            _TITLES[each.figure],
            each.ours,
            each.theirs,
            "agree" if each.agrees else "HTA fails" if each.failure else "differ",
            each.failure or _why(each, unit) or None,
        )
        for each in figures
    )
    return Table(columns, rows, f"HTA {version} beside ours, for the whole trace.")


def _why(figure: Figure, unit: Unit) -> str:
    parts = [
        _words(each.cause)
        + ("" if each.difference is None else f" {_signed(each.difference, unit)}")
        for each in figure.causes
    ]
    if figure.unexplained:
        parts.append(f"{_UNEXPLAINED} {_signed(figure.unexplained, unit)}")
    return ", ".join(parts)


def _signed(value: float, unit: Unit) -> str:
    return f"{'-' if value < 0 else '+'}{text(abs(value), unit)}"


def _causes(figures: Iterable[Figure]) -> list[str]:
    present = {each.cause for figure in figures for each in figure.causes}
    return [cause for cause in CAUSES if cause in present]


def _words(cause: str) -> str:
    return cause.replace("_", " ")

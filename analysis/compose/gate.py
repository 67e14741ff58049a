"""What became of the rules, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.document import Bullets, Column, Document, Paragraph, Section, Table, Unit

if TYPE_CHECKING:
    from analysis.document import Block
    from analysis.gate import Check, Gate

_MOST_NOTES = 10


def verdict(gate: Gate) -> str:
    """Say in a line how it ended."""
    if gate.failures:
        number = len(gate.failures)
        return f"No verdict: {number:,} {'trace' if number == 1 else 'traces'} could not be read."
    failed = sum(not check.passed for check in gate.checks)
    number = len(gate.checks)
    if failed:
        return f"Failed: {failed:,} of {number:,} checks."
    noise = sum(check.noise for check in gate.checks)
    aside = f", {noise:,} of them only because the change is within noise" if noise else ""
    return f"Passed: {number:,} {'check' if number == 1 else 'checks'}{aside}."


def compose(gate: Gate) -> Document:
    """Arrange the checks as a table, the failed ones first."""
    columns = (
        Column("", Unit.TEXT),
        Column("rule", Unit.CODE),
        Column("trace", Unit.TEXT),
        Column("figures", Unit.TEXT),
    )
    rows = tuple(
        (_word(check), check.rule, _place(check, gate), check.reason) for check in _ordered(gate)
    )
    return _document(gate, [Table(columns, rows)] if rows else [])


def compose_lines(gate: Gate) -> Document:
    """Arrange the checks as sentences, for a log: the failed ones first."""
    lines = tuple(
        f"{_word(check)} {_place(check, gate)}: {check.rule}: {check.reason}"
        for check in _ordered(gate)
    )
    return _document(gate, [Bullets(lines)] if lines else [])


def _document(gate: Gate, checks: list[Block]) -> Document:
    blocks: list[Block] = [Paragraph(verdict(gate)), *checks]
    items = (*(failure.reason for failure in gate.failures), *gate.changes, *_notes(gate))
    if items:
        blocks.append(Bullets(items))
    return Document((Section("Gate", 1, tuple(blocks)),), ())


def _ordered(gate: Gate) -> list[Check]:
    return sorted(gate.checks, key=lambda check: check.passed)


def _place(check: Check, gate: Gate) -> str:
    devices = {each.device for each in gate.checks if each.trace == check.trace and each.device}
    several = len(devices) > 1 and check.device is not None
    return f"{check.trace}, device {check.device}" if several else check.trace


def _word(check: Check) -> str:
    if not check.passed:
        return "FAILED"
    return "noise" if check.noise else "passed"


def _notes(gate: Gate) -> tuple[str, ...]:
    shown = gate.notes[:_MOST_NOTES]
    further = len(gate.notes) - len(shown)
    return (*shown, *([f"{further:,} more notes; --json has them all."] if further else []))

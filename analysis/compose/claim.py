"""A settled claim as it is read."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from analysis.claim.figures import Verdict
from analysis.document import (
    Bullets,
    Column,
    Document,
    Paragraph,
    Section,
    Table,
    Unit,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.claim import Claim, Claims
    from analysis.claim.figures import Measured
    from analysis.document import Block, Cell, Estimate

_VERDICTS = {
    Verdict.RAISES: "raises it",
    Verdict.LOWERS: "lowers it",
    Verdict.NONE: "changes nothing",
    Verdict.TOO_CLOSE: "too close to tell",
    Verdict.TOO_FEW: "too few processes to tell",
}
_PRINTED, _MENDED = "the script as printed", "mended and repeated"
_SOURCES = {"stopwatch": "the clock", "traces": "the traces", "both": "both"}
_MEANINGS = {
    "first_call": "first call: whichever pass runs first pays for one-time set-up.",
    "asynchrony": "asynchrony: the clock is read before the device has finished.",
    "one_reading": "one reading: a single pass in fixed order, instead of many in turns.",
    "less_work": "less work: the same result from less operator time.",
    "more_overlap": "more overlap: more lanes (threads, streams) running at once.",
    "less_idle": "less idle: fewer gaps between operators.",
    "remaining": "remaining: what the profiler changed, and what nothing above explains.",
}


class Line(NamedTuple):
    """One line of the account.

    Attributes:
        words: what it is.
        value: a ratio, with its interval if it has one; None where it was not measured.
        source: `stopwatch`, `traces` or `both`.
        said: what can be said of it.
        total: whether the causes that follow multiply to it.
    """

    words: str
    value: float | Estimate | None
    source: str
    said: str = ""
    total: bool = False


def document(found: Claims) -> Document:
    """Return the answer of each claim, then what it is made of."""
    names = _names([claim.path for claim in found.claims])
    named = list(zip(found.claims, names, strict=True))
    summary = [_answer(claim, name) for claim, name in named]
    if len(found.claims) > 1:
        summary.append(Section("The claims side by side", 1, (_side_by_side(found, names),)))
    if found.failures:
        summary.append(Section("Not read", 1, (Bullets(found.failures),)))
    return Document(tuple(summary), tuple(_evidence(claim, name) for claim, name in named))


def _names(paths: list[str]) -> list[str]:
    """Return what tells claims apart: their paths without what all begin and end with.

    One alone needs no name.
    """
    if len(paths) < 2:
        return [""] * len(paths)
    parts = [PurePath(path).parts for path in paths]
    shortest = min(map(len, parts))
    begin = next((n for n in range(shortest) if len({own[n] for own in parts}) > 1), shortest)
    end = next((n for n in range(shortest) if len({own[-1 - n] for own in parts}) > 1), shortest)
    kept = [own[begin : len(own) - end] for own in parts]
    return [str(PurePath(*own)) for own in kept] if all(kept) else paths


def _answer(claim: Claim, name: str) -> Section:
    blocks: list[Block] = [Paragraph(sentence) for sentence in claim.sentences]
    blocks += [_factors(claim), _variants(claim)]
    if claim.notes:
        blocks.append(Bullets(claim.notes))
    return Section(f"The post's claim, settled: {_where(claim, name)}", 1, tuple(blocks))


def _evidence(claim: Claim, name: str) -> Section:
    blocks: list[Block] = [_passes(claim)] if claim.passes else []
    meanings = [
        meaning for key, meaning in _MEANINGS.items() if any(key in f.key for f in claim.factors)
    ]
    blocks.append(Bullets((*meanings, *(f"{each.name}: {each.shows}." for each in claim.variants))))
    return Section(f"What it is made of: {_where(claim, name)}", 2, tuple(blocks))


def _where(claim: Claim, name: str) -> str:
    device = claim.environment.get("device_name")
    torch = claim.environment.get("torch")
    parts = [f"{name}:"] if name else []
    parts.append(f"{claim.preset} on {claim.device}")
    parts += [f"({device})"] if device else []
    parts += [f"with torch {torch}"] if torch else []
    return " ".join(parts)


def lines(claim: Claim) -> Iterator[Line]:
    """Yield what the script says, its causes, and in their place what is left of it."""
    if claim.total is not None:
        yield Line(_PRINTED, claim.total.estimate, "stopwatch", total=True)
    left = claim.repeated
    for factor in claim.factors:
        if factor.source != "stopwatch" and left is not None:
            yield Line(_MENDED, left.estimate, "stopwatch", total=True)
            left = None
        measured = factor.measured
        said = _VERDICTS[measured.verdict] if measured else factor.absent
        yield Line(factor.words, measured.estimate if measured else None, factor.source, said)


def _factors(claim: Claim) -> Table:
    columns = (
        Column("cause", Unit.TEXT),
        Column("no_grad faster by", Unit.FACTOR),
        Column("the cause", Unit.TEXT),
        Column("measured by", Unit.TEXT),
    )
    rows = tuple(
        (line.words, line.value, line.said, _SOURCES[line.source]) for line in lines(claim)
    )
    caption = (
        "What the script says is exactly the product of its causes, and what is left when it is "
        "mended the product of those below. Intervals are 95%, over processes."
    )
    return Table(columns, rows, caption)


def _variants(claim: Claim) -> Table:
    columns = (
        Column("variant", Unit.CODE),
        Column("with grad", Unit.TIME),
        Column("no_grad", Unit.TIME),
        Column("ratio", Unit.FACTOR),
        Column("least", Unit.FACTOR),
        Column("most", Unit.FACTOR),
        Column("processes", Unit.COUNT),
    )
    rows = tuple(
        (
            each.name,
            each.with_grad_ns,
            each.no_grad_ns,
            each.ratio.value,
            each.least,
            each.most,
            each.ratio.processes,
        )
        for each in claim.variants
    )
    return Table(columns, rows, "What the clock showed, medians over fresh processes.")


def _passes(claim: Claim) -> Table:
    columns = (
        Column("pass", Unit.TEXT),
        Column("processes", Unit.COUNT),
        Column("wall per step", Unit.TIME),
        Column("work", Unit.TIME),
        Column("achieved", Unit.NUMBER),
        Column("busy", Unit.SHARE),
        Column("seen by the clock", Unit.SHARE),
    )
    rows = tuple(
        (
            f"{each.kind}, {each.part}",
            each.processes,
            each.wall_ns,
            each.work_ns,
            each.achieved,
            each.busy_share,
            each.stopwatch_share,
        )
        for each in claim.passes
    )
    return Table(
        columns,
        rows,
        "The two passes as their traces show them: of each process the step of median wall time.",
    )


def _side_by_side(found: Claims, names: list[str]) -> Table:
    factors = {each.key: each.words for claim in found.claims for each in claim.factors}
    columns = (
        Column("cause", Unit.TEXT),
        *(Column(name, Unit.FACTOR) for name in names),
        Column("same conclusion", Unit.TEXT),
    )
    rows: list[tuple[Cell, ...]] = [
        (_PRINTED, *(_cell(claim.total) for claim in found.claims), ""),
        (_MENDED, *(_cell(claim.repeated) for claim in found.claims), ""),
    ]
    rows += [
        (
            words,
            *(_measured(claim, key) for claim in found.claims),
            _same(found, key),
        )
        for key, words in factors.items()
    ]
    return Table(columns, tuple(rows))


def _measured(claim: Claim, key: str) -> Cell:
    factor = claim.factor(key)
    return _cell(factor.measured) if factor else None


def _same(found: Claims, key: str) -> str:
    """Return whether all claims that measured a factor say the same of it."""
    factors = (claim.factor(key) for claim in found.claims)
    verdicts = {each.measured.verdict for each in factors if each and each.measured}
    if not verdicts:
        return ""
    if verdicts & {Verdict.TOO_CLOSE, Verdict.TOO_FEW}:
        return "not settled"
    return "yes" if len(verdicts) == 1 else "no"


def _cell(measured: Measured | None) -> Cell:
    return measured.estimate if measured else None

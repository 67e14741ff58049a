"""A job of several ranks, as the page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.compose import ranks as compose_ranks
from analysis.document import Table, Unit
from analysis.page import Chapter, Heat, Panel, Sheet

if TYPE_CHECKING:
    from analysis.document import Block
    from analysis.fleet.figures import Job
    from analysis.page import PageBlock

_DRAWN = 64
"""So many ranks are drawn side by side; their table holds all."""


def chapter(job: Job) -> Chapter:
    """Compare the ranks: who waits, for whom, and what each one's time consists of."""
    (short,), (full,) = compose_ranks.summary((job,)), compose_ranks.details((job,))
    panels = [Panel("Who waits for whom", _blocks(short.blocks), wide=True)]
    states = _states(job)
    if states.rows:
        panels.append(Panel("Where the time went", (states,), wide=True))
    panels.append(Panel("In full", _blocks(full.blocks), wide=True))
    return Chapter(compose_ranks.title(job), "", tuple(panels))


def _blocks(blocks: tuple[Block, ...]) -> tuple[PageBlock, ...]:
    return tuple(
        Sheet(each, each.caption.partition(".")[0].partition(":")[0].lower())
        if isinstance(each, Table)
        else each
        for each in blocks
    )


def _states(job: Job) -> Heat:
    ranks = [row for row in job.ranks if row.window_ns][:_DRAWN]
    totals: dict[str, int] = {}
    for row in ranks:
        for state, ns in row.breakdown_ns.items():
            totals[state] = totals.get(state, 0) + ns
    states = sorted((state for state, ns in totals.items() if ns), key=lambda state: -totals[state])
    title = "Each rank's window by state"
    if len(job.ranks) > len(ranks):
        title += f": {len(ranks)} of {len(job.ranks):,} ranks"
    return Heat(
        title,
        tuple(states),
        tuple(str(row.rank) for row in ranks),
        tuple(
            tuple((row.breakdown_ns.get(state) or 0) / row.window_ns for row in ranks)
            for state in states
        ),
        Unit.SHARE,
    )

"""Ranks, measured apart, to what is said of their job; their order is no matter."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from analysis.fleet import outliers
from analysis.fleet.arrivals import meetings
from analysis.fleet.causes import causes
from analysis.fleet.clocks import align
from analysis.fleet.collectives import kinds, late
from analysis.fleet.figures import Blame, Job, RankRow, Stage
from analysis.fleet.hosts import hosts
from analysis.fleet.joined import join
from analysis.fleet.matching import match, ranks_of
from analysis.metrics.breakdown import Breakdown
from analysis.metrics.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analysis.fleet.arrivals import Meetings
    from analysis.fleet.causes import Causes
    from analysis.fleet.joined import Joined
    from analysis.fleet.rank import Measured

_LISTED = 8


def jobs(measured: Iterable[Measured]) -> tuple[Job, ...]:
    """Return the jobs of which at least two ranks are among the traces.

    Ranks of one job say the same world size; a trace that says none belongs to the only
    job that there is, if its rank is free there. A recording of several modes is no job:
    its traces share their rank.
    """
    by_size: dict[int | None, list[Measured]] = defaultdict(list)
    for each in sorted(measured, key=lambda each: each.report.path):
        if each.identity.rank is not None:
            by_size[each.identity.world_size].append(each)
    sized = [size for size in by_size if size is not None]
    if len(sized) == 1 and None in by_size:
        taken = {each.identity.rank for each in by_size[sized[0]]}
        joins = [
            each
            for each in by_size[None]
            if each.identity.rank not in taken and (each.identity.rank or 0) < sized[0]
        ]
        by_size[sized[0]] += joins
        by_size[None] = [each for each in by_size[None] if each not in joins]
    found = {
        size: members
        for size, members in by_size.items()
        if len({each.identity.rank for each in members}) > 1
    }
    several = (
        (f"The traces are of {len(found)} jobs, told from each other by their world size.",)
        if len(found) > 1
        else ()
    )
    return tuple(
        merge(found[size], size, several)
        for size in sorted(found, key=lambda size: (size is None, size or 0))
    )


def merge(
    measured: Sequence[Measured], world_size: int | None = None, notes: tuple[str, ...] = ()
) -> Job:
    """Lay the ranks of one job side by side.

    Args:
        measured: its traces, in any order; of several of one rank, the first by path is taken.
        world_size: how many ranks it has, if that is said.
        notes: what else is to be said of it.
    """
    ranks: dict[int, Measured] = {}
    said = list(notes)
    for each in sorted(measured, key=lambda each: (each.identity.rank or 0, each.report.path)):
        rank = each.identity.rank or 0
        if rank in ranks:
            said.append(
                f"Rank {rank} is there twice: {ranks[rank].report.path} was taken, "
                f"{each.report.path} was not."
            )
        else:
            ranks[rank] = each
    missing = tuple(sorted(set(range(world_size or 0)) - set(ranks)))
    joined = join(ranks)
    matched = match(joined)
    joined, apart = hosts(joined, matched)
    resolution = max(each.report.resolution_ns for each in ranks.values())
    alignment = align(joined, matched, resolution)
    met = meetings(joined, matched, alignment)
    blamed = causes(met)
    said += (*_about_ranks(ranks, world_size, missing), *_about_clocks(ranks, met))
    said += (*apart, *matched.notes, *_about_waiting(joined, met))
    rows = _rows(ranks, met, blamed)
    return Job(
        world_size=world_size,
        ranks=rows,
        missing=missing,
        clocks=alignment.clocks,
        matched=int(met.inside.sum()),
        incomplete=int((met.inside & ~met.complete).sum()),
        unmatched=int(joined.inside.sum() - joined.inside[matched.row].sum()),
        kinds=kinds(met),
        late=late(met),
        steps=_steps(met, blamed),
        stages=_stages(ranks, rows),
        outliers=outliers.find(rows),
        notes=tuple(said),
    )


def _about_ranks(
    ranks: Mapping[int, Measured], world_size: int | None, missing: tuple[int, ...]
) -> list[str]:
    notes = []
    if missing:
        listed = ", ".join(map(str, missing[:_LISTED]))
        more = f" and {len(missing) - _LISTED:,} more" if len(missing) > _LISTED else ""
        notes.append(f"{len(missing):,} of {world_size:,} ranks were not read: {listed}{more}.")
    by_source = Counter(each.identity.said_by for each in ranks.values())
    if set(by_source) != {"distributedInfo"}:
        told = ", ".join(f"{source} ({number:,})" for source, number in sorted(by_source.items()))
        notes.append(f"Ranks are known from: {told}.")
    notes += [
        f"Rank {rank} was not read as it stands: {each.report.losses[0]}"
        for rank, each in ranks.items()
        if each.report.losses
    ]
    beyond = [rank for rank in ranks if world_size is not None and rank >= world_size]
    if beyond:
        notes.append(f"Rank {beyond[0]} is no rank of a job of {world_size:,}.")
    return notes


def _about_clocks(ranks: Mapping[int, Measured], met: Meetings) -> list[str]:
    notes = []
    unknown = sum(each.identity.host is None for each in ranks.values())
    if unknown:
        notes.append(
            f"The host of {unknown:,} ranks is not recorded: each is taken to have a clock of its "
            "own (a `hostname` or `host_name` in the trace, or tensorboard_trace_handler's file "
            "names, tell it)."
        )
    based = sum(each.base_ns is not None for each in ranks.values())
    if 0 < based < len(ranks):
        notes.append(
            f"Only {based:,} of {len(ranks):,} ranks say what their clock counts from "
            "(`baseTimeNanoseconds`): each of the others is taken to have a clock of its own."
        )
    apart = int((met.possible & ~met.comparable).sum())
    if apart:
        notes.append(
            f"{apart:,} communications are between ranks whose clocks no collective ties together: "
            "nothing is concluded from their times."
        )
    impossible = int((~met.possible).sum())
    if impossible:
        notes.append(
            f"{impossible:,} collectives ended on one rank before they began on another: they are "
            "not the same, or a record is missing. Nothing is concluded from their times."
        )
    return notes


def _about_waiting(joined: Joined, met: Meetings) -> list[str]:
    """Say why nobody's waiting is known, where it is not."""
    if not len(joined):
        return []
    if not len(met):
        said = f"None of {len(joined):,} communications is known to be the same on two ranks: "
        said += "their groups, numbers or peers are not recorded, or have nothing in common."
        return [said]
    if (met.complete & met.comparable).any():
        return []
    unsized = np.array([each.size < 0 for each in joined.calls], np.bool_)[met.call] & ~met.complete
    parts = {
        "do not say how many ranks their group has": int(unsized.sum()),
        "lack ranks of their group": int((~met.complete & ~unsized).sum()),
        "are between clocks that cannot be compared": int((met.complete & ~met.comparable).sum()),
    }
    told = ", ".join(f"{number:,} {why}" for why, number in parts.items() if number)
    return [f"Nobody's waiting is known: of {len(met):,} matched communications, {told}."]


def _rows(ranks: Mapping[int, Measured], met: Meetings, blamed: Causes) -> tuple[RankRow, ...]:
    certain, inside = (met.certain & met.inside)[met.meeting], met.inside[blamed.meeting]
    waited, caused = np.zeros((2, len(ranks)), np.int64)
    np.add.at(waited, met.rank[certain], met.waited[certain])
    np.add.at(caused, blamed.rank[inside], blamed.ns[inside])
    tells = bool((met.comparable & met.complete & met.inside).any())
    waiting = zip(waited.tolist(), caused.tolist(), strict=True)
    stages = _stage_of(ranks)
    return tuple(
        _row(rank, each, own if tells else (None, None), stages.get(rank) if each.bubble else None)
        for (rank, each), own in zip(ranks.items(), waiting, strict=True)
    )


def _row(
    rank: int, each: Measured, waiting: tuple[int | None, int | None], stage: int | None
) -> RankRow:
    report, table, bubble = each.report, each.communication, each.bubble
    breakdown: Counter[str] = Counter()
    for device in report.devices:
        breakdown.update(device.of(Breakdown).breakdown_ns)
    inside = table.inside
    length = int((table.end - table.start)[inside].sum())
    return RankRow(
        rank=rank,
        path=report.path,
        said_by=each.identity.said_by,
        host=each.identity.host,
        window_ns=sum(device.window_ns for device in report.devices),
        busy_ns=sum(device.of(Usage).busy_ns for device in report.devices),
        communication_ns=length,
        exposed_ns=length - int(table.hidden[inside].sum()),
        waited_ns=waiting[0],
        caused_ns=waiting[1],
        stage=stage,
        bubble_ns=None if bubble is None else bubble.bubble_ns,
        bubble_window_ns=None if bubble is None else bubble.window_ns,
        breakdown_ns={state: ns for state, ns in breakdown.items() if ns},
    )


def _stage_of(ranks: Mapping[int, Measured]) -> dict[int, int]:
    """Return the stages of ranks: their places in their pipeline's group.

    A pipeline may have a group for each pair of neighbours; then it is what these join.
    """
    pipelines: list[list[int]] = []
    for each in ranks.values():
        group = ranks_of(each.bubble.group) if each.bubble else None
        if group:
            joins = [other for other in pipelines if not set(other).isdisjoint(group)]
            joined = max([*joins, list(group)], key=len)
            if len(whole := set(group).union(*joins)) > len(joined):
                joined = sorted(whole)
            pipelines = [other for other in pipelines if other not in joins] + [joined]
    return {rank: stage for pipeline in pipelines for stage, rank in enumerate(pipeline)}


def _steps(met: Meetings, blamed: Causes) -> tuple[Blame, ...]:
    """Return what was lost in each step, in the order in which they first met."""
    inside = met.inside[blamed.meeting]
    lost: dict[int, Counter[int]] = {step: Counter() for step in dict.fromkeys(met.step.tolist())}
    columns = (met.step[blamed.meeting], blamed.rank, blamed.ns)
    shares = zip(*(column[inside].tolist() for column in columns), strict=True)
    for step, rank, ns in shares:
        lost[step][rank] += ns
    found = []
    for step, by_rank in lost.items():
        if by_rank:
            rank = min(by_rank, key=lambda rank: (-by_rank[rank], rank))
            name, number = met.joined.steps[step], met.joined.ranks[rank]
            found.append(Blame(name, sum(by_rank.values()), number, by_rank[rank]))
    return tuple(found)


def _stages(ranks: Mapping[int, Measured], rows: Sequence[RankRow]) -> tuple[Stage, ...]:
    members: dict[int, list[RankRow]] = defaultdict(list)
    for row in rows:
        if row.stage is not None:
            members[row.stage].append(row)
    found = []
    for stage, own in sorted(members.items()):
        bubbles = [ranks[row.rank].bubble for row in own]
        window = sum(each.window_ns for each in bubbles if each)
        bubble = sum(each.bubble_ns for each in bubbles if each)
        idle = sum(each.idle_ns for each in bubbles if each)
        if window:
            found.append(
                Stage(stage, tuple(row.rank for row in own), bubble / window, idle / window)
            )
    return tuple(found)

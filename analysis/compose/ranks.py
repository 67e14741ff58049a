"""What is said of a job of several ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import headline
from analysis.document import Bullets, Column, Paragraph, Section, Table, Unit
from analysis.units import text

if TYPE_CHECKING:
    from analysis.document import Block, Cell
    from analysis.fleet.figures import Job, RankRow
    from analysis.report import Report, TraceReport

_SHOWN_RANKS = 32
_SHOWN_KINDS = 20
_SHOWN_LATE = 10
_SHOWN_STEPS = 20
_DESCRIBED = 16
_SHOWN_OUTLIERS = 8
_SHOWN_WAITS = 6


def summary(jobs: tuple[Job, ...]) -> list[Section]:
    """Return what a reader in a hurry needs of each job."""
    return [Section(title(job), 2, tuple(_short(job))) for job in jobs]


def details(jobs: tuple[Job, ...]) -> list[Section]:
    """Return the rest."""
    return [Section(f"{title(job)}, in full", 2, tuple(_long(job))) for job in jobs]


def one_by_one(report: Report) -> tuple[TraceReport, ...]:
    """Return the traces that are described each: of a large job, the ranks to look at."""
    left_out: set[str] = set()
    for job in report.jobs:
        chosen = {row.path for row in _some(job, _DESCRIBED)}
        left_out |= {row.path for row in job.ranks} - chosen
    return tuple(trace for trace in report.traces if trace.path not in left_out)


def title(job: Job) -> str:
    """Name a job by its ranks."""
    of = f" of {job.world_size:,}" if len(job.ranks) < (job.world_size or 0) else ""
    return f"Job of {len(job.ranks):,}{of} ranks"


def _short(job: Job) -> list[Block]:
    items = [*_verdicts(job), *_clock_words(job), *job.notes]
    described = min(len(job.ranks), _DESCRIBED)
    if described < len(job.ranks):
        items.append(f"{described} of its ranks are described one by one, those to look at first.")
    return [Bullets(tuple(items)), _ranks(job, _some(job), with_paths=False)]


def _long(job: Job) -> list[Block]:
    blocks: list[Block] = [Paragraph(_counts(job)), _ranks(job, job.ranks, with_paths=True)]
    blocks.append(_states(job))
    if len(job.clocks.offsets) > 1:
        blocks.append(_offsets(job))
    if job.kinds:
        blocks.append(_kinds(job))
    if job.steps:
        blocks.append(_steps(job))
    if job.late:
        blocks.append(_late(job))
    if job.stages:
        blocks.append(_stages(job))
    if job.outliers:
        blocks.append(_outliers(job))
    return blocks


def _verdicts(job: Job) -> list[str]:
    """Say who waits, for whom, and whether communication is hidden."""
    said = []
    if found := headline.of_job(job):
        waits = max(job.ranks, key=lambda row: (row.waited_ns or 0, -row.rank))
        said.append(f"{found} Rank {waits.rank} waited longest, {_time(waits.waited_ns or 0)}.")
    elif any(row.waited_ns is not None for row in job.ranks):
        most = _time(job.clocks.floor_ns + (job.clocks.residual_ns or 0))
        said.append(f"No rank waited for another by more than {most}, as far as clocks can tell.")
    communication = sum(row.communication_ns for row in job.ranks)
    if communication:
        exposed = sum(row.exposed_ns for row in job.ranks)
        share = text(exposed / communication, Unit.SHARE)
        said.append(f"{share} of the communication time is exposed: no compute ran beside it.")
    said += _outlier_words(job)
    if job.stages:
        worst_stage = max(job.stages, key=lambda stage: stage.bubble_share)
        share = text(worst_stage.bubble_share, Unit.SHARE)
        said.append(f"Pipeline bubbles: {share} of stage {worst_stage.stage}, the most of any.")
    return said


def _outlier_words(job: Job) -> list[str]:
    return [
        f"Rank {each.rank} is unusual: {each.state} {text(each.share, Unit.SHARE)} of its window, "
        f"where the median rank has {text(each.median, Unit.SHARE)}."
        for each in job.outliers[:2]
    ]


def _clock_words(job: Job) -> list[str]:
    clocks = job.clocks
    if clocks.residual_ns is None and len(clocks.offsets) == 1:
        return ["Times are of one clock."]
    if clocks.residual_ns is None:
        return ["No collective that ends everywhere at once was matched: clocks are not compared."]
    how = "one clock" if len(clocks.offsets) == 1 else f"{len(clocks.offsets):,} clocks"
    untied = sum(each.offset_ns is None for each in clocks.offsets)
    apart = f"; {untied:,} of them could not be tied to the rest" if untied else ""
    said = (
        f"Times are of {how}{apart}, compared by {clocks.collectives:,} collectives, 95% of which "
        f"end on all ranks within {_time(clocks.residual_ns)}; nothing below "
        f"{_time(clocks.floor_ns)} is concluded."
    )
    return [said]


def _counts(job: Job) -> str:
    said = f"{job.matched:,} communications were matched across ranks"
    if job.incomplete:
        said += f", {job.incomplete:,} of them without all ranks of their group: who came last to "
        said += "these is not known"
    if job.unmatched:
        said += f"; on the ranks, {job.unmatched:,} could not be matched"
    return said + "."


def _some(job: Job, most: int = _SHOWN_RANKS) -> tuple[RankRow, ...]:
    """Return the ranks that a summary shows: of many, those that others wait for."""
    if len(job.ranks) <= most:
        return job.ranks
    unusual = {each.rank for each in job.outliers[:_SHOWN_OUTLIERS]}
    ordered = sorted(
        job.ranks,
        key=lambda row: (
            row.rank not in unusual,
            -(row.caused_ns or 0),
            -(row.waited_ns or 0),
            row.rank,
        ),
    )
    return tuple(sorted(ordered[:most], key=lambda row: row.rank))


def _ranks(job: Job, rows: tuple[RankRow, ...], *, with_paths: bool) -> Table:
    columns = [
        Column("rank", Unit.COUNT),
        Column("window", Unit.TIME),
        Column("busy", Unit.SHARE),
        Column("communication", Unit.TIME),
        Column("exposed", Unit.SHARE),
        Column("waited for others", Unit.TIME),
        Column("made others wait", Unit.TIME),
    ]
    if job.stages:
        columns += [Column("stage", Unit.COUNT), Column("bubble", Unit.SHARE)]
    if with_paths:
        columns += [Column("host", Unit.TEXT), Column("trace", Unit.TEXT)]
    cells = []
    for row in rows:
        line: list[Cell] = [
            row.rank,
            row.window_ns,
            _ratio(row.busy_ns, row.window_ns),
            row.communication_ns,
            _ratio(row.exposed_ns, row.communication_ns),
            row.waited_ns,
            row.caused_ns,
        ]
        if job.stages:
            line += [row.stage, _ratio(row.bubble_ns, row.bubble_window_ns)]
        if with_paths:
            line += [row.host, row.path]
        cells.append(tuple(line))
    shown = "" if len(rows) == len(job.ranks) else f", {len(rows):,} of {len(job.ranks):,}"
    caption = f"Ranks{shown}. Waiting is of all matched collectives; what others waited is summed "
    caption += "over them, and traced back to the rank that was late first."
    return Table(tuple(columns), tuple(cells), caption)


def _states(job: Job) -> Table:
    totals: dict[str, int] = {}
    for row in job.ranks:
        for state, ns in row.breakdown_ns.items():
            totals[state] = totals.get(state, 0) + ns
    states = sorted(totals, key=lambda state: (-totals[state], state))
    rows = tuple(
        (
            row.rank,
            *(_ratio(row.breakdown_ns.get(state, 0), row.window_ns) for state in states),
        )
        for row in job.ranks
    )
    columns = (Column("rank", Unit.COUNT), *(Column(state, Unit.SHARE) for state in states))
    return Table(columns, rows, "Ranks by state: shares of each rank's window.")


def _offsets(job: Job) -> Table:
    columns = (
        Column("clock", Unit.TEXT),
        Column("ranks", Unit.COUNT),
        Column("ahead of the first", Unit.TIME),
    )
    rows = tuple((each.clock, len(each.ranks), each.offset_ns) for each in job.clocks.offsets)
    return Table(columns, rows, "Clocks.")


def _kinds(job: Job) -> Table:
    columns = (
        Column("collective", Unit.TEXT),
        Column("group", Unit.TEXT),
        Column("ranks", Unit.COUNT),
        Column("bytes", Unit.COUNT),
        Column("number", Unit.COUNT),
        Column("arrival skew", Unit.TIME),
        Column("transfer", Unit.TIME),
        Column("algorithm GB/s", Unit.NUMBER),
        Column("bus GB/s", Unit.NUMBER),
        Column("hidden", Unit.SHARE),
    )
    rows = tuple(
        (
            each.kind,
            each.group,
            each.ranks if each.ranks >= 0 else None,
            each.bytes,
            each.number,
            each.skew_ns,
            each.transfer_ns,
            each.algorithm_gb_s,
            each.bus_gb_s,
            each.hidden_share,
        )
        for each in job.kinds[:_SHOWN_KINDS]
    )
    caption = f"Collectives{_of(len(rows), len(job.kinds))}: medians; the costliest first."
    return Table(columns, rows, caption)


def _steps(job: Job) -> Table:
    columns = (
        Column("step", Unit.TEXT),
        Column("waiting of all ranks", Unit.TIME),
        Column("most for rank", Unit.COUNT),
        Column("of it", Unit.TIME),
    )
    rows = tuple(
        (each.step or "(none)", each.lost_ns, each.rank, each.caused_ns)
        for each in job.steps[:_SHOWN_STEPS]
    )
    return Table(columns, rows, f"Time lost per step{_of(len(rows), len(job.steps))}.")


def _late(job: Job) -> Table:
    columns = (
        Column("collective", Unit.TEXT),
        Column("group", Unit.TEXT),
        Column("number", Unit.COUNT),
        Column("step", Unit.TEXT),
        Column("last", Unit.COUNT),
        Column("skew", Unit.TIME),
        Column("waited in all", Unit.TIME),
        Column("transfer", Unit.TIME),
        Column("who waited", Unit.TEXT),
    )
    rows = tuple(
        (
            each.kind,
            each.group,
            each.place,
            each.step,
            each.last,
            each.skew_ns,
            each.waited_ns,
            each.transfer_ns,
            _waits(each.waits_ns),
        )
        for each in job.late[:_SHOWN_LATE]
    )
    return Table(columns, rows, "Collectives with the most waiting.")


def _waits(waits: tuple[tuple[int, int], ...]) -> str:
    longest = sorted(((ns, rank) for rank, ns in waits if ns), key=lambda each: (-each[0], each[1]))
    told = ", ".join(f"{rank}: {_time(ns)}" for ns, rank in longest[:_SHOWN_WAITS])
    return told + (", ..." if len(longest) > _SHOWN_WAITS else "")


def _stages(job: Job) -> Table:
    columns = (
        Column("stage", Unit.COUNT),
        Column("ranks", Unit.TEXT),
        Column("bubble", Unit.SHARE),
        Column("of it idle", Unit.SHARE),
    )
    rows = tuple(
        (each.stage, ", ".join(map(str, each.ranks)), each.bubble_share, each.idle_share)
        for each in job.stages
    )
    return Table(columns, rows, "Pipeline: shares of the stage's time.")


def _outliers(job: Job) -> Table:
    columns = (
        Column("rank", Unit.COUNT),
        Column("state", Unit.CODE),
        Column("of its window", Unit.SHARE),
        Column("median rank", Unit.SHARE),
    )
    rows = tuple(
        (each.rank, each.state, each.share, each.median) for each in job.outliers[:_SHOWN_RANKS]
    )
    return Table(columns, rows, f"Unusual ranks{_of(len(rows), len(job.outliers))}.")


def _of(shown: int, total: int) -> str:
    return "" if shown == total else f", {shown:,} of {total:,}"


def _ratio(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


def _time(ns: int) -> str:
    return text(ns, Unit.TIME)

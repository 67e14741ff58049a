"""What is said of a job: plain data, in the shape of report.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


class Offset(NamedTuple):
    """How far a clock is ahead of the job's reference.

    Attributes:
        clock: the host's name, or "rank N" of a rank whose host is not known.
        ranks: those that it times.
        offset_ns: what is subtracted from its times; None where no collective ties it
            to the reference.
    """

    clock: str
    ranks: tuple[int, ...]
    offset_ns: int | None


class Clocks(NamedTuple):
    """The clocks of a job.

    Attributes:
        offsets: of each clock; the first one is the reference.
        collectives: how many the offsets were estimated from.
        residual_ns: within which 95% of these end on all ranks; None without any.
        floor_ns: nothing across ranks is concluded up to it.
    """

    offsets: tuple[Offset, ...]
    collectives: int
    residual_ns: int | None
    floor_ns: int


class RankRow(NamedTuple):
    """One rank of a job; times in ns.

    Attributes:
        rank: its number.
        path: its trace.
        said_by: what told its rank.
        host: where it ran, if known.
        window_ns: of all of its devices.
        busy_ns: at least one lane running.
        communication_ns: summed durations of its collectives, sends and receives.
        exposed_ns: of these, with no compute beside.
        waited_ns: its waiting for the last rank, in collectives where that is certain;
            None where no collective could tell.
        caused_ns: waiting of other ranks that goes back to this one; None as above.
        stage: its place in the pipeline, from 0; None where it has none.
        bubble_ns: time without anything but sends and receives; None without a pipeline.
        bubble_window_ns: of which that is a part.
        breakdown_ns: the states of all of its devices.
    """

    rank: int
    path: str
    said_by: str
    host: str | None
    window_ns: int
    busy_ns: int
    communication_ns: int
    exposed_ns: int
    waited_ns: int | None
    caused_ns: int | None
    stage: int | None
    bubble_ns: int | None
    bubble_window_ns: int | None
    breakdown_ns: Mapping[str, int]


class CollectiveKind(NamedTuple):
    """Collectives of one kind, group and size; times in ns, medians over them.

    Attributes:
        kind: what they do.
        group: the process group's name.
        ranks: how many it has.
        bytes: S of nccl-tests; None where not recorded.
        number: how many, matched across ranks.
        skew_ns: from the first arrival to the last.
        transfer_ns: from the last arrival to the last end.
        algorithm_gb_s: S / transfer.
        bus_gb_s: times the factor of nccl-tests; None where it defines none.
        hidden_share: of the ranks' summed durations, beside compute.
    """

    kind: str
    group: str
    ranks: int
    bytes: int | None
    number: int
    skew_ns: int | None
    transfer_ns: int | None
    algorithm_gb_s: float | None
    bus_gb_s: float | None
    hidden_share: float | None


class LateCollective(NamedTuple):
    """A collective that ranks waited in; times in ns.

    Attributes:
        kind: what it does.
        group: its process group.
        step: the profiler's step; empty outside of all.
        place: its number among the matched ones of the group.
        last: the rank that came last.
        skew_ns: how long the first one waited.
        waited_ns: by all ranks together.
        transfer_ns: from the last arrival on.
        waits_ns: (rank, ns) of each.
    """

    kind: str
    group: str
    step: str
    place: int
    last: int
    skew_ns: int
    waited_ns: int
    transfer_ns: int
    waits_ns: tuple[tuple[int, int], ...]


class Blame(NamedTuple):
    """Time lost in a step; in ns, of all waiting ranks together.

    Attributes:
        step: the profiler's step; empty outside of all.
        lost_ns: by all ranks, for whomever.
        rank: for whom most was lost, first causes counted.
        caused_ns: what was lost for that one.
    """

    step: str
    lost_ns: int
    rank: int
    caused_ns: int


class Outlier(NamedTuple):
    """A rank with an unusual share of a state.

    Attributes:
        rank: its number.
        state: which.
        share: of its window.
        median: of that share over all ranks.
    """

    rank: int
    state: str
    share: float
    median: float


class Stage(NamedTuple):
    """One stage of a pipeline.

    Attributes:
        stage: from 0.
        ranks: that belong to it.
        bubble_share: of their windows, without anything but sends and receives.
        idle_share: of their windows, with nothing running.
    """

    stage: int
    ranks: tuple[int, ...]
    bubble_share: float
    idle_share: float


class Job(msgspec.Struct, frozen=True):
    """The ranks of one job, side by side.

    Attributes:
        world_size: how many ranks it has, where that is said.
        ranks: those that were read.
        missing: those that were not.
        clocks: how they were made comparable.
        matched: collectives that were found on several ranks.
        incomplete: of these, without all ranks of their group: no last one is named.
        unmatched: communications that could not be told from each other across ranks.
        kinds: the matched ones, the costliest first.
        late: those with the most waiting, first.
        steps: time lost per step.
        stages: of the pipeline; empty without one.
        outliers: the strongest first.
        notes: duplicates, gaps, mixtures, and what is assumed.
    """

    world_size: int | None
    ranks: tuple[RankRow, ...]
    missing: tuple[int, ...]
    clocks: Clocks
    matched: int
    incomplete: int
    unmatched: int
    kinds: tuple[CollectiveKind, ...]
    late: tuple[LateCollective, ...]
    steps: tuple[Blame, ...]
    stages: tuple[Stage, ...]
    outliers: tuple[Outlier, ...]
    notes: tuple[str, ...]

"""Runs every task, wherever; what was finished before is not done again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from analysis.errors import Interrupted
from analysis.fleet import kept
from analysis.fleet.measure import outcome
from analysis.report import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from analysis.fleet.measure import Task
    from analysis.fleet.rank import Measured
    from analysis.location import Location
    from analysis.trace import Progress

    Outcome: TypeAlias = Measured | Failure


class Done(NamedTuple):
    """A trace is finished.

    Attributes:
        number: how many are, it included.
        total: how many there are.
        reason: why it could not be read; None if it could.
        kept: whether it had been measured in an earlier run.
    """

    number: int
    total: int
    reason: str | None
    kept: bool


Telling: TypeAlias = "Callable[[Location, Progress | Done | None], None]"


class Way(Protocol):
    """Measures tasks somewhere."""

    def __call__(self, tasks: Sequence[Task], tell: Telling, /) -> Iterator[tuple[int, Outcome]]:
        """Yield the place of each task with what came of it, in any order."""


def here(tasks: Sequence[Task], tell: Telling) -> Iterator[tuple[int, Outcome]]:
    """Measure one after the other in this process."""
    for place, task in enumerate(tasks):
        tell(task.source.path, None)
        yield place, outcome(task, partial(tell, task.source.path))


def run(tasks: Sequence[Task], way: Way | None, tell: Telling) -> tuple[Outcome, ...]:
    """Measure all tasks; return what came of each, in their order.

    Args:
        tasks: several.
        way: where; None: here. Only then are results not kept for the next run: modes
            of one recording are few, and soon done.
        tell: is called with each trace as it is begun, read and finished.

    Raises:
        Interrupted: by Ctrl-C, when some results are kept.
    """
    found: dict[int, Outcome] = {}
    places = [kept.place(task) if way is not None else None for task in tasks]
    for number, place in enumerate(places):
        before = None if place is None else kept.get(place)
        if before is not None:
            found[number] = before
            tell(tasks[number].source.path, Done(len(found), len(tasks), None, kept=True))
    try:
        for number, result in _left(tasks, found, way, tell):
            found[number] = result
            place, reason = places[number], None
            if isinstance(result, Failure):
                reason = result.reason
            elif place is not None:
                kept.put(place, result)
            if way is not None:
                done = Done(len(found), len(tasks), reason, kept=False)
                tell(tasks[number].source.path, done)
    except KeyboardInterrupt as stop:
        finished = sum(place is not None and place.is_file() for place in places)
        if not finished:
            raise
        raise Interrupted(
            f"{finished:,} of {len(tasks):,} traces are measured and kept: the same command goes "
            "on from there"
        ) from stop
    return tuple(found[number] for number in range(len(tasks)))


def _left(
    tasks: Sequence[Task], found: dict[int, Outcome], way: Way | None, tell: Telling
) -> Iterator[tuple[int, Outcome]]:
    """Measure those that are not found yet."""
    left = [number for number in range(len(tasks)) if number not in found]
    for index, result in (way or here)([tasks[number] for number in left], tell):
        yield left[index], result

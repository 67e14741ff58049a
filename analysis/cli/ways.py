"""The options of commands that measure many traces."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from analysis.cli.reading import SIZE
from analysis.location import Location, located

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.fleet.run import Way


class Where(click.ParamType[Location]):
    """A path, a pattern or a URL."""

    name = "trace"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Location:
        """Read what a user wrote."""
        if value == "":  # which would be the current directory
            self.fail("is empty; expected a path, a pattern or a URL", param, ctx)
        return located(value) if isinstance(value, str) else value


def way_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add --jobs, --memory, --dask and --scheduler; the command is given a `Way`, or None."""

    @click.option(
        "--jobs",
        type=click.IntRange(min=1),
        metavar="N",
        help="Measure up to N traces at once, each in a process of its own.  [default: as many as "
        "cores and memory allow, where the traces are large]",
    )
    @click.option(
        "--memory",
        type=SIZE,
        metavar="SIZE",
        help="What these processes may take together, such as 16G.  [default: 80% of what is free]",
    )
    @click.option(
        "--dask",
        type=click.IntRange(min=1),
        metavar="N",
        help="Measure on a Dask cluster of N processes, started here for the purpose.",
    )
    @click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Measure on the Dask cluster whose scheduler listens there: tcp://HOST:8786.",
    )
    @functools.wraps(command)
    def with_way(
        *arguments: Any,
        jobs: int | None,
        memory: int | None,
        dask: int | None,
        scheduler: str | None,
        **options: Any,
    ) -> int:
        return command(*arguments, way=_way(jobs, memory, dask, scheduler), **options)

    return with_way


def _way(
    jobs: int | None, memory: int | None, dask: int | None, scheduler: str | None
) -> Way | None:
    local = jobs is not None or memory is not None
    if local + (dask is not None) + (scheduler is not None) > 1:
        raise click.UsageError(
            "--jobs and --memory, --dask, and --scheduler each say where to measure; give one"
        )
    if local:
        from analysis.fleet.local import Pool  # noqa: PLC0415 - rarely needed
        from analysis.fleet.memory import PROCESS  # noqa: PLC0415 - as above

        if memory is not None and memory < PROCESS:
            raise click.BadParameter(
                f"one process alone takes {PROCESS >> 20}M, and 1.5 bytes for each byte of a "
                "trace's text; give more, or leave it out",
                param_hint="'--memory'",
            )
        return Pool(jobs, memory)
    if dask is not None or scheduler is not None:
        from analysis.fleet.cluster import Cluster  # noqa: PLC0415 - rarely needed

        return Cluster(scheduler, dask)
    return None

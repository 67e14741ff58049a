"""A question about traces, or about tables that were exported of them, to its answer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.columns import Trace
from analysis.errors import TraceError
from analysis.location import Url
from analysis.tables.arrow import schema, table
from analysis.tables.database import Limits, Supplied, ask
from analysis.tables.exported import dataset, is_export
from analysis.tables.reading import Traces, place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    import pyarrow as pa

    from analysis.tables.reading import Given, Told
    from analysis.tables.recorded import Recorded
    from analysis.trace import Reading


def sql(
    traces: Given | Iterable[Given],
    query: str,
    *,
    limits: Limits | None = None,
    reading: Reading | None = None,
) -> pd.DataFrame:
    """Ask in SQL about traces; docs/sql.md describes the tables.

        analysis.sql("trace.json.gz", "select lane, sum(dur_ns) from activities group by lane")

    Args:
        traces: paths or URLs of traces, of directories of them, or of what `analyze export`
            wrote; or traces that `load` returned; one of these, or several.
        query: one SELECT, in DuckDB's dialect.
        limits: what the question may do and take; None: it reaches no file and no network.
        reading: how traces are read; None: in the usual way.

    Returns:
        The rows; NULL becomes NaN or None, as pandas has it.

    Raises:
        QueryError: the question is not allowed, wrong, or took too much.
        TraceError: a trace cannot be read.
        MissingExtraError: DuckDB or pyarrow is not installed.
    """
    one = isinstance(traces, str | os.PathLike | Url | Trace)
    question = Question([traces] if one else traces, reading)  # type: ignore[list-item,arg-type]
    answer = question.ask(query, limits or Limits())
    if question.traces.failures:
        raise TraceError("\n".join(failure.reason for failure in question.traces.failures))
    return answer.to_pandas()  # type: ignore[no-any-return] # it has no stubs


class Question:
    """What a question is about.

    Attributes:
        traces: to be read when it is asked, with what went wrong then.
        exports: directories of tables.
    """

    def __init__(
        self,
        given: Iterable[Given],
        reading: Reading | None = None,
        progress: Told = lambda *_: None,
    ) -> None:
        """Tell exports from traces.

        Raises:
            TraceError: there is nothing to read at a path.
        """
        paths: list[Given] = []
        self.exports: list[Path] = []
        for each in given:
            where = None if isinstance(each, Trace) else place(each)
            if isinstance(where, Path) and is_export(where):
                self.exports.append(where)
            else:
                paths.append(each)
        self.traces = Traces.of(paths, reading, progress)

    def ask(self, query: str, limits: Limits) -> pa.Table:
        """Return the answer; only the tables that the question names are made.

        Raises:
            QueryError: it is not allowed, wrong, or took too much.
            TraceError: the only trace cannot be read, or an export cannot be.
            MissingExtraError: DuckDB or pyarrow is not installed.
        """
        return ask(query, self._supply, limits)

    def _supply(self, names: frozenset[str]) -> Mapping[str, Supplied]:
        import pyarrow as pa  # noqa: PLC0415 - an extra

        parts: dict[str, list[Any]] = {name: [] for name in names}

        def take(recorded: Recorded) -> None:
            for name in names:
                parts[name].append(table(name, recorded))

        if names:
            self.traces.each(take)
        return {
            name: Supplied(
                pa.concat_tables(made or [schema(name).empty_table()]),
                tuple(dataset(folder, name) for folder in self.exports),
            )
            for name, made in parts.items()
        }

"""Column tables and results as pandas DataFrames; imported only when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.columns import Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from analysis.columns import Events


def events_frame(events: Events) -> pd.DataFrame:
    """Return the events with strings in place of codes; times in ns."""
    return pd.DataFrame(
        {
            "role": _decoded(events.role, [role.name.lower() for role in Role]),
            "name": _decoded(events.name, events.names),
            "pid": _decoded(events.pid, events.pids),
            "tid": _decoded(events.tid, events.tids),
            "stream": _decoded(events.stream, events.streams),
            "start_ns": events.start,
            "duration_ns": events.end - events.start,
            "correlation": events.correlation,
        }
    )


def records_frame(records: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Return rows, each a mapping from column to value."""
    return pd.DataFrame.from_records([dict(record) for record in records])


def _decoded(codes: NDArray[np.signedinteger], table: Sequence[str]) -> pd.Series[Any]:
    """Return the texts; categories, since few are distinct."""
    return pd.Series(pd.Categorical.from_codes(codes.tolist(), categories=pd.Index(table)))

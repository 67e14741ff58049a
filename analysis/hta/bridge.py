"""Our columns in the form in which HTA keeps a trace."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from hta.common.trace import Trace as HtaTrace
from hta.common.trace import add_iteration, transform_correlation_to_index
from hta.common.trace_symbol_table import TraceSymbolTable
from hta.configs import env_options
from hta.trace_analysis import TraceAnalysis

from analysis.columns import NONE, Trace
from analysis.errors import HtaError, SelectionError
from analysis.hta.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_DROPPED = ("", "Trace")
"""Categories of events that HTA leaves out: none at all, and Kineto's own spans."""

_PANDAS_TOO_NEW = int(pd.__version__.partition(".")[0]) >= 3
_NEED_OLDER_PANDAS = (
    "critical_path_analysis",
    "overlay_critical_path_analysis",
    "get_frequent_cuda_kernel_sequences",
)
_NEED_COUNTERS = ("get_cupti_counter_data_with_operators",)


class BridgedAnalysis(TraceAnalysis):  # type: ignore[misc] # HTA carries no types
    """HTA's analyses of traces that we have read.

    Attributes:
        t: HTA's trace object.
    """

    def __init__(
        self,
        traces: Mapping[int, Trace],
        *,
        include_last_profiler_step: bool = False,
        rounding: bool | None = None,
    ) -> None:
        # HTA's own constructor does nothing but parse the files.
        if rounding is None:
            rounding = not env_options.disable_ns_rounding()
        with quiet():
            self.t = _hta_trace(traces, rounding=rounding)
            self.t.align_and_filter_trace(include_last_profiler_step)
            index_by_position(self.t)


def by_rank(traces: Trace | Mapping[int, Trace] | Iterable[Trace]) -> dict[int, Trace]:
    """Return the traces by rank.

    Raises:
        SelectionError: there is none, or two are of the same rank.
    """
    if isinstance(traces, Trace):
        traces = [traces]
    if isinstance(traces, Mapping):
        return dict(traces)
    ranks: dict[int, Trace] = {}
    for position, trace in enumerate(traces):
        rank = position if trace.rank is None else trace.rank
        if rank in ranks:
            raise SelectionError(
                f"{trace.path}: is of rank {rank}, as is {ranks[rank].path}; "
                "HTA takes one trace of each rank"
            )
        ranks[rank] = trace
    if not ranks:
        raise SelectionError("HTA was given no trace; expected at least one")
    return ranks


def frame(
    trace: Trace, symbols: TraceSymbolTable, *, rounding: bool, origin: int = 0
) -> pd.DataFrame:
    """Return the events as HTA's parser would, without iterations and ends.

    Args:
        trace: what `load` returned.
        symbols: gains the names and categories of the events.
        rounding: to whole microseconds, as HTA does.
        origin: the ns from which times count; HTA has 0.

    Raises:
        SelectionError: there are no events.
    """
    events = trace.events
    kept = ~np.isin(events.category, [_code(events.categories, word) for word in _DROPPED])
    if not kept.any():
        raise SelectionError(f"{trace.path}: holds no complete events, so HTA has nothing to read")
    ts, dur = _times(trace, rounding=rounding, origin=origin)
    columns = {
        "index": events.position.astype(np.int64),
        "cat": _symbols(symbols, events.categories, events.category, kept),
        "name": _symbols(symbols, events.names, events.name, kept),
        "pid": _numbered(events.pids)[events.pid],
        "tid": _numbered(events.tids)[events.tid],
        "ts": ts,
        "dur": dur,
        "stream": _streams(trace),
        # As int64, which HTA makes smaller: pandas 3 fails when an event's index is larger.
        "correlation": events.correlation,
        "memory_bw_gbps": _spread(trace, trace.transfers.row, trace.transfers.bandwidth, 0.0),
        "wait_on_stream": _spread(
            trace,
            trace.synchronisations.row,
            _stream_numbers(trace)[trace.synchronisations.on_stream],
            NONE,
        ),
        "wait_on_cuda_event_record_corr_id": _spread(
            trace, trace.synchronisations.row, trace.synchronisations.record, NONE
        ),
    }
    table = pd.DataFrame({name: column[kept] for name, column in columns.items()})
    table.index = pd.Index(table["index"].to_numpy())  # HTA finds events by their index
    return table


def link(table: pd.DataFrame, symbols: TraceSymbolTable) -> pd.DataFrame:
    """Tie activities to their launches, as HTA does."""
    linked: pd.DataFrame = transform_correlation_to_index(table, symbols)
    return linked


def empty_trace(symbols: TraceSymbolTable, tables: Mapping[int, pd.DataFrame]) -> HtaTrace:
    """Return HTA's trace object around frames that are ready."""
    result = HtaTrace(trace_files={}, trace_dir="/")
    result.symbol_table = symbols
    result.traces = dict(tables)
    result.is_parsed = True
    return result


def index_by_position(trace: HtaTrace) -> None:
    """Let the frames be indexed by event, after HTA's filter has lost the index."""
    for rank, table in trace.traces.items():
        trace.traces[rank] = table.set_index("index", drop=False).rename_axis(None)


def _hta_trace(traces: Mapping[int, Trace], *, rounding: bool) -> HtaTrace:
    symbols = TraceSymbolTable()
    tables = {
        rank: link(frame(trace, symbols, rounding=rounding), symbols)
        for rank, trace in traces.items()
    }
    for table in tables.values():
        add_iteration(table, symbols)
        table["end"] = table["ts"] + table["dur"]
    result = empty_trace(symbols, tables)
    # What draws into a trace reads the file again.
    result.trace_files = {rank: trace.path for rank, trace in traces.items()}
    result.meta_data = {rank: {} for rank in traces}
    return result


def _times(
    trace: Trace, *, rounding: bool, origin: int
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return starts and durations in us, exactly as HTA's parser comes by them."""
    start, duration = trace.events.start - origin, trace.events.end - trace.events.start
    if trace.resolution_ns == 1000:
        return start // 1000, duration / 1000
    ts, dur = _microseconds(start), _microseconds(duration)
    if not rounding:
        return ts, dur
    first, last = np.ceil(ts), np.floor(ts + dur)
    return first.astype(np.int64), last - first


def _microseconds(ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the double nearest to each time."""
    whole = ns // 1000
    beyond = whole + (ns - whole * 1000) / 1000
    # Beyond 2^53 the ns themselves are no doubles.
    result: NDArray[np.float64] = np.where(np.abs(ns) < 2**53, ns / 1000, beyond)
    return result


def _code(table: Sequence[str], word: str) -> int:
    return table.index(word) if word in table else NONE


def _symbols(
    symbols: TraceSymbolTable,
    table: Sequence[str],
    codes: NDArray[np.signedinteger],
    kept: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Add the texts in use to HTA's table, and return the ids that they have there."""
    present = np.unique(codes[kept]).tolist()
    symbols.add_symbols(table[code] for code in present)
    ids = np.full(len(table), NONE, np.int64)
    ids[present] = [symbols.sym_index[table[code]] for code in present]
    found: NDArray[np.int64] = ids[codes]
    return found


def _streams(trace: Trace) -> NDArray[np.int64]:
    found: NDArray[np.int64] = _stream_numbers(trace)[trace.events.stream]
    return found


def _stream_numbers(trace: Trace) -> NDArray[np.int64]:
    """Return each stream's number by code; code -1, and what is no number, is stream -1."""
    numbers = [int(text) if _is_number(text) else NONE for text in trace.events.streams]
    return np.array([*numbers, NONE], np.int64)


def _numbered(table: Sequence[str]) -> NDArray[Any]:
    """Return ids as numbers where they are; as objects if only some are."""
    values = [int(text) if _is_number(text) else text for text in table]
    return np.array(values, np.int64 if all(type(value) is int for value in values) else object)


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 19


def _spread(
    trace: Trace, row: NDArray[np.int32], values: NDArray[Any], default: float
) -> NDArray[Any]:
    result = np.full(len(trace.events), default, values.dtype)
    result[row] = values
    return result


def _refusing(method: str, reason: str) -> Callable[..., Any]:
    @functools.wraps(getattr(TraceAnalysis, method))
    def refuse(*_: object, **__: object) -> None:
        raise HtaError(f"HTA cannot do this: {method} {reason}")

    return refuse


for _method in _NEED_COUNTERS:
    setattr(
        BridgedAnalysis,
        _method,
        _refusing(
            _method,
            "needs performance counters, which the bridge does not carry over; give the file to "
            "hta.trace_analysis.TraceAnalysis itself",
        ),
    )
if _PANDAS_TOO_NEW:
    for _method in _NEED_OLDER_PANDAS:
        setattr(
            BridgedAnalysis,
            _method,
            _refusing(
                _method,
                f"does not run on pandas {pd.__version__}; "
                'pip install "torch-overlap[hta]", which brings pandas 2',
            ),
        )

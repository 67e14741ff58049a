"""HTA asked again and again, each time with one more of its rules out of the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from hta.common.trace_symbol_table import TraceSymbolTable
from hta.trace_analysis import TraceAnalysis

from analysis import vocabulary
from analysis.columns import ACTIVITY_ROLES, NONE, Role
from analysis.device import accelerators
from analysis.errors import HtaError
from analysis.hta import bridge
from analysis.hta.quiet import ask, quiet
from analysis.vocabulary import PROFILER_STEP, WorkClass

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from analysis.columns import Trace

_US = 1000
_MICROSECOND_COLUMNS = {
    "idle_ns": "idle_time(us)",
    "compute_ns": "compute_time(us)",
    "non_compute_ns": "non_compute_time(us)",
    "window_ns": "kernel_time(us)",
}
GAPS = {
    "lane_host_wait_ns": "host_wait",
    "lane_kernel_wait_ns": "kernel_wait",
    "lane_other_wait_ns": "other",
}
"""The figures of the gaps on the lanes, and HTA's words for them."""
FIGURES = (*_MICROSECOND_COLUMNS, *GAPS, "communication_overlap")
"""The figures compared: HTA's temporal breakdown, idle breakdown, communication overlap."""

# Names that HTA puts into the class that the activity has for us.
_CANONICAL = {
    WorkClass.COMMUNICATION: "ncclKernel",
    WorkClass.COMPUTE: "gemm",
    WorkClass.COPY: "Memcpy",
    WorkClass.SET: "Memset",
}


class Answer(msgspec.Struct, frozen=True, dict=True):
    """What HTA says of one device under some of its rules.

    Attributes:
        values: by figure; None where there is none, or HTA failed.
        failures: by figure, how HTA failed.
        rounded: how many of HTA's results were added up for each figure of the gaps.
    """

    values: dict[str, float | None]
    failures: dict[str, str]
    rounded: int


class _Rules(msgspec.Struct, frozen=True, dict=True):
    """Which of HTA's rules are in force."""

    rounding: bool = True
    doubles: bool = True
    last_step: bool = True
    filtered: bool = True
    sync_rows: bool = True
    other_rows: bool = True
    names: bool = True
    merged: bool = True
    several_calls: bool = True
    first_event: bool = True
    nested: bool = True


_REMOVED = {
    "whole_microseconds": "rounding",
    "doubles": "doubles",
    "last_step": "last_step",
    "unlinked": "filtered",
    "sync_rows": "sync_rows",
    "other_rows": "other_rows",
    "names": "names",
    "devices_merged": "merged",
    "several_calls": "several_calls",
    "first_event": "first_event",
    "nested": "nested",
}
"""The rule behind each cause, in the order in which they go."""


def answers(trace: Trace, devices: list[str]) -> Iterator[tuple[str | None, dict[str, Answer]]]:
    """Yield HTA's answer by device, first as it is, then without one rule after the other.

    Args:
        trace: what `load` returned.
        devices: the labels of its accelerators.

    Yields:
        The cause (a key of `CAUSES`) that this answer is the first to be without,
        and the answers.
    """
    with quiet():
        asked = _analysis(trace, devices, _Rules())
    answer = _ask(asked, devices)
    yield None, answer
    removed: dict[str, bool] = {}
    for cause, rule in _REMOVED.items():
        removed[rule] = False
        with quiet():
            analysis = _analysis(trace, devices, _Rules(**removed))
        if not _same(analysis, asked):
            asked, answer = analysis, _ask(analysis, devices)
        yield cause, answer


def _same(analysis: TraceAnalysis, other: TraceAnalysis) -> bool:
    """Tell whether a rule played no part, so that HTA need not be asked again."""
    tables, others = analysis.t.traces, other.t.traces
    return len(tables) == len(others) and all(tables[rank].equals(others[rank]) for rank in tables)


def _ask(analysis: TraceAnalysis, devices: list[str]) -> dict[str, Answer]:
    """Return the answers by device: its own, or those for all of them in one."""
    if len(analysis.t.traces) == 1:
        return dict.fromkeys(devices, _answer(analysis, 0))
    return {device: _answer(analysis, rank) for rank, device in enumerate(devices)}


def _answer(analysis: TraceAnalysis, rank: int) -> Answer:
    values: dict[str, float | None] = dict.fromkeys(FIGURES)
    failures: dict[str, str] = {}
    alone = object.__new__(TraceAnalysis)
    # A device on which HTA fails must not hide the others.
    alone.t = bridge.empty_trace(analysis.t.symbol_table, {rank: analysis.t.traces[rank]})
    rounded = 0
    try:
        row = ask(lambda: alone.get_temporal_breakdown(visualize=False)).iloc[0]
        values |= {name: float(row[column]) * _US for name, column in _MICROSECOND_COLUMNS.items()}
    except HtaError as error:
        failures |= dict.fromkeys(_MICROSECOND_COLUMNS, str(error))
    try:
        gaps = ask(lambda: alone.get_idle_time_breakdown(ranks=[rank], visualize=False))[0]
        rounded = len(gaps)
        by_class = gaps.groupby("idle_category")["idle_time"].sum()
        values |= {name: float(by_class.get(key, 0.0)) * _US for name, key in GAPS.items()}
    except HtaError as error:
        failures |= dict.fromkeys(GAPS, str(error))
    try:
        share = ask(lambda: alone.get_comm_comp_overlap(visualize=False))
        value = float(share["comp_comm_overlap_pctg"].iloc[0]) / 100
        values["communication_overlap"] = None if np.isnan(value) else value
    except HtaError as error:
        failures["communication_overlap"] = str(error)
    return Answer(values, failures, rounded)


def _analysis(trace: Trace, devices: list[str], rules: _Rules) -> TraceAnalysis:
    symbols = TraceSymbolTable()
    table = _linked(_table(trace, symbols, rules), trace, symbols, rules)
    table["end"] = table["ts"] + table["dur"]
    tables = {0: table} if rules.merged else _by_device(table, trace, devices)
    result = bridge.empty_trace(symbols, tables)
    if rules.filtered:
        result.align_and_filter_trace(not rules.last_step)
    bridge.index_by_position(result)
    if not rules.nested:
        for each in result.traces.values():
            _flatten(each)
    analysis = object.__new__(TraceAnalysis)
    analysis.t = result
    return analysis


def _table(trace: Trace, symbols: TraceSymbolTable, rules: _Rules) -> pd.DataFrame:
    """Return the rows that the figures are made of: device rows, calls and steps."""
    origin = 0 if rules.doubles else int(trace.events.start.min())
    table = bridge.frame(trace, symbols, rounding=rules.rounding, origin=origin)
    table["role"] = _column(table, trace, trace.events.role)
    table["device"] = _column(table, trace, trace.events.pid)
    _restream(table, trace, rules)
    if not rules.names:
        _rename(table, trace, symbols)
    steps = [code for name, code in symbols.sym_index.items() if PROFILER_STEP in name]
    kept = (
        table["role"].isin([*ACTIVITY_ROLES, Role.CALL, Role.SYNC])
        | (table["stream"] != NONE)
        | (table["index"] == 0)
        | table["name"].isin(steps)
    )
    return table[kept].copy()


def _linked(
    table: pd.DataFrame, trace: Trace, symbols: TraceSymbolTable, rules: _Rules
) -> pd.DataFrame:
    if not rules.several_calls:
        table.loc[table["index"].isin(_other_calls(trace)), "correlation"] = NONE
    if not rules.first_event:
        # For HTA a link to event 0 is none, and none is a link to event 0.
        table["index"] += 1
        table.index = table.index + 1
    return bridge.link(table, symbols)


def _column(
    table: pd.DataFrame, trace: Trace, values: NDArray[np.signedinteger]
) -> NDArray[np.int64]:
    """Return a column of our events for the rows of HTA's table."""
    by_position = np.full(int(trace.events.position.max()) + 1, NONE, np.int64)
    by_position[trace.events.position] = values
    found: NDArray[np.int64] = by_position[table["index"].to_numpy()]
    return found


def _restream(table: pd.DataFrame, trace: Trace, rules: _Rules) -> None:
    """Take the streams from rows that run on no device, and give one to each that does."""
    is_activity = table["role"].isin(ACTIVITY_ROLES)
    if not rules.sync_rows:
        table.loc[table["role"] == Role.SYNC, "stream"] = NONE
    if not rules.other_rows:
        lane = _column(table, trace, trace.events.stream)
        table["stream"] = np.where(is_activity, lane, table["stream"])
        table.loc[~is_activity & (table["role"] != Role.SYNC), "stream"] = NONE


def _other_calls(trace: Trace) -> NDArray[np.int32]:
    """Return the positions of calls that launched nothing, whatever their correlation."""
    events = trace.events
    calls = np.flatnonzero(events.role == Role.CALL)
    launching = [each.launches.call for each in accelerators(trace) if each.launches]
    rest = np.ones(len(calls) + 1, np.bool_)
    rest[np.concatenate(launching)] = False
    return events.position[calls[rest[:-1]]]


def _rename(table: pd.DataFrame, trace: Trace, symbols: TraceSymbolTable) -> None:
    symbols.add_symbols(_CANONICAL.values())
    events = trace.events
    rows = np.flatnonzero(np.isin(events.role, ACTIVITY_ROLES))
    work = vocabulary.work_class(events.role[rows], events.names, events.name[rows])
    ids = np.array([symbols.sym_index[_CANONICAL[each]] for each in WorkClass], np.int64)
    table.loc[events.position[rows], "name"] = ids[work]


def _by_device(table: pd.DataFrame, trace: Trace, devices: list[str]) -> dict[int, pd.DataFrame]:
    """Give each device a rank of its own; launches belong to all."""
    on_device = table["role"].isin(ACTIVITY_ROLES)
    labels = list(trace.events.pids)
    return {
        rank: table[~on_device | (table["device"] == labels.index(device))].copy()
        for rank, device in enumerate(devices)
    }


def _flatten(table: pd.DataFrame) -> None:
    """Cut from each activity what runs while an earlier one of its stream still does."""
    on_device = table[table["stream"] != NONE].sort_values(["stream", "ts", "end"])
    latest = on_device.groupby("stream")["end"].cummax()
    before = latest.groupby(on_device["stream"]).shift(1).fillna(-np.inf)
    start = np.maximum(on_device["ts"], before)
    table["ts"] = table["ts"].astype(np.float64)
    table.loc[on_device.index, "ts"] = start
    table.loc[on_device.index, "dur"] = np.maximum(on_device["end"], start) - start

"""HTA's analyses as tables, without its plots."""

from __future__ import annotations

import copy
import math
import tempfile
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from analysis.document import Column, Document, Paragraph, Section, Table, Unit
from analysis.errors import HtaError
from analysis.hta.quiet import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from analysis.document import Block, Cell
    from analysis.hta.bridge import BridgedAnalysis

_SHOWN = 20
_US = 1000.0
_PERCENT = 0.01
_STEP = "ProfilerStep"
_LEAST_KERNELS = 3
"""HTA's default for the length of a sequence."""


class Answers(msgspec.Struct, frozen=True):
    """What HTA said.

    Attributes:
        document: a section for each analysis.
        failures: analyses that HTA could not do.
    """

    document: Document
    failures: tuple[str, ...]


class _Shown(NamedTuple):
    """A column of HTA's frame, and how it is shown."""

    key: Any
    title: str
    unit: Unit
    scale: float = 1.0


def answers(
    analysis: BridgedAnalysis,
    names: Sequence[str],
    *,
    operator: str | None,
    paths: Mapping[int, str],
) -> Answers:
    """Run analyses, each on all ranks.

    Args:
        analysis: what `trace_analysis` returned.
        names: keys of `ANALYSES`.
        operator: part of the names of the operators whose kernel sequences are
            counted; None: of those that most often launched a sequence.
        paths: the trace of each rank; named where there are several.

    Raises:
        HtaError: HTA cannot do the one analysis that was asked for.
    """
    sections, failures = [_ranks(paths)] if len(paths) > 1 else [], []
    for name in names:
        try:
            blocks = ANALYSES[name].run(analysis, operator)
        except HtaError as error:
            if len(names) == 1:
                raise
            failures.append(name)
            blocks = [Paragraph(f"{error}.")]
        title = f"{name}: {ANALYSES[name].meaning}"
        sections.append(Section(title, 2 if sections else 1, tuple(blocks)))
    return Answers(Document(tuple(sections), ()), tuple(failures))


def _ranks(paths: Mapping[int, str]) -> Section:
    columns = (Column("rank", Unit.COUNT), Column("trace", Unit.TEXT))
    return Section("Ranks", 1, (Table(columns, tuple(sorted(paths.items()))),))


def _temporal(analysis: BridgedAnalysis, _operator: str | None) -> list[Block]:
    titles = {"idle": "idle", "compute": "compute", "non_compute": "non-compute"}
    columns = (
        _Shown("rank", "rank", Unit.COUNT),
        _Shown("kernel_time(us)", "window", Unit.TIME, _US),
        *(_Shown(f"{key}_time(us)", titles[key], Unit.TIME, _US) for key in titles),
        *(_Shown(f"{key}_time_pctg", titles[key], Unit.SHARE, _PERCENT) for key in titles),
    )
    return [_table(ask(lambda: analysis.get_temporal_breakdown(visualize=False)), columns)]


def _idle(analysis: BridgedAnalysis, _operator: str | None) -> list[Block]:
    columns = (
        _Shown("rank", "rank", Unit.COUNT),
        _Shown("stream", "stream", Unit.COUNT),
        _Shown("idle_category", "class", Unit.TEXT),
        _Shown("idle_time", "time", Unit.TIME, _US),
        _Shown("idle_time_ratio", "of the stream's", Unit.SHARE),
    )
    ranks = analysis.t.get_ranks()
    found = ask(lambda: analysis.get_idle_time_breakdown(ranks=ranks, visualize=False))[0]
    return [_table(found, columns)]


def _overlap(analysis: BridgedAnalysis, _operator: str | None) -> list[Block]:
    columns = (
        _Shown("rank", "rank", Unit.COUNT),
        _Shown("comp_comm_overlap_pctg", "of communication", Unit.SHARE, _PERCENT),
    )
    return [_table(ask(lambda: analysis.get_comm_comp_overlap(visualize=False)), columns)]


def _kernels(analysis: BridgedAnalysis, _operator: str | None) -> list[Block]:
    # Beyond that number HTA adds kernels up before it averages them.
    types, kernels = ask(
        lambda: analysis.get_gpu_kernel_breakdown(
            visualize=False, num_kernels=2**31, include_memory_kernels=True
        )
    )
    if not len(kernels):
        raise HtaError("HTA cannot do this on this trace: it holds no device activity")
    of_types = (
        _Shown("kernel_type", "running", Unit.TEXT),
        _Shown("sum", "time", Unit.TIME, _US),
        _Shown("percentage", "share", Unit.SHARE, _PERCENT),
    )
    of_kernels = (
        _Shown("name", "kernel", Unit.CODE),
        _Shown("rank", "rank", Unit.COUNT),
        _Shown("kernel_type", "type", Unit.TEXT),
        *(
            _Shown(f"{key} (us)", title, Unit.TIME, _US)
            for key, title in (("sum", "sum"), ("mean", "mean"), ("min", "least"), ("max", "most"))
        ),
    )
    by_time = kernels.sort_values("sum (us)", ascending=False, kind="stable")
    return [_table(types, of_types), _table(by_time, of_kernels, "Kernels by time")]


def _launches(analysis: BridgedAnalysis, _operator: str | None) -> list[Block]:
    ranks = analysis.t.get_ranks()
    found = ask(lambda: analysis.get_cuda_kernel_launch_stats(ranks=ranks, visualize=False))
    rows: list[tuple[Cell, ...]] = []
    for rank, launches in found.items():
        if not len(launches):
            continue
        for key, title in (
            ("cpu_duration", "call"),
            ("gpu_duration", "activity"),
            ("launch_delay", "from call to activity"),
        ):
            values = launches[key]
            of_values = (values.median(), values.quantile(0.99), values.max())
            times = tuple(_cell(value, Unit.TIME, _US) for value in of_values)
            rows.append((rank, title, len(values), *times))
    if not rows:
        raise HtaError(
            "HTA cannot do this on this trace: it knows none of its launch calls by name"
        )
    columns = (
        Column("rank", Unit.COUNT),
        Column("length of", Unit.TEXT),
        Column("launches", Unit.COUNT),
        *(Column(title, Unit.TIME) for title in ("median", "99%", "most")),
    )
    return [Table(columns, tuple(rows))]


def _queue(analysis: BridgedAnalysis, _operator: str | None) -> list[Block]:
    found = ask(lambda: analysis.get_queue_length_summary(ranks=analysis.t.get_ranks()))
    return [_described(found, "stream", "queue_length", Unit.COUNT, "launches that it knows")]


def _bandwidth(analysis: BridgedAnalysis, _operator: str | None) -> list[Block]:
    found = ask(lambda: analysis.get_memory_bw_summary(ranks=analysis.t.get_ranks()))
    return [_described(found, "name", "memory_bw_gbps", Unit.TEXT, "copies with a bandwidth")]


def _sequences(analysis: BridgedAnalysis, operator: str | None) -> list[Block]:
    columns = (
        _Shown("pattern", "operator | kernels", Unit.CODE),
        _Shown("count", "count", Unit.COUNT),
        _Shown("GPU kernel duration (us)", "on the device", Unit.TIME, _US),
        _Shown("CPU op duration (us)", "on the host", Unit.TIME, _US),
    )
    blocks: list[Block] = []
    for rank in analysis.t.get_ranks():
        named = operator or ask(partial(_frequent_operator, analysis, rank))
        found = ask(partial(_sequences_of, analysis, rank, named))
        if not len(found):
            raise HtaError(
                f"HTA cannot do this on this trace: of the operators with '{named}' in their "
                f"names, the outermost launched fewer than {_LEAST_KERNELS} kernels each; name "
                "others with --operator"
            )
        caption = f"Rank {rank}: sequences of kernels that '{named}' launched, by count"
        blocks.append(_table(found, columns, caption))
    return blocks


def _sequences_of(analysis: BridgedAnalysis, rank: int, operator: str) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as directory:
        found: pd.DataFrame = _without_overlay(analysis).get_frequent_cuda_kernel_sequences(
            operator, directory, min_pattern_len=_LEAST_KERNELS, rank=rank, top_k=1
        )
    return found


def _frequent_operator(analysis: BridgedAnalysis, rank: int) -> str:
    """Return the name that most often launched a sequence of kernels, as HTA counts them."""
    _sequences_of(analysis, rank, "no operator")  # HTA adds depths and kernels to its table
    table, names = analysis.t.traces[rank], analysis.t.symbol_table.sym_table
    launching = table[(table["stream"] < 0) & (table["num_kernels"] >= _LEAST_KERNELS)]
    operators = launching[launching["cat"] == analysis.t.symbol_table.sym_index.get("cpu_op")]
    for code in (operators if len(operators) else launching)["name"].value_counts().index:
        alike = [other for other, name in enumerate(names) if names[code] in name]
        depth = table.loc[table["name"].isin(alike), "depth"].min()
        if ((launching["depth"] == depth) & launching["name"].isin(alike)).any():
            return str(names[code])
    raise HtaError(
        "HTA cannot do this on this trace: it finds no operator that launched "
        f"{_LEAST_KERNELS} kernels"
    )


def _without_overlay(analysis: BridgedAnalysis) -> BridgedAnalysis:
    """Return the same analysis, which draws into a trace of one event and writes none."""
    result = copy.copy(analysis)
    result.t = copy.copy(analysis.t)
    stub = {"name": "", "pid": 0, "ph": "X", "args": {}}
    result.t.get_raw_trace_for_one_rank = lambda **_: {"traceEvents": [stub]}
    result.t.write_raw_trace = lambda *_: None
    return result


def _stragglers(analysis: BridgedAnalysis, _operator: str | None) -> list[Block]:
    if len(analysis.t.get_ranks()) < 2:
        raise HtaError("HTA cannot do this: stragglers show among the traces of several ranks only")
    found = ask(analysis.get_potential_stragglers)
    return [Paragraph(f"Potential stragglers: rank {', '.join(map(str, found))}.")]


def _critical_path(analysis: BridgedAnalysis, _operator: str | None) -> list[Block]:
    has_steps = any(_STEP in name for name in analysis.t.symbol_table.sym_index)
    # The first step; HTA's default leaves out the last one.
    where = _STEP if has_steps else ""
    columns = (
        _Shown("bound_by", "bound by", Unit.TEXT),
        _Shown("s_name", "event", Unit.CODE),
        _Shown("duration", "time", Unit.TIME, _US),
        _Shown("share", "of the path", Unit.SHARE),
    )
    blocks: list[Block] = []
    for rank in analysis.t.get_ranks():
        path = ask(partial(_path, analysis, rank, where))
        total = path["duration"].sum()
        for keys, caption in (
            (
                ["bound_by"],
                f"Rank {rank}: what bounds the {'first step' if has_steps else 'trace'}",
            ),
            (["bound_by", "s_name"], f"Rank {rank}: the path's events by time"),
        ):
            sums = path.groupby(keys, dropna=False)["duration"].sum().reset_index()
            sums = sums[sums["duration"] > 0].sort_values("duration", ascending=False)
            sums["share"] = sums["duration"] / total
            shown = [column for column in columns if column.key in sums.columns]
            blocks.append(_table(sums, shown, caption))
    return blocks


def _path(analysis: BridgedAnalysis, rank: int, annotation: str) -> pd.DataFrame:
    graph, found = analysis.critical_path_analysis(rank, annotation, 0)
    if not found:
        raise HtaError("HTA cannot do this on this trace: it found no critical path")
    path: pd.DataFrame = graph.get_critical_path_breakdown()
    return path


def _described(frame: pd.DataFrame | None, of: str, key: str, unit: Unit, needed: str) -> Table:
    """Return pandas' description of a figure, per rank and something else."""
    if frame is None or not len(frame):
        raise HtaError(f"HTA cannot do this on this trace: it holds no {needed}")
    columns = (
        _Shown("rank", "rank", Unit.COUNT),
        _Shown(of, of, unit),
        _Shown("count", "changes", Unit.COUNT),
        *(
            _Shown(name, title, Unit.NUMBER)
            for name, title in (("mean", "mean"), ("min", "least"), ("50%", "median"))
        ),
        _Shown("max", "most", Unit.NUMBER),
    )
    return _table(frame[key].reset_index(), columns)


def _table(frame: pd.DataFrame, columns: Sequence[_Shown], caption: str = "") -> Table:
    shown = frame.head(_SHOWN)
    rows = zip(
        *([_cell(value, each.unit, each.scale) for value in shown[each.key]] for each in columns),
        strict=True,
    )
    if caption:
        left = len(frame) - len(shown)
        caption += f", the first {len(shown)} of {len(frame):,}." if left else "."
    titles = tuple(Column(each.title, each.unit) for each in columns)
    return Table(titles, tuple(rows), caption)


def _cell(value: Any, unit: Unit, scale: float) -> Cell:
    if unit in (Unit.TEXT, Unit.CODE):
        return str(value)
    number = float(value)
    if math.isnan(number):
        return None
    return int(number) if unit is Unit.COUNT else number * scale


class Analysis(NamedTuple):
    """One of HTA's analyses: in words, and what runs it."""

    meaning: str
    run: Callable[[BridgedAnalysis, str | None], list[Block]]


ANALYSES = {
    "temporal": Analysis("idle, compute and other time of each rank", _temporal),
    "idle": Analysis("why each stream was idle", _idle),
    "overlap": Analysis("communication while computing", _overlap),
    "kernels": Analysis("time by type and by kernel", _kernels),
    "launches": Analysis("launch calls and delays", _launches),
    "queue": Analysis("activities launched and not yet running", _queue),
    "bandwidth": Analysis("GB/s of copies and memsets", _bandwidth),
    "sequences": Analysis("frequent sequences of kernels", _sequences),
    "stragglers": Analysis("ranks that others wait for", _stragglers),
    "critical-path": Analysis("the longest path through host and device", _critical_path),
}
"""HTA's analyses by the names that the command line gives them."""

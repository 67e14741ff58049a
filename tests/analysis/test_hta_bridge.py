"""HTA filled from our columns answers as after its own parse, and its differences are explained.

The largest of the real traces are left out: HTA takes long to parse them.
"""

from __future__ import annotations

import importlib
import logging
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hta.trace_analysis import TraceAnalysis
from pandas.testing import assert_frame_equal

import analysis
from analysis.errors import HtaError, MissingExtraError, SelectionError
from analysis.hta import bridge, compare, corrections, trace_analysis
from analysis.hta.agreement import CAUSES
from analysis.hta.corrections import FIGURES
from analysis.hta.quiet import ask, described, quiet
from analysis.render import schema
from tests.builders import (
    HOST,
    THREAD,
    Event,
    annotation,
    cpu_op,
    in_microseconds,
    kernel,
    launch,
    runtime,
    shifted,
    write_trace,
)
from tests.shared import ABSENT, real_traces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from analysis import Trace
    from analysis.hta.agreement import Agreement, Figure

TAKE_LONG = ("tracelens-h100-owlv2.json.gz", "tracelens-vllm-piecewise-graph.json.gz")
FINE = ("hta-ns-resolution", "tracelens-b200-eager", "tracelens-h100-nsfw", "tracelens-h100-qwen")

real = [path for path in real_traces() if path.name not in TAKE_LONG]
fine = [path for path in real if path.name.startswith(FINE)]
needs_real = pytest.mark.skipif(not real, reason=ABSENT)

Analyses = dict[str, "Callable[[], Any]"]


def analyses(of: TraceAnalysis) -> Analyses:
    """What is compared; each returns a frame, or None, or fails."""
    return {
        "temporal": lambda: of.get_temporal_breakdown(visualize=False),
        "idle": lambda: of.get_idle_time_breakdown(ranks=[0], visualize=False)[0],
        "overlap": lambda: of.get_comm_comp_overlap(visualize=False),
        "kernel types": lambda: of.get_gpu_kernel_breakdown(visualize=False)[0],
        "kernels": lambda: of.get_gpu_kernel_breakdown(visualize=False)[1],
        "launches": lambda: of.get_cuda_kernel_launch_stats(ranks=[0], visualize=False)[0],
        "queue": lambda: of.get_queue_length_summary(ranks=[0]),
        "queue over time": lambda: of.get_queue_length_time_series(ranks=[0]).get(0),
        "bandwidth": lambda: of.get_memory_bw_summary(ranks=[0]),
    }


def answer(question: Callable[[], Any]) -> Any:
    try:
        with quiet():
            return question()
    except Exception as error:  # noqa: BLE001 - how HTA fails is part of what is compared
        return f"{type(error).__name__}: {error}"


def assert_same(theirs: TraceAnalysis, ours: TraceAnalysis) -> None:
    """Equal to the last bit; HTA only keeps numbers in smaller types."""
    wanted, got = analyses(theirs), analyses(ours)
    for name in wanted:
        expected, found = answer(wanted[name]), answer(got[name])
        if isinstance(expected, pd.DataFrame):
            assert isinstance(found, pd.DataFrame), (name, found)
            assert_frame_equal(
                found, expected, check_dtype=False, check_index_type=False, check_exact=True
            )
        else:
            assert found == expected, name


def parsed(path: Path, *, last_step: bool) -> TraceAnalysis:
    with quiet():
        return TraceAnalysis({0: str(path)}, "/", include_last_profiler_step=last_step)


# --- the same as HTA's own parse ------------------------------------------------------


@needs_real
@pytest.mark.parametrize(
    "path", [path for path in real if path not in fine], ids=lambda path: path.name
)
def test_answers_as_hta_does_at_its_defaults(path: Path) -> None:
    assert_same(parsed(path, last_step=False), trace_analysis({0: analysis.load(path)}))


@needs_real
@pytest.mark.parametrize("path", fine, ids=lambda path: path.name)
def test_answers_as_hta_does_without_rounding(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = analysis.load(path)
    ours = trace_analysis({0: trace}, include_last_profiler_step=True, rounding=False)
    monkeypatch.setenv("HTA_DISABLE_NS_ROUNDING", "1")
    theirs = parsed(path, last_step=True)
    assert_same(theirs, ours)


def test_rounds_unless_hta_would_not(
    load_events: Callable[..., Trace], monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = load_events(us(PLAIN, ns=300))

    def last_duration(rounding: bool | None) -> float:
        return float(trace_analysis(trace, rounding=rounding).t.get_trace(0)["dur"].iloc[-1])

    assert [last_duration(each) for each in (None, True, False)] == [8, 8, 8.3]
    monkeypatch.setenv("HTA_DISABLE_NS_ROUNDING", "1")
    assert [last_duration(each) for each in (None, True, False)] == [8.3, 8, 8.3]


@needs_real
@pytest.mark.parametrize(
    "name", ["hta-alexnet-sync-events", "hta-event-sync-multi-stream", "tracelens-h100-nsfw"]
)
def test_finds_the_critical_path_that_hta_finds(name: str) -> None:
    path = next(path for path in real if path.name == f"{name}.json.gz")
    theirs = parsed(path, last_step=False)
    step = "ProfilerStep" if any("Prof" in s for s in theirs.t.symbol_table.sym_table) else ""

    def edges(of: TraceAnalysis) -> pd.DataFrame:
        with quiet():
            graph, _ = of.critical_path_analysis(0, step, 0)
            found: pd.DataFrame = graph.get_critical_path_breakdown()
        # They come in the order of a set, with ids of each table of symbols.
        order = ["event_idx", "duration", "type"]
        return found.drop(columns="cat").sort_values(order, ignore_index=True)

    expected = edges(theirs)
    assert len(expected)
    ours = trace_analysis(analysis.load(path))
    assert_frame_equal(edges(ours), expected, check_dtype=False, check_exact=True)


@needs_real
def test_ranks_are_aligned_and_compared_as_hta_does() -> None:
    paths = {path.name[-9]: path for path in real if path.name.startswith("hta-two-ranks")}
    files = {int(rank): str(path) for rank, path in paths.items()}
    with quiet():
        theirs = TraceAnalysis(files, "/")
    ours = trace_analysis([analysis.load(path) for path in files.values()])
    assert ours.t.get_ranks() == theirs.t.get_ranks() == [0, 1]
    assert_same(theirs, ours)
    assert answer(ours.get_potential_stragglers) == answer(theirs.get_potential_stragglers)


def test_is_an_instance_of_htas_class(two_kernels: Trace) -> None:
    assert isinstance(trace_analysis(two_kernels), TraceAnalysis)


# --- what HTA cannot load -------------------------------------------------------------


@pytest.mark.parametrize("form", ["bare", "no arguments"])
def test_runs_where_hta_cannot_load(tmp_path: Path, form: str) -> None:
    events = in_microseconds(PLAIN)
    path = write_trace(tmp_path / "trace.json", events, bare=form == "bare")
    if form == "no arguments":
        # The host's events alone, as old recorders wrote them.
        text = (
            '{"traceEvents":[{"ph":"X","cat":"cpu_op","name":"a","pid":1,"tid":1,"ts":1,"dur":2}]}'
        )
        path.write_text(text)
    with pytest.raises((AttributeError, KeyError)):
        parsed(path, last_step=False)
    ours = trace_analysis(analysis.load(path))
    assert len(ours.t.get_trace(0)) == (1 if form == "no arguments" else len(events))
    if form == "bare":
        whole = write_trace(tmp_path / "whole.json", events)
        assert_same(parsed(whole, last_step=False), ours)


def test_a_trace_of_nothing_is_refused(load_events: Callable[..., Trace]) -> None:
    with pytest.raises(SelectionError, match=r"trace\.json: holds no complete events"):
        trace_analysis(load_events([]))


# --- ranks ----------------------------------------------------------------------------


def test_ranks_are_those_recorded_or_the_order(
    tmp_path: Path, two_kernels: Trace, load_bytes: Callable[..., Trace]
) -> None:
    text = '{"distributedInfo":{"rank":5},"traceEvents":[{"ph":"X","cat":"cpu_op","name":"a"'
    fifth = load_bytes(f'{text},"pid":1,"tid":1,"ts":1,"dur":2}}]}}'.encode(), "fifth.json")
    assert bridge.by_rank(two_kernels) == {0: two_kernels}
    assert bridge.by_rank([fifth, two_kernels]) == {5: fifth, 1: two_kernels}
    assert bridge.by_rank({7: fifth}) == {7: fifth}
    with pytest.raises(SelectionError, match=r"fifth\.json: is of rank 5, as is .*fifth\.json"):
        trace_analysis([fifth, fifth])
    with pytest.raises(SelectionError, match="no trace"):
        trace_analysis([])


# --- what is missing ------------------------------------------------------------------


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, two_kernels: Trace) -> None:
    monkeypatch.setitem(sys.modules, "hta.common.trace", None)
    monkeypatch.delitem(sys.modules, "analysis.hta.bridge")
    with pytest.raises(MissingExtraError, match=r'pip install "torch-overlap\[hta\]"'):
        trace_analysis(two_kernels)


def test_what_pandas_3_cannot_do_says_so(
    monkeypatch: pytest.MonkeyPatch, two_kernels: Trace, tmp_path: Path
) -> None:
    monkeypatch.setattr(pd, "__version__", "3.1.1")
    monkeypatch.setattr(analysis.hta, "bridge", bridge)  # to be put back
    monkeypatch.delitem(sys.modules, "analysis.hta.bridge")
    newer = importlib.import_module("analysis.hta.bridge").BridgedAnalysis({0: two_kernels})
    with pytest.raises(HtaError, match=r"critical_path_analysis does not run on pandas 3\.1\.1"):
        newer.critical_path_analysis(0, "", 0)
    with pytest.raises(HtaError, match=r"pandas 3\.1\.1; pip install"):
        newer.get_frequent_cuda_kernel_sequences("gemm", str(tmp_path))
    assert len(newer.get_temporal_breakdown(visualize=False)) == 1


def test_counters_are_not_carried_over(two_kernels: Trace) -> None:
    with pytest.raises(HtaError, match="performance counters, which the bridge does not carry"):
        trace_analysis(two_kernels).get_cupti_counter_data_with_operators([0])


def test_nothing_is_logged_or_printed(
    two_kernels: Trace, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    monitored = logging.getLogger("hta")
    monitored.addHandler(caplog.handler)
    try:
        found = trace_analysis(two_kernels)  # of no ProfilerStep, which HTA warns of
        ask(partial(found.critical_path_analysis, 0, "", 0))
        assert not caplog.records
        found.t.align_and_filter_trace()
        assert caplog.records  # heard again
    finally:
        monitored.removeHandler(caplog.handler)
    assert capfd.readouterr() == ("", "")


def test_the_schema_names_the_figures_and_causes() -> None:
    figure = schema()["$defs"]["hta"]["properties"]["figures"]["items"]["properties"]
    assert figure["figure"]["enum"] == list(FIGURES)
    assert figure["causes"]["items"]["properties"]["cause"]["enum"] == list(CAUSES)


def test_an_exception_without_words_shows_its_line() -> None:
    with pytest.raises(AssertionError) as caught:
        raise AssertionError  # as HTA's own are, once Python has compiled them
    assert described(caught.value).startswith("AssertionError: raise AssertionError")


# --- held to account ------------------------------------------------------------------

# Two kernels, each launched in good time, 2 us apart; the file begins with an operator.
PLAIN = [
    cpu_op("aten::mm", 0, 9),
    launch(2, 5, correlation=1),
    launch(6, 9, correlation=2),
    kernel("gemm", 10, 20, correlation=1),
    kernel("gemm", 22, 30, correlation=2),
]
STEPS = [annotation("ProfilerStep#1", 0, 100), annotation("ProfilerStep#2", 100, 200)]
IN_THE_SECOND = [launch(102, 105, correlation=3), kernel("gemm", 110, 120, correlation=3)]


def us(events: Sequence[Event], *extra: Event, ns: int = 0) -> list[Event]:
    """The events, their times read as us, the last one `ns` longer."""
    *others, last = in_microseconds([*events, *extra])
    return [*others, replace(last, end=last.end + ns)]


def row(category: str, begin: int, end: int, **args: int) -> Event:
    return Event(category, "row", HOST, THREAD, begin, end, args)


def launched_late(begin: int, end: int) -> list[Event]:
    return [launch(begin, end, correlation=3), kernel("gemm", 38, 44, correlation=3)]


OUTER_AND_INNER = [
    launch(29, 34, correlation=3),
    runtime("cuLaunchKernel", 31, 33, correlation=3, category="cuda_driver"),
    kernel("gemm", 36, 40, correlation=3),
]
A_FRACTION = [*in_microseconds(PLAIN[:-1]), kernel("gemm", 22_300, 30_000, correlation=2)]
LATE_CLOCK = 4_500_000_000_000_000_000
"""On it, a double of us holds halves."""

CAUSED = {
    "whole_microseconds": (us(PLAIN, ns=300), us(PLAIN)),
    "doubles": (shifted(A_FRACTION, LATE_CLOCK), A_FRACTION),
    "last_step": (us(PLAIN, *STEPS, *IN_THE_SECOND), us(PLAIN, STEPS[0], *IN_THE_SECOND)),
    "unlinked": (
        us(PLAIN, *STEPS, kernel("gemm", 32, 40, correlation=9)),
        us(PLAIN, STEPS[0], kernel("gemm", 32, 40, correlation=9)),
    ),
    "sync_rows": (
        us(PLAIN, row("cuda_sync", 21, 60, stream=7)),
        us(PLAIN, row("cuda_sync", 21, 60, stream=-1)),
    ),
    "other_rows": (us(PLAIN, row("cpu_op", 40, 50, stream=0)), us(PLAIN, row("cpu_op", 40, 50))),
    "names": (
        us(PLAIN, kernel("cross_device_reduce_1stage", 30, 40, correlation=2)),
        us(PLAIN, kernel("ncclDevKernel_AllReduce", 30, 40, correlation=2)),
    ),
    "devices_merged": (
        us(PLAIN, launch(3, 4, correlation=3), kernel("gemm", 40, 50, device=1, correlation=3)),
        us(PLAIN, launch(3, 4, correlation=3), kernel("gemm", 40, 50, stream=9, correlation=3)),
    ),
    "several_calls": (
        us(PLAIN, *OUTER_AND_INNER),
        us(PLAIN, OUTER_AND_INNER[0], OUTER_AND_INNER[2]),
    ),
    "first_event": (
        us([cpu_op("late", 31, 32), *PLAIN], kernel("gemm", 35, 40, correlation=9)),
        us([cpu_op("early", 1, 2), *PLAIN], kernel("gemm", 35, 40, correlation=9)),
    ),
    "nested": (
        us(PLAIN, launch(3, 4, correlation=3), kernel("gemm", 12, 15, correlation=3)),
        us(PLAIN, launch(3, 4, correlation=3), kernel("gemm", 31, 34, correlation=3)),
    ),
    "one_class_per_gap": (us(PLAIN, *launched_late(31, 36)), us(PLAIN, *launched_late(3, 4))),
}


@pytest.fixture
def two_kernels(load_events: Callable[..., Trace]) -> Trace:
    return load_events(us(PLAIN))


def held(trace: Trace) -> Agreement:
    return compare(trace, analysis.analyze(trace))


def causes(agreement: Agreement) -> set[str]:
    return {each.cause for figure in agreement.figures for each in figure.causes}


def assert_adds_up(figure: Figure) -> None:
    """What the rules add, with what is unexplained, is the difference."""
    differences = [each.difference for each in figure.causes]
    if figure.agrees or figure.ours is None or figure.theirs is None or None in differences:
        return
    total = sum(each for each in differences if each is not None) + (figure.unexplained or 0)
    slack = 200 if figure.figure.endswith("_ns") else 1e-4
    assert figure.theirs - figure.ours == pytest.approx(total, abs=slack), figure


def test_every_cause_has_its_traces() -> None:
    assert list(CAUSED) == list(CAUSES)


def test_the_same_figures_need_no_cause(two_kernels: Trace) -> None:
    found = held(two_kernels)
    assert [each.figure for each in found.figures] == list(FIGURES)
    assert all(each.agrees for each in found.figures)
    values = {each.figure: (each.ours, each.theirs) for each in found.figures}
    assert values["idle_ns"] == (2_000, 2_000.0)
    assert values["compute_ns"] == (18_000, 18_000.0)
    assert values["lane_kernel_wait_ns"] == (2_000, 2_000.0)
    assert values["communication_overlap"] == (None, None)


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_is_found_where_it_is_one_and_only_there(
    load_events: Callable[..., Trace], cause: str
) -> None:
    present, absent = (held(load_events(events)) for events in CAUSED[cause])
    assert cause in causes(present)
    assert cause not in causes(absent)
    for figure in (*present.figures, *absent.figures):
        assert not figure.unexplained, figure
        assert_adds_up(figure)


def test_what_a_cause_adds_is_worked_out_by_hand(load_events: Callable[..., Trace]) -> None:
    found = held(load_events(CAUSED["devices_merged"][0]))
    idle = {
        (each.device, each.ours, each.theirs): [(c.cause, c.difference) for c in each.causes]
        for each in found.figures
        if each.figure == "idle_ns"
    }
    assert idle == {
        ("0", 2_000, 12_000.0): [("devices_merged", 10_000.0)],
        ("1", 0, 12_000.0): [("devices_merged", 12_000.0)],
    }


def test_what_no_rule_explains_is_said(
    load_events: Callable[..., Trace], monkeypatch: pytest.MonkeyPatch
) -> None:
    for cause in ("sync_rows", "other_rows"):
        monkeypatch.delitem(corrections._REMOVED, cause)
    found = held(load_events(us(PLAIN, row("cuda_sync", 21, 60, stream=7))))
    (window,) = [each for each in found.figures if each.figure == "window_ns"]
    assert (window.ours, window.theirs, window.causes) == (20_000, 50_000.0, ())
    assert window.unexplained == 30_000.0


def test_a_figure_that_hta_has_only_without_its_rule(load_events: Callable[..., Trace]) -> None:
    # Rounded, the second of three kernels ends 1 us before it starts.
    short = [*PLAIN[:4], launch(3, 4, correlation=3), launch(4, 5, correlation=4)]
    events = [
        *in_microseconds(short),
        kernel("ncclKernel", 20_200, 20_800, correlation=3),
        kernel("ncclKernel", 21_200, 21_800, correlation=4),
    ]
    (window,) = [each for each in held(load_events(events)).figures if each.figure == "window_ns"]
    assert window.failure
    assert "AssertionError: assert" in window.failure
    assert window.theirs is None
    assert [(each.cause, each.difference) for each in window.causes] == [
        ("whole_microseconds", None)
    ]
    assert window.unexplained == 0


def test_a_cpu_trace_has_no_figures_but_a_reason(load_events: Callable[..., Trace]) -> None:
    found = held(load_events([cpu_op("aten::mm", 0, 9)]))
    assert found.figures == ()
    assert found.failure
    assert "holds no device activity (IndexError" in found.failure


@needs_real
@pytest.mark.parametrize("path", real, ids=lambda path: path.name)
def test_every_difference_on_real_traces_is_explained(path: Path) -> None:
    for figure in held(analysis.load(path)).figures:
        assert figure.agrees or figure.causes
        assert not figure.unexplained
        assert_adds_up(figure)

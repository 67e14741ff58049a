"""The bridge to Holistic Trace Analysis (HTA), which is an optional extra.

    import analysis

    theirs = analysis.hta.trace_analysis(analysis.load("trace.json.gz"))
    theirs.get_temporal_breakdown(visualize=False)

HTA and pandas are imported when they are first needed, and never otherwise.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from analysis.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from analysis.columns import Trace
    from analysis.hta.agreement import Agreement
    from analysis.hta.bridge import BridgedAnalysis
    from analysis.report import TraceReport

__all__ = ["compare", "require", "trace_analysis"]


def trace_analysis(
    traces: Trace | Mapping[int, Trace] | Iterable[Trace],
    *,
    include_last_profiler_step: bool = False,
    rounding: bool | None = None,
) -> BridgedAnalysis:
    """Return HTA's own `TraceAnalysis`, filled from our columns instead of a second parse.

    It answers as HTA does: times are microseconds, and its results are HTA's,
    with its filters and its mistakes.

    Args:
        traces: one trace, several, or several by rank. Without given ranks each
            trace stands for the rank that it recorded, or for its place in the
            order where it recorded none.
        include_last_profiler_step: HTA drops the last `ProfilerStep` unless told
            otherwise.
        rounding: whether times with fractions of a microsecond are rounded to
            whole ones, starts up and ends down. None: as HTA would, which means
            yes unless the environment holds HTA_DISABLE_NS_ROUNDING=1.

    Returns:
        An instance of `hta.trace_analysis.TraceAnalysis`. The few methods that
        need what our columns do not hold, or a pandas that is not installed,
        raise `HtaError` and say so.

    Raises:
        MissingExtraError: HTA is not installed.
        SelectionError: two traces are of the same rank, or one holds no events.
    """
    require()
    from analysis.hta.bridge import BridgedAnalysis, by_rank  # noqa: PLC0415 - HTA is heavy

    return BridgedAnalysis(
        by_rank(traces),
        include_last_profiler_step=include_last_profiler_step,
        rounding=rounding,
    )


def compare(trace: Trace, report: TraceReport) -> Agreement:
    """Set HTA's figures beside ours, and find out why they differ.

    Args:
        trace: what `load` returned.
        report: what `analyze` returned for the whole of it.

    Raises:
        MissingExtraError: HTA is not installed.
    """
    require()
    from analysis.hta import account  # noqa: PLC0415 - HTA is heavy

    return account.compare(trace, report)


def require() -> None:
    """Make sure that HTA can be imported.

    Raises:
        MissingExtraError: it cannot; the message says what to install.
    """
    try:
        import_module("analysis.hta.bridge")
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"HTA cannot be imported, as the module {error.name} is not installed; "
            'pip install "torch-overlap[hta]"'
        ) from error

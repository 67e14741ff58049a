"""Measures from a torch.profiler trace how much ran in parallel, and what stopped the rest.

    trace = analysis.load("traces/cpu-post-threads.pt.trace.json.gz")
    report = analysis.analyze(trace)

Names are imported when they are first used, so that `analyze --help` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis import hta
    from analysis.columns import Events, Trace
    from analysis.diff import Diff, compare
    from analysis.handler import trace_handler
    from analysis.metrics.breakdown import Breakdown
    from analysis.metrics.lanes import Lanes
    from analysis.metrics.parallelism import Parallelism
    from analysis.metrics.usage import Usage
    from analysis.pipeline import Times, analyze
    from analysis.report import Report, TraceReport
    from analysis.tables.asking import sql
    from analysis.thresholds import Thresholds
    from analysis.trace import load

__all__ = [
    "Breakdown",
    "Diff",
    "Events",
    "Lanes",
    "Parallelism",
    "Report",
    "Thresholds",
    "Times",
    "Trace",
    "TraceReport",
    "Usage",
    "analyze",
    "compare",
    "hta",
    "load",
    "sql",
    "trace_handler",
]

_HOME = {
    "Breakdown": "analysis.metrics.breakdown",
    "Diff": "analysis.diff",
    "Events": "analysis.columns",
    "Lanes": "analysis.metrics.lanes",
    "Parallelism": "analysis.metrics.parallelism",
    "Report": "analysis.report",
    "Thresholds": "analysis.thresholds",
    "Times": "analysis.pipeline",
    "Trace": "analysis.columns",
    "TraceReport": "analysis.report",
    "Usage": "analysis.metrics.usage",
    "analyze": "analysis.pipeline",
    "compare": "analysis.diff",
    "load": "analysis.trace",
    "sql": "analysis.tables.asking",
    "trace_handler": "analysis.handler",
}


_MODULES = {"hta"}


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"analysis.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

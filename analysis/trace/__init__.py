"""Bytes to columns: the only place that knows the keys of a Chrome trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.trace.copying import TraceText, trace_text
    from analysis.trace.loading import Progress, Reading, load
    from analysis.trace.pack import packed
    from analysis.trace.plain import Plain, plain_file

__all__ = [
    "MAX_BYTES",
    "STDIN",
    "Plain",
    "Progress",
    "Reading",
    "TraceText",
    "load",
    "packed",
    "plain_file",
    "trace_text",
]

STDIN = "-"
"""The path that means standard input."""
MAX_BYTES = 16 << 30
"""Bytes of text after which reading stops, unless more is asked for."""

_HOMES = {
    "TraceText": "analysis.trace.copying",
    "trace_text": "analysis.trace.copying",
    "packed": "analysis.trace.pack",
    "Plain": "analysis.trace.plain",
    "plain_file": "analysis.trace.plain",
}


def __getattr__(name: str) -> object:
    """Import what is asked for: a worker process needs little of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - as said

    return getattr(import_module(_HOMES.get(name, "analysis.trace.loading")), name)

"""The errors that a caller of this package can meet.

AnalysisError
├── TraceError            a file cannot be read as a trace
│   ├── NotATraceError    it is something else, or empty
│   └── DamagedTraceError it is a trace, but broken at a place that the message names
├── SelectionError        a step, mode or option that the input does not have
├── MissingExtraError     an optional dependency is not installed
├── ClusterError          a Dask cluster cannot be used
├── HtaError              HTA cannot do what was asked of it
├── QueryError            a question in SQL is not allowed, wrong, or took too much
├── ViewerError           a trace cannot be handed to a viewer
└── OutputError           a result cannot be written

Every message names the file, the place, what was expected and what to do. Apart stands
`Interrupted`, a KeyboardInterrupt with a text.
"""

from __future__ import annotations


class AnalysisError(Exception):
    """Base of all errors raised on purpose; its text is meant for the user."""


class TraceError(AnalysisError):
    """A file cannot be read as a trace."""


class NotATraceError(TraceError):
    """The file is not a Chrome trace at all."""


class DamagedTraceError(TraceError):
    """The file is a Chrome trace, but part of it cannot be read."""


class SelectionError(AnalysisError):
    """The input does not have what was asked for."""


class MissingExtraError(AnalysisError):
    """An optional dependency is needed and absent."""


class ClusterError(AnalysisError):
    """A Dask cluster cannot be used."""


class HtaError(AnalysisError):
    """HTA cannot do what was asked of it."""


class QueryError(AnalysisError):
    """A question in SQL is not allowed, wrong, or took too much time or memory."""


class ViewerError(AnalysisError):
    """A trace cannot be handed to a viewer, or the viewer did not take it."""


class OutputError(AnalysisError):
    """A result cannot be written."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, where part of the work is kept for the next time; its text says so."""

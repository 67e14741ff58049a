"""Bytes to columns: the only place that knows the keys of a Chrome trace."""

from analysis.trace.load import load

__all__ = ["load"]

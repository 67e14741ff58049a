"""Two recordings side by side: by what factor they differ, through what, and whether it is noise.

`analysis.comparison` sets the modes of one recorded run beside its baseline; this package sets
any trace, or directory of traces, beside an earlier one.
"""

from __future__ import annotations

from analysis.diff.comparing import compare
from analysis.diff.model import SCHEMA_VERSION, Change, DeviceDiff, Diff, TraceDiff

__all__ = ["SCHEMA_VERSION", "Change", "DeviceDiff", "Diff", "TraceDiff", "compare"]

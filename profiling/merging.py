"""Traces of several processes as one, on one clock."""

from __future__ import annotations

import gzip
import json
import re
import secrets
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_BASE: Final = "baseTimeNanoseconds"
_EVENTS: Final = "traceEvents"
# Complete events, and what names processes and threads. Arrows are numbered per process.
_KEPT: Final = frozenset({"X", "M"})
_US: Final = 1000


def merge(path: Path, others: Sequence[Path]) -> None:
    """Add the events of further processes to a trace, on its clock.

    Kineto's times are microseconds since `baseTimeNanoseconds` of the same file, on the clock
    of the machine. They are shifted as decimals: a double cannot hold them to the nanosecond.

    Args:
        path: a trace, gzipped, which is rewritten.
        others: gzipped traces of other processes of this machine.
    """
    document = _read(path)
    base = document.get(_BASE, 0)
    for other in others:
        further = _read(other)
        shift = Decimal(further.get(_BASE, 0) - base) / _US
        document[_EVENTS] += [
            event | {"ts": event["ts"] + shift}
            for event in further[_EVENTS]
            # The profiler's own rows have words in place of numbers.
            if event["ph"] in _KEPT and isinstance(event["pid"], int)
        ]
    path.write_bytes(gzip.compress(_text(document).encode(), mtime=0))


def _read(path: Path) -> Any:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return json.load(file, parse_float=Decimal)


def _text(document: Any) -> str:
    """JSON with every decimal digit for digit, which `json` alone cannot write."""
    mark = f"decimal:{secrets.token_hex(8)}:"
    text = json.dumps(document, separators=(",", ":"), default=lambda number: f"{mark}{number:f}")
    return re.sub(rf'"{mark}(-?[0-9.]+)"', r"\1", text)

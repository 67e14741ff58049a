"""Large traces for the benchmark: a real one several times over, one after the other."""

from __future__ import annotations

import gzip
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PAUSE_US = 100_000
_NUMBERED = re.compile(rb'"(correlation|External id)":\s*(\d+)')
_APART = 10_000_000  # more than a trace has correlations
_LINES = re.compile(rb"\s*\n\s*")

Fields = dict[str, msgspec.Raw]


def write_repeated(trace: Path, target: Path, times: int) -> int:
    """Write a trace's events several times over, as `json.dump` lays them out.

    Each time they come later and have other correlations, so that the file
    compresses no better than a recording of that length.

    Returns:
        How many bytes of text it is.
    """
    document = msgspec.json.decode(gzip.decompress(trace.read_bytes()), type=Fields)
    events = msgspec.json.decode(document["traceEvents"], type=list[Fields])
    complete = [event for event in events if bytes(event["ph"]) == b'"X"']
    starts = [Decimal(bytes(event["ts"]).decode()) for event in complete]
    period = max(starts) - min(starts) + _PAUSE_US
    size = 0
    partial = target.with_suffix(".partial")
    with gzip.open(partial, "wb", compresslevel=6) as file:
        for text in _texts(document, events, period, times):
            size += file.write(text)
    partial.rename(target)
    return size


def _texts(document: Fields, events: list[Fields], period: Decimal, times: int) -> Iterator[bytes]:
    yield b'{"deviceProperties": ' + bytes(document["deviceProperties"]) + b', "traceEvents": ['
    for repeat in range(times):
        moved = [_moved(event, repeat, period) for event in events]
        yield (b", " if repeat else b"") + b", ".join(moved)
    yield b"]}\n"


def _moved(event: Fields, repeat: int, period: Decimal) -> bytes:
    values = {key: bytes(value) for key, value in event.items()}
    if "ts" in values:
        values["ts"] = str(Decimal(values["ts"].decode()) + repeat * period).encode()
    if "args" in values:
        values["args"] = _NUMBERED.sub(
            lambda found: b'"%s": %d' % (found[1], int(found[2]) + repeat * _APART),
            _LINES.sub(b" ", values["args"]),
        )
    return b"{" + b", ".join(b'"%s": %s' % (k.encode(), v) for k, v in values.items()) + b"}"

"""Small texts to break: real traces, shortened, and built ones."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

from tests.builders import (
    annotation,
    card,
    chrome_trace,
    copy,
    cpu_op,
    graph_launch,
    kernel,
    launch,
    python,
    shape,
    stream_wait,
)
from tests.shared import REPOSITORY, real_traces

if TYPE_CHECKING:
    from pathlib import Path

_EVENTS = 120
_BETWEEN = re.compile(rb'(?<=\}),(?=\s*\{\s*"(?:ph|name|cat)")')
_BUILT = [
    annotation("ProfilerStep#1", 0, 90_000),
    annotation("overlap.branch 0", 10, 30_000),
    python("forward", 0, 80_000),
    *(cpu_op("aten::mm", 1_000 * i, 1_000 * i + 900) for i in range(20)),
    *(launch(1_000 * i + 100, 1_000 * i + 300, correlation=i + 1) for i in range(20)),
    *(
        kernel(
            f"gemm<{i % 3}>",
            1_500 * i + 400,
            1_500 * i + 2_100,
            stream=7 + i % 3,
            correlation=i + 1,
            shape=shape(4, 64),
        )
        for i in range(20)
    ),
    copy("Memcpy HtoD (Pageable -> Device)", 40_000, 45_000, stream=9),
    stream_wait(46_000, stream=7, on_stream=8, record=5),
    graph_launch(50_000, 50_500, correlation=99),
    *(kernel("node", 51_000 + 700 * i, 51_600 + 700 * i, correlation=99) for i in range(5)),
]


def texts() -> list[bytes]:
    """The same ones each time, on the same machine; the largest has some 100 kB."""
    header = {"deviceProperties": [card()], "distributedInfo": {"rank": 3}}
    built = [
        chrome_trace(_BUILT, header=header),
        chrome_trace(_BUILT, pretty=True, mixed=True),
        chrome_trace(_BUILT, bare=True),
    ]
    examples = sorted((REPOSITORY / "traces/examples").glob("*.trace.json.gz"))
    return built + [shortened(path) for path in (*examples, *real_traces())]


def shortened(path: Path) -> bytes:
    """A trace's text with some of its events left out, its layout as it was."""
    text = gzip.decompress(path.read_bytes())
    begin = text.index(b"[", text.index(b'"traceEvents"')) + 1
    end = text.rindex(b"]")
    events = _BETWEEN.split(text[begin:end])
    step = max(1, len(events) // _EVENTS)
    return text[:begin] + b",".join(events[::step][:_EVENTS]) + text[end:]

"""The picture of a settled claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.compose.claim import lines
from analysis.render.charts import SERIES, Fall, waterfall
from analysis.render.charts.svg import alone

if TYPE_CHECKING:
    from analysis.claim import Claim
    from analysis.compose.claim import Line

_TOTAL = SERIES[0]
_TONES = {"stopwatch": SERIES[1], "traces": SERIES[2], "both": SERIES[7]}
_KEY = (
    (_TOTAL, "how much faster no_grad is"),
    (_TONES["stopwatch"], "causes in how it was timed"),
    (_TONES["traces"], "causes in what was done"),
    (_TONES["both"], "the rest"),
)


def picture(claim: Claim) -> str:
    """Return what the script says, divided cause by cause down to 1, as SVG."""
    title = f"How much faster is no_grad, and why? {claim.preset} on {claim.device}"
    falls = [_fall(line) for line in lines(claim)]
    return alone(waterfall(falls, title=title, key=_KEY), title)


def _fall(line: Line) -> Fall:
    tone = _TOTAL if line.total else _TONES[line.source]
    return Fall(line.words, line.value, line.total, tone, line.said)

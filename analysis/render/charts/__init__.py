"""Charts: plain data in, the text of an SVG picture out; nothing is computed or written.

    stacked_bars([Row("threads", [Part(tone_of("overlapped"), 1_200)])], title="...")

A picture is as wide as its place and as tall as its content, takes its ink from the
text around it, and says its figures in words to those who cannot see it. Values are
formatted by `analysis.units`, as everywhere. `palette` holds the colours.
"""

from __future__ import annotations

from analysis.render.charts.bars import Bar, bars
from analysis.render.charts.histogram import Bin, histogram
from analysis.render.charts.lines import Point, Series, lines
from analysis.render.charts.matrix import matrix
from analysis.render.charts.palette import NEUTRAL, SERIES, TONES, Tone, tone_of
from analysis.render.charts.ratios import Ratios, ratio_bars
from analysis.render.charts.stacked import Part, Row, stacked_bars
from analysis.render.charts.waterfall import Fall, waterfall

__all__ = [
    "NEUTRAL",
    "SERIES",
    "TONES",
    "Bar",
    "Bin",
    "Fall",
    "Part",
    "Point",
    "Ratios",
    "Row",
    "Series",
    "Tone",
    "bars",
    "histogram",
    "lines",
    "matrix",
    "ratio_bars",
    "stacked_bars",
    "tone_of",
    "waterfall",
]

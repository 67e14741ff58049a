"""Many recorded runs of one workload at different sizes: from where on does a mode pay?

sweep = read([Path("traces/sweep")])
compose(sweep)  # the document
draw(sweep)     # the picture
"""

from __future__ import annotations

from analysis.sweep.compose import compose
from analysis.sweep.model import Point, Sweep, Undone, Verdict
from analysis.sweep.picture import draw
from analysis.sweep.reading import read

__all__ = ["Point", "Sweep", "Undone", "Verdict", "compose", "draw", "read"]

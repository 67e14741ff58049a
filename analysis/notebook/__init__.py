"""Results as a notebook shows them: pictures, tables, data frames."""

from __future__ import annotations

from analysis.notebook.pages import html
from analysis.notebook.picture import Picture
from analysis.notebook.plots import plot
from analysis.notebook.tabular import frame

__all__ = ["Picture", "frame", "html", "plot"]

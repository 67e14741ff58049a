"""Traces for Perfetto's viewer: annotated with what was measured, and opened in it."""

from __future__ import annotations

from analysis.perfetto.annotation import Annotated, annotate
from analysis.perfetto.viewer import Offer, browse, offered

__all__ = ["Annotated", "Offer", "annotate", "browse", "offered"]

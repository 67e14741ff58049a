"""A trace replayed by rules, and again with one rule less: what could be reached at best."""

from analysis.replay.ceilings import Ceilings, ceilings, cpu_ceilings

__all__ = ["Ceilings", "ceilings", "cpu_ceilings"]

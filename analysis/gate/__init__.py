"""Rules that recordings must keep, for continuous integration."""

from __future__ import annotations

from analysis.gate.checking import gate
from analysis.gate.model import SCHEMA_VERSION, Check, Gate
from analysis.gate.rules import Regression, Requirement, regression, requirement

__all__ = [
    "SCHEMA_VERSION",
    "Check",
    "Gate",
    "Regression",
    "Requirement",
    "gate",
    "regression",
    "requirement",
]

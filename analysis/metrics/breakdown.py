"""Every nanosecond of the window, by state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from analysis.showing import Tabular
from analysis.vocabulary import WorkClass

if TYPE_CHECKING:
    from analysis.metrics.timeline import Timeline
    from analysis.metrics.view import View


class Breakdown(Tabular, msgspec.Struct, frozen=True):
    """The window's time by state.

    Attributes:
        breakdown_ns: ns in each state; they add up to the window.
        breakdown_by_class_ns: of the states with a lane running, ns by the
            classes of work that ran.
    """

    breakdown_ns: dict[str, int]
    breakdown_by_class_ns: dict[str, dict[str, int]]


def breakdown(view: View) -> Breakdown:
    """Sum the window's time by state and by running classes."""
    line = view.timeline
    split: dict[str, dict[str, int]] = {
        state: {} for state in line.states if not state.startswith("idle_")
    }
    masks = 1 << len(WorkClass)
    table = np.zeros(len(line.states) * masks, np.int64)
    np.add.at(table, line.state.astype(np.int64) * masks + line.work, line.lengths)
    for key in np.flatnonzero(table).tolist():
        state, mask = line.states[key // masks], key % masks
        if state in split:
            split[state][classes(mask)] = int(table[key])
    return Breakdown(by_state(line), split)


def by_state(line: Timeline) -> dict[str, int]:
    """Return ns in each state, zero included."""
    totals = np.zeros(len(line.states), np.int64)
    np.add.at(totals, line.state, line.lengths)
    return dict(zip(line.states, totals.tolist(), strict=True))


def classes(mask: int) -> str:
    """Return the labels of the classes whose bits are set, joined by `+`."""
    return "+".join(work.label for work in WorkClass if mask >> work & 1)

"""What is said of a trace beside its figures, and what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import analysis
from analysis import notes
from analysis.device import accelerators
from tests.builders import Event, annotation, cpu_op, kernel, launch, runtime

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis import Trace

    LoadEvents = Callable[[list[Event]], Trace]

LAUNCHED = [
    launch(10, 20, correlation=1),
    kernel("gemm", 30, 40, correlation=1),
    runtime("cudaDeviceSynchronize", 50, 60),
]


def said(trace: Trace) -> tuple[str, ...]:
    return notes.of_trace(trace, list(accelerators(trace)))


@pytest.mark.parametrize("category", ["Operator", "cpu_op"])
def test_ranges_among_operators_are_named(load_events: LoadEvents, category: str) -> None:
    names = ["forward pass", "aten::mm", "AddmmBackward0"]
    host = [cpu_op("ProfilerStep#1", 0, 90), *(cpu_op(name, 5, 9) for name in names)]
    events = [replace(event, category=category) for event in host]
    (note,) = said(load_events([*LAUNCHED, *events]))
    assert "if forward pass are ranges" in note


def test_the_old_word_for_operators_is_enough(load_events: LoadEvents) -> None:
    (note,) = said(load_events([*LAUNCHED, Event("Operator", "forward pass", 100, 1, 0, 90)]))
    assert "if forward pass are ranges" in note


def test_where_ranges_have_a_category_nothing_is_said(load_events: LoadEvents) -> None:
    host = [annotation("ProfilerStep#1", 0, 90), cpu_op("MyFunction", 0, 9)]
    assert said(load_events([*LAUNCHED, *host])) == ()


@pytest.mark.parametrize("launched", [LAUNCHED, [], [cpu_op("aten::mm", 0, 9)]])
def test_events_of_no_known_category_are_counted(
    load_events: LoadEvents, launched: list[Event]
) -> None:
    strange = [Event("mine", "x", 7, 7, 0, 5), Event("mine", "y", 7, 7, 5, 9)]
    count = "2 complete events are of categories that are not known: mine; they are in no figure."
    assert count in analysis.analyze(load_events([*launched, *strange])).notes

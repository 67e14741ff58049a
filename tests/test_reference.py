"""The brute-force reference itself: against answers worked out by hand, and by its sums.

An oracle that nobody checked is a second opinion, not a proof. The cases are run here in
units of their own, one cell each, with the limits divided accordingly.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings

from tests import cases, reference, strategies
from tests.builders import Event, kernel, launch
from tests.reference import Limits
from tests.room import Card

IN_MICROSECONDS = Limits(
    latency_floor_ns=10, latency_ceiling_ns=100, latency_samples=100, slow_launch_ns=100
)


def by_name(devices: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {device["device"]: device for device in devices}


@pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.title)
def test_agrees_with_the_hand_computed_answers(case: cases.Case) -> None:
    measured = by_name(reference.devices(case.events, IN_MICROSECONDS, case.cards))
    assert cases.said(measured, case.answers) == cases.normal(case.answers)
    found = reference.steps(case.events, IN_MICROSECONDS, case.cards)
    steps = {s["name"]: by_name(s["devices"]) for s in found}
    if case.steps:
        assert steps.keys() == case.steps.keys()
    for name, answers in case.steps.items():
        assert cases.said(steps[name], answers) == cases.normal(answers)


@settings(deadline=None, max_examples=60)
@given(
    strategies.accelerator_traces() | strategies.cpu_traces(), strategies.limits, strategies.cards
)
def test_every_nanosecond_is_counted_once(
    events: list[Event], limits: Limits, cards: Sequence[Card]
) -> None:
    for device in reference.devices(events, limits, cards):
        assert reference.unbalanced(device) == []
    for step in reference.steps(events, limits, cards):
        for device in step["devices"]:
            assert reference.unbalanced(device) == []


def test_unbalanced_figures_are_seen() -> None:
    """The sums can fail: each is broken once."""
    events = [kernel("a", 0, 4), kernel("b", 6, 9), kernel("c", 3, 5, stream=20)]
    for key, of in [("breakdown_ns", "one_unknown"), ("concurrency_ns", "1")]:
        (device,) = reference.devices(events)
        device[key][of] += 1
        assert reference.unbalanced(device)[0].startswith(key)
    (device,) = reference.devices(events)
    device["lane_breakdown_ns"]["20"]["edge"] -= 1
    assert len(reference.unbalanced(device)) == 1
    (device,) = reference.devices(events)
    device["idle_gaps_unlisted_ns"] += 1
    assert len(reference.unbalanced(device)) == 1


def test_differences_name_the_place() -> None:
    events = [launch(0, 2, correlation=1), kernel("a", 3, 9, correlation=1), kernel("b", 12, 13)]
    expected, reported = reference.devices(events), reference.devices(events)
    assert reference.differences(expected, reported) == []
    reported[0]["ceilings"] = None
    reported[0]["idle_gaps"][0]["host"] = None
    assert reference.differences(expected, reported) == []
    reported[0]["lane_breakdown_ns"]["7"]["running"] = 8
    reported[0]["idle_gaps"][0]["after"] = "c"
    del reported[0]["breakdown_ns"]["idle_edge"]
    reported[0]["breakdown_ns"]["idle_dream"] = 0
    assert reference.differences(expected, reported) == [
        "device 0: breakdown_ns.idle_dream: expected 'nothing', reported 0",
        "device 0: breakdown_ns.idle_edge: expected 0, reported 'nothing'",
        "device 0: idle_gaps[0].after: expected 'b', reported 'c'",
        "device 0: lane_breakdown_ns.7.running: expected 7, reported 8",
    ]
    del reported[0]["busy_ns"]
    assert "device 0: busy_ns: expected 7, reported 'nothing'" in reference.differences(
        expected, reported
    )
    assert reference.differences(expected, []) == ["devices: expected ['0'], reported []"]

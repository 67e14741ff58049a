from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.factors import Factors, PerStep, factors, per_step
from analysis.report import StepTotals


@st.composite
def totals(draw: st.DrawFn) -> list[StepTotals]:
    """Steps of a device with up to eight lanes."""
    steps = []
    for _ in range(draw(st.integers(1, 4))):
        busy = draw(st.integers(1, 10**12))
        wall = busy + draw(st.integers(0, 10**12))
        work = draw(st.integers(busy, 8 * busy))
        steps.append(StepTotals("0", wall, work, busy))
    return steps


def averages(steps: list[StepTotals]) -> PerStep:
    found = per_step(steps)
    assert found is not None
    return found


@given(totals(), totals())
def test_the_factors_multiply_to_the_speed_up_exactly(
    baseline: list[StepTotals], mode: list[StepTotals]
) -> None:
    of_base, of_mode = averages(baseline), averages(mode)
    found = factors(of_base, of_mode)
    speed_up = of_base.wall / of_mode.wall
    assert isinstance(speed_up, Fraction)
    assert found.less_work * found.more_overlap * found.less_idle == speed_up
    assert found.speed_up == speed_up


@given(totals())
def test_wall_is_work_over_achieved_times_busy_share(steps: list[StepTotals]) -> None:
    average = averages(steps)
    assert average.wall == average.work / (average.achieved * average.busy_share)
    assert average.wall == Fraction(sum(step.wall_ns for step in steps), len(steps))
    assert average.work == Fraction(sum(step.work_ns for step in steps), len(steps))
    assert average.busy == Fraction(sum(step.busy_ns for step in steps), len(steps))


@given(totals())
def test_a_mode_is_as_fast_as_itself(steps: list[StepTotals]) -> None:
    found = factors(averages(steps), averages(steps))
    assert found == Factors(Fraction(1), Fraction(1), Fraction(1))


def step(wall: int, work: int, busy: int) -> StepTotals:
    return StepTotals("0", wall, work, busy)


BASELINE = [step(1000, 800, 800)]
"""One lane, 80% of the time."""


@pytest.mark.parametrize(
    ("mode", "less_work", "more_overlap", "less_idle", "speed_up"),
    [
        # Half the work on one lane, the same share idle.
        ([step(500, 400, 400)], 2, 1, 1, 2),
        # Two lanes all the time that any ran.
        ([step(500, 800, 400)], 1, 2, 1, 2),
        # No pauses.
        ([step(800, 800, 800)], 1, 1, Fraction(5, 4), Fraction(5, 4)),
        # Contention: two lanes, and each operator takes twice as long.
        ([step(1000, 1600, 800)], Fraction(1, 2), 2, 1, 1),
        # Overlap for three quarters of the busy time, more work, more pauses.
        (
            [step(1000, 1050, 600)],
            Fraction(16, 21),
            Fraction(7, 4),
            Fraction(3, 4),
            1,
        ),
        # Steps are averaged before they are divided.
        ([step(400, 300, 300), step(600, 500, 500)], 2, 1, 1, 2),
        ([step(100, 100, 100), step(900, 300, 300)], 4, 1, Fraction(1, 2), 2),
    ],
)
def test_known_factors(
    mode: list[StepTotals],
    less_work: Fraction,
    more_overlap: Fraction,
    less_idle: Fraction,
    speed_up: Fraction,
) -> None:
    found = factors(averages(BASELINE), averages(mode))
    assert found.less_work == less_work
    assert found.more_overlap == more_overlap
    assert found.less_idle == less_idle
    assert found.speed_up == speed_up


@pytest.mark.parametrize(
    "steps", [[], [step(0, 0, 0)], [step(100, 0, 0)], [step(100, 0, 0), step(50, 0, 0)]]
)
def test_where_nothing_ran_there_is_nothing_to_divide_by(steps: list[StepTotals]) -> None:
    assert per_step(steps) is None


def test_a_step_in_which_nothing_ran_counts_as_time() -> None:
    found = averages([step(100, 50, 50), step(300, 0, 0)])
    assert found == PerStep(Fraction(200), Fraction(25), Fraction(25))
    assert found.busy_share == Fraction(1, 8)

"""Turns, samples, and what happens when one mode stops."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import pytest

from profiling import timing
from profiling.errors import BrokenModeError
from profiling.recorder import Recording, take_turns, untracked
from profiling.timing import Timer, round_orders

if TYPE_CHECKING:
    from pathlib import Path

    from profiling.manifest import Manifest

NAMES = ["a", "b", "c", "d"]


def nothing() -> None:
    return None


def busy_until(deadline: float) -> None:
    while time.perf_counter() < deadline:
        pass


def test_every_round_holds_every_mode_once() -> None:
    orders = round_orders(NAMES, 50, seed=1)
    assert len(orders) == 50
    assert all(sorted(order) == NAMES for order in orders)


def test_the_order_changes_from_round_to_round() -> None:
    orders = round_orders(NAMES, 200, seed=1)
    for place in range(4):
        for name in NAMES:
            share = sum(order[place] == name for order in orders) / 200
            assert 0.12 < share < 0.38


def test_the_seed_decides_the_order() -> None:
    assert round_orders(NAMES, 9, seed=1) == round_orders(NAMES, 9, seed=1)
    assert round_orders(NAMES, 9, seed=1) != round_orders(NAMES, 9, seed=2)


def test_a_sample_is_the_mean_over_the_steps_it_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0]
    cpu = [0]

    def step() -> None:
        clock[0] += 1_000_000
        cpu[0] += 1_500_000

    monkeypatch.setattr(time, "perf_counter_ns", lambda: clock[0])
    monkeypatch.setattr(time, "process_time_ns", lambda: cpu[0])
    timer = Timer(step, nothing)
    timer.calibrate()
    assert timer.inner_steps == 4
    before = clock[0]
    timer.sample()
    timer.sample()
    assert timer.samples_ns == [1_000_000, 1_000_000]
    assert timer.cpu_seconds_per_wall_second == 1.5
    # Each sample is 4 steps, after 12 that outlast the threads of other modes.
    assert clock[0] - before == 2 * (12 + 4) * 1_000_000


def test_a_long_step_is_a_sample_by_itself() -> None:
    timer = Timer(lambda: busy_until(time.perf_counter() + 0.006), nothing)
    timer.calibrate()
    timer.sample()
    assert timer.inner_steps == 1
    assert timer.samples_ns[0] >= 6_000_000


def test_steps_end_with_a_synchronize() -> None:
    log: list[str] = []
    timer = Timer(lambda: log.append("run"), lambda: log.append("synchronize"), inner_steps=3)
    timer.sample()
    assert log[::2] == ["run"] * (len(log) // 2)
    assert log[1::2] == ["synchronize"] * (len(log) // 2)


@pytest.mark.parametrize("enabled", [True, False])
def test_no_garbage_is_collected_during_a_sample(enabled: bool) -> None:
    seen: list[bool] = []
    was_enabled = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        Timer(lambda: seen.append(gc.isenabled()), nothing).sample()
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was_enabled else gc.disable)()
    assert seen
    assert not any(seen)


class FakeSession:
    """Notes each of its turns; breaks at one of them."""

    def __init__(self, name: str, log: list[str], breaks_at: int | None = None) -> None:
        self.name = name
        self.log = log
        self.turns = 0
        self.breaks_at = breaks_at

    def start(self) -> None: ...
    def prepare(self) -> None: ...
    def leave(self) -> None: ...
    def close(self) -> None: ...

    def sample(self) -> None:
        self.log.append(self.name)
        self.turns += 1
        if self.turns == self.breaks_at:
            raise BrokenModeError("enough")

    def write(self) -> Manifest:
        raise NotImplementedError


def test_modes_take_turns_in_the_shuffled_order(tmp_path: Path) -> None:
    log: list[str] = []
    recording = Recording("run", tmp_path)
    take_turns([FakeSession(name, log) for name in NAMES], 30, untracked, recording)
    assert log == [name for order in round_orders(NAMES, 30, seed=30) for name in order]
    assert recording.failures == {}


def test_a_mode_that_breaks_is_left_out_and_the_others_go_on(tmp_path: Path) -> None:
    log: list[str] = []
    recording = Recording("run", tmp_path)
    sessions = [FakeSession(name, log, breaks_at=3 if name == "b" else None) for name in NAMES]
    take_turns(sessions, 10, untracked, recording)
    assert {name: log.count(name) for name in NAMES} == {"a": 10, "b": 3, "c": 10, "d": 10}
    assert str(recording.failures["b"]) == "enough"


def test_the_threads_of_other_modes_are_outlasted() -> None:
    assert timing.SETTLE_NS > 10_000_000 > timing.MIN_SAMPLE_NS > 1_000_000

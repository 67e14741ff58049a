"""A process per branch: what it computes, what its trace shows, and how it ends."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from profiling import MODES, Branch
from profiling.branches import Workload
from profiling.errors import BrokenModeError, UnavailableError, UnprovenError
from profiling.evidence import Event, Evidence, read_events
from profiling.team import Team
from profiling.tracing import Detail, trace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORKLOAD = Workload(hidden_size=256, batch=128)


class AtHome(nn.Module):
    """Adds 1 where gradients are on, and fails on negative input in another process."""

    def __init__(self) -> None:
        super().__init__()
        self.home = os.getpid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if os.getpid() != self.home and bool((x < 0).any()):
            raise ValueError("not at home\nsecond line")
        return x + float(torch.is_grad_enabled())


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    with closing(Team(WORKLOAD.build("cpu"))) as team:
        yield team


def test_outputs_are_those_of_the_branches(team: Team) -> None:
    own = [tensor.detach() for branch in WORKLOAD.build("cpu") for tensor in branch()]
    for _ in range(2):
        found: list[Any] = [tensor for outputs in team() for tensor in outputs]
        torch.testing.assert_close(found, own)
        assert all(tensor.is_shared() for tensor in found)


def test_cpu_time_of_all_processes_counts(team: Team) -> None:
    here = time.process_time_ns()
    before = team.cpu_ns()
    for _ in range(30):
        team()
    everywhere = team.cpu_ns() - before
    assert everywhere > 3 * (time.process_time_ns() - here)


def test_the_trace_holds_every_process_within_the_steps(team: Team, tmp_path: Path) -> None:
    path = tmp_path / "trace.json.gz"
    for _ in range(2):  # a team is traced more than once
        trace(team, path, steps=3, device="cpu", detail=Detail())
    events = read_events(path)
    found = Evidence(WORKLOAD.build("cpu"), [], events, steps=3)
    steps = found.step_ranges()
    assert len(steps) == 3
    assert {step.thread[0] for step in steps} == {os.getpid()}
    for step in steps:
        ranges = found.branch_ranges(step)
        assert [each.name for each in ranges] == ["overlap.branch 0", "overlap.branch 1"]
        assert len({each.thread[0] for each in ranges} | {os.getpid()}) == 3
        assert all(step.start <= each.start <= each.end <= step.end for each in ranges)
    assert "two branches were open at once in" in MODES["processes"].prove(found)


def test_what_goes_wrong_over_there_is_told() -> None:
    modules = [AtHome(), AtHome()]
    inputs: list[Any] = [torch.ones(2), torch.full((2,), -1.0)]
    branches = [Branch(*pair) for pair in zip(modules, inputs, strict=True)]
    with torch.no_grad(), closing(Team(branches)) as team:
        with pytest.raises(BrokenModeError, match=r"^ValueError: not at home$"):
            team()
        # The other branch ran, without gradients as here, and neither process has ended.
        assert team._outputs[0][0].tolist() == [1, 1]
        os.kill(team._processes[1].pid, signal.SIGKILL)
        with pytest.raises(BrokenModeError, match="the process of branch 1 was ended by SIGKILL"):
            team()
    # The caller's own are left where they were.
    assert not any(tensor.is_shared() for tensor in inputs)


def test_branches_that_cannot_be_sent() -> None:
    branches = [Branch(lambda x: x, torch.ones(1)) for _ in range(2)]
    with pytest.raises(UnavailableError, match=r"branch 0 cannot be sent to a process of its own"):
        Team(branches)


def test_no_backward_pass_can_follow() -> None:
    reason = MODES["processes"].unfit(grad=True, backward=True)
    assert reason is not None
    assert "outputs come from other processes" in reason
    assert MODES["processes"].unfit(grad=False, backward=False) is None


STEP = Event("overlap.step", "user_annotation", (1, 1), 0, 10)


def ran(branch: int, process: int, start: float = 1, end: float = 5) -> list[Event]:
    return [
        Event(f"overlap.branch {branch}", "user_annotation", (process, process), start, end),
        Event("aten::mm", "cpu_op", (process, process), start, end),
    ]


def evidence(*events: list[Event]) -> Evidence:
    branches = [Branch(torch.tanh, torch.ones(1)) for _ in range(2)]
    steps = [event for group in events for event in group if event.name == "overlap.step"]
    return Evidence(branches, [], [event for group in events for event in group], len(steps))


def test_two_processes_are_proof() -> None:
    found = MODES["processes"].prove(evidence([STEP], ran(0, 2), ran(1, 3)))
    assert found == (
        "operators ran in 2 started processes in each of 1 steps; two branches were open at once "
        "in 1"
    )
    one_after_the_other = MODES["processes"].prove(evidence([STEP], ran(0, 2), ran(1, 3, 5, 9)))
    assert one_after_the_other.endswith("at once in 0")


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([ran(0, 1), ran(1, 3)], "ran in 2 processes; expected 2 started ones"),
        ([ran(0, 2), ran(1, 2)], "ran in 1 processes"),
        ([ran(0, 2), ran(1, 3, 6, 11)], "overlap.branch 1 ends after the step"),
        (
            [
                ran(0, 2),
                ran(1, 3),
                [Event("overlap.step", "user_annotation", (1, 1), 20, 30)],
                ran(0, 3, 21, 22),
                ran(1, 2, 21, 22),
            ],
            "a branch moved to another process",
        ),
    ],
)
def test_other_processes_are_no_proof(events: list[list[Event]], message: str) -> None:
    with pytest.raises(UnprovenError, match=message):
        MODES["processes"].prove(evidence([STEP], *events))

"""CUDA modes without a GPU: in which order they call torch.cuda, and what proves them.

What this does not show: that streams overlap, that events order real kernels, that memory is
safe, or that the calls exist in the torch of another machine. The stand-ins below accept the
calls that torch 2.13's own source has; only a recording on a GPU proves a mode.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from profiling import MODES, Branch
from profiling.branches import Workload
from profiling.errors import UnavailableError, UnprovenError
from profiling.evidence import Event, Evidence
from profiling.modes.base import OwnWeights

if TYPE_CHECKING:
    from collections.abc import Iterator

CUDA_ONLY = [name for name, mode in MODES.items() if "cpu" not in mode.devices]


class FakeCuda:
    """Stands in for torch.cuda and notes what is called, in order."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.local = threading.local()
        self.default = "main"
        self.streams = 0
        self.events = 0
        self.lowest_only = False

    def current_stream(self) -> Any:
        return self._stream(getattr(self.local, "current", self.default))

    def Stream(self, priority: int = 0) -> Any:  # noqa: N802 - torch's name
        self.streams += 1
        return self._stream(f"s{self.streams}", 0 if self.lowest_only else priority)

    def Event(self) -> Any:  # noqa: N802 - torch's name
        self.events += 1
        name = f"e{self.events}"
        return SimpleNamespace(
            name=name, record=lambda stream: self.log.append(f"{stream.name} records {name}")
        )

    @contextmanager
    def stream(self, stream: Any) -> Iterator[None]:
        before = getattr(self.local, "current", self.default)
        self.local.current = stream.name
        try:
            yield
        finally:
            self.local.current = before

    def _stream(self, name: str, priority: int = 0) -> Any:
        return SimpleNamespace(
            name=name,
            priority=priority,
            wait_event=lambda event: self.log.append(f"{name} waits {event.name}"),
        )

    def branch(self, name: str) -> Branch:
        def run(x: torch.Tensor) -> torch.Tensor:
            self.log.append(f"{self.current_stream().name} runs {name}")
            return x + 1

        return Branch(run, torch.ones(1))


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    fake = FakeCuda()
    for name in ("current_stream", "Stream", "Event", "stream"):
        monkeypatch.setattr(torch.cuda, name, getattr(fake, name))
    return fake


def ran(mode: str, cuda: FakeCuda) -> list[str]:
    branches = [cuda.branch("a"), cuda.branch("b")]
    with MODES[mode].prepare(branches, "cuda", ranges=False) as run:
        outputs = run()
    assert [output.tolist() for output in outputs] == [[2], [2]]
    assert cuda.current_stream().name == "main"
    return cuda.log


@pytest.mark.parametrize("mode", ["streams", "streams_mistaken"])
def test_branches_fork_and_join_by_events(mode: str, cuda: FakeCuda) -> None:
    assert ran(mode, cuda) == [
        "main records e1",
        "s1 waits e1",
        "s1 runs a",
        "s1 records e2",
        "s2 waits e1",
        "s2 runs b",
        "s2 records e3",
        "main waits e2",
        "main waits e3",
    ]


def test_threads_launch_on_a_stream_each(cuda: FakeCuda) -> None:
    log = ran("threads", cuda)
    assert log[0] == "main records e1"
    assert log[-2:] == ["main waits e2", "main waits e3"]
    for stream, branch, join in (("s1", "a", "e2"), ("s2", "b", "e3")):
        assert [line for line in log if line.startswith(stream)] == [
            f"{stream} waits e1",
            f"{stream} runs {branch}",
            f"{stream} records {join}",
        ]


def test_one_stream_is_more_urgent(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def make(priority: int = 0) -> Any:
        asked.append(priority)
        return FakeCuda.Stream(cuda, priority)

    monkeypatch.setattr(torch.cuda, "Stream", make)
    ran("streams_priority", cuda)
    assert asked[-2:] == [-1, 0]


def test_a_device_with_one_priority(cuda: FakeCuda) -> None:
    cuda.lowest_only = True
    with pytest.raises(UnavailableError, match="one priority of streams, 0, alone"):
        ran("streams_priority", cuda)


def test_the_mistake_is_an_item_per_branch(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    def item(tensor: torch.Tensor) -> float:
        cuda.log.append(f"{cuda.current_stream().name} item")
        return float(tensor.numpy())

    monkeypatch.setattr(torch.Tensor, "item", item)
    branches = [cuda.branch("a"), cuda.branch("b")]
    with MODES["streams_mistaken"].prepare(branches, "cuda", ranges=False) as run:
        run()
    assert [line for line in cuda.log if "item" in line or "runs" in line] == [
        "s1 runs a",
        "s1 item",
        "s2 runs b",
        "s2 item",
    ]


def test_more_branches_than_torch_has_streams(cuda: FakeCuda) -> None:
    branches = [cuda.branch(str(index)) for index in range(33)]
    with (
        pytest.raises(UnavailableError, match="32 streams for 33 branches"),
        MODES["streams"].prepare(branches, "cuda", ranges=False),
    ):
        pass


@pytest.mark.parametrize("mode", CUDA_ONLY)
def test_a_cpu_is_told_why_not(mode: str) -> None:
    reason = MODES[mode].unavailable("cpu")
    assert reason is not None
    assert "CUDA" in reason


def test_nothing_is_called_proven_on_cuda_before_a_recording_is() -> None:
    assert {name for name, mode in MODES.items() if "cuda" in mode.proven} == set()


# --- what a trace must show ---------------------------------------------------------------

HOST = (1, 1)
STEP = Event("overlap.step", "user_annotation", HOST, 0, 100)


def branch(index: int, start: float, end: float, thread: tuple[int, int] = HOST) -> Event:
    return Event(f"overlap.branch {index}", "user_annotation", thread, start, end)


def launched(
    number: int,
    at: float,
    stream: int,
    start: float,
    end: float,
    *,
    thread: tuple[int, int] = HOST,
) -> list[Event]:
    return [
        Event("cudaLaunchKernel", "cuda_runtime", thread, at, at + 1, correlation=number),
        Event("gemm", "kernel", (0, stream), start, end, stream=stream, correlation=number),
    ]


def evidence(*events: Event) -> Evidence:
    branches = [Branch(torch.tanh, torch.ones(1)) for _ in range(2)]
    return Evidence(branches, [], [STEP, *events], steps=1)


BRANCHES = [branch(0, 0, 10), branch(1, 20, 30)]
TOGETHER = [*BRANCHES, *launched(1, 1, 7, 5, 50), *launched(2, 21, 8, 25, 60)]
IN_TURN = [*BRANCHES, *launched(1, 1, 7, 5, 15), *launched(2, 21, 8, 25, 60)]
ONE_STREAM = [*BRANCHES, *launched(1, 1, 7, 5, 15), *launched(2, 21, 7, 25, 60)]
SYNC = Event("cudaStreamSynchronize", "cuda_runtime", HOST, 12, 18)


def test_own_streams_are_proof_whether_or_not_they_overlap() -> None:
    prove = MODES["streams"].prove
    assert "at once in 1 of 1 steps; without host waits" in prove(evidence(*TOGETHER))
    assert "at once in 0 of 1 steps" in prove(evidence(*IN_TURN))
    assert prove(evidence(*TOGETHER, SYNC)).endswith("the host waited 1 times between branches")
    after = Event("cudaDeviceSynchronize", "cuda_runtime", HOST, 40, 90)
    assert prove(evidence(*TOGETHER, after)).endswith("without host waits")


def test_streams_of_a_library_may_be_shared() -> None:
    shared = [*launched(3, 2, 20, 6, 9), *launched(4, 22, 20, 26, 29)]
    assert "a stream of its own" in MODES["streams"].prove(evidence(*TOGETHER, *shared))


@pytest.mark.parametrize("mode", ["streams", "streams_priority"])
def test_one_stream_for_both_is_no_proof(mode: str) -> None:
    with pytest.raises(UnprovenError, match="branch 0 ran on streams 7, the others on 7"):
        MODES[mode].prove(evidence(*ONE_STREAM))
    with pytest.raises(UnprovenError, match="branch 1 ran on streams none"):
        MODES[mode].prove(evidence(*BRANCHES, *launched(1, 1, 7, 5, 15)))


def test_the_mistake_has_to_be_there() -> None:
    prove = MODES["streams_mistaken"].prove
    assert prove(evidence(*IN_TURN, SYNC)).startswith("the host waited between the branches")
    with pytest.raises(UnprovenError, match="waited 0 times between the branches of step 0"):
        prove(evidence(*IN_TURN))


def test_each_threads_kernels_are_its_own() -> None:
    """Both ranges lie over each other in time; the threads tell them apart."""
    one, other = (1, 2), (1, 3)
    ranges = [branch(0, 0, 30, one), branch(1, 0, 30, other)]
    operators = [Event("aten::mm", "cpu_op", thread, 1, 9) for thread in (one, other)]
    kernels = [*launched(1, 1, 7, 5, 50, thread=one), *launched(2, 2, 8, 25, 60, thread=other)]
    found = MODES["threads"].prove(evidence(*ranges, *operators, *kernels))
    assert "at once in 1 of 1 steps" in found
    same = [*launched(1, 1, 7, 5, 50, thread=one), *launched(2, 2, 7, 25, 60, thread=other)]
    with pytest.raises(UnprovenError, match="expected a stream of its own"):
        MODES["threads"].prove(evidence(*ranges, *operators, *same))


def test_a_backward_pass_is_no_part_of_what_a_mode_claims() -> None:
    backward = [
        Event("overlap.backward", "user_annotation", HOST, 70, 99),
        Event("aten::mm", "cpu_op", (1, 9), 75, 80),
    ]
    forward = Event("aten::mm", "cpu_op", HOST, 1, 2)
    assert MODES["sequential"].prove(evidence(forward, *backward))
    with pytest.raises(UnprovenError, match="operators ran on 2 threads"):
        MODES["sequential"].prove(evidence(forward, *backward[1:]))


def test_compiled_graphs_have_to_be_replayed() -> None:
    region = Event("Torch-Compiled Region: 0/0", "cpu_op", HOST, 1, 50)
    replay = Event("cudaGraphLaunch", "cuda_runtime", HOST, 10, 20)
    mode = MODES["compile_reduce_overhead"]
    assert mode.prove(evidence(region, replay)).startswith("a CUDA graph replayed in each step; 1")
    with pytest.raises(UnprovenError, match="step 0 launched no CUDA graph"):
        mode.prove(evidence(region))


def test_one_library_call_serves_both_directions() -> None:
    call = Event("aten::_cudnn_rnn", "cpu_op", HOST, 1, 9)
    kernels = [*launched(1, 2, 7, 5, 50), *launched(2, 3, 8, 25, 60)]
    mode = MODES["bidirectional"]
    assert mode.prove(evidence(call, *kernels)).endswith("its kernels ran on 2 streams")
    with pytest.raises(UnprovenError, match="called the library 2 times; expected 1"):
        mode.prove(evidence(call, call))


# --- two GRUs as one, whose arithmetic a CPU can check -------------------------------------


@pytest.mark.parametrize("batch_first", [True, False])
def test_two_directions_compute_what_two_grus_do(batch_first: bool) -> None:
    torch.manual_seed(0)
    branches = [
        Branch(torch.nn.GRU(3, 4, batch_first=batch_first), torch.randn(5, 6, 3)) for _ in range(2)
    ]
    own = [tensor for each in branches for tensor in each()]
    with MODES["bidirectional"].prepare(branches, "cuda", ranges=False) as run:
        assert isinstance(run, OwnWeights)
        found = [tensor for outputs in run() for tensor in outputs]
        torch.testing.assert_close(found, own)
        begin = [torch.randn_like(tensor) for tensor in own]
        expected = torch.autograd.grad(
            own,
            [p for each in branches for p in each.target.parameters()],  # type: ignore[attr-defined]
            begin,
        )
        gradients = torch.autograd.grad(found, list(run.weights), begin)
    torch.testing.assert_close(run.split(gradients), list(expected))


@pytest.mark.parametrize(
    ("workload", "message"),
    [
        (Workload(branches=3), "a GRU has 2 directions; got 3 branches"),
        (Workload(layers=2), "only one layer fits"),
    ],
)
def test_what_does_not_fit_two_directions(workload: Workload, message: str) -> None:
    with (
        pytest.raises(UnavailableError, match=message),
        MODES["bidirectional"].prepare(workload.build("cpu"), "cuda", ranges=False),
    ):
        pass

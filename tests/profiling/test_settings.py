"""Settings are made, written down, and put back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from profiling import record
from profiling.branches import Workload
from profiling.errors import UsageError
from profiling.settings import Settings, apply, restored, tf32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TINY = Workload(input_size=3, hidden_size=4, batch=2, seq_length=3)
BACKENDS: Any = torch.backends


def state() -> list[Any]:
    """All that is told of the precision; an error where the old settings and the new differ."""

    def told(ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except RuntimeError:
            return RuntimeError

    return [
        told(lambda: BACKENDS.cuda.matmul.allow_tf32),
        told(lambda: BACKENDS.cudnn.allow_tf32),
        told(torch.get_float32_matmul_precision),
        told(lambda: BACKENDS.cuda.matmul.fp32_precision),
        told(lambda: BACKENDS.mkldnn.matmul.fp32_precision),
        told(lambda: BACKENDS.cudnn.conv.fp32_precision),
        told(lambda: BACKENDS.cudnn.rnn.fp32_precision),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
    ]


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    with restored():
        yield


def everything_new() -> None:
    BACKENDS.cuda.matmul.fp32_precision = "tf32"
    BACKENDS.cudnn.conv.fp32_precision = "ieee"
    BACKENDS.cudnn.rnn.fp32_precision = "tf32"


@pytest.mark.parametrize(
    "user",
    [
        lambda: None,
        lambda: torch.set_float32_matmul_precision("high"),
        lambda: torch.set_float32_matmul_precision("medium"),
        lambda: setattr(BACKENDS.cudnn, "allow_tf32", False),
        everything_new,
        lambda: torch.set_num_threads(2),
        lambda: torch.set_grad_enabled(False),
    ],
)
def test_tf32_is_off_and_then_as_the_user_set_it(user: Callable[[], object]) -> None:
    user()
    before = state()
    with restored():
        apply(Settings(threads=3))
        assert tf32() == {"matmul": False, "cudnn": False}
        assert torch.get_num_threads() == 3
        assert torch.is_grad_enabled()
    assert state() == before


def test_a_recording_leaves_no_setting_behind(tmp_path: Path) -> None:
    torch.set_float32_matmul_precision("high")
    before = state()
    recording = record(
        TINY,
        ["sequential", "threads"],
        tmp_path,
        warmup=1,
        steps=1,
        rounds=1,
        isolate=False,
        device="cpu",
        threads=2,
    )
    for manifest in recording.manifests:
        assert manifest["environment"]["torch_threads"] == 2
        assert manifest["environment"]["tf32"] == {"matmul": False, "cudnn": False}
    assert state() == before


def test_a_pool_that_has_run_keeps_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_count: int) -> None:
        raise RuntimeError("cannot set number of interop threads after parallel work has started")

    monkeypatch.setattr(torch, "set_num_interop_threads", refuse)
    pool = torch.get_num_interop_threads()
    apply(Settings(interop_threads=pool))
    with pytest.raises(UsageError, match=rf"has {pool} threads and cannot change to {pool + 1}"):
        apply(Settings(interop_threads=pool + 1))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"grad": False, "backward": True}, "a backward pass needs gradients"),
        ({"threads": 0}, "threads is 0; expected 1 or more"),
        ({"interop_threads": -1}, "interop_threads is -1; expected 1 or more"),
    ],
)
def test_what_makes_no_sense(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Settings(**wrong)


def test_each_kind_of_step_has_its_files() -> None:
    kinds = [Settings(), Settings(grad=False), Settings(backward=True)]
    assert [kind.suffix for kind in kinds] == ["", "-without_grad", "-backward"]

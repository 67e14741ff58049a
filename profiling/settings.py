"""Settings of torch that timings and outputs depend on, as a recording needs them."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from profiling._torch import torch
from profiling.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FINER: Final = "fp32_precision"


@dataclass(frozen=True)
class Settings:
    """What all modes of a recording have in common.

    Attributes:
        grad: gradients are on, where a mode does not turn them off itself.
        backward: a backward pass follows the forward one in each step.
        threads: threads inside an operator; None for as many as torch chooses.
        interop_threads: threads of the inter-op pool; None as well.

    Raises:
        UsageError: a backward pass without gradients, or less than one thread.
    """

    grad: bool = True
    backward: bool = False
    threads: int | None = None
    interop_threads: int | None = None

    def __post_init__(self) -> None:
        if self.backward and not self.grad:
            raise UsageError("a backward pass needs gradients; leave one of the two out")
        for name in ("threads", "interop_threads"):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise UsageError(f"{name} is {count}; expected 1 or more")

    @property
    def suffix(self) -> str:
        """What names of files add for a step that is no plain forward pass."""
        return "-backward" if self.backward else "" if self.grad else "-without_grad"


def tf32() -> dict[str, bool]:
    """Whether products and cuDNN may round float32 to TF32, 10 bits of mantissa."""
    return {
        "matmul": bool(torch.backends.cuda.matmul.allow_tf32),
        "cudnn": bool(torch.backends.cudnn.allow_tf32),
    }


def forbid_tf32() -> None:
    """Compute float32 in float32, so that modes which call other kernels stay comparable."""
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False


def apply(settings: Settings) -> None:
    """Set precision, gradients and threads; threads explicitly, even where they stay as they are.

    Raises:
        UsageError: the inter-op pool is running already, with other threads.
    """
    forbid_tf32()
    torch.set_grad_enabled(settings.grad)
    torch.set_num_threads(settings.threads or torch.get_num_threads())
    pool, wanted = torch.get_num_interop_threads(), settings.interop_threads
    if wanted in {None, pool}:
        return
    try:
        torch.set_num_interop_threads(wanted)
    except RuntimeError as error:
        raise UsageError(
            f"the inter-op pool has {pool} threads and cannot change to {wanted} in this process, "
            "where it has run; leave out --no-isolate"
        ) from error


@contextmanager
def restored() -> Iterator[None]:
    """Put back at the end what `apply` sets; the inter-op pool cannot change twice."""
    threads, grad = torch.get_num_threads(), torch.is_grad_enabled()
    precision = list(_precision())
    try:
        yield
    finally:
        for put_back in precision:
            put_back()
        torch.set_num_threads(threads)
        torch.set_grad_enabled(grad)


def _precision() -> Iterator[Callable[[], None]]:
    """What puts each setting of float32's precision back, the finer ones last.

    Later versions of torch have finer settings beside the old ones. Where they disagree, asking
    for an old one is an error, and the finer ones alone count.
    """
    with suppress(RuntimeError):
        yield partial(torch.set_float32_matmul_precision, torch.get_float32_matmul_precision())
    backends = torch.backends
    for owner, name in (
        (backends.cudnn, "allow_tf32"),
        (backends.cuda.matmul, _FINER),
        (getattr(backends.mkldnn, "matmul", None), _FINER),
        (getattr(backends.cudnn, "conv", None), _FINER),
        (getattr(backends.cudnn, "rnn", None), _FINER),
    ):
        with suppress(AttributeError, RuntimeError):
            yield partial(setattr, owner, name, getattr(owner, name))

"""The one door to torch, which takes seconds to import: it opens at first use."""

import functools
import importlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from profiling.errors import MissingTorchError

if TYPE_CHECKING:
    import torch
else:

    class _LazyTorch(ModuleType):
        def __getattr__(self, name: str) -> Any:
            return getattr(load_torch(), name)

    torch = _LazyTorch("torch")

__all__ = ["load_torch", "quiet_jit", "torch"]

INSTALL = 'pip install "torch-overlap[record]"'


@functools.cache
def load_torch() -> ModuleType:
    """Import torch, if that has not been done.

    Raises:
        MissingTorchError: it is not installed, or does not load.
    """
    # Kineto announces each start and stop of a trace on stderr, as if it were an
    # error; only a level above all of its own silences that.
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    # So does the observer of execution traces, as a warning.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    try:
        return importlib.import_module("torch")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise MissingTorchError(
                f"torch is installed, but needs {error.name}, which is not. Run: {INSTALL}"
            ) from error
        raise MissingTorchError(
            f"recording needs torch, which is not installed. Run: {INSTALL}"
        ) from error
    except (ImportError, OSError) as error:
        raise MissingTorchError(
            f"torch is installed, but does not load ({error}). Run: {INSTALL}"
        ) from error


@contextmanager
def quiet_jit() -> Iterator[None]:
    """Silence the warning that TorchScript is deprecated: its fork is what a mode shows."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore",
            message=r"`torch\.jit\.\w+` is (deprecated|not supported in Python)",
            category=DeprecationWarning,
        )
        yield

"""Processes that outlive nobody."""

from __future__ import annotations

import ctypes
import signal
from contextlib import suppress
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def end_with_parent() -> None:
    """Have this process asked to end (SIGTERM) as soon as the one that started it has died.

    A closed pipe tells it too, but only when it reads from it next: until then it could
    compute for minutes for nobody, or write over what a new recording writes. See
    prctl(2); elsewhere than on Linux, the pipe has to do.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)

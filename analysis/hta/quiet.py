"""HTA without its log, its prints and its warnings, and with its exceptions in words."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import traceback
import warnings
from typing import TYPE_CHECKING, TypeVar

from analysis.errors import AnalysisError, HtaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Result = TypeVar("_Result")

# Where HTA meets what it did not expect it stops with whatever Python or pandas raise there.
_MEANINGS = (
    (IndexError, "single positional indexer", "the trace holds no device activity"),
    (ValueError, "No objects to concatenate", "the trace holds no device activity"),
    (ValueError, "attempt to get argmax", "no collective ran on several ranks"),
    (TypeError, "'NoneType' object is not subscriptable", "HTA knows none of its launches"),
    (
        ValueError,
        r"Unexpected case: .*, -1\.0, ",
        "rounding to whole us has left events of negative length; --no-rounding keeps fractions",
    ),
)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep HTA from writing anything."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def ask(question: Callable[[], _Result]) -> _Result:
    """Return HTA's answer.

    Raises:
        HtaError: HTA raised an exception; the message is one line that names it.
    """
    try:
        with quiet():
            return question()
    except AnalysisError:
        raise
    except Exception as error:
        raise HtaError(f"HTA cannot do this on this trace: {described(error)}") from error


def described(error: Exception) -> str:
    """Return an exception of HTA's on one line, with its meaning where we know it."""
    text = " ".join(str(error).split()) or _failed_line(error)
    raised = f"{type(error).__name__}: {text}" if text else type(error).__name__
    for kind, pattern, meaning in _MEANINGS:
        if isinstance(error, kind) and re.search(pattern, text):
            return f"{meaning} ({raised})"
    return raised


def _failed_line(error: Exception) -> str:
    """Return the line that raised: an assertion of HTA's says no more."""
    raised = traceback.extract_tb(error.__traceback__)
    return raised[-1].line or "" if raised else ""

"""What can go wrong while recording.

ProfilingError
├── UsageError           what was asked for makes no sense
│   ├── OutputError      the output folder cannot be written
│   └── JournalError     what was begun cannot be resumed like this
├── MissingTorchError    torch is not installed, or does not load
└── ModeError            one mode is no row; the others go on
    ├── UnavailableError the mode cannot run here, or not these branches
    ├── BrokenModeError  the mode's code raised
    ├── UnprovenError    the mode did something else than it claims
    └── WrongOutputError the mode computed something else than the reference
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar


class ProfilingError(Exception):
    """Base of every error that `profiling` raises; the message is for the user."""

    exit_code: ClassVar[int] = 1


class UsageError(ProfilingError):
    """What was asked for makes no sense; nothing was done."""

    exit_code = 2


class OutputError(UsageError):
    """The output folder cannot be written."""


class JournalError(UsageError):
    """What was begun cannot be resumed like this."""


class MissingTorchError(ProfilingError):
    """torch is not installed, or does not load."""


class ModeError(ProfilingError):
    """One mode is no row of the result; the others are not touched by it."""


class UnavailableError(ModeError):
    """The mode cannot run on this machine, or cannot run these branches."""


class BrokenModeError(ModeError):
    """The code of the mode, or of a branch under it, raised an error."""


class UnprovenError(ModeError):
    """A short profiled run shows something else than the mode claims."""


class WrongOutputError(ModeError):
    """The outputs differ from the reference by more than rounding explains."""


@contextmanager
def blamed() -> Iterator[None]:
    """Turn any error of a mode's or a branch's code into one of ours, of one line.

    Raises:
        BrokenModeError: in place of the error, which is its cause.
    """
    try:
        yield
    except ProfilingError:
        raise
    except Exception as error:
        lines = str(error).strip().splitlines() or ["no message"]
        raise BrokenModeError(f"{type(error).__name__}: {lines[0]}") from error

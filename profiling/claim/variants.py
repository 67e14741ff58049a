"""The ways in which the post's stopwatch can be read, each run in a fresh process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WITH_GRAD: Final = "with_grad"
NO_GRAD: Final = "no_grad"

PASSES: Final = {WITH_GRAD: "sequential", NO_GRAD: "no_grad"}
"""The two passes that the post compares, and the mode that runs each."""


@dataclass(frozen=True)
class Variant:
    """One way to time the two passes.

    Attributes:
        shows: what it is there for, in a line.
        order: which pass runs first; None: drawn anew in each round.
        warm: both passes ran before anything was timed.
        synchronized: the device has to finish before the clock is read.
    """

    shows: str
    order: tuple[str, str] | None
    warm: bool
    synchronized: bool


_AS_PRINTED: Final = (WITH_GRAD, NO_GRAD)

VARIANTS: Final = {
    "as_printed": Variant(
        "the post's script: each pass once, cold, read off time.time()",
        _AS_PRINTED,
        warm=False,
        synchronized=False,
    ),
    "swapped": Variant(
        "the same, the pass under no_grad first", (NO_GRAD, WITH_GRAD), warm=False,
        synchronized=False,
    ),
    "synchronized": Variant(
        "the script, each reading of the clock after a synchronise",
        _AS_PRINTED,
        warm=False,
        synchronized=True,
    ),
    "warmed": Variant(
        "the script, after passes that are not timed", _AS_PRINTED, warm=True, synchronized=False
    ),
    "warmed_synchronized": Variant(
        "the script, warmed up and synchronised", _AS_PRINTED, warm=True, synchronized=True
    ),
    "repeated": Variant(
        "warmed up and synchronised, many times, in turns of random order",
        None,
        warm=True,
        synchronized=True,
    ),
}  # fmt: skip
"""All of them, by the name that the manifest uses."""

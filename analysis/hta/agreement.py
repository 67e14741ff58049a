"""HTA's figures beside ours: plain data."""

from __future__ import annotations

import msgspec

CAUSES = {
    "whole_microseconds": (
        "HTA rounds starts up and ends down to whole microseconds, which shortens what runs and "
        "lengthens what does not"
    ),
    "doubles": (
        "HTA keeps times as doubles of microseconds, which on this trace's clock cannot hold "
        "nanoseconds"
    ),
    "last_step": "HTA leaves out what the last ProfilerStep launched",
    "unlinked": (
        "with two or more ProfilerSteps HTA leaves out activities whose launch is not recorded, "
        "and counts those with several launch calls as often"
    ),
    "sync_rows": "HTA counts cuda_sync rows, in which the host waits, as device activity",
    "other_rows": "HTA counts host rows that carry a stream number as device activity",
    "names": "HTA tells communication, copies and computation apart by other names",
    "devices_merged": "HTA takes all devices of a trace for one",
    "several_calls": (
        "of several calls with an activity's correlation HTA takes the last in the file for its "
        "launch; we take the outermost"
    ),
    "first_event": (
        "HTA takes the file's first event for the launch of activities whose launch is not recorded"
    ),
    "nested": (
        "HTA counts a gap from the end of the previous activity, not of the latest, so that "
        "activities within others count negatively"
    ),
    "one_class_per_gap": (
        "HTA gives a gap whole to the host if the launch began in it, else to the kernel if it is "
        "shorter than 30 us; we split it where the launch ended, and compare the rest with the "
        "latency bound"
    ),
}
"""Why HTA's figures differ from ours, in the order in which the causes are tried."""


class Cause(msgspec.Struct, frozen=True):
    """A rule of HTA, and what it adds to HTA's figure.

    Attributes:
        cause: a key of `CAUSES`.
        difference: in the figure's unit; None where HTA has no figure under the rule.
    """

    cause: str
    difference: float | None


class Figure(msgspec.Struct, frozen=True):
    """One of HTA's figures beside ours, for one device.

    Attributes:
        figure: its name; those that end in `_ns` are times, others shares.
        device: the device's id.
        ours: our figure; None if there is none.
        theirs: HTA's, for the whole trace; None if HTA has none.
        agrees: whether they are the same, but for HTA's rounding of results.
        causes: why they are not; the differences add up to theirs - ours, but for
            `unexplained`.
        unexplained: what is left of the difference without those causes, if more than
            HTA's rounding of results; None where that cannot be told.
        failure: how HTA failed; None if it did not.
    """

    figure: str
    device: str
    ours: int | float | None
    theirs: float | None
    agrees: bool
    causes: tuple[Cause, ...] = ()
    unexplained: float | None = None
    failure: str | None = None


class Agreement(msgspec.Struct, frozen=True):
    """HTA's temporal breakdown, idle breakdown and communication overlap beside ours.

    HTA's are those of its default settings.

    Attributes:
        version: of HTA.
        figures: per device; none where the trace has no accelerator.
        failure: how HTA failed on a trace without one; None elsewhere.
    """

    version: str
    figures: tuple[Figure, ...]
    failure: str | None = None

"""What a reader of a trace's figures must know about the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import vocabulary
from analysis.columns import Role
from analysis.document import Unit
from analysis.groups import distinct
from analysis.overruns import overruns
from analysis.units import text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analysis.columns import Trace
    from analysis.device import Device
    from analysis.host import Host

_APART_NS = 100_000
"""A launch takes a few us to reach its device: clocks that are this far apart hide it."""
_NOT_RECORDED = "Device not recorded"
DEVICE_NOT_RECORDED = (
    _NOT_RECORDED + ": the host side shows signs of an accelerator ({signs}), but the trace "
    "holds no device activity. No conclusion on parallelism can be drawn; record with "
    "ProfilerActivity.CUDA."
)

OVERRUN_MEANS = (
    "A stream runs one activity after the other: these ends are wrong, and so is what counts on "
    "them (busy time, overlap, ceilings)"
)


def draws_no_conclusion(notes: tuple[str, ...]) -> bool:
    """Tell whether a note says that the device was not recorded."""
    return any(note.startswith(_NOT_RECORDED) for note in notes)


def of_trace(trace: Trace, devices: list[Device]) -> tuple[str, ...]:
    """Return the notes on a trace, the gravest first."""
    if any(device.launches for device in devices):
        return (*_launch_notes(trace, devices), *_resolution(trace))
    if not devices and len(trace.events):
        return ("Neither device activities nor operators (`cpu_op`) are recorded.",)
    signs = device_signs(trace)
    if signs:
        return (DEVICE_NOT_RECORDED.format(signs=", ".join(signs)), *_resolution(trace))
    if devices:
        return (
            (
                "CPU trace: lanes are threads that ran operators; the threads inside an operator "
                "(OpenMP, MKL) are invisible to the profiler."
            ),
            *_resolution(trace),
        )
    return ()


def of_host(host: Host) -> tuple[str, ...]:
    """Return the notes on what is known of the host's threads."""
    number = int(host.overrunning.sum())
    if not number:
        return ()
    said = (
        f"{number:,} Python frames end after the one that they began in: their returns were not "
        "recorded. They are left out, and their callers count instead."
    )
    return (said,)


def device_signs(trace: Trace) -> list[str]:
    """Return names that only a program using an accelerator records, a few of them."""
    host = trace.events.of(Role.CALL, Role.OPERATOR, Role.ANNOTATION)
    used = distinct(host.name).tolist()
    marks = vocabulary.accelerator_sign(host.names)
    return sorted(host.names[code] for code in used if marks[code])[:3]


def ahead_of_launch(device: Device) -> NDArray[np.int64]:
    """Return by how many ns each activity starts before its launch, where that is recorded."""
    if device.launches is None:
        return device.start[:0]
    known = device.launches.known
    ahead: NDArray[np.int64] = device.launches.start[known] - device.start[known]
    return ahead


def overrun(device: Device, rows: NDArray[np.intp]) -> str:
    """Say which activities hold several later ones of their own stream."""
    length = device.end[rows] - device.start[rows]
    longest = int(length.argmax())
    name = device.names[device.name[rows[longest]]]
    return (
        f"{len(rows):,} activities hold several later ones of their own stream, the longest "
        f"{text(name, Unit.CODE)}, {text(int(length[longest]), Unit.TIME)}"
    )


def _launch_notes(trace: Trace, devices: list[Device]) -> list[str]:
    notes = []
    tolerance = 2 * trace.resolution_ns
    calls = trace.events.of(Role.CALL)
    used = distinct(calls.name)
    if not len(calls):
        notes.append(
            "No runtime calls are recorded: when each activity was launched, and what the host "
            "did in between, is not known."
        )
    elif vocabulary.launches(calls.names)[used].all():
        notes.append(
            "The trace records launches alone: synchronising and other runtime calls are missing, "
            "so host states are not known beyond operators and Python."
        )
    for device in devices:
        launches = device.launches
        if launches is None:
            continue
        missing = int((~launches.known).sum())
        if missing and len(calls):
            notes.append(
                f"Device {device.label}: {missing:,} of {len(device):,} activities have no launch "
                "record; while their launch is unknown the state is `unknown`."
            )
        ahead = ahead_of_launch(device)
        apart = int(ahead.max(initial=0))
        if apart > _APART_NS:
            number = int((ahead > tolerance).sum())
            notes.append(
                f"Device {device.label}: {number:,} of {len(ahead):,} activities start before "
                f"their launch, by up to {text(apart, Unit.TIME)}. The clocks of host and device "
                "differ by that much: what compares them (states of waiting, launches, ceilings) "
                "is no finer."
            )
        longer = overruns(device, tolerance)
        if len(longer):
            notes.append(f"Device {device.label}: {overrun(device, longer)}. {OVERRUN_MEANS}.")
        launchers = distinct(launches.pid[launches.known])
        if len(launchers) > 1:
            notes.append(
                f"Device {device.label}: {len(launchers)} processes launched work on it; in a "
                "merged trace, several devices may share one number."
            )
    return notes


def _resolution(trace: Trace) -> tuple[str, ...]:
    if trace.resolution_ns == 1:
        return ()
    return ("Times are whole microseconds: differences below 2 us are noise.",)

"""What a reader of a trace's figures must know about the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import unread, vocabulary
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

_NOTHING = "Neither device activities nor operators (`cpu_op`) are recorded."
_NOTHING_LEFT = (
    "Part of the file is lost, and what is left holds neither device activities nor operators "
    "(`cpu_op`)."
)
_APART_NS = 100_000
"""A launch takes a few us to reach its device: clocks that are this far apart hide it."""
_NOT_RECORDED = "Device not recorded"
_NOT_READ = "Device not read"
_NO_ACTIVITY = (
    _NOT_RECORDED + ": the host side shows signs of an accelerator ({signs}), but the trace "
    "holds no device activity. No conclusion on parallelism can be drawn; record with "
    "ProfilerActivity.CUDA."
)
_NO_ACTIVITY_LEFT = (
    _NOT_READ + ": the host side shows signs of an accelerator ({signs}), but part of the file is "
    "lost, and what is left holds no device activity. No conclusion on parallelism can be drawn; "
    "copy or record the trace again, with ProfilerActivity.CUDA."
)
_FORM_NOT_READ = (
    _NOT_READ + ": what ran on it has a form that is not read. No conclusion on parallelism can be "
    "drawn."
)

OVERRUN_MEANS = (
    "A stream runs one activity after the other: these ends are wrong, and so is what counts on "
    "them (busy time, overlap, ceilings)"
)


def inconclusive(notes: tuple[str, ...]) -> str:
    """Return why no conclusion can be drawn, in few words; empty where one can."""
    reasons = (_NOT_RECORDED, _NOT_READ)
    return next((each for each in reasons for note in notes if note.startswith(each)), "")


def of_trace(trace: Trace, devices: list[Device]) -> tuple[str, ...]:
    """Return the notes on a trace, the gravest first."""
    if any(device.launches for device in devices):
        return (*_launch_notes(trace, devices), *_not_read(trace), *_resolution(trace))
    if not devices and len(trace.events):
        if unread.format_of(trace):
            return _not_read(trace)
        return (_NOTHING_LEFT if trace.lost else _NOTHING, *_not_read(trace))
    unseen = unseen_device(trace)
    if unseen:
        return (*unseen, *_not_read(trace), *_resolution(trace))
    if devices:
        return (
            (
                "CPU trace: lanes are threads that ran operators; the threads inside an operator "
                "(OpenMP, MKL) are invisible to the profiler."
            ),
            *_not_read(trace),
            *_resolution(trace),
        )
    return ()


def unseen_device(trace: Trace) -> tuple[str, ...]:
    """Return a note where a trace without device activities is one of a device all the same."""
    form = unread.format_of(trace)
    if form and form.with_device:
        return (_FORM_NOT_READ,)
    signs = device_signs(trace)
    note = _NO_ACTIVITY_LEFT if trace.lost else _NO_ACTIVITY
    return (note.format(signs=", ".join(signs)),) if signs else ()


def of_host(host: Host) -> tuple[str, ...]:
    """Return the notes on what is known of the host's threads."""
    number = int(host.overrunning.sum())
    if not number:
        return ()
    said = (
        f"Python frames end after the one that they began in ({number:,} of them): their returns "
        "were not recorded. They are left out, and their callers count instead."
    )
    return (said,)


def device_signs(trace: Trace) -> list[str]:
    """Return names that only a program using an accelerator records, a few of them."""
    host = trace.events.of(Role.CALL, Role.OPERATOR, Role.ANNOTATION)
    marks = vocabulary.accelerator_sign(host.names)[host.name] | (host.role == Role.CALL)
    return sorted(host.names[code] for code in distinct(host.name[marks]).tolist())[:3]


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
        f"{len(rows):,} of {len(device):,} activities hold several later ones of their own "
        f"stream, the longest {text(name, Unit.CODE)}, {text(int(length[longest]), Unit.TIME)}"
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
    ranges = _ranges_among_operators(trace)
    if ranges:
        notes.append(
            "Ranges (record_function) are recorded as operators, as torch before 1.11 does: if "
            f"{', '.join(ranges)} are ranges, the host's Python inside them counts as an operator."
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


def _ranges_among_operators(trace: Trace) -> list[str]:
    """Return a few names of operators that may be ranges, where the recorder mixes them."""
    events = trace.events
    of_ranges = distinct(events.of(Role.ANNOTATION).category)
    mixed = {events.categories[code] for code in of_ranges.tolist()} - {"user_annotation"}
    if not mixed and "Operator" not in events.categories:
        return []
    operators = events.of(Role.OPERATOR)
    possible = vocabulary.may_be_range(operators.names)
    used = distinct(operators.name).tolist()
    return sorted(operators.names[code] for code in used if possible[code])[:3]


def _not_read(trace: Trace) -> tuple[str, ...]:
    if form := unread.format_of(trace):
        return (f"{form.found[:1].upper()}{form.found[1:]}; {form.advice}.",)
    found = unread.unknown(trace)
    return (f"{found}; they are in no figure.",) if found else ()


def _resolution(trace: Trace) -> tuple[str, ...]:
    if trace.resolution_ns == 1:
        return ()
    return ("Times are whole microseconds: differences below 2 us are noise.",)

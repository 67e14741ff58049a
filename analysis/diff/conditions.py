"""What else differs between two recordings: a comparison means nothing without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.diff.model import Differing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analysis.diff.recording import Recording

_NONE = "none"


def differing(before: Recording, after: Recording) -> tuple[Differing, ...]:
    """Return what is not the same, as far as the manifests and the traces tell."""
    earlier, later = _conditions(before), _conditions(after)
    both = before.manifest is not None and after.manifest is not None
    return tuple(
        Differing(what, earlier.get(what, _NONE), later.get(what, _NONE))
        for what in dict.fromkeys((*earlier, *later))
        if earlier.get(what, _NONE) != later.get(what, _NONE)
        and (both or (what in earlier and what in later))
    )


def unknown(before: Recording, after: Recording) -> tuple[str, ...]:
    """Say of which side it is not known on what it ran."""
    missing = [
        side for side, each in (("before", before), ("after", after)) if each.manifest is None
    ]
    if not missing:
        return ()
    return (
        (
            f"No manifest lies beside the trace {' nor the one '.join(missing)}: what differs in "
            "versions, machine and workload is not known."
        ),
    )


def _conditions(recording: Recording) -> dict[str, str]:
    found: dict[str, str] = {}
    manifest = recording.manifest
    if manifest is not None:
        found |= {"mode": manifest.mode, "device": manifest.device, "preset": manifest.preset}
        found |= {f"workload: {key}": value for key, value in _settings(manifest.workload)}
        found |= dict(_settings(manifest.environment))
    found["kind of device"] = ", ".join(sorted({each.kind for each in recording.devices})) or _NONE
    found["devices"] = str(len(recording.devices))
    for label, sms in recording.multiprocessors.items():
        capability = ".".join(map(str, sms.compute_capability))
        found[f"device {label}"] = f"{sms.number} SMs of compute capability {capability}"
    found["resolution"] = f"{recording.resolution_ns} ns"
    return found


def _settings(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield texts, whole numbers and switches; fractions are measurements, such as the load."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from ((f"{key}: {name}", each) for name, each in _settings(value))
        elif not isinstance(value, float):
            yield key, _NONE if value is None else str(value)

"""Which trace of one side is compared with which of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from analysis.diff.recording import Recording
    from analysis.metrics.stepwise import DeviceSteps


class Matched(NamedTuple):
    """Pairs in the order of the later side, and what has no counterpart, with the reason."""

    pairs: list[tuple[Recording, Recording]]
    only_before: list[str]
    only_after: list[str]


def _workload(each: Recording) -> Hashable:
    manifest = each.manifest
    ran = None if manifest is None else (manifest.device, manifest.preset)
    return (each.label, each.rank, ran)


def _mode(each: Recording) -> Hashable:
    return (each.label, each.rank)


def _rank(each: Recording) -> Hashable:
    """Profilers put hosts and times into the names of files: ranks alone tell these apart."""
    return None if each.manifest is not None else each.rank


_KEYS: tuple[Callable[[Recording], Hashable], ...] = (_workload, _mode, _rank)
"""What makes two traces belong together, the most particular first."""


def match(before: Sequence[Recording], after: Sequence[Recording]) -> Matched:
    """Pair traces by mode and rank; one trace on each side needs nothing in common."""
    if len(before) == len(after) == 1:
        return Matched([(before[0], after[0])], [], [])
    of: dict[int, int] = {}
    for key in _KEYS:
        earlier = _alone(key, {i: each for i, each in enumerate(before) if i not in of.values()})
        later = _alone(key, {i: each for i, each in enumerate(after) if i not in of})
        of |= {i: earlier[name] for name, i in later.items() if name in earlier}
    return Matched(
        [(before[of[i]], each) for i, each in enumerate(after) if i in of],
        [_unmatched(each, after) for i, each in enumerate(before) if i not in of.values()],
        [_unmatched(each, before) for i, each in enumerate(after) if i not in of],
    )


def _alone(
    key: Callable[[Recording], Hashable], recordings: dict[int, Recording]
) -> dict[Hashable, int]:
    """Return the recordings whose key no other has."""
    places: dict[Hashable, list[int]] = {}
    for i, each in recordings.items():
        if (name := key(each)) is not None:
            places.setdefault(name, []).append(i)
    return {name: found[0] for name, found in places.items() if len(found) == 1}


def _unmatched(each: Recording, others: Sequence[Recording]) -> str:
    alike = sum(_mode(other) == _mode(each) for other in others)
    why = "several there could be its counterpart" if alike else "none there of that mode and rank"
    return f"{each.title}: {each.path} ({why})"


def devices(
    before: Sequence[DeviceSteps], after: Sequence[DeviceSteps]
) -> tuple[list[tuple[DeviceSteps, DeviceSteps]], list[str], list[str]]:
    """Pair devices by label, and those that remain in their order.

    A process's id is no name that lasts: on a CPU the order decides.
    """
    labels = {each.device for each in before if each.kind != "cpu"}
    shared = labels & {each.device for each in after if each.kind != "cpu"}
    by_label = {each.device: each for each in before if each.device in shared}
    pairs = [(by_label[each.device], each) for each in after if each.device in shared]
    rest = [each for each in before if each.device not in shared]
    others = [each for each in after if each.device not in shared]
    pairs += zip(rest, others, strict=False)
    count = min(len(rest), len(others))
    return (
        pairs,
        [each.device for each in rest[count:]],
        [each.device for each in others[count:]],
    )

"""Rules: what keeps lanes from running at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.document import Unit
from analysis.findings.saying import Claim, say
from analysis.metrics.dependencies import DependencyGraph
from analysis.metrics.lanes import Lanes
from analysis.metrics.parallelism import Parallelism
from analysis.units import text

if TYPE_CHECKING:
    from analysis.findings.finding import Finding, Subject

_WORTH = 0.05
_NOTHING = 1.1
_NEARLY_ALL = 0.9
_DEFAULT_STREAMS = frozenset({"0", "7"})
"""Labels of the default stream: HIP's, and CUDA's as CUPTI numbers it."""


def same_stream(subject: Subject) -> Finding | None:
    """Independent operators ran one behind the other on one lane."""
    graph = subject.device.if_any(DependencyGraph)
    if subject.on_cpu or graph is None or subject.device.of(Parallelism).available is None:
        return _branches_on_one_lane(subject)
    pairs = [each for each in graph.missed_overlap if each.reason == "same_lane"]
    saved = sum(each.saved_ns for each in pairs)
    if subject.share(saved) < _WORTH:
        return None
    worst = max(pairs, key=lambda each: each.saved_ns)
    evidence = (
        f"{text(saved, Unit.TIME)} of overlap missed so",
        f"most by {text(worst.first, Unit.CODE)} beside {text(worst.second, Unit.CODE)}",
    )
    ceiling = subject.ceiling("lane_per_branch")
    return say(same_stream, subject, _ON_ONE_LANE, evidence, gain_ns=saved, ceiling=ceiling)


_ON_ONE_LANE = Claim(
    "Work that does not depend on each other runs in turn on one lane.",
    "it was launched on the same stream, or by the same thread, which keep their order",
    "a stream for each branch (torch.cuda.stream), or on a CPU a thread for each",
)


def _branches_on_one_lane(subject: Subject) -> Finding | None:
    """Without a graph, annotated branches are what is known to be independent."""
    ceiling = subject.ceiling("lane_per_branch")
    if ceiling is None or ceiling.speed_up < 1 + _WORTH:
        return None
    saved = subject.saved(ceiling)
    return say(same_stream, subject, _ON_ONE_LANE, (), gain_ns=saved, ceiling=ceiling)


def dependency(subject: Subject) -> Finding | None:
    """Lanes wait for events of other lanes."""
    lost = subject.states("one_dependency", "idle_dependency")
    if subject.share(lost) < _WORTH:
        return None
    claim = Claim(
        "Lanes wait for each other's events.",
        "a recorded dependency: wait_stream, wait_event or a join of streams",
        "join later, or record the event right behind what is needed",
    )
    return say(dependency, subject, claim, (subject.told(lost),), gain_ns=lost)


def device_full(subject: Subject) -> Finding | None:
    """A ready kernel finds no room beside the one that runs."""
    lost = subject.states("one_device_full")
    if subject.share(lost) < _WORTH:
        return None
    claim = Claim(
        "The device is full: one kernel leaves no room for another.",
        "its blocks take the threads, registers, shared memory or places of the multiprocessors",
        "no further stream helps; make the kernels themselves faster",
    )
    ceiling = subject.ceiling("both_within_room")
    return say(device_full, subject, claim, (subject.told(lost),), ceiling=ceiling)


def default_stream(subject: Subject) -> Finding | None:
    """Ready work waits for nothing recorded, and the default stream is among the lanes."""
    lost = subject.states("one_unrecorded_wait")
    lanes = {each.lane for each in subject.device.of(Lanes).lanes if each.activities}
    default = sorted(lanes & _DEFAULT_STREAMS)
    if subject.share(lost) < _WORTH or not default or len(lanes) < 2:
        return None
    claim = Claim(
        "Streams wait in turn with the default stream.",
        "the legacy default stream waits for all other streams, and they for it",
        "move its work to a stream of its own; no stream besides should be the default one",
    )
    evidence = (subject.told(lost), f"default stream: {default[0]}")
    return say(default_stream, subject, claim, evidence, gain_ns=lost)


def gil(subject: Subject) -> Finding | None:
    """One thread computes while another has its branch open and is in Python."""
    lost = subject.states("one_lane_python")
    if subject.share(lost) < _WORTH:
        return None
    claim = Claim(
        "A thread with work to do is held up in Python.",
        "the GIL: one thread of a process runs Python at a time",
        "TorchScript's fork (mode script_fork), processes, or torch.compile of each branch",
    )
    return say(
        gil,
        subject,
        claim,
        (subject.told(lost),),
        gain_ns=lost,
        ceiling=subject.ceiling("both"),
    )


def nothing_to_overlap(subject: Subject) -> Finding | None:
    """What depends on what leaves nothing to run at once, or all of it did."""
    found = subject.device.of(Parallelism)
    if found.available is None:
        return None
    evidence = [f"available {text(found.available, Unit.NUMBER)}"]
    if found.available < _NOTHING:
        claim = Claim(
            "There is nothing to overlap.",
            "every operator waits for the one before",
            "make the operators on the longest path faster; more streams or threads cannot help",
        )
    elif found.efficiency is not None and found.efficiency >= _NEARLY_ALL:
        claim = Claim(
            "All that could run at once does.",
            "what is left depends on each other",
            "make the operators on the longest path faster",
        )
        evidence.append(f"achieved {text(found.achieved, Unit.NUMBER)}")
    else:
        return None
    return say(nothing_to_overlap, subject, claim, tuple(evidence))

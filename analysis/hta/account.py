"""Holds HTA to account: its figures beside ours, and why they differ.

No cause is guessed. HTA is asked again with one of its rules after the other out
of the way; what its figure loses with a rule is what the rule had added. With all
of them gone its figure must be ours, and what is left is said to be unexplained.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, TypeAlias

import hta
import numpy as np

from analysis.device import FOREVER, accelerators
from analysis.errors import AnalysisError
from analysis.groups import grouped_running_max
from analysis.hta.agreement import Agreement, Cause, Figure
from analysis.hta.bridge import BridgedAnalysis
from analysis.hta.corrections import FIGURES, GAPS, answers
from analysis.hta.quiet import ask
from analysis.metrics.usage import Usage
from analysis.vocabulary import WorkClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.columns import Trace
    from analysis.device import Device
    from analysis.hta.corrections import Answer
    from analysis.report import DeviceFigures, TraceReport

_Ints: TypeAlias = "NDArray[np.int64]"
_Ours: TypeAlias = dict[str, int | float | None]
_Answers: TypeAlias = "list[tuple[str | None, Answer]]"

_KERNEL_WAIT_NS = 30_000
"""HTA's default, which it calls nanoseconds and compares with microseconds."""

_TOLERANCE_NS = 100.0
"""HTA adds up doubles of microseconds."""
_ROUNDING_NS = 5.0
"""HTA rounds each result of the idle breakdown to 0.01 us."""
_TOLERANCE_SHARE = 0.000051
"""HTA rounds the overlap to 0.01 per cent."""


def compare(trace: Trace, report: TraceReport) -> Agreement:
    """Set HTA's figures beside those of a report on the whole trace."""
    devices = {device.label: device for device in accelerators(trace)}
    if not devices:
        return Agreement(hta.__version__, (), _failure(trace))
    ours, ruled = {}, {}
    for each in report.devices:
        gaps = _gaps(devices[each.device], each.latency_bound_ns or 0)
        ours[each.device] = _figures(each) | gaps
        ruled[each.device] = _gaps_by_htas_rule(devices[each.device])
    asked = _asked(trace, ours)
    return Agreement(
        hta.__version__,
        tuple(
            _compared(
                figure,
                device,
                ours[device][figure],
                [(cause, answer[device]) for cause, answer in asked],
                ruled[device].get(figure),
            )
            for device in ours
            for figure in FIGURES
        ),
    )


def _failure(trace: Trace) -> str | None:
    """Return how HTA fails on a trace without an accelerator."""
    try:
        ask(lambda: BridgedAnalysis({0: trace}).get_temporal_breakdown(visualize=False))
    except AnalysisError as error:
        return str(error)
    return None


def _figures(device: DeviceFigures) -> _Ours:
    usage = device.of(Usage)
    compute = usage.class_busy_ns.get(WorkClass.COMPUTE.label, 0)
    communication = usage.class_busy_ns.get(WorkClass.COMMUNICATION.label, 0)
    covered = communication - usage.exposed_communication_ns
    return {
        "idle_ns": usage.idle_ns,
        "compute_ns": compute,
        "non_compute_ns": usage.busy_ns - compute,
        "window_ns": device.window_ns,
        "communication_overlap": covered / communication if communication else None,
    }


def _gaps(device: Device, latency_bound_ns: int) -> _Ours:
    """Split the gaps between a lane's activities where the launch of the next one ended."""
    before, gap, known, _, launched = _between(device)
    host = np.where(known, np.clip(launched - before, 0, gap), 0)
    rest = gap - host
    short = known & (rest <= latency_bound_ns)
    return _summed(host, np.where(short, rest, 0), np.where(short, 0, rest))


def _gaps_by_htas_rule(device: Device) -> _Ours:
    """Give each gap whole to one class."""
    before, gap, known, called, _ = _between(device)
    host = known & (called > before)
    short = ~host & (gap < _KERNEL_WAIT_NS)
    return _summed(np.where(host, gap, 0), np.where(short, gap, 0), np.where(host | short, 0, gap))


def _between(device: Device) -> tuple[_Ints, _Ints, NDArray[np.bool_], _Ints, _Ints]:
    """Return the ends before gaps, the gaps, whether launches are known, their begins and ends."""
    launches = device.launches
    if launches is None:
        raise TypeError("a CPU's activities have no launches and hence no such gaps")
    before = grouped_running_max(device.end, device.lane, -FOREVER)
    rows = before > -FOREVER
    gap = np.maximum(device.start[rows] - before[rows], 0)
    return before[rows], gap, launches.known[rows], launches.start[rows], launches.end[rows]


def _summed(host: _Ints, kernel: _Ints, other: _Ints) -> _Ours:
    return {name: int(part.sum()) for name, part in zip(GAPS, (host, kernel, other), strict=True)}


def _asked(trace: Trace, ours: dict[str, _Ours]) -> list[tuple[str | None, dict[str, Answer]]]:
    """Ask HTA until it agrees, or has no rule left to be without."""
    asked = []
    for cause, answer in answers(trace, list(ours)):
        asked.append((cause, answer))
        if all(
            _agree(figure, ours[device][figure], answer[device])
            for device in ours
            for figure in FIGURES
        ):
            break
    return asked


def _agree(figure: str, ours: float | None, answer: Answer) -> bool:
    theirs = answer.values[figure]
    if ours is None or theirs is None:
        return ours is None and theirs is None and figure not in answer.failures
    return abs(theirs - ours) <= _tolerance(figure, answer)


def _tolerance(figure: str, answer: Answer) -> float:
    if figure in GAPS:
        return _TOLERANCE_NS + _ROUNDING_NS * answer.rounded
    return _TOLERANCE_NS if figure.endswith("_ns") else _TOLERANCE_SHARE


def _compared(
    figure: str,
    device: str,
    ours: float | None,
    answers_: _Answers,
    ruled: float | None,
) -> Figure:
    """Find out why HTA's figure differs.

    Args:
        figure: its name.
        device: the device's id.
        ours: our figure.
        answers_: HTA's answers and the causes that each is the first to be without.
        ruled: our figure by HTA's rule for gaps; None where it plays no part.
    """
    first, last = answers_[0][1], answers_[-1][1]
    theirs = first.values[figure]
    if _agree(figure, ours, first):
        return Figure(figure, device, ours, theirs, agrees=True)
    tolerance = _tolerance(figure, first)
    # Many small differences may make a large one: without a large one, all are told.
    causes = _causes(figure, answers_, tolerance) or _causes(figure, answers_, 0)
    left = last.values[figure]
    if ours is not None and ruled is not None and left is not None:
        left -= ruled - ours
        if ruled != ours:
            causes.append(Cause("one_class_per_gap", float(ruled - ours)))
    return Figure(
        figure,
        device,
        ours,
        theirs,
        agrees=False,
        causes=tuple(causes),
        unexplained=_unexplained(left, ours, tolerance),
        failure=first.failures.get(figure),
    )


def _unexplained(left: float | None, ours: float | None, tolerance: float) -> float | None:
    if left is None or ours is None:
        return None
    return 0.0 if abs(left - ours) <= tolerance else left - ours


def _causes(figure: str, answers_: _Answers, least: float) -> list[Cause]:
    """Return what HTA's figure loses with each of its rules, if more than the least."""
    causes = []
    for (_, before), (cause, after) in itertools.pairwise(answers_):
        earlier, later = before.values[figure], after.values[figure]
        if cause is None or (earlier is None and later is None):
            continue
        if earlier is None or later is None:
            causes.append(Cause(cause, None))
        elif abs(earlier - later) > least:
            causes.append(Cause(cause, earlier - later))
    return causes

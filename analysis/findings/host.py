"""Rules: what the host does to the device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.document import Unit
from analysis.findings.saying import Claim, say
from analysis.metrics.launches import LaunchFigures
from analysis.units import text

if TYPE_CHECKING:
    from analysis.findings.finding import Finding, Subject

_WAITING_FOR_HOST = (
    "idle_host_op",
    "idle_host_python",
    "idle_host_call",
    "idle_host_untraced",
    "idle_launching",
    "idle_slow_launch",
)
_LAUNCH_BOUND = 0.2
_BLOCKED = 0.05
_FEW = 20
_SHORT = 0.5
_WORTH = 1.1
_POINTLESS = 1.02


def launch_bound(subject: Subject) -> Finding | None:
    """A fifth of the window or more is spent idle before the host launches what comes next."""
    lost = subject.states(*_WAITING_FOR_HOST)
    if subject.on_cpu or subject.share(lost) < _LAUNCH_BOUND:
        return None
    claim = Claim(
        "The device waits for the host to launch.",
        "launch-bound: operators and Python take longer than the kernels that they launch",
        "larger batches, torch.compile, or a CUDA graph; keep Python out of the loop",
    )
    evidence = (f"{subject.told(lost)} idle so", *subject.worst_gap(*_WAITING_FOR_HOST))
    return say(launch_bound, subject, claim, evidence, gain_ns=lost, ceiling=subject.without_host())


def blocking_sync(subject: Subject) -> Finding | None:
    """The device idles while the host is held in a synchronising call."""
    lost = subject.states("idle_host_sync")
    if subject.share(lost) < _BLOCKED:
        return None
    claim = Claim(
        "The host stops until the device is done, and the device then waits for the host.",
        "a call that synchronises: item(), cpu(), a printed tensor, torch.cuda.synchronize()",
        "take such calls out of the loop, or collect results and read them once",
    )
    evidence = (f"{subject.told(lost)} idle so", *subject.worst_gap("idle_host_sync"))
    return say(blocking_sync, subject, claim, evidence, gain_ns=lost)


def blocking_copy(subject: Subject) -> Finding | None:
    """The device idles while a copy keeps the host from launching."""
    lost = subject.states("idle_blocking_copy")
    if subject.share(lost) < _BLOCKED:
        return None
    claim = Claim(
        "Copies hold up the host, and with it the device.",
        "a copy that is not asynchronous, or from memory that is not pinned",
        "pin_memory() and copy_(..., non_blocking=True), on a stream of its own",
    )
    evidence = (f"{subject.told(lost)} idle so", *subject.worst_gap("idle_blocking_copy"))
    return say(blocking_copy, subject, claim, evidence, gain_ns=lost)


def short_kernels(subject: Subject) -> Finding | None:
    """Most kernels run for less time than it took to launch them."""
    found = subject.device.if_any(LaunchFigures)
    if found is None or found.kernels < _FEW or (found.short_kernel_share or 0) < _SHORT:
        return None
    claim = Claim(
        "Most kernels are over sooner than their launch.",
        "kernels too short to overlap: before the next is launched the last is over",
        "fuse them (torch.compile), batch more work into each, or replay a CUDA graph",
    )
    evidence = [f"{found.short_kernels:,} of {found.kernels:,} kernels"]
    if found.call_ns is not None:
        evidence.append(f"a launch takes {text(found.call_ns.median_ns, Unit.TIME)} (median)")
    return say(short_kernels, subject, claim, tuple(evidence), ceiling=subject.without_host())


def graph_replay(subject: Subject) -> Finding | None:
    """Launches that cost nothing, as those of a graph replay nearly do, would change the window."""
    launches, ceiling = subject.device.if_any(LaunchFigures), subject.without_host()
    if launches is None or ceiling is None or launches.graph_replays or launches.calls < _FEW:
        return None
    if ceiling.speed_up >= _WORTH and subject.beyond_error(ceiling):
        claim = Claim(
            "A graph replay could help.",
            "the host's own time between launches lengthens the window",
            "torch.cuda.graph, or torch.compile(mode='reduce-overhead')",
        )
        saved = subject.saved(ceiling)
        return say(graph_replay, subject, claim, (), gain_ns=saved, ceiling=ceiling)
    whole = subject.ceiling("no_host")
    if whole is None or whole.speed_up > _POINTLESS:
        return None
    claim = Claim(
        "A graph replay would not help.",
        "the host launches ahead of the device, which is busy all the same",
        "shorten or overlap the kernels themselves",
    )
    return say(graph_replay, subject, claim, (), ceiling=whole)

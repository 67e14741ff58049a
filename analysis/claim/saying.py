"""A settled claim in three sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.claim.figures import LEAST_PROCESSES, Verdict
from analysis.document import Unit
from analysis.units import text

if TYPE_CHECKING:
    from analysis.claim.figures import Claim, Measured


_ALONE = 1.01
"""Fewer lanes than this at work at once are one."""


def sentences(claim: Claim) -> tuple[str, ...]:
    """Return what the script says and why; what is left; whether anything ran in parallel."""
    return (_as_printed(claim), _repeated(claim), _parallel(claim))


def _as_printed(claim: Claim) -> str:
    if claim.total is None or claim.extremes is None:
        return "What the script says as it was printed was not measured."
    said = (
        f"As printed, the script on this {_machine(claim)} says that the pass under no_grad is "
        f"{_times(claim.total.value)} as fast"
    )
    least, most = claim.extremes
    if least < most:
        said += f" ({_times(least)} to {_times(most)} in {_processes(claim.total.processes)})"
    return f"{said}, {_first_call(claim)}."


def _first_call(claim: Claim) -> str:
    factor = claim.factor("first_call")
    measured = factor.measured if factor else None
    if measured is None:
        return "and what of that is the first call was not measured"
    match measured.verdict:
        case Verdict.RAISES:
            return (
                f"but whichever pass comes first also pays for one-time set-up{_spent(claim)}, "
                f"and that alone multiplies the result by {_times(measured.value)}{_swapped(claim)}"
            )
        case Verdict.LOWERS:
            return (
                "and the first call, which pays for one-time set-up, multiplies that by "
                f"{_times(measured.value)}: without it the result would be larger"
            )
        case Verdict.NONE:
            return "and it matters nothing that the pass with gradients came first"
        case _:
            return f"and what the first call adds to that is {_open(measured)}"


def _spent(claim: Claim) -> str:
    first = claim.first_call
    if first is None or first.share < 0.1:
        return ""
    cold, warm = text(first.cold_ns, Unit.TIME), text(first.warm_ns, Unit.TIME)
    return f" ({first.name} takes {cold} in a first pass, {warm} in later ones)"


def _swapped(claim: Claim) -> str:
    swapped = claim.variant("swapped")
    if swapped is None or swapped.ratio.verdict is not Verdict.LOWERS:
        return ""
    return f": with the two swapped the script says {_times(swapped.ratio.value)}"


def _repeated(claim: Claim) -> str:
    repeated = claim.repeated
    left = "what is left once it is warmed up, synchronised and repeated was not measured"
    if repeated is not None:
        left = _left(claim, repeated)
    before = _asynchrony(claim)
    return f"{before}{left}." if before else f"{left[0].upper()}{left[1:]}."


def _asynchrony(claim: Claim) -> str:
    if claim.device == "cpu":
        return ""
    factor = claim.factor("asynchrony")
    measured = factor.measured if factor else None
    if measured is None:
        return "What the missing synchronise does was not measured; "
    match measured.verdict:
        case Verdict.RAISES | Verdict.LOWERS:
            return (
                "The clock is read before the GPU has finished"
                f"{_stopped(claim)}, which multiplies the result by {_times(measured.value)}; "
            )
        case Verdict.NONE:
            return "That the clock is read without a synchronise changes nothing; "
        case _:
            return f"Whether the missing synchronise matters is {_open(measured)}; "


def _stopped(claim: Claim) -> str:
    with_grad, no_grad = claim.seen("cold", "with_grad"), claim.seen("cold", "no_grad")
    if with_grad is None or no_grad is None:
        return ""
    shares = (text(each.stopwatch_share, Unit.SHARE) for each in (with_grad, no_grad))
    return " (in the traces it saw {} of the pass with gradients and {} of the other)".format(
        *shares
    )


def _left(claim: Claim, repeated: Measured) -> str:
    said = f"warmed up and repeated, the pass under no_grad is {_interval(repeated)} as fast"
    match repeated.verdict:
        case Verdict.RAISES:
            return said + _less_work(claim)
        case Verdict.LOWERS:
            return f"{said}, so it is the slower one"
        case Verdict.NONE:
            return f"{said}, so there is no difference"
        case _:
            return f"warmed up and repeated, which pass is faster is {_open(repeated)}"


def _less_work(claim: Claim) -> str:
    factor = claim.factor("less_work")
    measured = factor.measured if factor else None
    if measured is None:
        return ", and there are no traces to say why"
    if measured.verdict is not Verdict.RAISES:
        return f", and what the traces show is no less work for certain ({_interval(measured)})"
    return (
        ", because it has less to do: with nothing to keep for a backward pass its operators take "
        f"less time (less work: {_interval(measured)})"
    )


def _parallel(claim: Claim) -> str:
    with_grad, no_grad = claim.seen("warm", "with_grad"), claim.seen("warm", "no_grad")
    factor = claim.factor("more_overlap")
    measured = factor.measured if factor else None
    if with_grad is None or no_grad is None or measured is None:
        return "Whether anything ran in parallel is not known: that takes traces of both passes."
    lanes = "threads" if claim.device == "cpu" else "streams"
    counts = (
        f"on average {text(no_grad.achieved, Unit.NUMBER)} {lanes} were at work at once under "
        f"no_grad, and {text(with_grad.achieved, Unit.NUMBER)} with gradients "
        f"(more overlap: {_interval(measured)})"
    )
    match measured.verdict:
        case Verdict.NONE:
            alone = max(with_grad.achieved, no_grad.achieved) < _ALONE
            nothing = "Nothing ran in parallel, with gradients or without"
            return (
                f"{nothing if alone else 'No more ran in parallel than with gradients'}: {counts}."
            )
        case Verdict.RAISES:
            return f"Some of it is real parallelism: {counts}."
        case Verdict.LOWERS:
            return f"There was less parallelism, not more: {counts}."
        case _:
            return (
                f"Whether more ran in parallel under no_grad is {_open(measured)}: "
                f"{counts.partition(' (')[0]}."
            )


def _machine(claim: Claim) -> str:
    return "CPU" if claim.device == "cpu" else "GPU"


def _open(measured: Measured) -> str:
    if measured.verdict is Verdict.TOO_FEW:
        return (
            f"not settled ({_times(measured.value)} in {_processes(measured.processes)}; it takes "
            f"{LEAST_PROCESSES})"
        )
    return f"too close to tell ({_interval(measured)})"


def _processes(count: int) -> str:
    return "1 fresh process" if count == 1 else f"{count} fresh processes"


def _times(value: float) -> str:
    return text(value, Unit.FACTOR)


def _interval(measured: Measured) -> str:
    return text(measured.estimate, Unit.FACTOR)

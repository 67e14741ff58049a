"""Puts a finding together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analysis.findings.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.findings.finding import Ceiling, Certainty, Subject


class Claim(NamedTuple):
    """What a rule says, in words that are the same for every subject."""

    words: str
    cause: str
    advice: str


def say(
    rule: Callable[..., object],
    subject: Subject,
    claim: Claim,
    evidence: tuple[str, ...],
    *,
    gain_ns: int | None = None,
    ceiling: Ceiling | None = None,
    certainty: Certainty = "likely",
) -> Finding:
    """Make the finding of a rule; a ceiling within the replay's error makes it uncertain."""
    if ceiling is not None and not subject.beyond_error(ceiling):
        certainty = "too close to tell"
    return Finding(
        rule=rule.__name__,
        trace=subject.trace.label,
        path=subject.trace.path,
        device=subject.device.device,
        claim=claim.words,
        evidence=evidence,
        cause=claim.cause,
        advice=claim.advice,
        gain_ns=gain_ns,
        gain=None if gain_ns is None else subject.share(gain_ns),
        ceiling=ceiling,
        certainty=certainty,
    )

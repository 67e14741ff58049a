"""The findings, as they are read in a report: those of one claim together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.document import Bullets, Section, Unit
from analysis.page import Claim
from analysis.units import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.findings import Finding

_SHOWN = 6
_PLACES = 4
_REMOVED = {
    "no_host": "without the host",
    "lane_per_branch": "with a lane per branch",
    "both": "without the host and with a lane per branch",
    "both_within_room": "so within the device's room",
}


def summary(findings: Sequence[Finding]) -> list[Section]:
    """Return the claims that matter most."""
    said = _said(findings)
    if not said:
        return []
    shown = said[:_SHOWN]
    if further := len(said) - len(shown):
        shown.append(f"{further} more in the report, under Further findings.")
    return [Section("What stops the rest", 2, (Bullets(tuple(shown)),))]


def details(findings: Sequence[Finding]) -> list[Section]:
    """Return the other claims."""
    further = tuple(_said(findings)[_SHOWN:])
    return [Section("Further findings", 2, (Bullets(further),))] if further else []


def claims(findings: Sequence[Finding]) -> tuple[Claim, ...]:
    """Gather the findings of one claim, in the order of the findings."""
    together: dict[tuple[str, str], list[Finding]] = {}
    for each in findings:
        together.setdefault((each.rule, each.claim), []).append(each)
    return tuple(map(_claim, together.values()))


def _claim(findings: Sequence[Finding]) -> Claim:
    first = findings[0]
    places = [_place(each, findings) for each in findings[:_PLACES]]
    if further := len(findings) - len(places):
        places.append(f"and {further} more")
    return Claim(first.claim.removesuffix("."), tuple(places), first.cause, first.advice)


def _said(findings: Sequence[Finding]) -> list[str]:
    """Return a paragraph per claim."""
    return [
        f"{claim}: {'; '.join(places)}. Why: {cause}. Try: {advice}."
        for claim, places, cause, advice in claims(findings)
    ]


def _place(finding: Finding, all_of_them: Sequence[Finding]) -> str:
    alike = sum(each.path == finding.path for each in all_of_them)
    device = f" (device {finding.device})" if alike > 1 else ""
    parts = list(finding.evidence)
    if finding.ceiling is not None:
        removed, speed_up = finding.ceiling
        parts.append(f"at most {text(speed_up, Unit.FACTOR)} {_REMOVED[removed]}")
    if finding.certainty == "too close to tell":
        parts.append(finding.certainty)
    return f"{finding.trace}{device}, {', '.join(parts)}"

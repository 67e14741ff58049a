"""What `profiling claim` measured: one JSON file beside its traces.

Version 1. Keys are added, never renamed, within a version.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Literal, TypedDict

if TYPE_CHECKING:
    from profiling.manifest import EnvironmentFacts, WorkloadFacts

SCHEMA_VERSION: Final = 1
SUFFIX: Final = "-claim.manifest.json"


class RunFacts(TypedDict):
    """One process: the wall nanoseconds of each pass, every sample as it was read.

    `order` is that of the two passes, null where it was drawn anew in each round. A
    sample is the mean over `inner_steps` passes. `other_cores` counts the cores that other
    programs kept busy meanwhile, on average; null where the system does not tell.
    """

    process: int
    order: list[str] | None
    inner_steps: int
    with_grad_ns: list[float]
    no_grad_ns: list[float]
    other_cores: float | None


class VariantFacts(TypedDict):
    """One way to time the passes, and the processes that did."""

    shows: str
    order: list[str] | None
    warm: bool
    synchronized: bool
    clock: str
    runs: list[RunFacts]


class TraceFacts(TypedDict):
    """One trace of one pass.

    `kind` is `cold` (the first call of the process, as printed) or `warm` (after passes
    that are not recorded, synchronised). `process` counts the processes that recorded;
    a process records both passes in both kinds. `proof` says what shows that the pass
    is what its name says.
    """

    process: int
    kind: Literal["cold", "warm"]
    part: str
    trace: str
    sha256: str
    steps: int
    proof: str


class FailureFacts(TypedDict):
    """A process that measured nothing, and why."""

    what: str
    process: int
    reason: str


class SettingFacts(TypedDict):
    """What was asked for: processes per variant, and what each of them did."""

    processes: int
    warmup: int
    rounds: int
    traced_steps: int


class ClaimManifest(TypedDict):
    """The whole file. `complete` tells whether everything that was asked for was tried."""

    schema_version: int
    kind: Literal["claim"]
    run: str
    recorded_at: str
    complete: bool
    preset: str
    device: Literal["cpu", "cuda"]
    workload: WorkloadFacts
    environment: EnvironmentFacts
    settings: SettingFacts
    variants: dict[str, VariantFacts]
    traces: list[TraceFacts]
    failures: list[FailureFacts]


def to_json(manifest: ClaimManifest) -> str:
    """The text of the file."""
    return json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

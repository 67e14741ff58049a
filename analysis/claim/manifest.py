"""Reads what `profiling claim` measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from analysis.errors import TraceError
from analysis.manifest import decode

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = "-claim.manifest.json"
SUPPORTED_VERSION = 1

_Samples = Annotated[tuple[Annotated[float, Meta(gt=0)], ...], Meta(min_length=1)]


class Run(msgspec.Struct, frozen=True):
    """One process: every sample of either pass, in ns.

    Attributes:
        process: its number.
        with_grad_ns: of the pass with gradients.
        no_grad_ns: of the other.
        other_cores: that other programs kept busy meanwhile; None if it is not known.
    """

    process: int
    with_grad_ns: _Samples
    no_grad_ns: _Samples
    other_cores: float | None = None


class Variant(msgspec.Struct, frozen=True):
    """One way to time the passes; see `profiling.claim.variants`."""

    shows: str
    warm: bool
    synchronized: bool
    runs: tuple[Run, ...]


class TraceFile(msgspec.Struct, frozen=True):
    """One trace: `kind` cold or warm, `part` the pass."""

    process: int
    kind: Literal["cold", "warm"]
    part: Literal["with_grad", "no_grad"]
    trace: str
    sha256: str


class Failure(msgspec.Struct, frozen=True):
    """A process that measured nothing, and why."""

    what: str
    process: int
    reason: str


class ClaimManifest(msgspec.Struct, frozen=True):
    """The whole file; see `profiling.claim.manifest` for every key."""

    schema_version: int
    kind: Literal["claim"]
    run: str
    device: str
    variants: dict[str, Variant]
    preset: str = ""
    recorded_at: str = ""
    complete: bool = False
    workload: dict[str, Any] = msgspec.field(default_factory=dict)
    environment: dict[str, Any] = msgspec.field(default_factory=dict)
    settings: dict[str, int] = msgspec.field(default_factory=dict)
    traces: tuple[TraceFile, ...] = ()
    failures: tuple[Failure, ...] = ()


def read(path: Path) -> ClaimManifest:
    """Read one manifest of a claim.

    Raises:
        TraceError: it cannot be opened.
        DamagedTraceError: it is not one that this version reads; the message says why.
    """
    return decode(path, ClaimManifest, SUPPORTED_VERSION, "a manifest of `profiling claim`")


def discover(path: Path) -> list[Path]:
    """Return the manifests in a directory, or the path itself.

    Raises:
        TraceError: there is no such thing, or no manifest in the directory.
    """
    try:
        if not path.exists():
            raise TraceError(f"{path}: no such file or directory; {_HOW.format(path)}")
        if not path.is_dir():
            return [path]
        found = sorted(
            each
            for each in path.iterdir()
            if each.name.endswith(SUFFIX) and not each.name.startswith(".") and each.is_file()
        )
    except OSError as error:
        raise TraceError(
            f"{error.filename or path}: cannot be read ({error.strerror or error}); "
            "expected a folder of `profiling claim`"
        ) from error
    if not found:
        raise TraceError(f"{path}: holds no claim (*{SUFFIX}); {_HOW.format(path)}")
    return found


_HOW = "`profiling claim --out {}` measures one"

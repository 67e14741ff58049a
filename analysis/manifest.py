"""Reads the manifest that `profiling` writes beside each trace."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from analysis.errors import DamagedTraceError, TraceError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".manifest.json"
SUPPORTED_VERSION = 1

_Kind = TypeVar("_Kind")
_Duration = Annotated[float, Meta(gt=0)]


class Timing(msgspec.Struct, frozen=True):
    """Untraced wall time per step.

    Attributes:
        samples_ns: one per round; rounds of the modes of one run pair by index.
        median_ns: their median.
        ci95_ns: bootstrap interval of the median.
        cpu_seconds_per_wall_second: cores in use on average.
    """

    samples_ns: Annotated[tuple[_Duration, ...], Meta(min_length=1)]
    median_ns: _Duration
    ci95_ns: tuple[_Duration, _Duration]
    cpu_seconds_per_wall_second: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the `timing` entry of report.json."""
        return {
            "median_ns": self.median_ns,
            "ci95_ns": list(self.ci95_ns),
            "rounds": len(self.samples_ns),
            "cpu_seconds_per_wall_second": self.cpu_seconds_per_wall_second,
        }


class Outputs(msgspec.Struct, frozen=True):
    """How far a mode's outputs are from the reference's."""

    max_abs_difference: float | None = None
    tolerance: float | None = None


class GraphFile(msgspec.Struct, frozen=True):
    """The execution trace beside the trace; older recorders wrote none.

    Attributes:
        file: its name; None if there is none.
        sha256: of its bytes.
        reason: why there is none.
    """

    file: str | None = None
    sha256: str | None = None
    reason: str | None = None


class Manifest(msgspec.Struct, frozen=True):
    """What was run, on what; see `profiling.manifest` for every key.

    Attributes:
        grad: gradients were on; older recorders, which always had them on, say nothing.
        passes: the key `pass`.
    """

    schema_version: int
    run: str
    mode: str
    trace: str
    sha256: str
    timing: Timing
    resumes: str | None = None
    preset: str = ""
    device: str = ""
    recorded_at: str = ""
    workload: dict[str, Any] = msgspec.field(default_factory=dict)
    environment: dict[str, Any] = msgspec.field(default_factory=dict)
    outputs: Outputs = msgspec.field(default_factory=Outputs)
    graph: GraphFile = msgspec.field(default_factory=GraphFile)
    grad: bool = True
    passes: str = "forward"


class _Version(msgspec.Struct, frozen=True):
    schema_version: int


class _Keyword(msgspec.Struct):
    """The key that no class of Python can spell."""

    passes: str = msgspec.field(default="forward", name="pass")


def read(path: Path) -> Manifest:
    """Read one manifest.

    Raises:
        TraceError: it cannot be opened.
        DamagedTraceError: it is not a manifest that this version reads; the
            message names the field.
    """
    what = "a manifest of `profiling record`"
    found = decode(path, Manifest, SUPPORTED_VERSION, what)
    return msgspec.structs.replace(
        found, passes=decode(path, _Keyword, SUPPORTED_VERSION, what).passes
    )


def decode(path: Path, kind: type[_Kind], supported: int, what: str) -> _Kind:
    """Read a JSON file that says its `schema_version`.

    Args:
        path: of the file.
        kind: what it holds.
        supported: the version that `kind` describes.
        what: the file is, in words.

    Raises:
        TraceError: it cannot be opened.
        DamagedTraceError: it is something else, or of another version; the message
            names the field.
    """
    try:
        text = path.read_bytes()
        # What another version calls its fields is no fault of the file.
        version = msgspec.json.decode(text, type=_Version).schema_version
        if version == supported:
            return msgspec.json.decode(text, type=kind)
    except OSError as error:
        raise TraceError(
            f"{path}: cannot be read ({error.strerror or error}); make it readable, or remove it"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedTraceError(
            f"{path}: is not {what} ({error}); record again, or remove it"
        ) from error
    raise DamagedTraceError(
        f"{path}: has schema_version {version}, expected {supported}; "
        "use the version of torch-overlap that recorded it"
    )


def belongs(manifest: Manifest, trace: Path) -> bool:
    """Tell whether the trace is the very file that the manifest describes."""
    return is_file(trace, manifest.sha256)


def is_file(path: Path, sha256: str | None) -> bool:
    """Tell whether the bytes of a file are those with this SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256

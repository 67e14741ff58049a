"""Finds the traces among files and directories, with their manifests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis import manifest as manifests
from analysis.errors import TraceError
from analysis.trace import STDIN

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from analysis.manifest import Manifest

_TRACE_SUFFIXES = (".json", ".json.gz", ".json.zst")


@dataclass(frozen=True, slots=True)
class Source:
    """A trace file and what its recorder said of it."""

    path: Path
    manifest: Manifest | None
    notes: tuple[str, ...] = ()


def discover(paths: Iterable[Path]) -> tuple[Source, ...]:
    """Return the traces to report: recorded runs first, by run, mode and name.

    Args:
        paths: trace files, and directories whose traces (not those of their
            subdirectories) are meant.

    Raises:
        TraceError: a path does not exist, or a directory holds no trace.
    """
    sources: dict[Path, Source] = {}
    for path in paths:
        try:
            for file in _files(path):
                sources.setdefault(file.resolve(), _source(file))
        except OSError as error:
            raise TraceError(
                f"{error.filename or path}: cannot be read ({error.strerror or error}); "
                "expected a trace or a folder"
            ) from error
    return tuple(sorted(sources.values(), key=_order))


def _files(path: Path) -> list[Path]:
    """Return the path itself, or the traces in it."""
    if str(path) == STDIN:
        return [path]
    if not path.exists():
        raise TraceError(f"{path}: no such file or directory; expected a trace or a folder")
    if not path.is_dir():
        return [path]
    found = _in_directory(path)
    if not found:
        raise TraceError(
            f"{path}: holds no trace ({', '.join(_TRACE_SUFFIXES)}); `profiling record --out "
            f"{path}` records some"
        )
    return found


def _in_directory(directory: Path) -> list[Path]:
    return sorted(
        path
        for path in directory.iterdir()
        # A recorder's hidden files are not finished.
        if path.name.endswith(_TRACE_SUFFIXES)
        and not path.name.startswith(".")
        and not path.name.endswith(manifests.SUFFIX)
        and path.is_file()
    )


def _source(path: Path) -> Source:
    beside = path.with_name(path.name.split(".")[0] + manifests.SUFFIX)
    if not beside.is_file():
        return Source(path, None)
    try:
        manifest = manifests.read(beside)
    except TraceError as error:
        return Source(path, None, (f"The manifest was not used: {error}",))
    if manifest.trace != path.name:
        return Source(path, None)
    if path.is_file() and not manifests.belongs(manifest, path):
        note = (
            f"The manifest {beside.name} describes another file (its sha256 differs); it was not "
            "used. Record again to compare modes."
        )
        return Source(path, None, (note,))
    return Source(path, manifest)


def _order(source: Source) -> tuple[bool, str, str, str]:
    manifest = source.manifest
    if manifest is None:
        return (True, "", "", source.path.name)
    return (False, manifest.run, manifest.mode, source.path.name)

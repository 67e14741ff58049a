"""Finds the traces among files and directories, with their manifests."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from analysis import manifest as manifests
from analysis import remote
from analysis.errors import TraceError
from analysis.location import Url
from analysis.trace import STDIN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.location import Location
    from analysis.manifest import Manifest

_TRACE_SUFFIXES = (".json", ".json.gz", ".json.zst")
_LABEL_SUFFIXES = (".gz", ".zst", ".json", ".pt.trace")
_GRAPH_SUFFIXES = (".graph.json.gz", ".graph.json")
_JOURNAL_SUFFIX = ".run.json"
"""Of what a recorder notes of its own progress."""
SWEEP = f"sweep{_JOURNAL_SUFFIX}"
_LISTED = 3
"""Folders that are named in advice."""


class Source(msgspec.Struct, frozen=True):
    """A trace file and what its recorder said of it.

    Attributes:
        path: the file, or its URL.
        manifest: what the recorder wrote beside it.
        graph: the execution trace beside it.
        notes: what of these is missing or was not used, and why.
    """

    path: Location
    manifest: Manifest | None
    graph: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Return what it is called in a report: its mode, or the file's name without suffixes."""
        if self.manifest is not None:
            return self.manifest.mode
        label = self.path.name
        for suffix in _LABEL_SUFFIXES:
            label = label.removesuffix(suffix)
        return label


def discover(paths: Iterable[Location]) -> tuple[Source, ...]:
    """Return the traces to report: recorded runs first, by run, mode and name.

    Args:
        paths: trace files; directories, of which the traces (not those of their
            subdirectories) are meant; patterns of either, such as `run/rank*.json.gz`;
            and URLs of any of these, beside which no manifest is looked for.

    Raises:
        TraceError: a path does not exist, or a directory holds no trace.
        MissingExtraError: what reads such a URL is not installed.
    """
    sources: dict[Location, Source] = {}
    for path in paths:
        try:
            if isinstance(path, Url):
                sources |= {url: Source(url, None) for url in _far(path)}
                continue
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
    if path.is_dir():
        return _of_directory(path)
    if path.exists():
        return [path]
    matched = sorted(map(Path, glob.glob(str(path))))  # noqa: PTH207 - absolute ones, too
    if not matched:
        raise TraceError(f"{path}: no such file or directory; expected a trace or a folder")
    return [file for each in matched for file in (_of_directory(each) if each.is_dir() else [each])]


def _of_directory(path: Path) -> list[Path]:
    """Return a directory's traces, of which there must be some."""
    found = _in_directory(path)
    if found:
        return found
    if (path / SWEEP).is_file():
        raise TraceError(
            f"{path}: holds a sweep, not the traces of one run; `analyze sweep {path}` reports it, "
            "and `analyze report` each of its folders"
        )
    nothing = f"{path}: holds no trace ({', '.join(_TRACE_SUFFIXES)})"
    below = sorted(each.name for each in path.iterdir() if each.is_dir() and _holds_some(each))
    if below:
        more = f" and {len(below) - _LISTED:,} more" if len(below) > _LISTED else ""
        raise TraceError(
            f"{nothing}, but folders in it do: {', '.join(below[:_LISTED])}{more}; name these, "
            "or a pattern that they match"
        )
    raise TraceError(f"{nothing}; `profiling record --out {path}` records some")


def _holds_some(directory: Path) -> bool:
    try:
        return bool(_in_directory(directory))
    except OSError:  # one that may not be read is none to advise
        return False


def _far(url: Url) -> list[Url]:
    found = [
        each
        for each in remote.listed(url, _TRACE_SUFFIXES)
        if each == url or not each.name.endswith((manifests.SUFFIX, *_GRAPH_SUFFIXES))
    ]
    if not found:
        raise TraceError(f"{url}: holds no trace ({', '.join(_TRACE_SUFFIXES)})")
    return found


def _in_directory(directory: Path) -> list[Path]:
    return sorted(
        path
        for path in directory.iterdir()
        # A recorder's hidden files are not finished.
        if path.name.endswith(_TRACE_SUFFIXES)
        and not path.name.startswith(".")
        and not path.name.endswith((manifests.SUFFIX, _JOURNAL_SUFFIX, *_GRAPH_SUFFIXES))
        and path.is_file()
    )


def _source(path: Path) -> Source:
    beside = _beside(path, manifests.SUFFIX)
    if not beside.is_file():
        return Source(path, None, _lone_graph(path))
    try:
        manifest = manifests.read(beside)
    except TraceError as error:
        return Source(path, None, notes=(f"The manifest was not used: {error}",))
    if manifest.trace != path.name:
        return Source(path, None, _lone_graph(path))
    if path.is_file() and not manifests.belongs(manifest, path):
        note = (
            f"The manifest {beside.name} describes another file (its sha256 differs); it was not "
            "used. Record again to compare modes."
        )
        return Source(path, None, notes=(note,))
    graph, notes = _recorded_graph(path, manifest)
    return Source(path, manifest, graph, notes)


def companions(path: Path) -> list[Path]:
    """Return what a recorder wrote beside a trace: its manifest, and its execution trace."""
    candidates = (_beside(path, suffix) for suffix in (manifests.SUFFIX, *_GRAPH_SUFFIXES))
    return [each for each in candidates if each.is_file() and each != path]


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name.split(".")[0] + suffix)


def _lone_graph(path: Path) -> Path | None:
    """Return the execution trace that somebody put beside a trace."""
    candidates = (_beside(path, suffix) for suffix in _GRAPH_SUFFIXES)
    return next((each for each in candidates if each.is_file() and each != path), None)


def _recorded_graph(path: Path, manifest: Manifest) -> tuple[Path | None, tuple[str, ...]]:
    """Return the execution trace that the recorder wrote, and why there is none."""
    recorded = manifest.graph
    if recorded.file is None:
        return None, (f"No dependency graph: {recorded.reason}",) if recorded.reason else ()
    graph = path.parent / Path(recorded.file).name
    if not graph.is_file():
        return None, (f"No dependency graph: {graph.name}, which the manifest names, is missing.",)
    if not manifests.is_file(graph, recorded.sha256):
        note = f"No dependency graph: {graph.name} is not the file that the manifest describes."
        return None, (note,)
    return graph, ()


def _order(source: Source) -> tuple[bool, str, str, str]:
    manifest = source.manifest
    if manifest is None:
        return (True, "", "", source.path.name)
    return (False, manifest.run, manifest.mode, source.path.name)

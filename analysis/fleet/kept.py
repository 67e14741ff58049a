"""Finished traces of an interrupted run, kept in the user's cache for the next one.

A name is the digest of the trace's identity (path, size, time and inode, or what the
storage says of it), of how it is measured, and of this package's own sources: another
file, another question or another version finds nothing.
"""

from __future__ import annotations

import io
import pickle
from contextlib import suppress
from functools import cache as once
from hashlib import blake2b
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from analysis import cache, remote
from analysis.errors import AnalysisError
from analysis.fleet.rank import Measured
from analysis.location import Url

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from analysis.fleet.measure import Task
    from analysis.location import Location

SUFFIX = ".rank"
_DIGEST_BYTES = 20
_FOREIGN = {
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy.core.numeric", "_frombuffer"),
    ("builtins", "slice"),
}
"""What besides our own classes a result is made of."""


def place(task: Task) -> Path | None:
    """Return where a task's result is or would be kept; None if nowhere."""
    folder = cache.folder()
    if folder is None or not task.reading.cached:
        return None
    known = _identity(task.source.path)
    if known is None:
        return None
    manifest = task.source.manifest
    question = (task.options, task.reading, manifest, task.source.graph, task.source.notes)
    digest = blake2b(digest_size=_DIGEST_BYTES)
    digest.update(f"{version()}\n{known}\n{question!r}".encode())
    return folder / (digest.hexdigest() + SUFFIX)


def get(entry: Path) -> Measured | None:
    """Return what was kept, or None where it is absent or not sound."""
    with suppress(OSError):
        content = entry.read_bytes()
        digest, data = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if blake2b(data, digest_size=_DIGEST_BYTES).digest() != digest:
            return None
        try:
            found = _Unpickler(io.BytesIO(data)).load()
        except Exception:  # noqa: BLE001 - whatever a foreign file makes of it, it is no result
            return None
        return found if isinstance(found, Measured) else None
    return None


def put(entry: Path, measured: Measured) -> None:
    """Keep a result, if that can be done."""
    data = pickle.dumps(measured, protocol=5)
    cache.keep(entry, blake2b(data, digest_size=_DIGEST_BYTES).digest() + data)


@once
def version() -> str:
    """Return a digest of this package's sources: results of others are not comparable."""
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for name, text in sorted(_sources(files("analysis"), "")):
        digest.update(f"{name} {len(text)}\n".encode())
        digest.update(text)
    return digest.hexdigest()


def _sources(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found = []
    for each in folder.iterdir():
        if each.is_dir():
            found += _sources(each, f"{prefix}{each.name}/")
        elif each.name.endswith((".py", ".txt")):
            found.append((prefix + each.name, each.read_bytes()))
    return found


def _identity(path: Location) -> str | None:
    try:
        if isinstance(path, Url):
            told = remote.fingerprint(path)
            return None if told is None else f"{path} {told}"
        status = path.stat()
    except (OSError, AnalysisError):
        return None
    return f"{path.resolve()} {status.st_size} {status.st_mtime_ns} {status.st_ino}"


class _Unpickler(pickle.Unpickler):
    """Makes nothing but our own plain classes and arrays."""

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".", maxsplit=1)[0] == "analysis" or (module, name) in _FOREIGN:
            found = super().find_class(module, name)
            if isinstance(found, type) or module != "analysis":
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a result")

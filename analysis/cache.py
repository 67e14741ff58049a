"""Columns of large traces, kept for the next time: Parquet files in the user's cache.

A file's name is the digest of the trace's stored bytes and of the reader's version.
What is found there is checked before it is used; what does not fit is as if absent.
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec
import numpy as np

from analysis.columns import (
    NONE,
    CapturedGraph,
    CollectiveCall,
    Collectives,
    Events,
    GraphNodes,
    LaunchShape,
    Multiprocessors,
    Role,
    Synchronisations,
    Trace,
    Transfers,
    arrays,
)
from analysis.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    import pyarrow as pa

VERSION = 4
"""Raised whenever the same file gives other columns, or they are laid out otherwise."""
MOST_BYTES = 4 << 30
"""Of all entries; the ones not used for longest go first."""
FOLDER = "TORCH_OVERLAP_CACHE"
"""The environment variable that names another folder, or `off`."""

_OFF = "off"
_SUFFIX = ".parquet"
_SUFFIXES = (_SUFFIX, ".rank")
"""Columns, and what `analysis.fleet.kept` keeps."""
_META = b"torch-overlap"
_DIGEST = b"torch-overlap-digest"
_BLOCK = 1 << 20
_TABLES = ("names", "pids", "tids", "streams", "categories")
_CODES = {
    "name": "names",
    "pid": "pids",
    "tid": "tids",
    "stream": "streams",
    "shape": "shapes",
    "category": "categories",
}


class Contents(msgspec.Struct, frozen=True):
    """What the cache holds.

    Attributes:
        folder: where; None where nothing is kept.
        reason: why nothing is kept.
        entries: how many traces.
        size: bytes of all of them.
    """

    folder: Path | None
    reason: str | None
    entries: int
    size: int


def find(path: Path) -> Path | None:
    """Return where the columns of a file are or would be kept; None if nowhere."""
    home = folder()
    if home is None or _parquet() is None:
        return None
    try:
        digest = blake2b(f"{VERSION}\n".encode(), digest_size=20)
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:
        return None
    return home / (digest.hexdigest() + _SUFFIX)


def get(entry: Path, path: Path) -> Trace | None:
    """Return what an entry says of the trace at a path, or None where it is not sound."""
    parquet = _parquet()
    if parquet is None or not entry.is_file():
        return None
    try:
        table = parquet.read_table(entry, page_checksum_verification=True)
        trace = _trace(table, path)
    except Exception:  # noqa: BLE001 - whatever a foreign file makes of a library, it is no entry
        return None
    with suppress(OSError):
        os.utime(entry)  # it was used
    return trace


def put(entry: Path, trace: Trace) -> None:
    """Keep a trace's columns, if that can be done."""
    parquet = _parquet()
    if parquet is None:
        return
    with suppress(OSError), _replacing(entry) as file:
        parquet.write_table(
            _table(trace),
            file,
            compression="zstd",
            use_dictionary=False,
            write_statistics=False,
            write_page_checksum=True,
        )


def keep(entry: Path, content: bytes) -> None:
    """Keep something else under a name in the cache's folder, if that can be done."""
    with suppress(OSError), _replacing(entry) as file:
        file.write(content)


@contextmanager
def _replacing(entry: Path) -> Iterator[IO[bytes]]:
    """Yield a file that becomes the entry once it is whole."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(dir=entry.parent)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            yield file
        Path(partial).replace(entry)
    finally:
        Path(partial).unlink(missing_ok=True)
    _prune(entry.parent)


def contents() -> Contents:
    """Return what is kept."""
    home = folder()
    if home is None:
        return Contents(None, f"{FOLDER} is {_OFF}", 0, 0)
    entries = _entries(home)
    reason = None
    if _parquet() is None:
        reason = "pyarrow is not installed: pip install 'torch-overlap[cache]'"
    return Contents(home, reason, len(entries), sum(size for _, size, _ in entries))


def clear() -> int:
    """Delete all entries; return how many there were.

    Raises:
        OutputError: one cannot be deleted.
    """
    home = folder()
    entries = [] if home is None else _entries(home)
    for _, _, path in entries:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"{path}: cannot be deleted ({error.strerror or error}); {FOLDER} names another "
                "folder"
            ) from error
    return len(entries)


def folder() -> Path | None:
    """Return where things are kept; None if nowhere."""
    named = os.environ.get(FOLDER)
    if named == _OFF:
        return None
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    with suppress(RuntimeError):  # of a user without a home
        return (Path(base) if base else Path.home() / ".cache") / "torch-overlap"
    return None


def _parquet() -> ModuleType | None:
    try:
        from pyarrow import parquet  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        return None
    return parquet  # type: ignore[no-any-return] # it has no stubs


def _entries(home: Path) -> list[tuple[float, int, Path]]:
    """Return the age, size and path of each entry, the oldest first."""
    found = []
    for path in (each for each in home.glob("*") if each.suffix in _SUFFIXES):
        with suppress(OSError):
            status = path.stat()
            found.append((status.st_mtime, status.st_size, path))
    return sorted(found)


def _prune(home: Path) -> None:
    entries = _entries(home)
    size = sum(each for _, each, _ in entries)
    for _, each, path in entries[:-1]:
        if size <= MOST_BYTES:
            return
        path.unlink(missing_ok=True)
        size -= each


def _table(trace: Trace) -> pa.Table:
    """The columns as a table; all that is no column of events is its metadata."""
    import pyarrow as pa  # noqa: PLC0415 - an extra

    events = trace.events
    columns = arrays(events)
    meta = json.dumps(
        {
            "rank": trace.rank,
            "world_size": trace.world_size,
            "host": trace.host,
            "base_ns": trace.base_ns,
            "resolution_ns": trace.resolution_ns,
            "multiprocessors": trace.multiprocessors,
            "graphs": list(trace.graphs.items()),
            "notes": trace.notes,
            "tables": {name: getattr(events, name) for name in _TABLES},
            "shapes": events.shapes,
            "synchronisations": _lists(trace.synchronisations),
            "transfers": _lists(trace.transfers),
            "graph_nodes": _lists(trace.graph_nodes),
            "collectives": _lists(trace.collectives),
            "calls": trace.collectives.calls,
        }
    ).encode()
    return pa.table(columns).replace_schema_metadata({_META: meta, _DIGEST: _digest(meta)})


def _trace(table: pa.Table, path: Path) -> Trace:
    """The trace in a table.

    Raises:
        ValueError: it is none.
    """
    said = table.schema.metadata
    if said[_DIGEST] != _digest(said[_META]):
        raise ValueError("the metadata are damaged")
    meta = json.loads(said[_META])
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    tables: dict[str, Any] = {name: tuple(meta["tables"][name]) for name in _TABLES}
    tables["shapes"] = tuple(LaunchShape(*shape) for shape in meta["shapes"])
    _check(columns, tables)
    waits, copies, captured = meta["synchronisations"], meta["transfers"], meta["graph_nodes"]
    communications = meta["collectives"]
    return Trace(
        path=str(path),
        rank=meta["rank"],
        world_size=meta["world_size"],
        host=meta["host"],
        base_ns=meta["base_ns"],
        resolution_ns=meta["resolution_ns"],
        events=Events(**columns, **tables),
        synchronisations=Synchronisations(
            row=np.array(waits["row"], np.int32),
            on_stream=np.array(waits["on_stream"], np.int32),
            record=np.array(waits["record"], np.int64),
        ),
        transfers=Transfers(
            row=np.array(copies["row"], np.int32),
            bandwidth=np.array(copies["bandwidth"], np.float64),
        ),
        graph_nodes=GraphNodes(
            row=np.array(captured["row"], np.int32),
            graph=np.array(captured["graph"], np.int64),
            node=np.array(captured["node"], np.int64),
        ),
        collectives=Collectives(
            row=np.array(communications["row"], np.int32),
            call=np.array(communications["call"], np.int32),
            sequence=np.array(communications["sequence"], np.int64),
            calls=tuple(CollectiveCall(*call) for call in meta["calls"]),
        ),
        multiprocessors={
            device: Multiprocessors(each[0], (each[1][0], each[1][1]), *each[2:])
            for device, each in meta["multiprocessors"].items()
        },
        graphs={
            graph: CapturedGraph(tuple(nodes), tuple((source, target) for source, target in edges))
            for graph, (nodes, edges) in meta["graphs"]
        },
        notes=tuple(meta["notes"]),
    )


def _check(columns: dict[str, Any], tables: dict[str, tuple[Any, ...]]) -> None:
    """Refuse what no trace's columns can be."""
    for code, table in _CODES.items():
        column = columns[code]
        if len(column) and not NONE <= column.min() <= column.max() < len(tables[table]):
            raise ValueError(f"codes in {code} are out of range")
    role = columns["role"]
    if len(role) and not 0 <= role.min() <= role.max() < len(Role):
        raise ValueError("roles are out of range")
    if (columns["end"] < columns["start"]).any():
        raise ValueError("an event ends before it starts")


def _lists(
    table: Synchronisations | Transfers | GraphNodes | Collectives,
) -> dict[str, list[Any]]:
    return {name: column.tolist() for name, column in arrays(table).items()}


def _digest(meta: bytes) -> bytes:
    return blake2b(meta, digest_size=20).hexdigest().encode()

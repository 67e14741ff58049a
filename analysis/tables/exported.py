"""Tables as files of a directory, written whole or not at all, and read back."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from analysis.errors import OutputError, TraceError
from analysis.output import check_writable, refused
from analysis.tables.arrow import pyarrow, schema, table
from analysis.tables.schema import RANK, TABLES
from analysis.tables.values import unlike

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from analysis.report import Failure
    from analysis.tables.reading import Traces
    from analysis.tables.recorded import Recorded

VERSION = 1
"""Raised whenever a column of a table is renamed, dropped, or comes to mean something else."""
NO_RANK = "__HIVE_DEFAULT_PARTITION__"
"""Stands for the rank in `rank=N` where a trace has none; Hive's word for NULL."""

_ABOUT = "torch-overlap-tables.json"
_PARQUET = "parquet"


def export(traces: Traces, out: Path, form: str) -> dict[str, int]:
    """Write every table of every trace, as OUT/TABLE/rank=N/TRACE.FORM.

    An earlier export there is replaced, once all is written and if all traces could be read;
    nothing else is.

    Args:
        traces: to read, one after the other.
        out: the directory; missing, empty, or an earlier export.
        form: a key of `FORMATS`.

    Returns:
        How many rows each table has.

    Raises:
        OutputError: the directory holds something else, or cannot be written.
        TraceError: no trace could be read; or not all, where there is an earlier export.
        MissingExtraError: pyarrow is not installed.
    """
    pyarrow()
    check_replaceable(out)
    draft = out / f".{secrets.token_hex(4)}.tmp"
    made_here = not out.exists()
    counts = dict.fromkeys(TABLES, 0)
    written: list[dict[str, Any]] = []

    def take(recorded: Recorded) -> None:
        rank = recorded.rank
        part = f"rank={NO_RANK if rank is None else rank}"
        name = unlike(_plain(recorded.label), {each["file"] for each in written}, "-")
        for each in TABLES:
            folder = draft / each / part
            folder.mkdir(parents=True, exist_ok=True)
            made = table(each, recorded)
            FORMATS[form](made, folder / f"{name}.{form}")
            counts[each] += made.num_rows
        about = {"trace": recorded.label, "path": recorded.trace.path, "rank": rank}
        written.append({**about, "file": name})

    try:
        draft.mkdir(parents=True)
        traces.each(take)
        _check_whole(traces.failures, len(written), out)
        about = {"version": VERSION, "format": form, "tables": list(TABLES), "traces": written}
        (draft / _ABOUT).write_text(json.dumps(about, indent=2) + "\n")
        _move_in(draft, out)
    except OSError as error:
        raise refused(out, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if made_here:
            with suppress(OSError):
                out.rmdir()  # which only an empty one allows
    return counts


def check_replaceable(out: Path) -> None:
    """Make sure that an export may take the place of what is there.

    Raises:
        OutputError: it is a file, holds something else, or cannot be written.
    """
    check_writable(out)
    if not out.is_dir() or is_export(out):
        return
    # An export that was killed leaves a hidden draft.
    if any(not each.name.startswith(".") for each in out.iterdir()):
        raise OutputError(
            f"{out}: holds files that are no export, and would be replaced; name a directory "
            "that is new or empty"
        )


def _check_whole(failures: list[Failure], read: int, out: Path) -> None:
    """Make sure that there is something to export, and that it replaces no more than it holds."""
    reasons = "\n".join(failure.reason for failure in failures)
    if not read:
        raise TraceError(reasons)
    if failures and is_export(out):
        raise TraceError(
            f"{out}: the earlier export stays, since {len(failures)} of {read + len(failures)} "
            f"traces could not be read; leave them out, or name a new directory\n{reasons}"
        )


def is_export(folder: Path) -> bool:
    """Tell whether `export` wrote this directory."""
    try:
        return (folder / _ABOUT).is_file()
    except OSError:  # who reads it as a trace says why that cannot be done
        return False


def dataset(folder: Path, name: str) -> Any:
    """Return a table of an export, to be read bit by bit when it is asked.

    Raises:
        TraceError: it is of another version or format, or its files are not there.
    """
    arrow = pyarrow()
    from pyarrow import dataset as datasets  # noqa: PLC0415 - an extra

    about = _about(folder)
    if about.get("version") != VERSION or about.get("format") != _PARQUET:
        raise TraceError(
            f"{folder}: is an export of version {about.get('version')} as {about.get('format')}, "
            f"expected version {VERSION} as {_PARQUET}; export the traces again"
        )
    try:
        return datasets.dataset(
            folder / name,
            schema=schema(name),
            format=_PARQUET,
            partitioning=datasets.partitioning(
                arrow.schema([(RANK.name, arrow.int64())]), flavor="hive"
            ),
        )
    except (OSError, arrow.ArrowInvalid) as error:
        raise TraceError(
            f"{folder / name}: cannot be read ({error}); export the traces again"
        ) from error


def _about(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads((folder / _ABOUT).read_text())
    except (OSError, ValueError) as error:
        raise TraceError(
            f"{folder / _ABOUT}: cannot be read ({error}); export the traces again"
        ) from error
    return about if isinstance(about, dict) else {}


def _move_in(draft: Path, out: Path) -> None:
    """Move the draft's tables to their place, once those of an earlier export are away.

    What says that it is an export goes first and comes last.
    """
    old = draft / "old"
    old.mkdir()
    names = (_ABOUT, *TABLES)
    moved: list[tuple[Path, Path]] = []
    try:
        for source, target, order in ((out, old, names), (draft, out, names[::-1])):
            for name in order:
                if (source / name).exists():
                    (source / name).replace(target / name)
                    moved.append((source / name, target / name))
    except OSError:
        for source, target in reversed(moved):
            target.replace(source)
        raise


def _parquet(made: Any, file: Path) -> None:
    """The column that the directory's name holds is left out, as is usual."""
    from pyarrow import parquet  # noqa: PLC0415 - an extra

    parquet.write_table(made.drop_columns([RANK.name]), file, compression="zstd")


def _csv(made: Any, file: Path) -> None:
    from pyarrow import csv  # noqa: PLC0415 - an extra

    csv.write_csv(made, file)


FORMATS: dict[str, Callable[[Any, Path], None]] = {_PARQUET: _parquet, "csv": _csv}
"""Writes a table of Arrow to a file, by the file's suffix."""


def _plain(label: str) -> str:
    """Leave out what a file's name had better not hold; Hive's readers skip hidden files."""
    return re.sub(r"[^\w.=-]+", "-", label).lstrip("._-")[-120:] or "trace"

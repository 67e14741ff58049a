"""Writes results: whole, or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

from analysis.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def check_writable(directory: Path) -> None:
    """Make sure that files can be written there, before any work is done for them.

    Nothing is left behind; a directory that does not exist yet is not created.

    Raises:
        OutputError: it is no directory, or may not be written to or created.
    """
    there = directory
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise refused(there, error) from error


def write_all(directory: Path, files: Mapping[str, str | bytes]) -> list[Path]:
    """Write files into a directory, which is created where it is missing.

    Each is written beside its place and moved there when all are complete, so that
    a reader never sees half a file, and a failure leaves the earlier ones.

    Args:
        directory: where to.
        files: content by file name; text is written as UTF-8.

    Returns:
        The paths, in the order of `files`.

    Raises:
        OutputError: something cannot be written; the message says why.
    """
    make(directory)
    moves: list[tuple[Path, Path]] = []
    try:
        for name, content in files.items():
            target = directory / name
            draft = _draft(target)
            moves.append((draft, target))
            _write(draft, target, [content.encode() if isinstance(content, str) else content])
        for draft, target in moves:
            _move(draft, target)
    finally:
        for draft, _ in moves:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
    return [target for _, target in moves]


def write_stream(target: Path, parts: Iterable[bytes]) -> None:
    """Write one file, part by part, into a directory that is there.

    It is written beside its place and moved there when it is complete: if anything
    fails, taking the next part included, an earlier file is left as it is.

    Raises:
        OutputError: it cannot be written; the message says why.
    """
    draft = _draft(target)
    try:
        _write(draft, target, parts)
        _move(draft, target)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def make(directory: Path) -> None:
    """Create a directory where it is missing.

    Raises:
        OutputError: it cannot be; the message says why.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused(directory, error) from error


def _draft(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")


def append(path: Path, text: str) -> None:
    """Add text to the end of a file, which is created where it is missing.

    Raises:
        OutputError: it is no regular file, or cannot be read or written.
    """
    # What a link such as /dev/stdout leads to must not be replaced by a file.
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise OutputError(f"{path}: is no regular file; name one to append to, or - to print")
    try:
        before = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise refused(path, error) from error
    write_all(path.parent, {path.name: before + text.encode()})


def _write(draft: Path, target: Path, parts: Iterable[bytes]) -> None:
    try:
        with draft.open("xb") as file:
            file.writelines(parts)
            file.flush()
            # A disk may be found full only now, and a crash must not leave an empty file.
            os.fsync(file.fileno())
    except OSError as error:
        raise refused(target, error) from error


def _move(draft: Path, target: Path) -> None:
    try:
        draft.replace(target)
    except OSError as error:
        raise refused(target, error) from error


def refused(path: Path, error: OSError) -> OutputError:
    """Return the error that says why a path cannot be written, and what to do."""
    reason = error.strerror or str(error)
    room = "make room there, or " if error.errno in _NO_SPACE else ""
    return OutputError(f"{path}: cannot be written ({reason}); {room}name another directory")

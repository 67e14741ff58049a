"""Writing so that a reader never meets half a file."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from profiling.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_REFUSED: Final = _NO_SPACE | {errno.EROFS, errno.EIO}
_DRAFT: Final = re.compile(r"\.[0-9a-f]{8}-(probe|.+\.json(\.gz)?)")


def ensure_writable(folder: Path) -> None:
    """Make a folder, and a file in it that is removed again; and clear away what is stale.

    Raises:
        OutputError: a folder or a file cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = _beside(folder / "probe")
        probe.touch(exist_ok=False)
        probe.unlink()
        remove_stale(folder)
    except OSError as error:
        raise OutputError(
            f"cannot write into {folder} ({error.strerror}); name another folder with --out"
        ) from error


def remove_stale(folder: Path) -> list[Path]:
    """Remove the drafts of writers that were killed; those of living ones are locked."""
    removed = []
    for path in folder.iterdir():
        if not (_DRAFT.fullmatch(path.name) and path.is_file() and not path.is_symlink()):
            continue
        # One that its writer has just moved to its place or removed is none of ours.
        with suppress(FileNotFoundError), path.open("rb") as draft:
            try:
                fcntl.flock(draft, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # It is being written, or nobody can tell.
                continue
            path.unlink()
            removed.append(path)
    return removed


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a hidden file beside the target to write; it becomes the target at the end.

    On any error, Ctrl-C included, it is removed and the target stays as it was. Its
    name ends as the target's does, which tells torch whether to compress. It is locked
    as long as its writer lives.

    Raises:
        OutputError: there is no room, or the folder may not be written.
    """
    temporary = _beside(target)
    with writing(target):
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        try:
            # A file system that knows no locks has no stale drafts removed while it is used.
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield temporary
            # A disk may be found full only now, and a crash must not leave an empty file.
            _sync(temporary)
            temporary.replace(target)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()
            os.close(descriptor)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Say of errors that a full or read-only disk makes where they happened, and what to do.

    Raises:
        OutputError: in place of such an error, which is its cause.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        room = "make room there, or " if error.errno in _NO_SPACE else ""
        raise OutputError(
            f"{target}: cannot be written ({error.strerror}); {room}name another folder "
            "with --out. What was recorded before is complete"
        ) from error


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _beside(target: Path) -> Path:
    return target.with_name(f".{secrets.token_hex(4)}-{target.name}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

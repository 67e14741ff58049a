"""Writing so that a reader never meets half a file."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

from profiling.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def ensure_writable(folder: Path) -> None:
    """Make a folder, and a file in it that is removed again.

    Raises:
        OutputError: one of the two fails.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = _beside(folder / "probe")
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"cannot write into {folder} ({error.strerror}); name another folder with --out"
        ) from error


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a hidden file beside the target to write; it becomes the target at the end.

    On any error, Ctrl-C included, it is removed and the target stays as it was. Its
    name ends as the target's does, which tells torch whether to compress.
    """
    temporary = _beside(target)
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _beside(target: Path) -> Path:
    return target.with_name(f".{secrets.token_hex(4)}-{target.name}")

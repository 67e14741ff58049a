"""A trace as JSON, plain or in gzip: what other tools read, whatever it is stored in."""

from __future__ import annotations

import gzip
import tempfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import msgspec

from analysis.errors import DamagedTraceError
from analysis.trace import MAX_BYTES, STDIN
from analysis.trace.begun import begun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from analysis.trace.begun import Begun

_GZIP = b"\x1f\x8b"
_JSON = (b"{", b"[")
_BOM = b"\xef\xbb\xbf"
_SNIFFED = 4096


class Plain(msgspec.Struct, frozen=True):
    """A trace in a file that is open.

    Attributes:
        file: of bytes, which stay where they are while it is open.
        size: how many there are.
        compressed: whether they are gzip.
        text_bytes: of JSON, counted up to the first block beyond `most`.
        damage: why the text ends where it does not; None where it does not, as far as
            it was read.
    """

    file: IO[bytes]
    size: int
    compressed: bool
    text_bytes: int
    damage: str | None


@contextmanager
def plain_file(path: Path, *, most: int) -> Iterator[Plain]:
    """Open a trace as others read it: as it is stored, or unpacked into a file of no name.

    Args:
        path: as for `load`.
        most: of text, after which it is no longer counted.

    Raises:
        TraceError: it cannot be read, or is no trace.
    """
    compressed = _as_stored(path)
    with begun(path, MAX_BYTES) as text, _opened(path, compressed) as file:
        size = _counted(text, most) if compressed is not None else _unpacked(text, file)
        if compressed is None and text.damage is not None:
            raise DamagedTraceError(
                f"{path}: {text.damage}; `analyze perfetto annotate` writes what is left of it"
            )
        stored = file.seek(0, 2)
        yield Plain(file, stored, bool(compressed), size, text.damage)


def _as_stored(path: Path) -> bool | None:
    """Tell whether a file is gzip, of JSON, or JSON; None if it is neither, or no file."""
    if str(path) == STDIN or not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            first = file.read(_SNIFFED)
        if not first.startswith(_GZIP):
            return False if _is_json(first) else None
        with gzip.open(path) as unpacked:
            return True if _is_json(unpacked.read(_SNIFFED)) else None
    except (OSError, EOFError, zlib.error):
        return None  # whoever reads it says what is wrong


def _is_json(text: bytes) -> bool:
    return text.removeprefix(_BOM).lstrip().startswith(_JSON)


def _opened(path: Path, compressed: bool | None) -> IO[bytes]:
    return tempfile.TemporaryFile() if compressed is None else path.open("rb")


def _counted(text: Begun, most: int) -> int:
    size = text.head.length
    for block in text.rest:
        size += len(block)
        if size > most:
            break
    return size


def _unpacked(text: Begun, file: IO[bytes]) -> int:
    file.write(text.head.text)
    for block in text.rest:
        file.write(block)
    file.flush()
    return file.tell()

"""The one trace inside a zip or tar archive."""

from __future__ import annotations

import io
import tarfile
import tempfile
import zipfile
import zlib
from typing import IO, TYPE_CHECKING

from analysis.errors import NotATraceError
from analysis.trace.damage import DamageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.location import Location

_SUFFIXES = (".json", ".json.gz", ".json.zst")
_MANIFEST = ".manifest.json"
_BLOCK = 16 << 10  # of a tar archive that breaks off, the last one is lost
_LISTED = 3


def zipped(blocks: Iterator[bytes], path: Location, file: IO[bytes] | None) -> Iterator[bytes]:
    """Yield the bytes of the trace in a zip archive.

    Args:
        blocks: the archive.
        path: what messages name.
        file: where the archive lies, if it can be searched; else it is set down first,
            since its table of contents comes last.

    Raises:
        NotATraceError: it holds no trace, or several.
        DamageError: it is corrupt.
    """
    with tempfile.TemporaryFile() as spool:
        if file is None or not file.seekable():
            for block in blocks:
                spool.write(block)
            file = spool
        try:
            with zipfile.ZipFile(file) as archive:
                names = [member.filename for member in archive.infolist() if not member.is_dir()]
                with archive.open(_the_trace(path, names)) as member:
                    yield from _read(member)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise DamageError(f"the zip archive is corrupt ({error})") from error


def tarred(blocks: Iterator[bytes], path: Location) -> Iterator[bytes]:
    """Yield the bytes of the trace in a tar archive, which is read once, forwards.

    Raises:
        NotATraceError: it holds no trace, or several.
        DamageError: it is corrupt.
    """
    names: list[str] = []
    stream = _Forwards(blocks)
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                content = archive.extractfile(member) if _is_trace(member.name) else None
                if content is not None:
                    names.append(member.name)
                    _the_trace(path, names)
                    yield from _read(content)
    except tarfile.TarError as error:
        if stream.damage is not None:
            raise stream.damage from error
        raise DamageError(f"the tar archive is corrupt ({error})") from error
    _the_trace(path, names)


def _the_trace(path: Location, names: list[str]) -> str:
    traces = [name for name in names if _is_trace(name)]
    if len(traces) == 1:
        return traces[0]
    if not traces:
        raise NotATraceError(f"{path}: is an archive that holds no trace ({', '.join(_SUFFIXES)})")
    listed = ", ".join(traces[:_LISTED]) + (", …" if len(traces) > _LISTED else "")
    raise NotATraceError(f"{path}: is an archive of several traces ({listed}); unpack it")


def _is_trace(name: str) -> bool:
    return name.endswith(_SUFFIXES) and not name.endswith(_MANIFEST)


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


class _Forwards(io.RawIOBase):
    """A file over blocks, which can only be read on."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        super().__init__()
        self._blocks = blocks
        self._rest = b""
        self.damage: DamageError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override] # any buffer
        try:
            self._rest = self._rest or next(self._blocks, b"")
        except DamageError as damage:
            # First hand out what there is; then tarfile finds the end missing.
            self.damage = damage
        number = min(len(buffer), len(self._rest))
        buffer[:number] = self._rest[:number]
        self._rest = self._rest[number:]
        return number

"""Reads a trace file into memory, decompressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zlib_ng import zlib_ng

from analysis.errors import DamagedTraceError, NotATraceError, TraceError

if TYPE_CHECKING:
    from pathlib import Path

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WBITS = 31
_PADDING = b"\0"
_BOM = b"\xef\xbb\xbf"


def read(path: Path) -> bytes:
    """Return the JSON text of a plain or gzipped trace file.

    Compression is told by the file's first bytes, not by its name.

    Raises:
        TraceError: the file cannot be opened.
        NotATraceError: it is empty.
        DamagedTraceError: its compressed data are cut short or corrupt.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TraceError(
            f"{path}: cannot be read ({error.strerror or error}); expected a .json or .json.gz file"
        ) from error
    if data.startswith(_GZIP_MAGIC):
        data = _inflate(path, data)
    text = data.removeprefix(_BOM)
    if not text:
        raise NotATraceError(f"{path}: is empty; was the recording interrupted? Record it again")
    return text


def _inflate(path: Path, data: bytes) -> bytes:
    """Decompress all members of a gzip file."""
    members: list[bytes] = []
    rest = data
    while rest.startswith(_GZIP_MAGIC):
        inflater = zlib_ng.decompressobj(wbits=_GZIP_WBITS)
        try:
            members.append(inflater.decompress(rest))
        except zlib_ng.error as error:  # type: ignore[misc] # its stub says Any
            raise DamagedTraceError(
                f"{path}: the gzip data are corrupt ({error}); copy or record the file again"
            ) from error
        if not inflater.eof:
            raise DamagedTraceError(
                f"{path}: the gzip data end early, after {len(data):,} bytes "
                f"({sum(map(len, members)):,} decompressed); copy or record the file again"
            )
        rest = inflater.unused_data
    if rest.strip(_PADDING):
        raise DamagedTraceError(
            f"{path}: after the gzip data, at byte {len(data) - len(rest):,}, come {len(rest):,} "
            "bytes of something else; copy or record the file again"
        )
    return members[0] if len(members) == 1 else b"".join(members)

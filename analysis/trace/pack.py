"""Text to the bytes that are stored, as a file's name says."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from zlib_ng import zlib_ng

from analysis.errors import OutputError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_GZIP_WBITS = 31
_GZIP_LEVEL = 6
_ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.zst")
_BATCH = 1 << 20


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


def _gzip() -> _Compressor:
    compressor: _Compressor = zlib_ng.compressobj(_GZIP_LEVEL, wbits=_GZIP_WBITS)
    return compressor


_COMPRESSORS: dict[str, Callable[[], _Compressor]] = {".gz": _gzip, ".zst": zstd.ZstdCompressor}


def packed(target: Path, texts: Iterable[bytes]) -> Iterator[bytes]:
    """Compress a text as the name of its file says: `.gz`, `.zst`, or not at all.

    The same text always makes the same bytes.

    Args:
        target: the file; nothing is written here.
        texts: of any lengths.

    Raises:
        OutputError: the name is that of an archive.
    """
    if target.name.endswith(_ARCHIVES):
        raise OutputError(
            f"{target}: is the name of an archive, which is not written; expected a name that "
            "ends in .json, .json.gz or .json.zst"
        )
    new = _COMPRESSORS.get(target.suffix)
    return _batches(texts) if new is None else _compressed(new(), _batches(texts))


def _compressed(compressor: _Compressor, texts: Iterator[bytes]) -> Iterator[bytes]:
    for text in texts:
        yield compressor.compress(text)
    yield compressor.flush()


def _batches(texts: Iterable[bytes]) -> Iterator[bytes]:
    """Join short texts: each call of a compressor, or of the system, costs time."""
    waiting: list[bytes] = []
    size = 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size >= _BATCH:
            yield b"".join(waiting)
            waiting.clear()
            size = 0
    yield b"".join(waiting)

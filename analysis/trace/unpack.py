"""Stored bytes to text: gzip, zstd, zip and tar are told by their first bytes."""

from __future__ import annotations

import sys
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from zlib_ng import zlib_ng

from analysis.trace.damage import DamageError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    from analysis.location import Location

_GZIP, _ZSTD, _ZIP, _TAR = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"ustar"
_TAR_AT = 257
_SNIFFED = 512
_GZIP_WBITS = 31
_INPUT = 256 << 10
_OUTPUT = 2 << 20
_FINE, _FINEST = 4096, 1
_PADDING = b"\0"
_BOM = b"\xef\xbb\xbf"


class _Decompressor(Protocol):
    """One member (gzip) or frame (zstd)."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the data hold, in bounded pieces."""

    def copy(self) -> _Decompressor | None:
        """Return one in the same state, if that can be had."""


def unpack(
    blocks: Iterator[bytes], path: Location, file: IO[bytes] | None = None
) -> Iterator[bytes]:
    """Yield the text in blocks of at most 2 MiB, whatever it is packed in.

    Args:
        blocks: the stored bytes.
        path: what messages name.
        file: what the blocks are read from, if it can be searched.

    Raises:
        DamageError: the rest cannot be decompressed.
        NotATraceError: an archive holds no trace, or several.
    """
    first = b""
    while len(first) < _SNIFFED and (block := next(blocks, b"")):
        first += block
    everything = chain([first] if first else [], blocks)
    if first.startswith(_GZIP):
        yield from unpack(_members(everything, _Gzip, _GZIP, "gzip"), path)
    elif first.startswith(_ZSTD):
        yield from unpack(_members(everything, _Zstd, _ZSTD, "zstd"), path)
    elif first.startswith(_ZIP):
        from analysis.trace.archives import zipped  # noqa: PLC0415 - slow to import, and rare

        yield from unpack(zipped(everything, path, file), path)
    elif first[_TAR_AT:].startswith(_TAR):
        from analysis.trace.archives import tarred  # noqa: PLC0415 - as above

        yield from unpack(tarred(everything, path), path)
    else:
        yield first.removeprefix(_BOM)
        yield from blocks


def _members(
    blocks: Iterator[bytes], new: Callable[[], _Decompressor], magic: bytes, kind: str
) -> Iterator[bytes]:
    """Decompress members or frames that follow one another."""
    stored = given = 0
    member = new()
    rest = b""
    for block in _small(blocks):
        stored += len(block)
        data = rest + block
        while data:
            if member.eof:
                data = data.lstrip(_PADDING)
                if not data.startswith(magic):
                    break
                member = new()
            for text in _decompressed(member, data, kind):
                given += len(text)
                yield text
            data = member.unused_data if member.eof else b""
        rest = data
        if not magic.startswith(rest):
            break
    if rest:
        raise DamageError(f"something else follows the {kind} data")
    if not member.eof:
        raise DamageError(
            f"the {kind} data end early, after {stored:,} bytes ({given:,} decompressed)"
        )


def _small(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield shorter blocks, so that a fault costs little."""
    for block in blocks:
        for begin in range(0, len(block), _INPUT):
            yield block[begin : begin + _INPUT]


def _decompressed(member: _Decompressor, data: bytes, kind: str) -> Iterator[bytes]:
    before, sent = member.copy(), 0
    try:
        for text in member.feed(data):
            sent += len(text)
            yield text
    except (zlib_ng.error, zstd.ZstdError) as error:  # type: ignore[misc] # the stub of the first
        if before is not None:
            yield from _up_to_the_fault(before, data, sent)
        raise DamageError(f"the {kind} data are corrupt ({error})") from error


def _up_to_the_fault(member: _Decompressor, data: bytes, skip: int) -> Iterator[bytes]:
    """Decompress what can be, in small steps, but for the first bytes of it."""
    text = bytearray()
    step = _FINE
    while data:
        before = member.copy()
        try:
            text += b"".join(member.feed(data[:step]))
            data = data[step:]
        except zlib_ng.error:  # type: ignore[misc] # its stub says Any
            if step == _FINEST or before is None:
                break
            member, step = before, _FINEST
    yield bytes(text[skip:])


class _Gzip:
    def __init__(self) -> None:
        self._inflater = zlib_ng.decompressobj(wbits=_GZIP_WBITS)

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflater.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data and not self.eof:
            yield self._inflater.decompress(data, _OUTPUT)
            data = self._inflater.unconsumed_tail

    def copy(self) -> _Gzip:
        twin = _Gzip()
        twin._inflater = self._inflater.copy()  # type: ignore[attr-defined] # missing in its stub
        return twin


class _Zstd:
    def __init__(self) -> None:
        self._decompressor = zstd.ZstdDecompressor()

    @property
    def eof(self) -> bool:
        return self._decompressor.eof

    @property
    def unused_data(self) -> bytes:
        return self._decompressor.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        while True:
            yield self._decompressor.decompress(data, _OUTPUT)
            data = b""
            if self.eof or self._decompressor.needs_input:
                return

    def copy(self) -> None:
        """Its state cannot be copied."""

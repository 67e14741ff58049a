"""Traces on other machines: all that is asked of fsspec."""

from __future__ import annotations

import io
from contextlib import contextmanager
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Any

from analysis.errors import MissingExtraError
from analysis.location import Url

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 8 << 20
_PATTERN = "*?["


@contextmanager
def opened(url: Url) -> Iterator[tuple[IO[bytes], int | None]]:
    """Open a file; yield its bytes and how many there are, where that is known.

    Raises:
        OSError: it cannot be read, whatever the storage library calls that.
        MissingExtraError: a library is missing.
    """
    system, path = _system(url)
    with _as_os_errors():
        file = system.open(path, "rb", block_size=_BLOCK)
    with file:
        checked: Any = _Checked(file)
        yield checked, getattr(file, "size", None)


def listed(url: Url, suffixes: tuple[str, ...]) -> list[Url]:
    """Return the files that a URL means: itself, those in a folder, or those of a pattern.

    Raises:
        OSError: it cannot be read.
        MissingExtraError: a library is missing.
    """
    system, path = _system(url)
    with _as_os_errors():
        if any(sign in path for sign in _PATTERN):
            found = system.glob(path)
        elif path.endswith(suffixes):
            return [url]
        elif system.isdir(path):
            found = [each["name"] for each in system.ls(path, detail=True) if _is_file(each)]
        else:
            return [url]
    return [
        Url(str(system.unstrip_protocol(each)))
        for each in sorted(map(str, found))
        if each.endswith(suffixes)
    ]


def fingerprint(url: Url) -> str | None:
    """Return what changes when the file does; None where the storage does not say."""
    system, path = _system(url)
    with _as_os_errors():
        info = system.info(path)
    known = [info.get(key) for key in ("ETag", "etag", "md5Hash", "LastModified", "mtime")]
    told = [str(each) for each in known if each is not None]
    return f"{info.get('size')} {' '.join(told)}" if told else None


def _is_file(entry: dict[str, Any]) -> bool:
    return entry.get("type") == "file"


def _system(url: Url) -> tuple[Any, str]:
    """Return the file system of a URL, and its path there.

    Raises:
        OSError: there is no such file system.
        MissingExtraError: a library is missing.
    """
    try:
        import fsspec  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError(
            f"{url}: reading a URL needs fsspec: pip install 'torch-overlap[remote]'"
        ) from error
    try:
        system, path = fsspec.core.url_to_fs(str(url))
    except ImportError as error:
        raise MissingExtraError(f"{url}: {error}") from error
    except Exception as error:  # an unknown scheme, wrong settings: each library has its own
        raise OSError(None, _first_line(error)) from error
    return system, str(path)


@contextmanager
def _as_os_errors() -> Iterator[None]:
    """Storage libraries raise what they like: here it becomes an OSError with a reason."""
    try:
        yield
    except FileNotFoundError as error:
        # fsspec says this of HTTP, whatever the server answers, or if there is none.
        cause = error.__cause__
        raise OSError(None, _by_http(cause) or "there is no such file") from error
    except PermissionError as error:
        raise OSError(None, f"access is denied: {_first_line(error)}") from error
    except Exception as error:
        raise OSError(None, _by_http(error) or _first_line(error)) from error


def _by_http(error: BaseException | None) -> str | None:
    """Return what went wrong, other than that there is no file, where aiohttp says so.

    fsspec speaks HTTP by it.
    """
    if isinstance(error, TimeoutError):
        return "the server did not answer in time"
    if type(error).__module__.partition(".")[0] != "aiohttp":
        return None
    status = getattr(error, "status", None)
    if status == HTTPStatus.NOT_FOUND:
        return None
    if status:
        return f"the server answered {status} {getattr(error, 'message', '')}".rstrip()
    return _first_line(error)


def _first_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


class _Checked(io.RawIOBase):
    """A file whose errors are OSErrors."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file

    def read(self, size: int = -1) -> bytes:
        with _as_os_errors():
            return self._file.read(size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def seek(self, offset: int, whence: int = 0) -> int:
        with _as_os_errors():
            return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

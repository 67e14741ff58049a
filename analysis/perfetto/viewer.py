"""Perfetto's viewer: where it is, what it can take, and how a browser is led to it."""

from __future__ import annotations

import os
import re
import webbrowser
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from analysis.perfetto.server import Server
from analysis.trace import plain_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from analysis.trace import Plain

ORIGIN = "https://ui.perfetto.dev"
PORT = 9001
"""The port of this machine that the viewer's Content-Security-Policy lets it fetch from."""

LARGE = 900_000_000
"""Bytes of JSON that may be too many: Perfetto took up to twice as much memory as text when
it was measured, and has about 2 GB of it in a browser."""

_DESKTOP = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
_ODD = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 80


class Offer(msgspec.Struct, frozen=True):
    """A trace that waits to be fetched by the viewer.

    Attributes:
        server: which serves it.
        page: the viewer's URL that fetches it.
        size: bytes that are sent.
        doubts: why the viewer may not be able to show it.
    """

    server: Server
    page: str
    size: int
    doubts: tuple[str, ...]


@contextmanager
def offered(
    path: Path, *, origin: str = ORIGIN, port: int = PORT, large: int = LARGE
) -> Iterator[Offer]:
    """Serve a trace to the viewer, once, unpacked as far as the viewer cannot do it.

    Args:
        path: the trace, or `-` for standard input.
        origin: of the viewer's page.
        port: to serve at.
        large: bytes of JSON from which on it may be too large.

    Raises:
        TraceError: it cannot be read, or is no trace.
        ViewerError: the port is taken.
    """
    with (
        plain_file(path, most=large) as file,
        Server(file.file, file.size, _name(path, file), origin=origin, port=port) as server,
    ):
        yield Offer(server, f"{origin}/#!/?url={server.url}", file.size, _doubts(path, file, large))


def browse(url: str) -> bool:
    """Open a URL in the user's browser; False where there is none, or no screen for it."""
    # Without one webbrowser may start a browser in the terminal, and wait for it.
    if not any(os.environ.get(variable) for variable in _DESKTOP):
        return False
    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False


def _name(path: Path, file: Plain) -> str:
    """Return what the viewer will call the trace."""
    stem = _ODD.sub("-", path.name.split(".")[0])[:_LONGEST_NAME].strip("-") or "trace"
    return f"{stem}.json.gz" if file.compressed else f"{stem}.json"


def _doubts(path: Path, file: Plain, large: int) -> tuple[str, ...]:
    doubts = []
    if file.text_bytes > large:
        doubts.append(
            f"{path}: has more than {large / 1e9:.2g} GB of JSON, and the viewer about 2 GB of "
            "memory in a browser, which may not do. If it does not, run Perfetto's "
            f"`trace_processor server http {path}` on this machine and open {ORIGIN}, which finds "
            "it there."
        )
    if file.damage is not None:
        doubts.append(
            f"{path}: {file.damage}; the viewer may refuse it. `analyze perfetto annotate` writes "
            "what is left of it."
        )
    return tuple(doubts)

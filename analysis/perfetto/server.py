"""Serves one file, to one web page, once.

Anything on this machine, and any page that its user visits, can send requests here. So
what is asked for must name this server as its host (or a foreign name was made to point
here), come from the one page (`Origin`, which scripts cannot set), and know the path,
part of which cannot be guessed. All else is refused, and nothing of it is repeated.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import socket
import struct
import termios
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, TYPE_CHECKING, Self

from analysis.errors import ViewerError

if TYPE_CHECKING:
    from types import TracebackType

ADDRESS = "127.0.0.1"
_BLOCK = 1 << 20
_STALLED_S = 30.0
_PARTING_S = 5.0
_TICK_S = 0.05
_METHODS = "GET, HEAD"
_ASKED = "Access-Control-Request-"
_LOCAL = ("Private-Network", "Local-Network")
"""What browsers have called addresses such as ours, when they ask whether they may be used."""


class Server:
    """A file at a URL, until it was fetched; a context manager.

    Args:
        file: open, and as long as this server.
        size: its bytes.
        name: the last part of its URL, of plain characters.
        origin: of the page that may fetch it.
        port: of 127.0.0.1 to listen at.

    Attributes:
        url: of the file.
        sent: bytes of the file that were sent, over all attempts.

    Raises:
        ViewerError: the port cannot be had.
    """

    def __init__(self, file: IO[bytes], size: int, name: str, *, origin: str, port: int) -> None:
        path = f"/{secrets.token_urlsafe(16)}/{name}"
        try:
            self._listener = _Listener(file, size, path, origin, port)
        except OSError as error:
            raise ViewerError(_untaken(port, error)) from error
        self.url = f"http://{self._listener.host}{path}"

    def __enter__(self) -> Self:
        """Begin to answer."""
        threading.Thread(
            target=self._listener.serve_forever, args=(_TICK_S,), name="viewer", daemon=True
        ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End at once."""
        self._listener.shutdown()
        self._listener.server_close()

    def wait(self, seconds: float) -> bool:
        """Wait until the file was fetched, and tell whether it was.

        A fetch that has begun in time may take longer, as long as it goes on.
        """
        last = time.monotonic() + seconds
        while not self._listener.fetched.wait(_TICK_S):
            if time.monotonic() >= last and not self._listener.fetches:
                return False
        return True


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, file: IO[bytes], size: int, path: str, origin: str, port: int) -> None:
        super().__init__((ADDRESS, port), _Handler)
        self.file = file
        self.size = size
        self.path = path
        self.origin = origin
        self.host = f"{ADDRESS}:{self.server_address[1]}"
        self.fetched = threading.Event()
        self.fetches = 0
        self.counting = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away, or sent what is no request."""

    def server_bind(self) -> None:
        """Bind, without asking who this machine is, which may take long."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # a request without one is answered like any other
    timeout = _STALLED_S

    def do_OPTIONS(self) -> None:
        """Answer a browser that asks on the page's behalf whether it may fetch."""
        if self._refused():
            return
        self._begin(HTTPStatus.NO_CONTENT)
        self.send_header("Access-Control-Allow-Methods", _METHODS)
        for kind in _LOCAL:
            if self.headers.get(_ASKED + kind) == "true":
                self.send_header(f"Access-Control-Allow-{kind}", "true")
        self.end_headers()

    def do_HEAD(self) -> None:
        """Describe the file."""
        if not self._refused():
            self._describe()

    def do_GET(self) -> None:
        """Send the file; ranges of it are not served, which needs no saying."""
        if self._refused():
            return
        with self.server.counting:
            self.server.fetches += 1
        try:
            self._describe()
            if self._sent() and _arrived(self.connection):
                self.server.fetched.set()
        finally:
            with self.server.counting:
                self.server.fetches -= 1

    def _refused(self) -> bool:
        """Refuse whatever is not meant for this file, or not from its page."""
        if self.headers.get_all("Host") != [self.server.host]:
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
        elif not secrets.compare_digest(self.path.encode(), self.server.path.encode()):
            self.send_error(HTTPStatus.NOT_FOUND)
        elif self.headers.get_all("Origin") != [self.server.origin]:
            self.send_error(HTTPStatus.FORBIDDEN)
        else:
            return False
        return True

    def _begin(self, status: HTTPStatus) -> None:
        self.close_connection = True
        self.send_response(status)
        self.send_header("Connection", "close")
        self.send_header("Access-Control-Allow-Origin", self.server.origin)
        self.send_header("Vary", "Origin")

    def _describe(self) -> None:
        self._begin(HTTPStatus.OK)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(self.server.size))
        self.send_header("Accept-Ranges", "none")
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()

    def _sent(self) -> bool:
        """Send the file's bytes; False if it became shorter."""
        place = 0
        while place < self.server.size:
            # Requests share the file, so none may move its position.
            block = os.pread(
                self.server.file.fileno(), min(_BLOCK, self.server.size - place), place
            )
            if not block:
                return False
            self.connection.sendall(block)
            place += len(block)
        return True

    def send_error(
        self,
        code: int,
        message: str | None = None,  # noqa: ARG002 - http.server's signature
        explain: str | None = None,  # noqa: ARG002 - the same
    ) -> None:
        """Refuse in few words, none of them the client's."""
        self.close_connection = True
        body = f"{HTTPStatus(code).phrase}\n".encode()
        self.send_response(code)
        self.send_header("Connection", "close")
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        """Keep the versions of Python and of its server to ourselves."""
        return "analyze"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the same
        """Log nothing."""


def _arrived(connection: socket.socket) -> bool:
    """Tell whether all that was sent has arrived, and nobody went away before."""
    last = time.monotonic() + _PARTING_S
    try:
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(_PARTING_S)
        while connection.recv(_BLOCK):
            pass
    except TimeoutError:
        pass  # a client that keeps the connection
    except OSError:
        return False
    while _on_the_way(connection) and time.monotonic() < last:
        time.sleep(_TICK_S)
    broken = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return not broken and not _on_the_way(connection)


def _on_the_way(connection: socket.socket) -> int:
    """Return how many bytes the client has not acknowledged."""
    answer = fcntl.ioctl(connection, termios.TIOCOUTQ, struct.pack("i", 0))
    unacknowledged: int = struct.unpack("i", answer)[0]
    return unacknowledged


def _untaken(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} of {ADDRESS}, the only one that the viewer's page may fetch from, is "
            "taken, perhaps by another `analyze perfetto open` or a `trace_processor`; end it "
            f"(`ss -ltnp 'sport = :{port}'` tells which process it is), or drop the file on the "
            "viewer's page yourself"
        )
    return f"port {port} of {ADDRESS} cannot be listened at ({error.strerror or error})"

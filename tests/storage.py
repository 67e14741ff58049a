"""An S3 server on loopback that can refuse an object, and hold one back."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

FORBIDDEN = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code>'
    b"<Message>Access Denied</Message></Error>"
)


class Storage:
    """What a test says of the server.

    Attributes:
        forbidden: objects whose names end so are refused.
        watched: reading an object whose name ends so is told, once, to `seen`.
        seen: called in the server with the port of who asks; it answers after that.
    """

    def __init__(self) -> None:
        self.url = ""
        self.forbidden: tuple[str, ...] = ()
        self.watched: tuple[str, ...] = ()
        self.seen: Callable[[int], None] = lambda _: None
        self._lock = threading.Lock()

    def wrap(self, application: Any) -> Any:
        def wrapped(environ: Mapping[str, Any], start: Any) -> Any:
            path = environ["PATH_INFO"]
            if self.forbidden and path.endswith(self.forbidden):
                body = b"" if environ["REQUEST_METHOD"] == "HEAD" else FORBIDDEN
                length = ("Content-Length", str(len(body)))
                start("403 Forbidden", [("Content-Type", "application/xml"), length])
                return [body]
            with self._lock:
                told = bool(self.watched) and path.endswith(self.watched)
                told = told and environ["REQUEST_METHOD"] == "GET"
                if told:
                    self.watched = ()
            if told:
                self.seen(int(environ["REMOTE_PORT"]))
            return application(environ, start)

        return wrapped


@contextmanager
def served() -> Iterator[Storage]:
    """Serve moto's S3 on a free port."""
    moto, serving = import_module("moto.server"), import_module("werkzeug.serving")
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    storage = Storage()
    application = storage.wrap(moto.DomainDispatcherApplication(moto.create_backend_app))
    server = serving.make_server("127.0.0.1", 0, application, threaded=True)
    storage.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield storage
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])

"""Traces on other machines: what is said where they cannot be read."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.analysis.running import Run, run
from tests.storage import free_port

__all__ = ["run"]


class _Answers(BaseHTTPRequestHandler):
    """Answers with the status that the path begins with; 0 closes the connection."""

    def do_GET(self) -> None:
        status = int(self.path.split("/")[1])
        if status:
            self.send_error(status)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Answers) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "the server answered 401 Unauthorized"),
        (403, "the server answered 403 Forbidden"),
        (404, "there is no such file"),
        (500, "the server answered 500 Internal Server Error"),
        (0, "Server disconnected"),
    ],
)
def test_what_a_server_answered_is_said(run: Run, server: str, status: int, said: str) -> None:
    url = f"{server}/{status}/a.json"
    for ended in (run("report", url), run("sql", url, "from traces")):
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith(f"Error: {url}: cannot be read ({said})")


def test_a_folder_that_is_refused(run: Run, server: str) -> None:
    ended = run("report", f"{server}/403/run/")
    assert (ended.code, ended.out) == (2, "")
    assert "cannot be read (the server answered 403 Forbidden)" in ended.err


def test_a_server_that_is_not_there(run: Run) -> None:
    port = free_port()
    ended = run("report", f"http://127.0.0.1:{port}/a.json")
    assert (ended.code, ended.out) == (2, "")
    assert f"cannot be read (Cannot connect to host 127.0.0.1:{port}" in ended.err

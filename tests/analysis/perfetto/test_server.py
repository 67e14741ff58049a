"""One file, to one page, once; whatever else is asked for is refused, over real sockets."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from analysis.errors import ViewerError
from analysis.perfetto.server import Server

PAGE = "https://viewer.example"
CONTENT = bytes(range(256)) * 40_000  # more than the buffers of a connection


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "t.json").write_bytes(CONTENT)
    with (
        (tmp_path / "t.json").open("rb") as file,
        Server(file, len(CONTENT), "t.json", origin=PAGE, port=0) as running,
    ):
        yield running


class Target(NamedTuple):
    host: str
    port: int
    path: str


def target(server: Server) -> Target:
    found = re.fullmatch(r"http://(127\.0\.0\.1:(\d+))(/.*)", server.url)
    assert found
    return Target(found[1], int(found[2]), found[3])


def send(server: Server, text: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", target(server).port), timeout=10)
    connection.sendall(text.replace("\n", "\r\n").encode("latin-1"))
    return connection


def ask(server: Server, text: str) -> Answer:
    """Send a request as it stands, and read until the server ends the connection."""
    with send(server, text) as connection:
        received = b""
        while block := connection.recv(1 << 20):
            received += block
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(int(status.split()[1]), headers, body)


def request(server: Server, method: str = "GET", **changes: str | None) -> str:
    """A request of the page, with headers changed; None leaves one out."""
    where = target(server)
    headers: dict[str, str | None] = {"Host": where.host, "Origin": PAGE}
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    path = headers.pop("path", None) or where.path
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""])


def test_the_page_gets_the_file(server: Server) -> None:
    answer = ask(server, request(server))
    assert answer.status == 200
    assert answer.body == CONTENT
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert not {"Python", "BaseHTTP"} & set(re.split(r"\W", answer.headers["Server"]))
    assert server.wait(5)


REFUSED: list[tuple[int, Callable[[Server], str]]] = [
    # Names that somebody lets point to this machine, and what a browser sends for them.
    (421, lambda it: request(it, Host="evil.example")),
    (421, lambda it: request(it, Host=f"evil.example:{target(it).port}")),
    (421, lambda it: request(it, Host=f"localhost:{target(it).port}")),
    (421, lambda it: request(it, Host="127.0.0.1")),
    (421, lambda it: request(it, Host=f"127.0.0.1:{target(it).port}.evil.example")),
    (421, lambda it: request(it, Host=None)),
    (421, lambda it: request(it).replace("\n\n", "\nHost: evil.example\n\n")),
    (421, lambda it: f"GET {target(it).path} HTTP/1.0\nOrigin: {PAGE}\n\n"),
    # Other pages, and what is no page.
    (403, lambda it: request(it, Origin="https://evil.example")),
    (403, lambda it: request(it, Origin="http://viewer.example")),
    (403, lambda it: request(it, Origin=f"{PAGE}.evil.example")),
    (403, lambda it: request(it, Origin=f"{PAGE}:8443")),
    (403, lambda it: request(it, Origin="null")),
    (403, lambda it: request(it, Origin=None)),
    (403, lambda it: request(it).replace("\n\n", f"\nOrigin: {PAGE}\n\n")),
    # Other paths.
    (404, lambda it: request(it, path="/")),
    (404, lambda it: request(it, path="/t.json")),
    (404, lambda it: request(it, path=target(it).path + "/")),
    (404, lambda it: request(it, path=target(it).path + "?x=1")),
    (404, lambda it: request(it, path=target(it).path + "/../../etc/passwd")),
    (404, lambda it: request(it, path="/../../../../etc/passwd")),
    (404, lambda it: request(it, path="/%2e%2e/%2e%2e/etc/passwd")),
    (404, lambda it: request(it, path="//etc/passwd")),
    (404, lambda it: request(it, path=it.url)),
    (404, lambda it: request(it, path=target(it).path.upper())),
    (404, lambda it: request(it, path="/\xe4")),
    # Other methods, and what is no request.
    (501, lambda it: request(it, "POST")),
    (501, lambda it: request(it, "PUT")),
    (501, lambda it: request(it, "<script>")),
    (400, lambda _: "GET\n\n"),
    (400, lambda it: f"GET {target(it).path} HTTP/x\n\n"),
    (431, lambda it: request(it, Cookie="c" * 70_000)),
    (431, lambda it: request(it, **{f"X_{n}": "x" for n in range(200)})),
    (414, lambda it: request(it, path="/" + "p" * 70_000)),
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_all_else_is_refused(server: Server, method: str) -> None:
    for place, (status, asked) in enumerate(REFUSED):
        text = asked(server)
        if method != "GET" and not text.startswith("GET /"):
            continue  # it is about a method of its own
        answer = ask(server, re.sub("^GET /", f"{method} /", text))
        assert answer.status == status, (place, answer)
        assert "Access-Control-Allow-Origin" not in answer.headers, place
        assert len(answer.body) < 100, place
        assert not re.search(rb"evil|script|etc", answer.body), place
    assert not server.wait(0)


def test_a_refused_request_does_not_use_the_file_up(server: Server) -> None:
    assert ask(server, request(server, Origin="https://evil.example")).status == 403
    assert ask(server, request(server)).body == CONTENT


def test_the_browser_asks_first(server: Server) -> None:
    asked = request(
        server,
        "OPTIONS",
        Access_Control_Request_Method="GET",
        Access_Control_Request_Private_Network="true",
    )
    answer = ask(server, asked)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
    assert answer.headers["Access-Control-Allow-Private-Network"] == "true"
    assert "Access-Control-Allow-Local-Network" not in answer.headers
    assert "Access-Control-Allow-Headers" not in answer.headers
    assert not server.wait(0)
    later = ask(server, request(server, "OPTIONS", Access_Control_Request_Local_Network="true"))
    assert later.headers["Access-Control-Allow-Local-Network"] == "true"


def test_a_description_is_no_fetch(server: Server) -> None:
    answer = ask(server, request(server, "HEAD"))
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert not server.wait(0)


@pytest.mark.parametrize("wanted", ["bytes=0-9", "bytes=-1", "bytes=5-,0-1", "bytes=99999999999-"])
def test_ranges_get_the_whole(server: Server, wanted: str) -> None:
    answer = ask(server, request(server, Range=wanted))
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["Accept-Ranges"] == "none"


def test_a_client_that_goes_away_in_the_middle_can_come_back(server: Server) -> None:
    with send(server, request(server)) as connection:
        assert len(connection.recv(1000)) > 0
    assert not server.wait(0.5)
    assert ask(server, request(server)).body == CONTENT
    assert server.wait(5)


def test_a_client_that_goes_away_at_once_has_not_fetched(tmp_path: Path) -> None:
    # So little is sent that the system takes all of it at once.
    (tmp_path / "t.json").write_bytes(b"[]")
    with (
        (tmp_path / "t.json").open("rb") as file,
        Server(file, 2, "t.json", origin=PAGE, port=0) as running,
    ):
        for _ in range(5):
            send(running, request(running)).close()
        assert not running.wait(0.5)
        assert ask(running, request(running)).body == b"[]"
        assert running.wait(5)


def test_a_client_that_says_nothing_holds_nobody_up(server: Server) -> None:
    with send(server, ""), send(server, "GET "):
        assert ask(server, request(server)).body == CONTENT


def test_a_fetch_that_goes_on_is_waited_for(server: Server) -> None:
    def slowly(received: list[bytes]) -> None:
        with send(server, request(server)) as connection:
            time.sleep(0.6)
            while block := connection.recv(1 << 20):
                received.append(block)

    received: list[bytes] = []
    client = threading.Thread(target=slowly, args=(received,))
    client.start()
    time.sleep(0.2)
    assert server.wait(0.1)
    client.join()
    assert b"".join(received).endswith(CONTENT)


def test_a_file_that_became_shorter_was_not_fetched(server: Server, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_bytes(CONTENT[:1000])
    assert len(ask(server, request(server)).body) == 1000
    assert not server.wait(0.2)


def test_nobody_is_served_after_the_end(tmp_path: Path) -> None:
    with (tmp_path / "t.json").open("wb+") as file:
        with Server(file, 0, "t.json", origin=PAGE, port=0) as running:
            pass
        with pytest.raises(ConnectionRefusedError):
            ask(running, request(running))


def test_it_listens_on_this_machine_alone(server: Server) -> None:
    assert server._listener.socket.getsockname()[0] == "127.0.0.1"


def test_paths_cannot_be_guessed(tmp_path: Path) -> None:
    with (tmp_path / "t.json").open("wb+") as file:
        paths = set()
        for _ in range(3):
            with Server(file, 0, "t.json", origin=PAGE, port=0) as running:
                paths.add(target(running).path)
    assert len(paths) == 3
    assert all(re.fullmatch(r"/[\w-]{22}/t\.json", path) for path in paths)


def test_a_taken_port_is_told(server: Server, tmp_path: Path) -> None:
    port = target(server).port
    with (
        (tmp_path / "t.json").open("rb") as file,
        pytest.raises(ViewerError, match=rf"port {port} .* is taken.*ss -ltnp 'sport = :{port}'"),
    ):
        Server(file, 0, "t.json", origin=PAGE, port=port)

"""What the viewer is served, how a browser is led there, and that the browser may fetch it."""

import gzip
import io
import shutil
import socket
import sys
import tarfile
import threading
import webbrowser
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from analysis.cli import main
from analysis.errors import DamagedTraceError, NotATraceError, TraceError, ViewerError
from analysis.perfetto import browse, offered
from tests.builders import chrome_trace, kernel

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TEXT = chrome_trace([kernel("a", 10 * i, 10 * i + 5) for i in range(500)])
VIEWER = "https://ui.perfetto.dev"


def zipped(text: bytes) -> bytes:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr("t.json", text)
    return stored.getvalue()


def tarred(text: bytes) -> bytes:
    stored = io.BytesIO()
    with tarfile.open(fileobj=stored, mode="w:gz") as archive:
        member = tarfile.TarInfo("t.json")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return stored.getvalue()


def fetched(url: str) -> bytes:
    """The bytes that the viewer's page is sent."""
    address, _, path = url.removeprefix("http://").partition("/")
    connection = HTTPConnection(address, timeout=10)
    connection.request("GET", f"/{path}", headers={"Origin": VIEWER})
    body = connection.getresponse().read()
    connection.close()
    return body


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def putting(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return putting


Put = Callable[[str, bytes], Path]


@pytest.mark.parametrize(
    ("name", "stored", "served"),
    [
        ("t.json", TEXT, TEXT),
        ("t.json", b"\xef\xbb\xbf \n" + TEXT, b"\xef\xbb\xbf \n" + TEXT),
        ("t.json.gz", gzip.compress(TEXT, mtime=0), gzip.compress(TEXT, mtime=0)),
        ("t.json.zst", zstd.compress(TEXT), TEXT),
        ("t.zip", zipped(TEXT), TEXT),
        ("t.tar.gz", tarred(TEXT), TEXT),
        ("twice.gz", gzip.compress(gzip.compress(TEXT)), TEXT),
    ],
    ids=["plain", "mark", "gzip", "zstd", "zip", "tar", "twice"],
)
def test_what_the_viewer_reads_is_served(put: Put, name: str, stored: bytes, served: bytes) -> None:
    with offered(put(name, stored), port=0) as offer:
        assert offer.doubts == ()
        assert offer.size == len(served)
        assert fetched(offer.server.url) == served
        assert offer.server.wait(5)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("run.pt.trace.json.gz", "run.json"),
        ("a b&c=d#é.json", "a-b-c-d.json"),
        ("&#.json", "trace.json"),
        ("n" * 200 + ".json", "n" * 80 + ".json"),
    ],
)
def test_the_page_is_told_where_it_is(put: Put, name: str, shown: str) -> None:
    with offered(put(name, TEXT), port=0) as offer:
        assert offer.page == f"{VIEWER}/#!/?url={offer.server.url}"
        assert offer.server.url.endswith(f"/{shown}")


@pytest.mark.parametrize("name", ["t.json", "t.json.gz", "t.json.zst"])
def test_a_text_that_may_be_too_large_is_told(put: Put, name: str) -> None:
    pack: dict[str, Callable[[bytes], bytes]] = {
        "t.json.gz": gzip.compress,
        "t.json.zst": zstd.compress,
    }
    path = put(name, pack.get(name, bytes)(TEXT))
    with offered(path, port=0, large=len(TEXT)) as offer:
        assert offer.doubts == ()
    with offered(path, port=0, large=len(TEXT) - 1) as offer:
        (doubt,) = offer.doubts
        assert f"trace_processor server http {path}" in doubt
        assert len(fetched(offer.server.url)) == offer.size


def test_damage_is_told_and_served_where_the_viewer_unpacks(put: Put) -> None:
    packed = gzip.compress(TEXT)
    with offered(put("t.json.gz", packed[:-40]), port=0) as offer:
        assert "gzip data end early" in offer.doubts[0]
    with (
        pytest.raises(DamagedTraceError, match="perfetto annotate"),
        offered(put("t.json.zst", zstd.compress(TEXT) + b"?"), port=0),
    ):
        pass


def test_what_is_no_trace_is_not_served(put: Put, tmp_path: Path) -> None:
    with pytest.raises(NotATraceError), offered(put("t.json", b"<html>"), port=0):
        pass
    with pytest.raises(TraceError), offered(tmp_path / "none.json", port=0):
        pass


# --- the command ------------------------------------------------------------------------


class Ended(NamedTuple):
    code: object
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command at a free port."""
    monkeypatch.setattr("analysis.cli.perfetto.offered", partial(offered, port=0))

    def running(*arguments: object) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(["perfetto", *map(str, arguments)])
        return Ended(ended.value.code, *capsys.readouterr())

    return running


def test_open_ends_when_the_viewer_has_it(
    put: Put, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[bytes] = []

    def viewer(page: str) -> bool:
        """A browser that fetches what it is told to."""
        url = page.partition("?url=")[2]
        threading.Thread(target=lambda: received.append(fetched(url))).start()
        return True

    monkeypatch.setattr("analysis.cli.perfetto.browse", viewer)
    code, out, err = run("open", put("t.json", TEXT), "--timeout", "30")
    assert (code, err) == (0, "")
    assert "Opened Perfetto's viewer" in out
    assert "allow it" in out
    assert "The viewer has it" in out
    assert received == [TEXT]


def test_open_without_a_browser_prints_the_url_and_ends_in_time(
    put: Put, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(webbrowser, "open", lambda _: pytest.fail("a browser in the terminal"))
    code, out, err = run("open", put("t.json", TEXT), "--timeout", "0.2")
    assert code == 2
    assert f"    {VIEWER}/#!/?url=http://127.0.0.1:" in out
    assert "ssh -L 9001" in out
    assert "did not fetch the trace within 0.2 s" in err
    assert "local network" in err


def test_no_browser_is_opened_where_none_is_wanted(
    put: Put, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.cli.perfetto.browse", lambda _: pytest.fail("opened"))
    assert run("open", put("t.json", TEXT), "--no-browser", "--timeout", "0.1").code == 2


def test_browsing_asks_for_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    opened: list[str] = []

    def open_there(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", open_there)
    assert browse("https://a.example/")
    assert opened == ["https://a.example/"]


def test_the_viewers_port_is_taken(put: Put) -> None:
    # Whoever holds it: this test, or somebody else on this machine.
    with socket.socket() as holder:
        with suppress(OSError):
            holder.bind(("127.0.0.1", 9001))
            holder.listen()
        with pytest.raises(ViewerError, match="port 9001"), offered(put("t.json", TEXT)):
            pass


def test_annotate_says_what_it_wrote(put: Put, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "out.json.gz"
    code, out, err = run("annotate", put("t.json", TEXT), "-o", target)
    assert (code, err.count("\n")) == (0, 1)
    assert err.startswith("Note: No runtime calls are recorded")
    assert out.startswith(f"Written: {target} (500 events, and ")
    code, out, err = run("annotate", put("t.json", TEXT[:-300]), "-o", target)
    assert code == 0
    assert "ends early" in err
    code, _, err = run("annotate", put("t.json", TEXT), "-o", tmp_path / "t.json")
    assert (code, err.count("\n")) == (2, 1)


# --- a real browser ---------------------------------------------------------------------

FETCH = """async url => {
    try {
        const answer = await fetch(url);
        return (await answer.arrayBuffer()).byteLength;
    } catch (error) {
        return String(error);
    }
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


def page_at(browser: "Browser", origin: str, port: str, *, allowed: bool) -> "Page":
    """A page of an origin, which stands in for the viewer: no network is used.

    Its policy is the viewer's, as far as that concerns this machine.
    """
    context = browser.new_context()
    context.set_default_timeout(20_000)
    if allowed:
        context.grant_permissions(["local-network-access"], origin=origin)
    context.route(
        f"{origin}/**",
        lambda route: route.fulfill(
            body="<title>viewer</title>",
            content_type="text/html",
            headers={"Content-Security-Policy": f"connect-src http://127.0.0.1:{port}"},
        ),
    )
    page = context.new_page()
    page.goto(f"{origin}/")
    return page


@pytest.mark.parametrize(
    ("origin", "allowed", "gets_it"),
    [
        (VIEWER, True, True),
        # The browser has not been told to let the page reach this machine.
        (VIEWER, False, False),
        ("https://evil.example", True, False),
        ("https://ui.perfetto.dev.evil.example", True, False),
    ],
)
def test_the_viewers_page_alone_can_fetch(
    browser: "Browser", put: Put, origin: str, *, allowed: bool, gets_it: bool
) -> None:
    with offered(put("t.json.gz", gzip.compress(TEXT)), port=0) as offer:
        port = offer.server.url.split(":")[2].partition("/")[0]
        page = page_at(browser, origin, port, allowed=allowed)
        found = page.evaluate(FETCH, offer.server.url)
        page.context.close()
        assert offer.server.wait(5 if gets_it else 0.2) is gets_it
        assert found == (offer.size if gets_it else "TypeError: Failed to fetch")

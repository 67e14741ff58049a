"""Results are written whole or not at all."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from analysis.errors import OutputError
from analysis.output import check_writable, write_all, write_stream

FILES: dict[str, str | bytes] = {"report.md": "12 µs\n", "report.json": b"{}\n"}
OLD = {"report.md": "old", "report.json": "old"}


def content(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in directory.iterdir()}


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A directory with the results of an earlier run."""
    write_all(tmp_path, OLD)
    return tmp_path


def test_creates_the_directory_and_returns_the_paths_in_order(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "reports"
    assert write_all(directory, FILES) == [directory / "report.md", directory / "report.json"]
    assert content(directory) == {"report.md": "12 µs\n", "report.json": "{}\n"}


def test_replaces_earlier_results(earlier: Path) -> None:
    write_all(earlier, FILES)
    assert content(earlier) == {"report.md": "12 µs\n", "report.json": "{}\n"}


def test_files_have_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (written,) = write_all(tmp_path, {"report.md": ""})
    (tmp_path / "plain").write_text("")
    assert written.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_full_disk_leaves_what_was_there(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed = []

    def full(descriptor: int) -> None:
        flushed.append(descriptor)
        if len(flushed) == len(FILES):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    expected = r"report\.json: cannot be written \(No space left on device\); make room there"
    with pytest.raises(OutputError, match=expected):
        write_all(earlier, FILES)
    assert content(earlier) == OLD


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_truly_full_device_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = Path.open

    def full(_: Path, mode: str) -> IO[Any]:
        return genuine(Path("/dev/full"), mode.replace("x", "w"))

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_all(tmp_path, FILES)
    monkeypatch.undo()
    assert content(tmp_path) == {}


def test_interruption_leaves_what_was_there(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_all(earlier, FILES)
    assert content(earlier) == OLD


def test_a_place_that_is_taken_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "report.md").mkdir()
    with pytest.raises(OutputError, match=r"report\.md: cannot be written"):
        write_all(tmp_path, FILES)
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    obstacle = tmp_path / "reports"
    obstacle.write_text("mine")
    for directory in (obstacle, obstacle / "deeper"):
        expected = r"reports(/deeper)?: cannot be written \(.*\); name another directory"
        with pytest.raises(OutputError, match=expected):
            write_all(directory, FILES)
        with pytest.raises(OutputError, match=expected):
            check_writable(directory)
    assert obstacle.read_text() == "mine"


@pytest.mark.parametrize("place", [".", "new", "new/deeper"])
def test_check_leaves_nothing_behind(tmp_path: Path, place: str) -> None:
    check_writable(tmp_path / place)
    assert list(tmp_path.iterdir()) == []


def test_check_of_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_writable(Path("reports"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_check_refuses_a_read_only_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(OutputError, match=os.strerror(code)):
        check_writable(tmp_path / "reports")


def test_check_refuses_a_broken_link(tmp_path: Path) -> None:
    link = tmp_path / "reports"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputError, match="reports: cannot be written"):
        check_writable(link)


def test_a_stream_becomes_the_file_at_its_end(earlier: Path) -> None:
    def parts() -> Iterator[bytes]:
        yield b"new "
        assert (earlier / "report.md").read_text() == "old"
        yield b"text"

    write_stream(earlier / "report.md", parts())
    assert content(earlier) == OLD | {"report.md": "new text"}


def test_a_stream_that_breaks_off_leaves_what_was_there(earlier: Path) -> None:
    def parts() -> Iterator[bytes]:
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_stream(earlier / "report.md", parts())
    assert content(earlier) == OLD


def test_a_stream_for_a_full_disk(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"report\.md: cannot be written \(No space left"):
        write_stream(earlier / "report.md", [b"new"])
    assert content(earlier) == OLD


def test_a_stream_for_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file or directory"):
        write_stream(tmp_path / "none" / "report.md", [b"new"])

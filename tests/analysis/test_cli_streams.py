"""What standard streams, file names and folders can be like, and never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from analysis import cache
from analysis.errors import OutputError
from analysis.units import printable
from tests.analysis.running import Run, run
from tests.builders import Event, cpu_op, kernel, launch, write_trace
from tests.shared import REPOSITORY

__all__ = ["run"]

EVENTS: list[Event] = [launch(0, 10, correlation=1), kernel("gemm", 100, 200, correlation=1)]
FULL = Path("/dev/full")


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return write_trace(tmp_path / "good.json", EVENTS)


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command line of sh in which `analyze` is ours."""
    return subprocess.run(
        ["sh", "-c", command.replace("analyze ", f"{sys.executable} -m analysis ")],
        check=False,
        capture_output=True,
        text=True,
        errors="backslashreplace",
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)} | environment,
    )


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "arguments",
    ["report good.json", "--help", 'sql good.json "from events" --format csv'],
)
def test_a_full_disk_behind_standard_output(trace: Path, arguments: str) -> None:
    ended = shell(f"analyze {arguments} > /dev/full", trace.parent)
    assert (ended.returncode, ended.stderr) == (
        2,
        "Error: standard output: No space left on device; make room there, or name another place\n",
    )


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("analyze report - <&-", 2, "Error: -: is empty; was the recording interrupted?"),
        ("analyze report good.json >&-", 0, ""),
        ("analyze check-trace nope 2>&-", 2, ""),
        ("analyze report good.json <&- >&- 2>&-", 0, ""),
    ],
)
def test_closed_streams(trace: Path, command: str, code: int, said: str) -> None:
    ended = shell(command, trace.parent)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.startswith(said)
    assert said or not ended.stderr
    assert trace.read_bytes().startswith(b"{")  # no output went into a file by mistake


def test_a_query_in_a_locale_without_utf8(trace: Path) -> None:
    ended = shell(
        "analyze sql good.json \"select '\u65e5' as x\" --format json",
        trace.parent,
        LC_ALL="C",
        PYTHONUTF8="0",
        PYTHONCOERCECLOCALE="0",
    )
    assert (ended.returncode, ended.stdout) == (0, '[\n{"x":"\u65e5"}\n]\n')


def test_names_that_a_terminal_would_obey(run: Run, tmp_path: Path) -> None:
    write_trace(tmp_path / "a\x1b[31m\nb.json", EVENTS)
    for command in (
        ("report", "no\x1b[31m.json"),
        ("check-trace", "a\x1b[31m\nb.json"),
        ("sql", "a\x1b[31m\nb.json", "select path from traces"),
        ("sql", "a\x1b[31m\nb.json", "select * from 'no\x1b[31m'"),
    ):
        ended = run(*command)
        assert "\\x1b[31m" in ended.out + ended.err, command
        # click takes real codes out where nobody sees them: none may be left to take out.
        assert "\x1b" not in ended.out + ended.err


def test_messages_keep_their_lines_and_nothing_that_moves_the_cursor() -> None:
    assert printable("a\n  b\r\x1b[2K\x9bc\u202e") == "a\n  b\\r\\x1b[2K\\x9bc\\u202e"


def test_a_trace_without_devices_has_no_empty_table(run: Run, tmp_path: Path) -> None:
    ended = run("report", write_trace(tmp_path / "none.json", []))
    assert ended.code == 0
    assert "Nothing to measure" in ended.out
    assert "strongest" not in ended.out


def test_a_cache_that_cannot_be_emptied(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Run
) -> None:
    (tmp_path / "kept.parquet").write_bytes(b"")
    monkeypatch.setenv(cache.FOLDER, str(tmp_path))

    def refused(self: Path, *, missing_ok: bool) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(OutputError, match=r"kept\.parquet: cannot be deleted \(Permission denied"):
        cache.clear()
    assert run("cache", "clear").code == 2


def test_a_folder_that_may_not_be_looked_into(
    monkeypatch: pytest.MonkeyPatch, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "closed").mkdir()
    real = Path.stat

    def refused(self: Path, **options: bool) -> os.stat_result:
        if self.parent.name == "closed":
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, **options)

    monkeypatch.setattr(Path, "stat", refused)
    for path in ("closed", "closed/trace.json"):
        ended = run("sql", path, "from events")
        assert ended.code == 2
        assert "cannot be read (Permission denied)" in ended.err


def test_no_place_for_temporary_files(
    monkeypatch: pytest.MonkeyPatch, run: Run, trace: Path
) -> None:
    def none(*_: object, **__: object) -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.mkdtemp", none)
    ended = run("sql", trace, "from events")
    assert ended.code == 2
    assert ended.err.startswith("Error: temporary files: No usable temporary directory found; ")


def test_a_sweep_that_is_a_file(run: Run, trace: Path) -> None:
    assert "good.json: is no folder" in run("sweep", "good.json").err


def test_operators_alone_are_shown(run: Run, tmp_path: Path) -> None:
    assert "strongest" in run("report", write_trace(tmp_path / "c.json", [cpu_op("a", 0, 9)])).out

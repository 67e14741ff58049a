"""A reader never meets half a file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
import torch

from profiling import record
from profiling.errors import BrokenModeError, OutputError
from profiling.files import ensure_writable, replacing, sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from profiling.branches import Workload


def test_the_file_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "trace.json.gz"
    with replacing(target) as temporary:
        temporary.write_text("whole")
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".")
        assert temporary.name.endswith(".json.gz")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "trace.json.gz"
    target.write_text("old")

    def write_half() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        write_half()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert sha256_of(tmp_path / "file") == hashlib.sha256(b"abc").hexdigest()


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    ensure_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "traces").write_text("")
    with pytest.raises(OutputError, match=r"cannot write into .*traces .*File exists.*--out"):
        ensure_writable(tmp_path / "traces")


def test_an_unwritable_folder_fails_before_any_work(
    tiny: Workload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "traces").write_text("")
    monkeypatch.setattr("profiling.recorder.LocalSession", None)
    with pytest.raises(OutputError):
        record(tiny, ["sequential"], tmp_path / "traces", isolate=False)


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_an_export_that_fails_leaves_nothing(
    error: BaseException, tiny: Workload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = torch.profiler.profile.export_chrome_trace

    def half_an_export(self: torch.profiler.profile, path: str) -> object:
        if str(tmp_path / "out") not in path:
            return export(self, path)
        with open(path, "w") as file:  # noqa: PTH123 - as torch does it
            file.write('{"traceEvents": [')
        raise error

    monkeypatch.setattr(torch.profiler.profile, "export_chrome_trace", half_an_export)
    out = tmp_path / "out"

    def run() -> object:
        return record(
            tiny, ["sequential"], out, device="cpu", warmup=0, steps=1, rounds=1, isolate=False
        ).failures["sequential"]

    if isinstance(error, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            run()
    else:
        failure = run()
        assert isinstance(failure, BrokenModeError)
        assert str(failure) == "OSError: disk full"
    # The journal says that it was asked for.
    assert [path.name for path in out.iterdir()] == ["cpu-custom.run.json"]

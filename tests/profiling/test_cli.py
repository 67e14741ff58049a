"""The command line: help without torch, errors of one line, exit codes."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from profiling import MODES, cli
from profiling.modes.sequential import Sequential

if TYPE_CHECKING:
    from tests.profiling.conftest import RunCommand

ROOT = Path(__file__).parents[2]
SMALL = ["--hidden-size", "4", "--batch", "2", "--warmup", "1", "--steps", "1", "--rounds", "2"]
HERE = ["--no-isolate", "--device", "cpu"]


def run_main(args: list[str]) -> int:
    with pytest.raises(SystemExit) as exit_info:
        cli.main(args)
    code = exit_info.value.code
    assert isinstance(code, int)
    return code


@pytest.mark.parametrize(
    "statement",
    [
        "import profiling",
        "from profiling.cli import main\ntry: main(['record', '--help'])\nexcept SystemExit: pass",
    ],
)
def test_torch_is_not_imported_before_it_is_needed(statement: str) -> None:
    check = "import sys; assert not {'torch', 'numpy', 'analysis'} & set(sys.modules), 'loaded'"
    subprocess.run(
        [sys.executable, "-c", f"{statement}\n{check}"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )


@pytest.fixture
def without_torch(tmp_path: Path) -> Path:
    folder = tmp_path / "without"
    folder.mkdir()
    (folder / "torch.py").write_text("raise ModuleNotFoundError('No torch', name='torch')")
    return folder


@pytest.mark.parametrize("command", [["record"], ["record", "--no-isolate"], ["modes"]])
def test_missing_torch_names_the_command_that_brings_it(
    command: list[str], run_command: RunCommand, without_torch: Path
) -> None:
    done = run_command(*command, path=without_torch)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "Error: recording needs torch, which is not installed. "
        'Run: pip install "torch-overlap[record]"\n'
    )


def test_help_needs_no_torch(run_command: RunCommand, without_torch: Path) -> None:
    done = run_command("record", "--help", path=without_torch)
    assert done.returncode == 0
    assert "--seq-length" in done.stdout


def test_torch_that_does_not_load_is_told_apart(run_command: RunCommand, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise OSError('libtorch.so: no such file')")
    done = run_command("modes", path=tmp_path)
    assert done.returncode == 1
    assert "torch is installed, but does not load (libtorch.so: no such file)" in done.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--mode", "no_such"], "'no_such' is not one of 'sequential'"),
        (["--branches", "0"], "0 is not in the range x>=1"),
        (["--dtype", "int8"], "'int8' is not one of 'float32'"),
        (["--device", "tpu"], "'tpu' is not one of 'auto'"),
        (["--rounds", "none"], "'none' is not a valid integer"),
        (["--preset", "other"], "'other' is not"),
        (["surplus"], "unexpected extra argument"),
    ],
)
def test_wrong_usage(args: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main(["record", *args]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err


def test_unwritable_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert run_main(["record", "--out", str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err.startswith(f"Error: cannot write into {tmp_path / 'file'} (")


def test_no_gpu(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    code = run_main(["record", "--no-isolate", "--device", "cuda", "--out", str(tmp_path)])
    assert code == 2
    assert "finds no GPU here; use cpu or auto" in capsys.readouterr().err


def test_a_recording_that_went_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path)]
    assert (
        run_main(["record", *SMALL, *HERE, *out, "--mode", "no_grad", "--mode", "sequential"]) == 0
    )
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[0].startswith("custom on cpu (")
    assert [line.split()[0] for line in lines[2:5]] == ["mode", "sequential", "no_grad"]
    assert f"analyze report {tmp_path}" in printed.out
    assert "https://ui.perfetto.dev" in printed.out
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cpu-custom-no_grad.graph.json.gz",
        "cpu-custom-no_grad.manifest.json",
        "cpu-custom-no_grad.pt.trace.json.gz",
        "cpu-custom-sequential.graph.json.gz",
        "cpu-custom-sequential.manifest.json",
        "cpu-custom-sequential.pt.trace.json.gz",
        "cpu-custom.run.json",
    ]


def test_the_post_has_its_name_in_the_files(tmp_path: Path) -> None:
    quick = ["--warmup", "1", "--steps", "1", "--rounds", "1", "--mode", "no_grad"]
    assert run_main(["record", *quick, *HERE, "--out", str(tmp_path)]) == 0
    assert (tmp_path / "cpu-post-no_grad.pt.trace.json.gz").exists()


def test_a_failed_mode_is_reported_and_sets_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Breaking(Sequential):
        def prepare(self, *_args: Any, **_options: Any) -> Any:
            raise ValueError("wires crossed")

    monkeypatch.setitem(MODES, "no_grad", Breaking())
    out = ["--out", str(tmp_path)]
    assert (
        run_main(["record", *SMALL, *HERE, *out, "--mode", "no_grad", "--mode", "sequential"]) == 1
    )
    printed = capsys.readouterr().out
    assert "failed   no_grad: ValueError: wires crossed" in printed
    assert (tmp_path / "cpu-custom-sequential.manifest.json").exists()


def test_shapes_and_stacks_are_traced_on_request(tmp_path: Path) -> None:
    out = ["--out", str(tmp_path)]
    assert (
        run_main(["record", *SMALL, *HERE, *out, "--mode", "sequential", "--shapes", "--stacks"])
        == 0
    )
    trace = gzip.decompress((tmp_path / "cpu-custom-sequential.pt.trace.json.gz").read_bytes())
    events = json.loads(trace)["traceEvents"]
    assert any("Input Dims" in event.get("args", {}) for event in events)
    assert any(event.get("cat") == "python_function" for event in events)
    manifest = json.loads((tmp_path / "cpu-custom-sequential.manifest.json").read_text())
    assert manifest["traced"]["shapes"] is manifest["traced"]["stacks"] is True


def test_modes_lists_each_with_what_it_shows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.get_num_interop_threads", lambda: 1)
    assert run_main(["modes", "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    flowed = " ".join(printed.split())
    for name, mode in MODES.items():
        assert name in printed.splitlines()
        assert mode.shows in flowed
    assert "the inter-op pool has 1 thread" in flowed
    assert "runs on cpu" in flowed


def test_a_compiler_is_needed_to_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    reason = MODES["compile"].unavailable("cpu")
    assert reason == "needs a C++ compiler; no-such-compiler is not on the PATH"

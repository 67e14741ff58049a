"""The user's own branches by the name of a function, as the README shows it."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

from profiling import MODES, Target, record
from profiling.cli import main
from profiling.errors import UsageError
from tests.shared import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHORT = ["--warmup", "2", "--steps", "2", "--rounds", "3"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In a folder of its own, whose modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in {"two_models", "mine"} & (set(sys.modules) - modules):
        del sys.modules[name]


def example() -> str:
    text = (REPOSITORY / "README.md").read_text()
    section = text[text.index("## Your own model") :]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found
    return found[1]


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["record", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


# Two different models are no batch; and whether the pool's threads share out branches as
# short as these is up to the operating system.
UNFIT = {"stacked", "vmap", "script_fork"}
FIT = [name for name, mode in MODES.items() if "cpu" in mode.devices and name not in UNFIT]


def test_the_readme_s_example_through_every_mode_that_fits(tmp_path: Path) -> None:
    (tmp_path / "two_models.py").write_text(example())
    chosen = [option for name in FIT for option in ("--mode", name)]
    assert run("--target", "two_models:branches", *chosen, "--out", "out", *SHORT) == 0
    found = [json.loads(path.read_text()) for path in (tmp_path / "out").glob("*.manifest.json")]
    assert {each["mode"] for each in found} == set(FIT)
    assert {each["preset"] for each in found} == {"custom"}
    assert {each["workload"]["branches"] for each in found} == {2}


def test_a_mode_that_does_not_fit_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "two_models.py").write_text(example())
    arguments = ["--mode", "stacked", "--out", "out", *SHORT]
    assert run("--target", "two_models:branches", *arguments) == 1
    assert "failed   stacked: branch 0 is a Sequential; stacking is" in capsys.readouterr().out


def test_from_python(tmp_path: Path) -> None:
    (tmp_path / "two_models.py").write_text(example())
    recording = record(
        Target("two_models:branches"),
        ["no_grad"],
        "out",
        warmup=1,
        steps=2,
        rounds=2,
        isolate=False,
    )
    assert [each["mode"] for each in recording.manifests] == ["no_grad"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("mine", "target is 'mine'; expected package.module:function"),
        (":branches", "target is ':branches'; expected package.module:function"),
        ("no.such:branches", "no.such:branches cannot be imported (ModuleNotFoundError: "),
        ("mine:absent", "mine:absent cannot be imported (AttributeError: "),
        ("broken:branches", "broken:branches cannot be imported (SyntaxError: "),
        ("mine:fails", "mine:fails() raised ValueError: too few"),
        ("mine:number", "mine:number returned a int; expected a list of profiling.Branch"),
        ("mine:nothing", "mine:nothing returned a list of nothing; expected"),
        ("mine:others", "mine:others returned a list of int, str; expected"),
        ("mine:NUMBER", "mine:NUMBER() raised TypeError: "),
    ],
)
def test_what_is_no_target(tmp_path: Path, target: str, message: str) -> None:
    (tmp_path / "broken.py").write_text("def branches(:\n")
    (tmp_path / "mine.py").write_text(
        "NUMBER = 1\n"
        "def fails():\n    raise ValueError('too few\\nlines')\n"
        "def number():\n    return 1\n"
        "def nothing():\n    return []\n"
        "def others():\n    return [1, 'a']\n"
    )
    with pytest.raises(UsageError, match=re.escape(message)):
        Target(target).build()


def test_a_target_brings_its_own_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    for more in (["--branches", "3"], ["--preset", "post"]):
        assert run("--target", "mine:branches", *more) == 2
        assert "leave out --preset and sizes" in capsys.readouterr().err


def test_a_wrong_target_is_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run("--target", "no_such:branches", "--mode", "no_grad", "--out", "out", *SHORT)
    assert code == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: no_such:branches cannot be imported (")
    assert "Traceback" not in error
    assert list((tmp_path / "out").glob("*")) == []

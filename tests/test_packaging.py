"""What is shipped, what is locked, and what an import costs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HEAVY = {"hta", "pandas", "torch"}


def python(*arguments: str, cwd: Path = ROOT) -> str:
    """Run Python; return what it printed."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


@pytest.fixture(scope="module")
def lock() -> dict[str, list[Requirement]]:
    """The locked requirements by name; a name recurs where Pythons differ."""
    locked: dict[str, list[Requirement]] = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text:
            requirement = Requirement(text)
            locked.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return locked


def declared() -> list[Requirement]:
    project: dict[str, Any] = PROJECT["project"]
    groups = (
        project["dependencies"],
        *project["optional-dependencies"].values(),
        PROJECT["dependency-groups"]["dev"],
    )
    requirements = [Requirement(text) for group in groups for text in group]
    return [one for one in requirements if one.name != project["name"]]


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_lock_satisfies_what_is_declared(
    requirement: Requirement, lock: dict[str, list[Requirement]]
) -> None:
    pins = lock[canonicalize_name(requirement.name)]
    versions = [specifier.version for pin in pins for specifier in pin.specifier]
    assert list(requirement.specifier.filter(versions)) == versions


def test_lock_is_exact_and_free_of_places(lock: dict[str, list[Requirement]]) -> None:
    for pins in lock.values():
        for pin in pins:
            assert [specifier.operator for specifier in pin.specifier] == ["=="], pin
            assert not pin.url, pin
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"://|^-|--hash", text, re.MULTILINE)


def test_lock_leaves_the_build_of_torch_to_the_machine(lock: dict[str, list[Requirement]]) -> None:
    assert [str(pin.specifier) for pin in lock["torch"]] == ["==2.13.0"]
    assert not [name for name in lock if name.startswith(("cuda-", "nvidia-", "triton"))]


def test_build_tools_are_the_same_in_and_out_of_isolation() -> None:
    assert set(PROJECT["build-system"]["requires"]) <= set(PROJECT["dependency-groups"]["dev"])


def test_wheel_holds_the_packages_whole_and_nothing_else(tmp_path: Path) -> None:
    python("-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT))
    (wheel,) = tmp_path.glob("*.whl")
    shipped = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    sources = {
        path.relative_to(ROOT).as_posix()
        for package in ("analysis", "profiling")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shipped == sources
    assert {"analysis/py.typed", "profiling/py.typed"} <= shipped
    assert [name for name in shipped if name.startswith("analysis/") and name.endswith(".json")]


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        pytest.param("import analysis", HEAVY, id="analysis"),
        pytest.param("import profiling", HEAVY | {"numpy"}, id="profiling"),
        pytest.param(
            "sys.argv[1:] = ['--help']; from analysis.cli import main; main()",
            HEAVY,
            id="analyze --help",
        ),
        pytest.param(
            "sys.argv[1:] = ['--help']; from profiling.cli import main; main()",
            HEAVY | {"numpy"},
            id="profiling --help",
        ),
    ],
)
def test_light_commands_import_nothing_heavy(statement: str, unwanted: set[str]) -> None:
    shown = python(
        "-c",
        "import atexit, sys\n"
        "atexit.register(lambda: print('modules:', *sys.modules))\n"
        f"{statement}",
    )
    modules = set(shown.rpartition("modules:")[2].split())
    assert "sys" in modules
    assert not modules & unwanted


def test_make_alone_lists_every_target() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    targets = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"^  make ([\w-]+) ", listed, re.MULTILINE)) == set(
        " ".join(targets).split()
    )

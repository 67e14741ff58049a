"""The workflow in docs/ci.md does what it says."""

from __future__ import annotations

import re
import shlex
import shutil
from typing import TYPE_CHECKING

import click
import pytest

from analysis.gate.figures import MEANING
from analysis.wording import STATE_MEANING
from profiling.cli import cli
from tests.shared import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Analyze = Callable[..., tuple[object, str, str]]

PAGE = (REPOSITORY / "docs/ci.md").read_text()
RUN = re.compile(r"run: (?:\|\n((?:          .*\n)+)|(.*)\n)")


def commands() -> list[list[str]]:
    """What the workflow runs, each line that ends in a backslash joined to the next."""
    blocks = "".join(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
    scripts = [block or line for block, line in RUN.findall(blocks)]
    lines = [line for script in scripts for line in script.replace("\\\n", " ").splitlines()]
    return [shlex.split(line) for line in lines if line.strip()]


def arguments(command: str, verb: str, page: Path) -> list[str]:
    (found,) = (each for each in commands() if each[:2] == [command, verb])
    return [str(page) if each == "$GITHUB_STEP_SUMMARY" else each for each in found[1:]]


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job's folder, with two modes recorded and their baseline."""
    for folder in ("traces", "baseline"):
        (tmp_path / folder).mkdir()
        for file in (REPOSITORY / "traces/examples").glob("cpu-post-*"):
            if "threads" in file.name or "sequential" in file.name:
                shutil.copy(file, tmp_path / folder)
    return tmp_path


def test_the_gate_passes_and_fails(analyze: Analyze, job: Path) -> None:
    page = job / "page.md"
    given = arguments("analyze", "gate", page)
    assert analyze(*given)[0] == 0
    assert page.read_text().startswith("# Gate\n\nPassed: 3 checks.")
    # Where the mode no longer overlaps, the rule about it is broken.
    for file in (job / "traces").glob("*threads.pt.trace*"):
        shutil.copy(job / "traces/cpu-post-sequential.pt.trace.json.gz", file)
    for manifest in (job / "traces").glob("*threads.manifest*"):
        manifest.unlink()
    (job / "traces/cpu-post-threads.pt.trace.json.gz").rename(job / "traces/threads.json.gz")
    code, out, _ = analyze(*given)
    assert code == 1
    assert "FAILED threads: threads:overlap>=0.1: overlap is 0.0%, not >= 10.0%" in out


def test_the_report_goes_to_the_page(analyze: Analyze, job: Path) -> None:
    page = job / "page.md"
    assert analyze(*arguments("analyze", "report", page))[0] == 0
    assert page.read_text().startswith("# What ran in parallel\n")
    assert (job / "reports/tables/states.csv").is_file()


def test_the_recording_is_one_that_the_recorder_takes(job: Path) -> None:
    given = arguments("profiling", "record", job)
    command = cli.get_command(click.Context(cli), given[0])
    assert command is not None
    context = command.make_context(given[0], given[1:])
    assert context.params["target"] == "two_models:branches"


def test_the_figures_are_those_that_a_gate_knows() -> None:
    table = (REPOSITORY / "docs/compare.md").read_text().partition("# Figures that a gate")[2]
    rows = [row for row in table.splitlines() if row.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert set(named) == set(MEANING) - set(STATE_MEANING)

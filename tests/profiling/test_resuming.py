"""A recording that was interrupted goes on, and says that its parts were timed apart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from profiling import MODES, record
from profiling.branches import Workload
from profiling.errors import BrokenModeError, JournalError
from profiling.modes.no_grad import NoGrad
from profiling.modes.sequential import Sequential

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from profiling.recorder import Recording

NAMES = ["sequential", "no_grad", "stacked"]
TINY = Workload(input_size=3, hidden_size=4, batch=2, seq_length=3)
Record = Any


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Recording]:
    def call(modes: list[str] | None = None, **options: Any) -> Recording:
        settings: dict[str, Any] = {"warmup": 0, "steps": 1, "rounds": 2, "device": "cpu"}
        return record(TINY, modes, tmp_path, isolate=False, **{**settings, **options})

    return call


@pytest.fixture
def one_breaks(monkeypatch: pytest.MonkeyPatch, run: Callable[..., Recording]) -> Recording:
    """A recording of NAMES in which no_grad broke; it works again afterwards."""

    class Breaking(NoGrad):
        def prepare(self, *_args: Any, **_options: Any) -> Any:
            raise ValueError("wires crossed")

    with monkeypatch.context() as patch:
        patch.setitem(MODES, "no_grad", Breaking())
        return run(NAMES)


def journal(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "cpu-custom.run.json").read_text())
    return content


def states(folder: Path) -> dict[str, str]:
    return {name: each["state"] for name, each in journal(folder)["modes"].items()}


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.iterdir() if not path.name.endswith(".run.json"))
    return {path.name: path.read_bytes() for path in files}


def test_the_journal_says_what_failed_and_why(one_breaks: Recording, tmp_path: Path) -> None:
    assert states(tmp_path) == {
        "sequential": "recorded",
        "no_grad": "failed",
        "stacked": "recorded",
    }
    found = journal(tmp_path)
    assert found["runs"] == [one_breaks.run]
    assert found["modes"]["no_grad"]["reason"] == "ValueError: wires crossed"
    assert found["modes"]["stacked"]["run"] == one_breaks.run
    assert found["asked"]["given"]["hidden_size"] == 4


def test_what_is_missing_is_a_run_of_its_own_beside_a_baseline_of_its_own(
    one_breaks: Recording, run: Callable[..., Recording], tmp_path: Path
) -> None:
    before = contents(tmp_path)
    resumed = run(resume=True)
    assert [each["mode"] for each in resumed.manifests] == ["sequential", "no_grad"]
    assert sorted(resumed.kept) == ["sequential", "stacked"]
    assert resumed.run != one_breaks.run
    assert {each["run"] for each in resumed.manifests} == {resumed.run}
    assert {each["resumes"] for each in resumed.manifests} == {one_breaks.run}
    assert {each["resumes"] for each in one_breaks.manifests} == {None}
    after = contents(tmp_path)
    assert {name: after[name] for name in before} == before
    assert sorted(set(after) - set(before)) == [
        "cpu-custom-no_grad.graph.json.gz",
        "cpu-custom-no_grad.manifest.json",
        "cpu-custom-no_grad.pt.trace.json.gz",
        "cpu-custom-sequential-run2.graph.json.gz",
        "cpu-custom-sequential-run2.manifest.json",
        "cpu-custom-sequential-run2.pt.trace.json.gz",
    ]
    assert set(states(tmp_path).values()) == {"recorded"}
    found = journal(tmp_path)
    assert found["runs"] == [one_breaks.run, resumed.run]
    assert found["modes"]["sequential"]["run"] == one_breaks.run
    assert found["modes"]["no_grad"]["run"] == resumed.run


def test_nothing_is_run_where_nothing_is_missing(
    run: Callable[..., Recording], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(["sequential", "no_grad"])
    before = contents(tmp_path), journal(tmp_path)
    monkeypatch.setattr("profiling.recorder.LocalSession", None)
    again = run(resume=True)
    assert (again.manifests, sorted(again.kept)) == ([], ["no_grad", "sequential"])
    assert (contents(tmp_path), journal(tmp_path)) == before


def test_all_is_recorded_where_nothing_was_begun(
    run: Callable[..., Recording], tmp_path: Path
) -> None:
    recording = run(["sequential", "no_grad"], resume=True)
    assert [each["resumes"] for each in recording.manifests] == [None, None]
    assert journal(tmp_path)["runs"] == [recording.run]


def test_a_mode_may_be_added(run: Callable[..., Recording], tmp_path: Path) -> None:
    run(["sequential", "no_grad"])
    added = run(["stacked"], resume=True)
    assert [each["mode"] for each in added.manifests] == ["sequential", "stacked"]
    assert sorted(states(tmp_path)) == ["no_grad", "sequential", "stacked"]


@pytest.mark.parametrize("name", ["pt.trace.json.gz", "manifest.json"])
def test_what_is_not_whole_is_missing(
    name: str, run: Callable[..., Recording], tmp_path: Path
) -> None:
    run(["sequential", "no_grad"])
    path = tmp_path / f"cpu-custom-no_grad.{name}"
    path.write_bytes(path.read_bytes()[:-20])
    resumed = run(resume=True)
    assert [each["mode"] for each in resumed.manifests] == ["sequential", "no_grad"]


def test_without_its_baseline_a_recording_says_nothing_and_begins_anew(
    run: Callable[..., Recording], tmp_path: Path
) -> None:
    run(["sequential", "no_grad"])
    (tmp_path / "cpu-custom-sequential.manifest.json").unlink()
    anew = run(resume=True)
    assert [each["mode"] for each in anew.manifests] == ["sequential", "no_grad"]
    assert [each["resumes"] for each in anew.manifests] == [None, None]
    assert journal(tmp_path)["runs"] == [anew.run]


def test_other_settings_cannot_go_on(run: Callable[..., Recording], tmp_path: Path) -> None:
    run(["sequential"])
    before = contents(tmp_path), journal(tmp_path)
    with pytest.raises(JournalError, match=r"run\.json cannot be resumed.*steps was 1, is now 2"):
        run(["sequential", "no_grad"], steps=2, resume=True)
    assert (contents(tmp_path), journal(tmp_path)) == before


def test_a_new_recording_takes_the_place_of_a_resumed_one(
    one_breaks: Recording, run: Callable[..., Recording], tmp_path: Path
) -> None:
    run(resume=True)
    anew = run(NAMES)
    assert not list(tmp_path.glob("*-run2*"))
    assert {
        json.loads(each)["run"]
        for name, each in contents(tmp_path).items()
        if name.endswith(".manifest.json")
    } == {anew.run}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 1}', '{"schema_version": 9}'])
def test_a_journal_of_something_else(
    text: str, run: Callable[..., Recording], tmp_path: Path
) -> None:
    path = tmp_path / "cpu-custom.run.json"
    path.write_text(text)
    with pytest.raises(JournalError, match=r"cpu-custom\.run\.json: is no record"):
        run(["sequential"], resume=True)
    assert path.read_text() == text
    run(["sequential"])
    assert states(tmp_path) == {"sequential": "recorded"}


def test_a_baseline_that_breaks_when_timed_again_changes_nothing_of_the_first(
    one_breaks: Recording,
    run: Callable[..., Recording],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Breaking(Sequential):
        def prepare(self, *_args: Any, **_options: Any) -> Any:
            raise ValueError("wires crossed")

    monkeypatch.setitem(MODES, "sequential", Breaking())
    resumed = run(resume=True)
    assert isinstance(resumed.failures["sequential"], BrokenModeError)
    assert states(tmp_path)["sequential"] == "recorded"
    assert journal(tmp_path)["modes"]["sequential"]["run"] == one_breaks.run

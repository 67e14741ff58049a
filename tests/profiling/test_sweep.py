"""Sweeps in this process: which points there are, how far each has come, what goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from profiling import MODES, cli
from profiling.branches import PRESETS, Workload
from profiling.cli.sweep import command
from profiling.errors import JournalError, OutputError, UsageError
from profiling.modes.no_grad import NoGrad
from profiling.sweep import Sweep, combinations, sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TINY = Workload(input_size=3, hidden_size=4, batch=2, seq_length=2)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Sweep]:
    def call(sizes: list[int], **options: Any) -> Sweep:
        settings: dict[str, Any] = {"warmup": 0, "steps": 1, "rounds": 2, "device": "cpu"}
        given = {"modes": ["no_grad"], **settings, **options}
        return sweep(TINY, {"hidden_size": sizes}, out=tmp_path / "s", isolate=False, **given)

    return call


def points(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "s" / "sweep.run.json").read_text())["points"]
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_combination_is_a_point_once() -> None:
    found = combinations(TINY, {"hidden_size": [4, 8, 4], "batch": [2, 3]})
    assert [each.name for each in found] == [
        "hidden_size=4,batch=2",
        "hidden_size=4,batch=3",
        "hidden_size=8,batch=2",
        "hidden_size=8,batch=3",
    ]
    assert found[3].workload == Workload(input_size=3, hidden_size=8, batch=3, seq_length=2)


@pytest.mark.parametrize(
    "axes", [{"no_such": [1]}, {"batch": []}, {"batch": "12"}, {"batch": [0]}, {"dtype": ["int8"]}]
)
def test_axes_that_make_no_sense(axes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected"):
        sweep(TINY, axes, out=tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_each_point_is_a_recording_of_its_own(run: Callable[..., Sweep], tmp_path: Path) -> None:
    done = run([4, 5])
    assert len(done.of("recorded")) == 2
    noted = points(tmp_path)
    assert {each["state"] for each in noted.values()} == {"recorded"}
    assert noted["hidden_size=5"]["sizes"]["hidden_size"] == 5
    for name, each in noted.items():
        folder = tmp_path / "s" / name
        manifests = [json.loads(path.read_text()) for path in folder.glob("*.manifest.json")]
        # The baseline is there though nobody named it.
        assert sorted(each["mode"] for each in manifests) == ["no_grad", "sequential"]
        assert {each["run"] for each in manifests} == {each["run"]}
        assert {str(each["workload"]["hidden_size"]) for each in manifests} == {name[12:]}


def test_a_sweep_goes_on_with_further_values_and_keeps_what_is_whole(
    run: Callable[..., Sweep], tmp_path: Path
) -> None:
    first = run([4])
    before = files(tmp_path / "s" / "hidden_size=4")
    with pytest.raises(UsageError, match="holds a sweep of 1 points: --resume goes on with it"):
        run([4, 5])
    told: list[tuple[str, bool]] = []
    done = run(
        [4, 5],
        resume=True,
        tell=lambda point, _place, _entry, recording: told.append(
            (point.name, recording is not None)
        ),
    )
    assert files(tmp_path / "s" / "hidden_size=4") == before
    assert done.entries["hidden_size=4"] == first.entries["hidden_size=4"]
    assert list(points(tmp_path)) == ["hidden_size=4", "hidden_size=5"]
    assert told == [("hidden_size=4", False), ("hidden_size=5", False), ("hidden_size=5", True)]


def test_a_point_that_lost_a_file_is_recorded_whole_again(
    run: Callable[..., Sweep], tmp_path: Path
) -> None:
    first = run([4])
    folder = tmp_path / "s" / "hidden_size=4"
    (folder / "cpu-custom-no_grad.pt.trace.json.gz").unlink()
    again = run([4], resume=True)
    assert again.entries["hidden_size=4"].run != first.entries["hidden_size=4"].run
    manifests = [json.loads(path.read_text()) for path in folder.glob("*.manifest.json")]
    # Modes of a point compare only if they were timed in turns: the baseline is of that run, too.
    assert {each["run"] for each in manifests} == {again.entries["hidden_size=4"].run}
    assert {each["resumes"] for each in manifests} == {None}


def test_a_mode_that_fails_fails_its_point_and_is_tried_again(
    run: Callable[..., Sweep], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Breaking(NoGrad):
        def prepare(self, *_args: Any, **_options: Any) -> Any:
            raise ValueError("wires crossed")

    with monkeypatch.context() as patch:
        patch.setitem(MODES, "no_grad", Breaking())
        assert len(run([4, 5]).of("failed")) == 2
    assert points(tmp_path)["hidden_size=4"]["reason"] == "no_grad: ValueError: wires crossed"
    assert len(run([4, 5], resume=True).of("recorded")) == 2


def test_a_full_disk_ends_the_sweep_with_its_points_noted(
    run: Callable[..., Sweep], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from profiling.recorder import record  # noqa: PLC0415 - before it is replaced

    def full(workload: Workload, *args: Any, **options: Any) -> Any:
        if workload.hidden_size == 5:
            raise OutputError("trace: cannot be written (No space left on device)")
        return record(workload, *args, **options)

    monkeypatch.setattr("profiling.sweep.record", full)
    with pytest.raises(OutputError):
        run([4, 5, 6])
    states = {name: each["state"] for name, each in points(tmp_path).items()}
    assert states == {
        "hidden_size=4": "recorded",
        "hidden_size=5": "missing",
        "hidden_size=6": "missing",
    }


def test_other_settings_cannot_go_on(run: Callable[..., Sweep]) -> None:
    run([4])
    with pytest.raises(JournalError, match="rounds was 2, is now 3"):
        run([4], rounds=3, resume=True)


@pytest.mark.parametrize("text", ["{", "[]", '{"schema_version": 1}'])
def test_a_note_of_something_else(text: str, run: Callable[..., Sweep], tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "sweep.run.json").write_text(text)
    for resume in (False, True):
        with pytest.raises(JournalError, match=r"sweep\.run\.json"):
            run([4], resume=resume)


@pytest.mark.parametrize(
    ("args", "base", "axes"),
    [
        (["--hidden-size", "4, 8"], PRESETS["post"], {"hidden_size": [4, 8]}),
        (
            ["--batch", "3", "--dtype", "float32,float64"],
            Workload(batch=3),
            {"dtype": ["float32", "float64"]},
        ),
        (["--hidden-size", "4"], PRESETS["post"], {"hidden_size": [4]}),
        (["--preset", "wide"], PRESETS["wide"], None),
    ],
)
def test_lists_are_axes_and_single_values_are_fixed(
    args: list[str],
    base: Workload,
    axes: dict[str, Any] | None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    given: list[Any] = []

    def note(*args: Any, **_options: Any) -> Sweep:
        given.extend(args)
        return Sweep(tmp_path, {}, [])

    monkeypatch.setattr("profiling.cli.sweep.sweep_sizes", note)
    assert command.main(args, standalone_mode=False) == 0
    assert given == [base, axes, None]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--hidden-size", "4,none"], "'none' is not a valid integer"),
        (["--batch", "0,1"], "0 is not in the range x>=1"),
        (["--dtype", "int8,float32"], "'int8' is not one of 'float32'"),
    ],
)
def test_wrong_usage(args: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["sweep", *args])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err

"""Sweeps of literal recordings: from which operator length on a mode pays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from analysis.errors import TraceError
from analysis.metrics.lengths import OperatorLengths
from analysis.report import ModeFigures
from analysis.statistics import Ratio
from analysis.sweep import Point, Sweep, compose, draw, read
from analysis.sweep.compose import sentence
from analysis.sweep.verdicts import verdict, verdicts
from tests.builders import Event, annotation, cpu_op, in_microseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

TIMES = "\N{MULTIPLICATION SIGN}"
SVG = "{http://www.w3.org/2000/svg}"
NOISE = (1.0, 1.01, 0.99, 1.02, 0.98)


def events(length: int, *, threads: int) -> list[Event]:
    """Two steps of two operators of so many us, on one thread or on two."""
    found = []
    for step in range(2):
        begin = 100_000 * step
        for index in range(2):
            start = begin + (0 if threads == 2 else index * length)
            found.append(cpu_op("aten::mm", start, start + length, tid=1 + index % threads))
        wall = length if threads == 2 else 2 * length
        found.append(annotation("overlap.step", begin, begin + wall, tid=9))
    return in_microseconds(found)


@pytest.fixture
def point(tmp_path: Path, record: Callable[..., Path]) -> Callable[..., None]:
    """Record sequential and threads at one hidden size, in a folder of the point's name."""

    def write(size: int, length: int, faster: float, **sizes: int) -> None:
        facts = {"hidden_size": size, **sizes}
        folder = ",".join(f"{name}={value}" for name, value in facts.items())
        (tmp_path / folder).mkdir()
        for mode, wall, threads in (("sequential", 1000.0, 1), ("threads", 1000.0 / faster, 2)):
            record(
                mode,
                events(length, threads=threads),
                [wall * each for each in NOISE],
                name=f"{folder}/cpu-custom-{mode}",
                run=f"run-{folder}",
                workload={"branches": 2, **facts},
                environment={"cpu_count": 2, "torch": "2.13.0"},
            )

    return write


def noted(folder: Path, **states: str) -> None:
    """Write what the recorder notes of a sweep of hidden sizes."""
    points: dict[str, Any] = {
        f"hidden_size={name.removeprefix('h')}": {
            "sizes": {},
            "state": state,
            "run": f"run-hidden_size={name.removeprefix('h')}" if state != "missing" else None,
            "reason": "wires crossed" if state == "failed" else None,
            "other_cores": 0.5 if name == "h20" else None,
        }
        for name, state in states.items()
    }
    content = {"schema_version": 1, "asked": {}, "points": points}
    (folder / "sweep.run.json").write_text(json.dumps(content))


# --- verdicts -------------------------------------------------------------------------


def made(length: float, low: float | None, group: str = "") -> Point:
    """A point where threads is faster by at least `low`; None where it was not recorded."""
    ratio = None if low is None else Ratio(low + 0.1, low, low + 0.2)
    modes = [figures("sequential", Ratio(1, 1, 1))]
    if ratio is not None:
        modes.append(figures("threads", ratio))
    return Point(
        label=f"hidden_size {length:g}",
        group=group,
        folder="",
        run="",
        device="cpu",
        workload={},
        environment={},
        operators=OperatorLengths(3, int(length), int(length)),
        modes=tuple(modes),
    )


def figures(mode: str, ratio: Ratio) -> ModeFigures:
    nothing = dict.fromkeys(ModeFigures.__struct_fields__)
    known = {"mode": mode, "path": "", "wall_ns": 1.0, "wall_ci95_ns": (1.0, 1.0)}
    return ModeFigures(**{**nothing, **known, "speed_up": ratio})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lows", "outcome", "from_ns", "paying"),
    [
        ([1.1, 1.2, 1.3], "always", 1, 3),
        ([0.9, 1.2, 1.3], "from", 2, 2),
        ([1.0, 1.2, 1.3], "from", 2, 2),  # an interval that begins at 1 may be no gain
        ([1.1, 0.9, 1.3], "from", 3, 2),
        ([1.1, 1.2, 0.9], "between", None, 2),
        ([0.9, 0.8, 0.7], "never", None, 0),
        ([None, 0.9, 1.2], "from", 3, 1),
        ([None, None, None], "unknown", None, 0),
        ([1.1], "always", 1, 1),
        ([], "unknown", None, 0),
    ],
)
def test_a_mode_pays_from_where_its_interval_stays_above_one(
    lows: Sequence[float | None], outcome: str, from_ns: float | None, paying: int
) -> None:
    points = [made(place, low) for place, low in enumerate(lows, start=1)]
    found = verdict("threads", "", points)
    assert (found.outcome, found.from_ns, found.paying) == (outcome, from_ns, paying)


def test_of_points_with_one_length_all_must_pay() -> None:
    points = [made(1, 0.9), made(2, 0.9), made(2, 1.2), made(3, 1.2)]
    assert verdict("threads", "", points).from_ns == 3
    assert verdict("threads", "", points[:3]).outcome == "between"


def test_the_best_is_named_whatever_the_outcome() -> None:
    found = verdict("threads", "", [made(1, 0.5), made(2, 0.8), made(3, 0.7)])
    assert (found.best_ns, found.best_label) == (2, "hidden_size 2")
    assert sentence(found) == (
        f"threads never pays in this sweep: at best 0.90{TIMES} (0.80 to 1.00) at 2 ns "
        "(hidden_size 2)."
    )


def test_points_of_more_branches_are_judged_apart() -> None:
    points = [made(1, 0.9, "branches 2"), made(1, 1.2, "branches 4")]
    two, four = verdicts(points)
    assert (two.group, two.outcome) == ("branches 2", "never")
    assert (four.group, four.outcome) == ("branches 4", "always")
    assert sentence(four).startswith("threads with branches 4 pays at every point")


# --- reading --------------------------------------------------------------------------


def test_a_sweep_is_read_by_operator_length(point: Callable[..., None], tmp_path: Path) -> None:
    point(256, 4000, 1.5)
    point(20, 10, 0.5)
    point(64, 200, 0.9)
    noted(tmp_path, h256="recorded", h20="recorded", h64="recorded")
    sweep = read([tmp_path])
    assert [each.label for each in sweep.points] == [
        "hidden_size 20",
        "hidden_size 64",
        "hidden_size 256",
    ]
    assert [each.operators.half_time_ns for each in sweep.points] == [10e3, 200e3, 4000e3]
    (found,) = sweep.verdicts
    assert (found.mode, found.outcome, found.from_ns) == ("threads", "from", 4_000_000)
    last = sweep.points[-1].mode("threads")
    assert last is not None
    assert last.speed_up is not None
    assert last.speed_up.value == pytest.approx(1.5)
    assert (last.less_work, last.more_overlap, last.less_idle) == (1, 2, 1)
    assert sweep.notes == ("Other programs used 0.5 of 2 cores while hidden_size 20 was timed.",)


def test_points_that_are_not_whole_are_named(point: Callable[..., None], tmp_path: Path) -> None:
    point(20, 10, 1.5)
    point(64, 200, 1.5)
    noted(tmp_path, h20="recorded", h64="failed", h128="missing")
    sweep = read([tmp_path])
    # What a failed point did record is shown; of an interrupted one nothing is.
    assert len(sweep.points) == 2
    assert [(each.name, each.state, each.reason) for each in sweep.undone] == [
        ("hidden_size=64", "failed", "wires crossed"),
        ("hidden_size=128", "missing", None),
    ]


def test_a_point_is_of_the_run_that_the_sweep_names(
    point: Callable[..., None], tmp_path: Path
) -> None:
    point(20, 10, 1.5)
    content = {"points": {"hidden_size=20": {"state": "recorded", "run": "another"}}}
    (tmp_path / "sweep.run.json").write_text(json.dumps({"schema_version": 1, **content}))
    with pytest.raises(TraceError, match="holds no recorded run with a sequential trace"):
        read([tmp_path])


def test_folders_outside_are_left_alone(point: Callable[..., None], tmp_path: Path) -> None:
    point(20, 10, 1.5)
    (tmp_path / "sweep").mkdir()
    content = {"points": {"../hidden_size=20": {"state": "recorded", "run": "run-hidden_size=20"}}}
    (tmp_path / "sweep" / "sweep.run.json").write_text(json.dumps({"schema_version": 1, **content}))
    with pytest.raises(TraceError, match="holds no recorded run"):
        read([tmp_path / "sweep"])


def test_any_folder_of_recordings_will_do(point: Callable[..., None], tmp_path: Path) -> None:
    point(20, 10, 1.5)
    point(64, 200, 1.5, batch=3)
    assert [each.label for each in read([tmp_path]).points] == [
        "hidden_size 20",
        "hidden_size 64, batch 3",
    ]
    assert [each.label for each in read([tmp_path / "hidden_size=20"]).points] == ["post"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not what `profiling sweep` writes"),
        ('{"schema_version": 2}', "schema_version 2, expected 1"),
        ('{"schema_version": 1, "points": {"a": {}}}', "is not what `profiling sweep` writes"),
    ],
)
def test_a_note_of_something_else(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "sweep.run.json").write_text(text)
    with pytest.raises(TraceError, match=rf"sweep\.run\.json: .*{message}"):
        read([tmp_path])


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="none: no such folder"):
        read([tmp_path / "none"])


def test_a_damaged_trace_is_named_and_the_rest_is_read(
    point: Callable[..., None], tmp_path: Path
) -> None:
    point(20, 10, 1.5)
    point(64, 200, 1.5)
    damaged = tmp_path / "hidden_size=64" / "cpu-custom-threads.pt.trace.json.gz"
    damaged.write_bytes(b"nothing of a trace")
    sweep = read([tmp_path])
    assert len(sweep.points) == 2
    (failure,) = sweep.failures
    assert "cpu-custom-threads" in failure


def test_other_machines_are_told(
    point: Callable[..., None], record: Callable[..., Path], tmp_path: Path
) -> None:
    point(20, 10, 1.5)
    record(
        "sequential",
        events(50, threads=1),
        [1000.0] * 5,
        run="elsewhere",
        workload={"branches": 2, "hidden_size": 30},
        environment={"cpu_count": 64, "torch": "2.13.0"},
    )
    assert read([tmp_path]).notes == (
        "The points were not recorded under the same conditions: cpu_count is 2 or 64.",
    )


# --- what people see ------------------------------------------------------------------


def test_the_command_writes_all_faces(
    point: Callable[..., None], tmp_path: Path, analyze: Callable[..., Any]
) -> None:
    point(20, 10, 0.5)
    point(256, 4000, 1.5)
    noted(tmp_path, h20="recorded", h256="recorded", h512="missing")
    out = tmp_path / "out"
    code, printed, _ = analyze("sweep", tmp_path, "--out", out)
    assert code == 0
    assert f"threads pays from operators of 4.00 ms on, 1.50{TIMES}" in printed
    assert "hidden_size=512: missing" in printed
    assert sorted(path.name for path in out.iterdir()) == ["sweep.json", "sweep.md", "sweep.svg"]
    content = json.loads((out / "sweep.json").read_text())
    assert content["schema_version"] == 1
    assert [each["operators"]["half_time_ns"] for each in content["points"]] == [10e3, 4000e3]
    assert content["verdicts"][0]["outcome"] == "from"
    assert content["points"][1]["modes"][0]["mode"] == "sequential"
    page = (out / "sweep.md").read_text()
    assert "| hidden_size 256 | 4.00 ms |" in page
    assert page.endswith("(sweep.svg)\n")


def test_the_picture_has_a_mark_per_point_mode_and_panel(
    point: Callable[..., None], tmp_path: Path
) -> None:
    point(20, 10, 0.5)
    point(256, 4000, 1.5)
    drawn = ET.fromstring(draw(read([tmp_path])))  # noqa: S314 - our own
    panels = [each for each in drawn.iter(f"{SVG}svg") if each.get("class") == "chart"]
    assert len(panels) == 4
    for panel in panels:
        marks = [each for each in panel.iter(f"{SVG}g") if each.get("class") == "mark"]
        assert len(marks) == 2
    assert f"0.50{TIMES}" in str(panels[0].get("aria-label"))
    assert f"2.00{TIMES}" in str(panels[2].get("aria-label"))


def test_a_sweep_without_other_modes_says_so(record: Callable[..., Path], tmp_path: Path) -> None:
    record("sequential", events(50, threads=1), [1000.0] * 5)
    sweep = read([tmp_path])
    (first, *_) = compose(sweep).summary
    assert "No mode beside sequential was recorded." in str(first)
    draw(sweep)
    assert isinstance(sweep, Sweep)


@pytest.mark.parametrize("command", ["report", "sweep"])
def test_nothing_is_written_on_an_error(
    command: str, tmp_path: Path, analyze: Callable[..., Any]
) -> None:
    noted(tmp_path, h20="missing")
    out = tmp_path / "out"
    code, _, errors = analyze(command, tmp_path, "--out", out)
    assert code == 2
    if command == "report":
        assert f"holds a sweep, not the traces of one run; `analyze sweep {tmp_path}`" in errors
    else:
        assert "holds no recorded run" in errors
    assert not out.exists()


def test_a_resumed_run_is_told_apart_in_the_report(
    record: Callable[..., Path], tmp_path: Path, analyze: Callable[..., Any]
) -> None:
    record("sequential", events(50, threads=1), [1000.0] * 5, run="run-a")
    record(
        "sequential",
        events(50, threads=1),
        [1200.0] * 5,
        name="cpu-post-sequential-run2",
        run="run-b",
        resumes="run-a",
    )
    record("threads", events(50, threads=2), [600.0] * 5, run="run-b", resumes="run-a")
    out = tmp_path / "out"
    assert analyze("report", tmp_path, "--out", out).code == 0
    runs = json.loads((out / "report.json").read_text())["comparison"]["runs"]
    assert [each["resumes"] for each in runs] == [None, "run-a"]
    threads = next(each for each in runs[1]["modes"] if each["mode"] == "threads")
    # Over the baseline beside which it was timed, not over that of the interrupted run.
    assert threads["speed_up"]["value"] == pytest.approx(2)
    page = (out / "report.md").read_text()
    assert page.count("This run completes run run-a, which was interrupted.") == 1

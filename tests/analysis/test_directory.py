import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.directory import discover
from analysis.errors import TraceError
from analysis.reporting import report
from tests.builders import cpu_op, kernel, write_trace

Record = Callable[..., Path]

WORK = [cpu_op("aten::mm", 0, 100)]


def names(paths: list[Path]) -> list[str]:
    return [source.path.name for source in discover(paths)]


def test_recorded_runs_come_first_by_run_and_mode(record: Record, tmp_path: Path) -> None:
    record("threads", WORK, [1], run="b", name="z")
    record("sequential", WORK, [1], run="b", name="y")
    record("threads", WORK, [1], run="a", name="x")
    for name in ("c.json.gz", "a.json", "b.pt.trace.json"):
        write_trace(tmp_path / name, WORK)
    assert names([tmp_path]) == [
        "x.pt.trace.json.gz",
        "y.pt.trace.json.gz",
        "z.pt.trace.json.gz",
        "a.json",
        "b.pt.trace.json",
        "c.json.gz",
    ]
    sources = discover([tmp_path])
    assert [source.manifest.mode if source.manifest else None for source in sources] == [
        *("threads", "sequential", "threads"),
        *(None, None, None),
    ]
    assert all(source.notes == () for source in sources)


def test_traces_of_one_mode_come_by_name(record: Record, tmp_path: Path) -> None:
    paths = [record("threads", WORK, [1], name=name) for name in ("r2", "r0", "r1")]
    assert names(paths) == names([tmp_path]) == [f"r{i}.pt.trace.json.gz" for i in range(3)]


def test_only_traces_are_taken_and_none_of_subdirectories(tmp_path: Path) -> None:
    write_trace(tmp_path / "a.json", WORK)
    (tmp_path / "README.md").write_text("what is here")
    (tmp_path / "b.txt").write_text("{}")
    (tmp_path / "lonely.manifest.json").write_text("{}")
    write_trace(tmp_path / ".1f-unfinished.pt.trace.json.gz", WORK)
    (tmp_path / "deeper").mkdir()
    write_trace(tmp_path / "deeper" / "c.json", WORK)
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere.json")
    assert names([tmp_path]) == ["a.json"]


def test_files_and_directories_may_be_mixed_and_none_counts_twice(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = record("sequential", WORK, [1])
    other = write_trace(tmp_path / "other.json", WORK)
    link = tmp_path / "folder"
    link.symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    found = discover([other, link / "other.json", tmp_path, Path("other.json"), trace])
    assert [source.path.name for source in found] == [trace.name, other.name]
    assert found[0].manifest is not None


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    assert names([write_trace(tmp_path / "trace of today", WORK)]) == ["trace of today"]


def test_a_manifest_of_another_trace_is_not_used(record: Record, tmp_path: Path) -> None:
    record("threads", WORK, [1], trace="some-other.pt.trace.json.gz")
    (source,) = discover([tmp_path])
    assert source.manifest is None
    assert source.notes == ()


def test_a_trace_that_was_changed_is_not_compared_and_says_so(record: Record) -> None:
    trace = record("threads", WORK, [1], sha256="0" * 64)
    (source,) = discover([trace])
    assert source.manifest is None
    assert source.notes == (
        (
            "The manifest cpu-post-threads.manifest.json describes another file (its sha256 "
            "differs); it was not used. Record again to compare modes."
        ),
    )
    measured = report([trace])
    assert measured.traces[0].notes[0] == source.notes[0]
    assert measured.traces[0].label == "cpu-post-threads"
    assert measured.comparison is None


def test_the_label_is_the_mode_or_the_bare_name(record: Record, tmp_path: Path) -> None:
    record("threads", WORK, [1])
    for name in ("a.pt.trace.json.gz", "b.json", "c.d.json.gz"):
        write_trace(tmp_path / name, WORK)
    labels = [trace.label for trace in report([tmp_path]).traces]
    assert labels == ["threads", "a", "b", "c.d"]


@pytest.mark.parametrize("others", [(), ("README.md", "notes.txt", "x.manifest.json")])
def test_a_folder_without_traces(tmp_path: Path, others: tuple[str, ...]) -> None:
    for name in others:
        (tmp_path / name).write_text("{}")
    with pytest.raises(TraceError) as caught:
        discover([tmp_path])
    assert str(caught.value) == (
        f"{tmp_path}: holds no trace (.json, .json.gz, .json.zst); `profiling record --out "
        f"{tmp_path}` records some"
    )


def test_a_pattern_may_match_folders_too(tmp_path: Path) -> None:
    for name in ("r0/trace.json", "r1/trace.json", "r2.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_trace(tmp_path / name, WORK)
    (tmp_path / "r3.json").symlink_to("nowhere")
    found = discover([tmp_path / "r*"])
    assert sorted(os.path.relpath(str(source.path), tmp_path) for source in found) == [
        "r0/trace.json",
        "r1/trace.json",
        "r2.json",
        "r3.json",
    ]
    (tmp_path / "r4").mkdir()
    with pytest.raises(TraceError, match=r"r4: holds no trace .* `profiling record"):
        discover([tmp_path / "r*"])


@pytest.mark.parametrize(
    ("count", "named"), [(1, "r0"), (3, "r0, r1, r2"), (5, "r0, r1, r2 and 2 more")]
)
def test_folders_below_that_hold_traces_are_named(tmp_path: Path, count: int, named: str) -> None:
    (tmp_path / "empty").mkdir()
    for number in range(count):
        (tmp_path / f"r{number}").mkdir()
        write_trace(tmp_path / f"r{number}" / "trace.json", WORK)
    with pytest.raises(TraceError) as caught:
        discover([tmp_path])
    assert str(caught.value) == (
        f"{tmp_path}: holds no trace (.json, .json.gz, .json.zst), but folders in it do: {named}; "
        "name these, or a pattern that they match"
    )


def test_a_missing_path_is_named_even_among_others(tmp_path: Path) -> None:
    write_trace(tmp_path / "a.json", WORK)
    missing = tmp_path / "none"
    with pytest.raises(TraceError) as caught:
        discover([tmp_path, missing])
    assert str(caught.value) == (
        f"{missing}: no such file or directory; expected a trace or a folder"
    )


def test_a_path_that_the_system_refuses() -> None:
    name = "x" * 5000
    with pytest.raises(TraceError) as caught:
        discover([Path(name)])
    assert str(caught.value) == (
        f"{name}: cannot be read (File name too long); expected a trace or a folder"
    )


def test_a_folder_that_may_not_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The superuser, as which tests may run, may list everything.
    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(TraceError) as caught:
        discover([tmp_path])
    assert str(caught.value) == (
        f"{tmp_path}: cannot be read (Permission denied); expected a trace or a folder"
    )


def test_a_special_file_is_no_trace(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="/dev/null: is empty"):
        report([Path(os.devnull)])


def test_a_broken_manifest_is_named(record: Record, tmp_path: Path) -> None:
    record("threads", WORK, [1], timing={"samples_ns": []})
    (source,) = discover([tmp_path])
    assert source.manifest is None
    (note,) = source.notes
    assert note.startswith("The manifest was not used: ")
    assert "cpu-post-threads.manifest.json: is not a manifest" in note


def test_a_broken_trace_does_not_stop_the_others(tmp_path: Path) -> None:
    write_trace(tmp_path / "a.json", WORK)
    broken = tmp_path / "b.json"
    broken.write_text('{"traceEvents": [')
    write_trace(tmp_path / "c.json", [kernel("k", 0, 1)])
    seen: list[str] = []
    found = report([tmp_path], progress=lambda path, _: seen.append(path.name))
    assert [trace.label for trace in found.traces] == ["a", "c"]
    (failure,) = found.failures
    assert failure.path == str(broken)
    assert failure.reason.startswith(
        f"{broken}: none of its events can be read: bytes 17 to 17: the JSON ends early"
    )
    assert list(dict.fromkeys(seen)) == ["a.json", "b.json", "c.json"]


def test_if_every_trace_is_broken_each_is_named(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text("no")
    found = report([tmp_path])
    assert found.traces == ()
    assert [Path(failure.path).name for failure in found.failures] == ["a.json", "b.json"]


def test_a_broken_trace_on_its_own_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "b.json"
    broken.write_text("no")
    for given in (broken, tmp_path):
        with pytest.raises(TraceError, match=r"b\.json: is not a Chrome trace"):
            report([given])


def test_an_execution_trace_is_no_trace_but_lies_beside_one(tmp_path: Path) -> None:
    write_trace(tmp_path / "a.pt.trace.json.gz", WORK)
    write_trace(tmp_path / "b.json", WORK)
    for name in ("a.graph.json.gz", "b.graph.json", "lonely.graph.json.gz"):
        (tmp_path / name).write_bytes(b"")
    sources = discover([tmp_path])
    assert [source.path.name for source in sources] == ["a.pt.trace.json.gz", "b.json"]
    assert [source.graph and source.graph.name for source in sources] == [
        "a.graph.json.gz",
        "b.graph.json",
    ]


def test_the_manifest_says_which_execution_trace_belongs(record: Record, tmp_path: Path) -> None:
    beside = tmp_path / "x.graph.json.gz"
    beside.write_bytes(b"graph")
    digest = hashlib.sha256(b"graph").hexdigest()

    def found(**graph: str | None) -> tuple[Path | None, tuple[str, ...]]:
        trace = record("threads", WORK, [1], name="x")
        manifest = tmp_path / "x.manifest.json"
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"graph": graph}))
        (source,) = discover([trace])
        assert source.manifest is not None
        return source.graph, source.notes

    assert found(file=beside.name, sha256=digest, reason=None) == (beside, ())
    assert found(file=None, sha256=None, reason="why") == (None, ("No dependency graph: why",))
    graph, (note,) = found(file=beside.name, sha256="0" * 64)
    assert graph is None
    assert "not the file that the manifest describes" in note
    graph, (note,) = found(file="gone.graph.json.gz", sha256=digest)
    assert graph is None
    assert "gone.graph.json.gz, which the manifest names, is missing" in note
    # Older recorders wrote no graph, and then one that happens to lie there is not theirs.
    (source,) = discover([record("threads", WORK, [1], name="x")])
    assert (source.graph, source.notes) == (None, ())

"""The document: every figure in its place, and no table that renderers could not show."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from analysis.compose.report import compose
from analysis.document import (
    Bullets,
    Document,
    Estimate,
    Paragraph,
    Section,
    Table,
    Unit,
)
from analysis.report import Report
from analysis.reporting import report
from tests.builders import (
    Event,
    annotation,
    cpu_op,
    in_microseconds,
    kernel,
    launch,
    write_trace,
)

Record = Callable[..., Path]

NUMBERS = {Unit.COUNT, Unit.TIME, Unit.SHARE, Unit.FACTOR, Unit.NUMBER}


def sections(document: Document) -> Iterator[Section]:
    yield from document.summary
    yield from document.details


def tables(section: Section) -> list[Table]:
    return [block for block in section.blocks if isinstance(block, Table)]


def bullets(section: Section) -> list[tuple[str, ...]]:
    return [block.items for block in section.blocks if isinstance(block, Bullets)]


def section_of(document: Document, title: str) -> Section:
    (found,) = (section for section in sections(document) if section.title == title)
    return found


def detail(document: Document, title: str) -> Section:
    (found,) = (section for section in document.details if section.title == title)
    return found


def titles(table: Table) -> list[str]:
    return [column.title for column in table.columns]


def table_of(section: Section, title: str) -> Table:
    """The section's table whose first column has this title."""
    (found,) = (table for table in tables(section) if table.columns[0].title == title)
    return found


def step(begin: int, *lanes: tuple[int, int], wall: int) -> list[Event]:
    return in_microseconds(
        [
            annotation("overlap.step", begin, begin + wall, tid=99),
            *(
                cpu_op(f"aten::op{i}", begin + low, begin + high, tid=i + 1)
                for i, (low, high) in enumerate(lanes)
            ),
        ]
    )


@pytest.fixture
def recorded(record: Record, tmp_path: Path) -> Report:
    """A run of two modes, a trace without a manifest, and one that cannot be read."""
    record("sequential", step(0, (0, 800), wall=1000), [1_000_000] * 5)
    timing = {"cpu_seconds_per_wall_second": 0.9}
    record("threads", step(0, (0, 400), (0, 400), wall=500), [500_000] * 5, timing=timing)
    write_trace(
        tmp_path / "device.json",
        [launch(0, 1, correlation=1), kernel("gemm", 10, 110, device=3, correlation=1)],
    )
    (tmp_path / "broken.json").write_text("no")
    return report([tmp_path])


def test_the_summary_comes_in_the_order_of_interest(recorded: Report) -> None:
    assert [(section.title, section.level) for section in compose(recorded).summary] == [
        ("What ran in parallel", 1),
        ("What stops the rest", 2),
        ("Modes of post on cpu", 2),
        ("Traces", 2),
        ("Ceilings", 2),
        ("Not read", 2),
    ]


def test_ceilings_say_which_waits_they_know(recorded: Report) -> None:
    (table,) = tables(section_of(compose(recorded), "Ceilings"))
    assert "what is recorded (enable_cuda_sync_events)" in table.caption
    cpu = msgspec.structs.replace(recorded, traces=recorded.traces[:2])
    assert "enable_cuda_sync_events" not in str(compose(cpu).summary)


def test_the_first_thing_is_a_sentence_per_trace(recorded: Report) -> None:
    (findings,) = bullets(compose(recorded).summary[0])
    assert [finding.partition(": ")[0] for finding in findings] == [
        "sequential",
        "threads",
        "device",
    ]
    assert findings[1].startswith("threads: 2 threads, 100.0% of the time overlapped")
    assert findings[2].startswith("device: 1 lane, 0.0% of the time overlapped")


def test_the_table_of_modes(recorded: Report) -> None:
    section = section_of(compose(recorded), "Modes of post on cpu")
    (table,) = tables(section)
    assert titles(table) == [
        "mode",
        "wall per step",
        "speed-up",
        "strongest state",
        "less work",
        "more overlap",
        "less idle",
        "traced speed-up",
        "busy",
        "overlap",
        "achieved",
        "available",
        "by branch",
        "CPU s/s",
    ]
    one, two = Estimate(1, 1, 1), Estimate(2, 2, 2)
    assert table.rows == (
        (
            *("sequential", Estimate(1e6, 1e6, 1e6), one, "one_lane_alone"),
            *(1, 1, 1, 1, 1, 0, 1, None, None, None),
        ),
        (
            *("threads", Estimate(5e5, 5e5, 5e5), two, "overlapped"),
            *(1, 2, 1, 2, 1, 1, 2, None, None, 0.9),
        ),
    )


def test_verdicts_and_place_follow_the_table(recorded: Report) -> None:
    section = section_of(compose(recorded), "Modes of post on cpu")
    (verdicts,) = bullets(section)
    assert len(verdicts) == 1
    assert verdicts[0].startswith("threads: 2.00")
    assert section.blocks[-1] == Paragraph(
        "Run run-1, 2 CPU cores, torch 2.13.0. Workload: branches 2."
    )


def test_modes_of_several_ranks_are_told_apart(record: Record, tmp_path: Path) -> None:
    for rank in (0, 1):
        header = {"distributedInfo": {"rank": rank}}
        events = step(0, (0, 800), wall=1000)
        record("sequential", events, [1e6] * 3, name=f"r{rank}", header=header)
    section = section_of(compose(report([tmp_path])), "Modes of post on cpu")
    assert [row[0] for row in tables(section)[0].rows] == [
        "sequential (rank 0)",
        "sequential (rank 1)",
    ]


def test_only_traces_without_a_run_are_listed_as_traces(recorded: Report) -> None:
    (table,) = tables(section_of(compose(recorded), "Traces"))
    assert table.rows == (("device", "3", 1, 100, 1.0, 0.0, 1.0, 0.0, "one_nothing_queued"),)


def test_what_was_not_read_is_said_in_full(recorded: Report) -> None:
    (reasons,) = bullets(section_of(compose(recorded), "Not read"))
    assert reasons == (recorded.failures[0].reason,)
    assert "broken.json: is not a Chrome trace" in reasons[0]


def test_sections_that_would_be_empty_are_left_out(tmp_path: Path) -> None:
    found = report([write_trace(tmp_path / "a.json", [kernel("k", 0, 1)])])
    assert [section.title for section in compose(found).summary] == [
        "What ran in parallel",
        "Traces",
    ]
    nothing = compose(Report((), None))
    assert nothing == Document(
        (Section("What ran in parallel", 1, (Paragraph("No trace was read."),)),), ()
    )


def test_details_have_a_section_per_trace(recorded: Report) -> None:
    document = compose(recorded)
    assert [section.title for section in document.details] == [
        "sequential",
        "threads",
        "device",
    ]


def test_the_notes_of_a_trace_stand_with_its_details(recorded: Report) -> None:
    notes = bullets(detail(compose(recorded), "threads"))[0]
    assert notes == recorded.traces[1].notes
    assert notes[0].startswith("CPU trace: lanes are threads")


EVENTS = [
    launch(0, 1, correlation=1),
    launch(1, 2, correlation=2),
    kernel("gemm", 10, 110, stream=7, correlation=1),
    kernel("ncclAllReduce", 60, 210, stream=8, correlation=2),
    cpu_op("aten::mm", 205, 300),
    launch(240, 250, correlation=3),
    kernel("last", 260, 270, stream=7, correlation=3),
]


@pytest.fixture
def details(tmp_path: Path) -> Section:
    found = report([write_trace(tmp_path / "t.json", EVENTS)])
    return detail(compose(found), "t")


def test_the_figures_of_a_device(details: Section) -> None:
    table = table_of(details, "")
    assert table.caption == "Device 0: 3 activities, 1.24 lanes running while any ran."
    # Times that are zero are left out, but for those that everyone looks for.
    assert table.rows == (
        ("window", 260, 1.0),
        ("busy", 210, 210 / 260),
        ("idle", 50, 50 / 260),
        ("two or more lanes", 50, 50 / 260),
        ("exposed communication", 100, None),
    )


def test_figures_that_everyone_looks_for_may_be_zero(tmp_path: Path) -> None:
    found = report([write_trace(tmp_path / "t.json", [kernel("k", 0, 9)])])
    table = table_of(detail(compose(found), "t"), "")
    assert [row[0] for row in table.rows] == ["window", "busy", "idle"]


def test_the_breakdown_is_whole_and_sorted(details: Section) -> None:
    table = table_of(details, "state")
    assert table.rows[0][:3] == ("one_nothing_queued", 110, 110 / 260)
    times = [row[1] for row in table.rows]
    assert all(isinstance(ns, int) and ns > 0 for ns in times)
    assert times == sorted(times, key=lambda ns: -ns if isinstance(ns, int) else 0)
    assert sum(ns for ns in times if isinstance(ns, int)) == 260
    assert all(row[3] for row in table.rows)


def test_launches(details: Section) -> None:
    """Waiting in [10, 260): the second for 50, the last for 20, of 260 ns."""
    table = table_of(details, "launches")
    assert table.caption == (
        "Launches: 3 calls; 12,000,000 activities launched a second, 14,285,714 run a busy second; "
        "0.27 waiting on average, 1 at most."
    )
    assert table.rows == (("in the call", 3, 1, 10, 10, 12), ("queued", 3, 10, 58, 58, 77))


def test_lanes_and_pairs(details: Section) -> None:
    lanes = table_of(details, "stream")
    assert lanes.caption == "Lanes."
    assert lanes.rows == (("8", 1, 150, 150 / 260), ("7", 2, 110, 110 / 260))
    pairs = table_of(details, "lane")
    assert pairs.rows == (("7", "8", 50, 50 / 110),)


def test_gaps(details: Section) -> None:
    table = table_of(details, "at")
    assert table.caption == "Idle gaps, longest first."
    ((at, length, mostly, before, after, host),) = table.rows
    assert (at, length, before, after) == (200, 50, "ncclAllReduce", "last")
    # 30 ns in the operator, 10 in the launch call, 10 to start.
    assert mostly == "idle_host_op"
    assert host == "aten::mm"


def test_a_cpu_has_threads_instead_of_streams(recorded: Report) -> None:
    found = detail(compose(recorded), "threads")
    assert table_of(found, "thread").rows == (("1", 1, 400_000, 1.0), ("2", 1, 400_000, 1.0))


def test_long_tables_are_cut_and_say_so(tmp_path: Path) -> None:
    together = [kernel(f"k{i}", i, 100, stream=i) for i in range(40)]
    later = [kernel("late", 200 + 10 * i, 205 + 10 * i, stream=1) for i in range(12)]
    found = report([write_trace(tmp_path / "t.json", [*together, *later])])
    section = detail(compose(found), "t")
    cut = {table.columns[0].title: (len(table.rows), table.caption) for table in tables(section)}
    assert cut["stream"] == (32, "Lanes: 32 of 40.")
    assert cut["lane"] == (20, "Lanes that ran together: 20 of 780.")
    assert cut["at"] == (10, "Idle gaps, longest first: 10 of 12.")
    # What is shown is what counts most.
    assert table_of(section, "stream").rows[0][0] == "1"
    assert table_of(section, "at").rows[0][1] == 100


@pytest.mark.parametrize("count", [0, 1, 3])
def test_steps_are_a_table_where_there_are_several(tmp_path: Path, count: int) -> None:
    events: list[Event] = [kernel("first", 0, 5)]
    for i in range(count):
        events += [
            annotation(f"ProfilerStep#{i}", 100 * i, 100 * i + 90),
            launch(100 * i, 100 * i + 1, correlation=i + 1),
            kernel("k", 100 * i + 10, 100 * i + 55, correlation=i + 1),
        ]
    found = report([write_trace(tmp_path / "t.json", events)])
    section = detail(compose(found), "t")
    rows = [
        row for table in tables(section) if table.caption == "Step by step." for row in table.rows
    ]
    if count < 2:
        assert rows == []
    else:
        assert [row[:4] for row in rows] == [
            (f"ProfilerStep#{i}", "0", 1, 90) for i in range(count)
        ]
        assert rows[1][4] == 0.5


def test_every_table_can_be_shown(recorded: Report, details: Section) -> None:
    for section in (*sections(compose(recorded)), details):
        assert section.title
        assert section.blocks
        for table in tables(section):
            assert table.rows, table.caption
            for row in table.rows:
                assert len(row) == len(table.columns)
                for cell, column in zip(row, table.columns, strict=True):
                    kinds = (int, float, Estimate) if column.unit in NUMBERS else (str,)
                    assert cell is None or isinstance(cell, kinds), (column, cell)
        for items in bullets(section):
            assert items
            assert all(items)

"""`analyze sql` and `analyze export` as a user meets them."""

import csv
import io
import json
import resource
import signal
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

import analysis
from analysis.errors import OutputError, QueryError, TraceError
from analysis.tables import answers, apart, database, exported
from analysis.tables.database import Limits
from analysis.tables.schema import TABLES
from tests.analysis.running import Run, run
from tests.builders import annotation, cpu_op, kernel, launch, write_trace
from tests.shared import REPOSITORY

__all__ = ["run"]

EVENTS = [
    annotation("ProfilerStep#1", 0, 600),
    launch(0, 10, correlation=1),
    launch(20, 30, correlation=2),
    kernel("gemm", 100, 200, correlation=1),
    kernel("relu", 300, 500, stream=8, correlation=2),
]
COUNT = "select count(*) as n from activities"
ENDLESS = (
    "select count(*) from range(1000000000) a, range(1000000000) b "
    "where (a.range + b.range) % 7 = 3"
)


LONG = "select length(repeat('x', 1000000000) || repeat('y', 2000000000))"
"""Takes gigabytes that DuckDB does not count, and a minute in which it heeds no interruption."""


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return write_trace(tmp_path / "two.json", EVENTS)


@pytest.fixture
def ranks(tmp_path: Path) -> Path:
    for rank in (0, 1):
        header = {"distributedInfo": {"rank": rank}}
        write_trace(tmp_path / "job" / f"r{rank}.json", EVENTS[: 4 + rank], header=header)
    return tmp_path / "job"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()


def rows(out: str) -> Any:
    return json.loads(out)


def test_a_table_is_shown(run: Run, trace: Path) -> None:
    ended = run("sql", trace, "select name, dur_ns, queue_ns, rank from activities order by 1")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "name  dur_ns  queue_ns  rank",
        "gemm     100        90  NULL",
        "relu     200       270  NULL",
        "",
        "2 rows",
        "",
    ]


def test_a_long_answer_is_cut_and_says_so(run: Run, trace: Path) -> None:
    ended = run("sql", trace, "select * from range(5)", "--rows", 2)
    assert "2 of 5 rows; --rows 5 shows all" in ended.out
    assert len(ended.out.splitlines()) == 6


def test_what_a_terminal_must_not_get(run: Run, tmp_path: Path) -> None:
    hostile = write_trace(tmp_path / "h.json", [cpu_op("a\x1b[31mb\nc" + "d" * 500, 0, 10)])
    ended = run("sql", hostile, "select name from ops")
    assert "\x1b" not in ended.out
    assert all(len(line) <= 200 for line in ended.out.splitlines())
    assert rows(run("sql", hostile, "select name from ops", "--format", "json").out) == [
        {"name": "a\x1b[31mb\nc" + "d" * 500}
    ]


def test_formats_say_the_same(run: Run, trace: Path, tmp_path: Path) -> None:
    query = "select name, dur_ns, 1.5 as f, null as nothing, dur_ns > 100 as b from activities"
    expected = [
        {"name": "gemm", "dur_ns": 100, "f": 1.5, "nothing": None, "b": False},
        {"name": "relu", "dur_ns": 200, "f": 1.5, "nothing": None, "b": True},
    ]
    assert rows(run("sql", trace, query, "--format", "json").out) == expected
    text = run("sql", trace, query, "--format", "csv").out
    assert text.splitlines() == [
        '"name","dur_ns","f","nothing","b"',
        '"gemm",100,1.5,,false',
        '"relu",200,1.5,,true',
    ]
    ended = run("sql", trace, query, "--format", "parquet", "--out", "answer.parquet")
    assert ended.err == f"Written: {tmp_path}/answer.parquet\n"
    stored = pyarrow.parquet.read_table(tmp_path / "answer.parquet").to_pylist()
    assert [row | {"f": float(row["f"])} for row in stored] == expected


def test_values_of_every_type_can_be_written(run: Run, trace: Path) -> None:
    query = (
        "select [1, 2] as l, {'a': 1} as s, interval 3 day as i, 'x'::blob as b, "
        "timestamp '2025-01-02 03:04:05' as t, 'nan'::double as nan, 'inf'::double as inf, "
        "170141183460469231731687303715884105727::hugeint as h, map {'k': 1} as m, "
        "time '01:02:03' as c, uuid '00000000-0000-0000-0000-000000000001' as u"
    )
    (row,) = rows(run("sql", trace, query, "--format", "json").out)
    assert (row["l"], row["s"], row["nan"], row["inf"]) == ([1, 2], {"a": 1}, None, None)
    assert row["h"] == 2**127 - 1
    for form in ("csv", "table"):
        ended = run("sql", trace, query, "--format", form)
        assert (ended.code, ended.err) == (0, "")
        assert "2025-01-02" in ended.out
    assert run("sql", trace, query, "--format", "parquet", "--out", "a.parquet").code == 0


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (r"'\xff\x00a'::blob", r"\xFF\x00a"),
        ("interval '1 year 3 days 2 hours 0.5 seconds'", "1 year 3 days 02:00:00.5"),
        ("timestamp '2025-01-02 03:04:05'", "2025-01-02 03:04:05"),
        ("timestamp_ns '2025-01-02 03:04:05.123456789'", "2025-01-02 03:04:05.123456789"),
        ("timestamp 'infinity'", "infinity"),
        ("date '20000-01-01'", "20000-01-01"),
        ("123456789012345678901234567890::bignum", "123456789012345678901234567890"),
        ("union_value(n := 2)", "2"),
        ("row(1, 2)", "(1, 2)"),
    ],
)
def test_what_has_no_form_of_its_own_is_said_as_duckdb_says_it(
    run: Run, trace: Path, value: str, said: str
) -> None:
    query = f"select {value} as v union all select null"
    assert rows(run("sql", trace, query, "--format", "json").out) == [{"v": said}, {"v": None}]
    assert run("sql", trace, query, "--format", "csv").out == f'"v"\n"{said}"\n\n'
    assert run("sql", trace, query).out.split("\n")[1:3] == [said, "NULL"]
    assert run("sql", trace, f"{query} limit 0", "--format", "csv").out == '"v"\n'
    for asked in (query, f"{query} limit 0"):
        assert run("sql", trace, asked, "--format", "parquet", "--out", "n/a.parquet").code == 0


def test_lists_and_the_like_are_said_as_json(run: Run, trace: Path) -> None:
    query = (
        r"""select [1.5, 'nan'::double] as l, {'a "b"': ['\xff'::blob], 'n': 'x'} as s, """
        "map {[1]: interval 1 day} as m, [1, 2]::int[2] as f"
    )
    said = ["[1.5,null]", r"""{"a \"b\"":["\\xFF"],"n":"x"}""", '[[[1],"1 day"]]', "[1,2]"]
    assert run("sql", trace, query, "--format", "json").out == (
        f'[\n{{"l":{said[0]},"s":{said[1]},"m":{said[2]},"f":{said[3]}}}\n]\n'
    )
    (found,) = csv.DictReader(run("sql", trace, query, "--format", "csv").out.splitlines())
    assert list(found.values()) == said
    for each in said:
        assert each in run("sql", trace, query).out
    assert run("sql", trace, query, "--format", "parquet", "--out", "a.parquet").code == 0


def test_long_answers_are_written_bit_by_bit() -> None:
    long = pa.table({"n": range(40000), "d": [1.5, None] * 20000, "t": ["a\n", '"'] * 20000})
    for dated in (long, long.set_column(1, "d", long["n"].cast(pa.timestamp("us")))):
        for form in ("csv", "json"):
            assert len(max(answers.FORMATS[form](dated), key=len)) < 2_000_000
        found = json.loads(b"".join(answers.json(dated)))
        assert [row["n"] for row in found] == list(range(40000))
        assert (found[0]["t"], found[1]["t"]) == ("a\n", '"')
        text = io.StringIO(b"".join(answers.csv(dated)).decode(), newline="")
        assert [row["n"] for row in csv.DictReader(text)] == [str(each) for each in range(40000)]


def test_sums_stay_whole_numbers(run: Run, trace: Path) -> None:
    query = "select sum(start_ns) as a, sum(9223372036854775807::bigint) as b from events"
    assert rows(run("sql", trace, query, "--format", "json").out) == [
        {"a": 420, "b": 5 * (2**63 - 1)}
    ]


def test_a_query_is_taken_as_it_is(run: Run, trace: Path) -> None:
    ended = run("sql", trace, "select 7 // 2 as a, 'x//y/./z' as b", "--format", "json")
    assert rows(ended.out) == [{"a": 3, "b": "x//y/./z"}]


def test_columns_of_one_name_are_told_apart(run: Run, trace: Path) -> None:
    query = "select a.name, b.name, a.name from ops a full join activities b on true limit 1"
    (row,) = rows(run("sql", trace, query, "--format", "json").out)
    assert list(row) == ["name", "name_2", "name_3"]


def test_traces_are_told_apart(run: Run, ranks: Path) -> None:
    query = "select trace, rank, count(*) as n from activities group by all order by all"
    assert rows(run("sql", ranks, query, "--format", "json").out) == [
        {"trace": "r0", "rank": 0, "n": 1},
        {"trace": "r1", "rank": 1, "n": 2},
    ]


def test_a_rank_may_be_said_by_the_manifest_or_the_name(run: Run, tmp_path: Path) -> None:
    write_trace(tmp_path / "job" / "rank7.json", EVENTS)
    query = "select rank from traces"
    assert rows(run("sql", "job", query, "--format", "json").out) == [{"rank": 7}]
    run("export", "job", "--out", "tables")
    assert (tmp_path / "tables" / "traces" / "rank=7").is_dir()
    assert analysis.sql(analysis.load("job/rank7.json"), query)["rank"].tolist() == [7]


def test_traces_of_other_machines(run: Run, trace: Path) -> None:
    import fsspec  # noqa: PLC0415

    fsspec.filesystem("memory").pipe("/run/two.json", trace.read_bytes())
    query = "select trace, path, events from traces"
    there = "memory://run/two.json"
    for url in (there, "memory://run", "memory://run/*.json"):
        (found,) = rows(run("sql", url, query, "--format", "json").out)
        assert (found["trace"], found["events"]) == ("two", 5)
        assert found["path"].startswith("memory://")
    assert analysis.sql(there, query)["events"].tolist() == [5]
    assert run("export", there, "--out", "tables").code == 0
    assert run("check-trace", there).code == 1
    absent = run("sql", "memory://run/none.json", query)
    assert (absent.code, absent.out) == (2, "")
    assert absent.err.startswith("Error: memory://run/none.json: cannot be read")


def test_a_path_that_is_empty(run: Run, trace: Path) -> None:
    for ended in (run("sql", "", COUNT), run("export", "", "--out", "x"), run("report", "")):
        assert (ended.code, ended.out) == (2, "")
        assert "is empty; expected a path" in ended.err


def test_equal_labels_become_paths(run: Run, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_trace(tmp_path / folder / "t.json", EVENTS)
    query = "select trace from traces order by 1"
    found = rows(run("sql", "a/t.json", "b/t.json", query, "--format", "json").out)
    assert [row["trace"] for row in found] == ["a/t.json", "b/t.json"]


def test_the_query_may_come_from_a_file(run: Run, trace: Path, tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_text(COUNT + "; -- all\n")
    assert rows(run("sql", trace, "-f", "q.sql", "--format", "json").out) == [{"n": 2}]
    assert "q2.sql: cannot be read" in run("sql", trace, "-f", "q2.sql").err
    (tmp_path / "q3.sql").write_bytes(b"select '\xff'")
    assert "q3.sql: is no UTF-8 at byte 8" in run("sql", trace, "-f", "q3.sql").err


def test_the_query_may_come_from_a_pipe(
    run: Run, trace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(COUNT.encode())))
    assert rows(run("sql", trace, "-f", "-", "--format", "json").out) == [{"n": 2}]
    assert "cannot hold both" in run("sql", "-", "-f", "-").err


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "is empty; expected a SELECT"),
        (" -- nothing", "is empty; expected a SELECT"),
        (" ", "is empty; expected a SELECT"),
        (";", "is empty; expected a SELECT"),
        ("select '\udcff'", "is no UTF-8"),
        ("select 7 // 2, './/' from", "syntax error at end of input"),
        ("selec 1", 'syntax error at or near "selec"'),
        ("select nope from gaps", "The columns of gaps (trace, rank, device, gap, "),
        ("select * from nope", "The tables: traces, events, activities, "),
        ("select 'x' + 1", "Could not choose a best candidate function"),
        ("select 1; select 2", "holds 2 statements, expected one SELECT"),
        ("pivot states on state using sum(dur_ns)", "name them: ON state IN ("),
        ("from (pivot states on state using sum(dur_ns))", "name them: ON state IN ("),
        ("select error('own')", "own"),
        ("select 2147483647::int + 1::int", "Out of Range"),
    ],
)
def test_a_wrong_query_says_why(run: Run, trace: Path, query: str, said: str) -> None:
    ended = run("sql", trace, query)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Error: the query: ")
    assert said in ended.err


@pytest.mark.parametrize("allow", [(), ("--allow-external",)])
def test_what_is_no_query(run: Run, trace: Path, allow: tuple[str, ...]) -> None:
    assert "expected traces, and then a query" in run("sql", trace, *allow).err
    assert "is a file; expected a query" in run("sql", trace, trace, *allow).err
    assert run("sql", "absent.json", COUNT, *allow).err.startswith("Error: absent.json: no such")


ATTEMPTS = [
    "select * from read_csv('{secret}')",
    "select * from read_csv_auto('{secret}')",
    "select * from read_text('{secret}')",
    "select * from read_blob('{secret}')",
    "select * from read_json('{secret}')",
    "select * from read_parquet('{secret}')",
    "select * from parquet_metadata('{secret}')",
    "select * from sniff_csv('{secret}')",
    "select * from '{secret}'",
    'select * from "{secret}"',
    "select * from glob('{folder}/*')",
    "select (select content from read_text('{secret}'))",
    "with a as (select * from read_text('{secret}')) select * from a",
    "select * from query('select * from read_text(''{secret}'')')",
    "from json_execute_serialized_sql(json_serialize_sql('from read_text(''{secret}'')'))",
    "copy activities to '{target}'",
    "copy (select 1) to '{target}'",
    "copy activities from '{secret}'",
    "export database '{target}'",
    "import database '{folder}'",
    "attach '{target}'",
    "attach ':memory:' as other",
    "install httpfs",
    "load httpfs",
    "load '{secret}'",
    "select * from read_csv('http://127.0.0.1:9/x.csv')",
    "select * from 's3://bucket/x.parquet'",
    "set enable_external_access = true",
    "reset lock_configuration",
    "pragma enable_profiling",
    "pragma profiling_output = '{target}'",
    "call enable_logging(storage = 'file', storage_path = '{target}')",
    "select * from enable_logging(storage = 'file', storage_path = '{target}')",
    "select getenv('HOME')",
    "select write_log('x')",
    "select list_transform(['x'], lambda x: main.Write_Log(x))",
    "select * from arrow_scan(1, 2, 3)",
    "select * from pandas_scan(1)",
    "select * from python_map_function(1)",
    "select * from seq_scan('x')",
    "select * from duckdb_secrets()",
    "create table t as select 1",
    "create persistent secret (type http)",
    "create macro m() as table select * from read_text('{secret}')",
    "select * from connection",  # variables of the program are no tables
    "select * from supplied",
    "select 1; copy activities to '{target}'",
    "explain analyze select * from read_text('{secret}')",
    "update activities set name = 'x'",
    "pivot activities on name using count(*); select 1",
]


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_query_reaches_nothing_outside(
    run: Run, trace: Path, tmp_path: Path, attempt: str
) -> None:
    secret, target = tmp_path / "secret.csv", tmp_path / "target"
    secret.write_text("hidden,words\n")
    before = sorted(tmp_path.iterdir())
    ended = run("sql", trace, attempt.format(secret=secret, target=target, folder=tmp_path))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Error: the query: ")
    assert "hidden" not in ended.err
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_harmless_may_be_asked(run: Run, trace: Path) -> None:
    for query in (
        "describe activities",
        "summarize select dur_ns from activities",
        "show tables",
        "from range(3)",
        "with a as (from activities) from a asof join events e on a.start_ns >= e.start_ns",
        "pivot activities on lane in ('7', '8') using sum(dur_ns) group by name",
        "select * from duckdb_tables()",
        "select unnest([1, 2])",
        "values (1), (2)",
    ):
        ended = run("sql", trace, query)
        assert (ended.code, ended.err) == (0, ""), query


def test_who_vouches_for_a_query_may_do_all(run: Run, trace: Path, tmp_path: Path) -> None:
    query = "copy (select name from activities) to 'names.csv'; select * from 'names.csv'"
    ended = run("sql", trace, query, "--allow-external", "--format", "json")
    assert rows(ended.out) == [{"name": "gemm"}, {"name": "relu"}]
    assert (tmp_path / "names.csv").read_text() == "name\ngemm\nrelu\n"
    ended = run("sql", trace, " ", "--allow-external")
    assert ended.out == "Done; there is no answer to show.\n\n"


@pytest.mark.parametrize("query", [ENDLESS, LONG])
def test_a_query_can_be_stopped(run: Run, trace: Path, query: str) -> None:
    ended = run("sql", trace, query, "--timeout", "0.3", "--out", "answer")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "Error: the query: took longer than 0.3 s, and was stopped\n"
    assert not list(trace.parent.glob("*answer*"))


@pytest.fixture
def _heeded() -> Iterator[None]:
    """Python's own answer to SIGINT, which a process that began in the background ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_heeded")
@pytest.mark.parametrize("bounds", [(), ("--timeout", "60")])
def test_a_query_can_be_interrupted(run: Run, trace: Path, bounds: tuple[str, ...]) -> None:
    run("sql", trace, COUNT)  # imports what it needs, which Ctrl-C would break off elsewhere
    main = threading.main_thread().ident
    assert main
    # As Ctrl-C does: a thread that waits is woken by no signal to another.
    timer = threading.Timer(0.5, signal.pthread_kill, [main, signal.SIGINT])
    timer.start()
    ended = run("sql", trace, ENDLESS, *bounds)
    assert (ended.code, ended.err.strip()) == (130, "Interrupted; nothing was written.")


def test_a_query_that_begins_late_is_stopped_too() -> None:
    class Connection:
        """Loses interruptions, as DuckDB does before a query has begun."""

        lost = 0
        stopped = threading.Event()

        def execute(self, _query: str) -> None:
            self.stopped.wait(5)

        def interrupt(self) -> None:
            self.lost += 1
            if self.lost == 3:
                self.stopped.set()

    connection = Connection()
    with ThreadPoolExecutor(max_workers=1) as beside:
        running = beside.submit(connection.execute, "select 1")
        database._stop(connection, running)  # type: ignore[arg-type] # what it uses
    assert connection.lost == 3


def test_memory_can_be_limited(run: Run, trace: Path) -> None:
    query = "select len(list(i)) from range(50000000) t(i)"
    ended = run("sql", trace, query, "--memory", "30M")
    assert (ended.code, ended.out) == (2, "")
    assert "Out of Memory" in ended.err
    # DuckDB advises statements that are refused here.
    assert "SET" not in ended.err
    assert "; allow more with --memory, or ask for less" in ended.err


def test_memory_that_duckdb_does_not_count_is_limited_too(run: Run, trace: Path) -> None:
    ended = run("sql", trace, LONG, "--memory", "100M")
    assert (ended.code, ended.out) == (2, "")
    assert "took 368 MB, and was stopped; --memory is 100 MB; allow more" in ended.err
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 1 << 20  # KiB


def test_bounds_change_no_answer(run: Run, ranks: Path, trace: Path) -> None:
    run("export", ranks, "--out", "tables")
    for query in ("from activities order by all", "select nope from gaps", "select 1.5 as a"):
        for form in ("json", "table"):
            asked = ("sql", "tables", trace, query, "--format", form)
            assert run(*asked, "--timeout", "60", "--memory", "1G") == run(*asked)


def test_a_process_that_ends_before_it_has_answered() -> None:
    limits = Limits(timeout_s=60)
    with tempfile.TemporaryDirectory() as room, apart.Apart(limits) as process:
        process.give(ENDLESS, {}, room)
        process._process.kill()
        with pytest.raises(QueryError, match=r"exit status -9\); was memory short\?"):
            process.answer()


def test_a_process_ends_with_the_one_that_asked() -> None:
    limits = Limits(timeout_s=60)
    with tempfile.TemporaryDirectory() as room, apart.Apart(limits) as process:
        process.give(ENDLESS, {}, room)
        process._socket.close()  # as when this process is killed
        process._process.wait(30)


def test_a_trace_that_cannot_be_read_does_not_stop_the_others(run: Run, ranks: Path) -> None:
    (ranks / "r2.json").write_text("<html>")
    ended = run("sql", ranks, COUNT, "--format", "json")
    assert (ended.code, rows(ended.out)) == (1, [{"n": 3}])
    assert ended.err.startswith(f"Not read: {ranks}/r2.json: is not a Chrome trace")
    alone = run("sql", ranks / "r2.json", COUNT)
    assert (alone.code, alone.out) == (2, "")


def test_losses_are_said(run: Run, tmp_path: Path) -> None:
    cut = tmp_path / "cut.json"
    cut.write_bytes(write_trace(tmp_path / "w.json", EVENTS).read_bytes()[:-40])
    ended = run("sql", cut, "select losses from traces", "--format", "json")
    assert rows(ended.out) == [{"losses": 1}]
    assert "cut.json: Lost 1 event" in ended.err


def test_an_export_says_the_same_as_its_traces(run: Run, ranks: Path, tmp_path: Path) -> None:
    write_trace(ranks / "none.json", EVENTS)
    ended = run("export", ranks, "--out", "tables")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[-1] == "Written: tables/TABLE/rank=N/TRACE.parquet"
    for name in TABLES:
        query = f"from {name} order by all"
        there, here = (run("sql", of, query, "--format", "json").out for of in (ranks, "tables"))
        assert rows(there) == rows(here), name
    files = sorted(str(each.relative_to(tmp_path)) for each in tmp_path.glob("tables/gaps/*/*"))
    assert files == [
        "tables/gaps/rank=0/r0.parquet",
        "tables/gaps/rank=1/r1.parquet",
        "tables/gaps/rank=__HIVE_DEFAULT_PARTITION__/none.parquet",
    ]


def test_an_export_can_be_read_without_us(run: Run, ranks: Path, tmp_path: Path) -> None:
    import duckdb  # noqa: PLC0415

    write_trace(ranks / "none.json", EVENTS)
    run("export", ranks, "--out", "tables")
    query = (
        "select rank, trace, count(*) from read_parquet('tables/activities/**/*.parquet', "
        "hive_partitioning = true) group by all order by all nulls last"
    )
    assert duckdb.connect().execute(query).fetchall() == [(0, "r0", 1), (1, "r1", 2),
                                                          (None, "none", 2)]  # fmt: skip


def test_an_export_may_be_asked_beside_traces(run: Run, ranks: Path, trace: Path) -> None:
    run("export", ranks, "--out", "tables")
    query = "select trace, count(*) as n from activities group by all order by all"
    assert rows(run("sql", "tables", trace, query, "--format", "json").out) == [
        {"trace": "r0", "n": 1},
        {"trace": "r1", "n": 2},
        {"trace": "two", "n": 2},
    ]


def test_an_export_as_csv(run: Run, ranks: Path, tmp_path: Path) -> None:
    assert run("export", ranks, "--out", "tables", "--format", "csv").code == 0
    path = tmp_path / "tables" / "activities" / "rank=1" / "r1.csv"
    found = pyarrow.csv.read_csv(path).to_pylist()
    assert [(row["rank"], row["name"], row["dur_ns"]) for row in found] == [
        (1, "gemm", 100),
        (1, "relu", 200),
    ]
    ended = run("sql", "tables", COUNT)
    assert ended.err.startswith("Error: tables: is an export of version 1 as csv, expected")


def test_an_export_is_replaced_whole(run: Run, ranks: Path, trace: Path, tmp_path: Path) -> None:
    run("export", ranks, "--out", "tables")
    run("export", trace, "--out", "tables")
    assert rows(run("sql", "tables", "select trace from traces", "--format", "json").out) == [
        {"trace": "two"}
    ]
    assert not [each for each in (tmp_path / "tables").iterdir() if each.name.startswith(".")]


def test_an_export_replaces_nothing_else(run: Run, trace: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("words")
    ended = run("export", trace, "--out", "mine")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Error: mine: holds files that are no export")
    assert [each.name for each in (tmp_path / "mine").iterdir()] == ["thesis.tex"]
    assert "is a file" in run("export", trace, "--out", trace).err


def test_an_export_that_fails_leaves_what_was_there(
    run: Run, ranks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.json").write_text("<html>")
    assert run("export", "bad.json", "--out", "new").code == 2
    assert not (tmp_path / "new").exists()
    run("export", ranks, "--out", "tables")
    before = sorted(tmp_path.glob("tables/**/*"))
    real = Path.replace

    def full(self: Path, target: Path) -> Path:
        if self.name == "ops" and "tables" in self.parent.parent.name:
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", full)
    ended = run("export", ranks, "--out", "tables")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Error: tables: cannot be written (No space left on device)")
    assert sorted(tmp_path.glob("tables/**/*")) == before
    monkeypatch.undo()
    assert run("sql", tmp_path / "tables", COUNT).code == 0


def test_a_part_replaces_no_export(run: Run, ranks: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("<html>")
    ended = run("export", ranks, "bad.json", "--out", "tables")
    assert (ended.code, "Not read: bad.json: is not a Chrome trace" in ended.err) == (1, True)
    before = {each: each.stat().st_ino for each in tmp_path.glob("tables/**/*")}
    ended = run("export", ranks, "bad.json", "--out", "tables")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(
        "Error: tables: the earlier export stays, since 1 of 3 traces could not be read; leave "
        "them out, or name a new directory\nbad.json: is not a Chrome trace"
    )
    assert {each: each.stat().st_ino for each in tmp_path.glob("tables/**/*")} == before
    assert run("export", ranks, "--out", "tables").code == 0


def test_an_export_of_traces_of_one_name(run: Run, tmp_path: Path) -> None:
    for folder in ("a-b", "a"):
        (tmp_path / folder / "b").mkdir(parents=True)
    write_trace(tmp_path / "a-b" / "t.json", EVENTS)
    write_trace(tmp_path / "a" / "b" / "t.json", EVENTS)
    run("export", "a-b/t.json", "a/b/t.json", "--out", "tables")
    files = sorted(each.name for each in tmp_path.glob("tables/events/*/*"))
    assert files == ["a-b-t.json-2.parquet", "a-b-t.json.parquet"]


def test_a_damaged_export(run: Run, trace: Path, tmp_path: Path) -> None:
    run("export", trace, "--out", "tables")
    (file,) = tmp_path.glob("tables/gaps/*/*")
    file.write_bytes(b"PAR1")
    ended = run("sql", "tables", "select * from gaps")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Error: ")
    (tmp_path / "tables" / "torch-overlap-tables.json").write_text("[]")
    assert "export the traces again" in run("sql", "tables", COUNT).err


def test_from_python(trace: Path, tmp_path: Path) -> None:
    frame = analysis.sql(trace, "select name, dur_ns from activities order by dur_ns")
    assert frame["name"].tolist() == ["gemm", "relu"]
    assert frame["dur_ns"].dtype == "int64"
    both: list[analysis.Trace | Path] = [analysis.load(trace), trace]
    assert analysis.sql(both, COUNT)["n"].tolist() == [4]
    with pytest.raises(QueryError):
        analysis.sql(trace, "select * from read_text('/etc/passwd')")
    limits = Limits(allow_external=True)
    assert analysis.sql(trace, "select 1 as a; select 2 as a", limits=limits)["a"].tolist() == [2]
    (tmp_path / "bad.json").write_text("<html>")
    with pytest.raises(TraceError, match=r"bad\.json"):
        analysis.sql([trace, tmp_path / "bad.json"], COUNT)


def test_the_python_of_an_export(trace: Path, tmp_path: Path) -> None:
    from analysis.tables.reading import Traces  # noqa: PLC0415

    counts = exported.export(Traces.of([trace]), tmp_path / "tables", "parquet")
    assert counts["activities"] == 2
    assert [each.name for each in (tmp_path / "tables" / "gaps").iterdir()] == [
        f"rank={exported.NO_RANK}"
    ]
    with pytest.raises(OutputError):
        exported.export(Traces.of([trace]), trace, "parquet")


def test_tables_are_described(run: Run) -> None:
    ended = run("sql", "--tables")
    assert ended.code == 0
    assert [line.split(":")[0] for line in ended.out.splitlines() if line[:1].isalpha()] == [
        *TABLES
    ]


def test_the_documentation_lists_every_column() -> None:
    text = (REPOSITORY / "docs" / "sql.md").read_text()
    for name, fields in TABLES.items():
        section = text.split(f"\n### {name}\n")[1].split("\n### ")[0].split("\n## ")[0]
        listed = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
        assert fields.meaning in " ".join(section.split())
        assert [
            (cells[0].strip("| `"), cells[1], cells[2].removesuffix(" |")) for cells in listed
        ] == [(field.name, field.kind.value, field.meaning) for field in fields]

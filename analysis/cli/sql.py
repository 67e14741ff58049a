"""`analyze sql`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.cli.progress import shown
from analysis.cli.reading import SIZE, reading_options
from analysis.cli.unread import say_unread
from analysis.cli.ways import Where
from analysis.errors import QueryError
from analysis.output import check_writable, make, write_stream
from analysis.render import terminal
from analysis.tables.answers import FORMATS, document
from analysis.tables.asking import Question
from analysis.tables.database import Limits
from analysis.tables.schema import TABLES
from analysis.trace import STDIN
from analysis.units import encodable

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from analysis.location import Location
    from analysis.trace import Reading

_TABLE = "table"
_LEAST_WIDTH = 40


def _show_tables(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Describe the tables, instead of asking anything."""
    if not wanted:
        return
    for name, table in TABLES.items():
        click.echo(f"{click.style(name, bold=True)}: {table.meaning}")
        for field in table:
            click.echo(f"  {field.name:<18} {field.kind.value:<8} {field.meaning}")
        click.echo()
    context.exit()


@click.command("sql")
@click.argument("arguments", nargs=-1, required=True, metavar="TRACES... QUERY")
@click.option(
    "-f",
    "--file",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Read the query from a file; - is standard input.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice([_TABLE, *FORMATS]),
    default=_TABLE,
    show_default=True,
    help="How to write the answer.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the answer to a file.  [default: standard output]",
)
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="How many rows a table shows at most.",
)
@click.option(
    "--memory", type=SIZE, metavar="SIZE", help="What the query may take.  [default: 80% of all]"
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop a query that runs longer.",
)
@click.option(
    "--allow-external",
    is_flag=True,
    help="Let the query do whatever DuckDB can, files and network included.",
)
@click.option(
    "--tables",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_tables,
    help="Describe the tables and exit.",
)
@reading_options
def command(
    arguments: tuple[str, ...],
    *,
    file: Path | None,
    form: str,
    out: Path | None,
    rows: int,
    memory: int | None,
    timeout: float | None,
    allow_external: bool,
    reading: Reading,
) -> int:
    """Ask in SQL (DuckDB's) about TRACES: files, directories, URLs, or exported tables.

    The tables are traces, events, activities, launches, ops, lanes, states, gaps and
    collectives. All times are int64 ns. A query is one SELECT, and reaches no file and no
    network unless --allow-external. The exit code is 0, 1 if some of several traces could
    not be read, or 2 on an error.
    """
    if out is not None:
        check_writable(out.absolute().parent)
    if form == "parquet" and out is None and sys.stdout.isatty():
        raise click.UsageError("Parquet is nothing for a terminal; name a file with --out")
    paths, query = _query(arguments, file)
    with shown() as progress:
        question = Question(paths, reading, progress)
        answer = question.ask(query, Limits(allow_external, memory, timeout))
    if form == _TABLE:
        text = encodable(_table(answer, rows, to_file=out is not None), _encoding(out))
        _deliver([text.encode(_encoding(out))], out)
    else:
        _deliver(FORMATS[form](answer), out)
    return say_unread(question.traces)


def _query(arguments: tuple[str, ...], file: Path | None) -> tuple[tuple[Location, ...], str]:
    """Return the traces, and what is asked of them."""
    if file is not None:
        if str(file) == STDIN and STDIN in arguments:
            raise click.UsageError("standard input cannot hold both a trace and the query")
        return _places(arguments), _read(file)
    *paths, last = arguments
    if not paths:
        raise click.UsageError(
            f"{last} stands alone; expected traces, and then a query in quotes (or -f FILE)"
        )
    if _is_path(last):
        raise click.UsageError(
            f"{last} is a file; expected a query in quotes after the traces, or -f FILE"
        )
    return _places(paths), last


def _places(arguments: Iterable[str]) -> tuple[Location, ...]:
    place = Where()
    return tuple(place.convert(each, None, None) for each in arguments)


def _is_path(argument: str) -> bool:
    try:
        return bool(argument) and Path(argument).exists()
    except OSError:  # a query is longer than any path
        return False


def _read(file: Path) -> str:
    try:
        if str(file) == STDIN:
            return sys.stdin.buffer.read().decode("utf-8")
        return file.read_text("utf-8")
    except OSError as error:
        raise QueryError(
            f"{file}: cannot be read ({error.strerror or error}); expected a query"
        ) from error
    except UnicodeDecodeError as error:
        raise QueryError(f"{file}: is no UTF-8 at byte {error.start}; expected a query") from error


def _encoding(out: Path | None) -> str:
    return sys.stdout.encoding if out is None else "utf-8"


def _table(answer: pa.Table, rows: int, *, to_file: bool) -> str:
    width = max(shutil.get_terminal_size().columns, _LEAST_WIDTH)
    return terminal.render(
        document(answer, rows, longest=width // 2 - 2),
        width=width,
        color=not to_file and sys.stdout.isatty(),
        encoding="utf-8" if to_file else sys.stdout.encoding,
    )


def _deliver(parts: Iterable[bytes], out: Path | None) -> None:
    if out is None:
        for part in parts:
            click.echo(part, nl=False)
    else:
        written = out.absolute()
        make(written.parent)
        write_stream(written, parts)
        click.echo(encodable(f"Written: {written}", sys.stderr.encoding), err=True)

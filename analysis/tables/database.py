"""Traces as a DuckDB database, in memory, for one question."""

from __future__ import annotations

import re
import tempfile
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import msgspec

from analysis.errors import OutputError, QueryError
from analysis.tables.allowed import tables_of
from analysis.tables.apart import Apart, too_large
from analysis.tables.arrow import missing, pyarrow, schema
from analysis.tables.schema import TABLES
from analysis.tables.values import unlike
from analysis.tables.worded import writable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future
    from types import ModuleType

    import duckdb
    import pyarrow as pa


_CLOSED = (
    "python_enable_replacements",  # variables of this program are no tables
    "autoinstall_known_extensions",
    "autoload_known_extensions",
    "allow_community_extensions",
    "allow_persistent_secrets",
    "enable_external_access",
)
"""Settings of DuckDB that are off where nobody vouches for the question."""

_AGAIN_S = 0.05
"""Seconds after which a query that has not ended is interrupted again."""


class Limits(msgspec.Struct, frozen=True):
    """What a question may do and take.

    Attributes:
        allow_external: let it do whatever DuckDB can: read and write files, load
            extensions, reach the network.
        memory: bytes that DuckDB may take beside the tables; None: 80% of the machine's.
        timeout_s: seconds that it may run; None: as long as it takes.
    """

    allow_external: bool = False
    memory: int | None = None
    timeout_s: float | None = None


class Supplied(msgspec.Struct, frozen=True):
    """One table of a question.

    Attributes:
        held: the rows in memory.
        stored: datasets of Arrow that hold more of them, read bit by bit.
    """

    held: pa.Table
    stored: tuple[Any, ...] = ()

    def scanned(self) -> Any:
        """Return what DuckDB can scan: the table, or a dataset of all."""
        from pyarrow import dataset  # noqa: PLC0415 - an extra

        if not self.stored:
            return self.held
        return dataset.dataset([*self.stored, dataset.dataset(self.held)])


def ask(
    query: str, supply: Callable[[frozenset[str]], Mapping[str, Supplied]], limits: Limits
) -> pa.Table:
    """Answer a question: here, or where it has bounds in a process that can be ended.

    Args:
        query: SQL; one SELECT, or with `allow_external` any statements, of which the
            last one's answer counts.
        supply: returns tables, given their names.
        limits: what it may do and take.

    Raises:
        QueryError: it is not allowed, wrong, or took too much.
        MissingExtraError: DuckDB or pyarrow is not installed.
    """
    pyarrow()
    _duckdb()
    query = _utf8(query)
    with _private_room() as room:
        if limits.memory is None and limits.timeout_s is None:
            return answered(query, supply(_named(query, limits)), limits, room)
        with Apart(limits) as process:  # it starts while the traces are read
            process.give(query, supply(_named(query, limits)), room)
            return process.answer()


def answered(query: str, supplied: Mapping[str, Supplied], limits: Limits, room: str) -> pa.Table:
    """Answer a question in this process, however long that takes.

    Args:
        query: as `ask` takes it, checked.
        supplied: the tables that it names.
        limits: what it may do and take; how long, the caller sees to.
        room: a directory for what does not fit into memory.

    Raises:
        QueryError: it is wrong, or took too much.
    """
    duck = _duckdb()
    with _connected(duck, limits, room) as connection, _told(duck, query):
        for name in TABLES:
            # Those that are not named are there, so that they can be listed.
            there = supplied.get(name) or Supplied(schema(name).empty_table())
            connection.register(name, there.scanned())
        if not limits.allow_external:
            connection.execute("set lock_configuration = true")
        return _run(connection, query)


def _named(query: str, limits: Limits) -> frozenset[str]:
    """Check a question, and return the tables that it may name."""
    if limits.allow_external:
        return frozenset(TABLES)
    duck = _duckdb()
    with duck.connect(":memory:") as connection, _told(duck, query):
        return tables_of(connection, query) & frozenset(TABLES)


def _utf8(query: str) -> str:
    """Return a query as it was typed, where a locale that knows no UTF-8 took it for bytes."""
    try:
        return query.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError as error:
        raise QueryError("the query: is no UTF-8; expected a SELECT") from error


def _duckdb() -> ModuleType:
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise missing("DuckDB", error) from error
    return duckdb


@contextmanager
def _connected(duck: ModuleType, limits: Limits, room: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a database that is alone in memory, and reaches out of it only if allowed."""
    config: dict[str, Any] = {"temp_directory": room}
    if limits.memory is not None:
        config["memory_limit"] = f"{limits.memory}B"
    with duck.connect(":memory:", config=config) as connection:
        if not limits.allow_external:
            for setting in _CLOSED:
                connection.execute(f"set {setting} = false")
        yield connection


def _private_room() -> tempfile.TemporaryDirectory[str]:
    """Return a directory for what does not fit into memory; it is deleted after use."""
    try:
        return tempfile.TemporaryDirectory(prefix="torch-overlap-")
    except OSError as error:
        raise OutputError(
            f"{error.filename or 'temporary files'}: {error.strerror or error}; TMPDIR names "
            "another directory"
        ) from error


@contextmanager
def _told(duck: ModuleType, query: str) -> Iterator[None]:
    """Turn DuckDB's errors into ours, with what they leave unsaid."""
    try:
        yield
    except (duck.OutOfMemoryException, MemoryError) as error:
        # What DuckDB advises after its first line are statements, which are refused here.
        said, *_ = _message(error).splitlines() or ["memory is short"]
        raise too_large(said) from error
    except duck.Error as error:
        raise QueryError(f"the query: {_message(error)}{_help(duck, query, error)}") from error


def _message(error: Exception) -> str:
    return str(error).strip()


def _help(duck: ModuleType, query: str, error: Exception) -> str:
    """Return the names that there are, where a name was wrong."""
    if isinstance(error, duck.PermissionException):
        return "; --allow-external allows it"
    if isinstance(error, duck.CatalogException):
        return f"\n\nThe tables: {', '.join(TABLES)}"
    if not isinstance(error, duck.BinderException):
        return ""
    words = {word.lower() for word in re.findall(r"\w+", query)}
    listed = [
        f"{name} ({', '.join(field.name for field in fields)})"
        for name, fields in TABLES.items()
        if name in words
    ]
    return "".join(f"\n\nThe columns of {each}" for each in listed)


def _run(connection: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    """Run the query beside this thread, which so stays able to stop it.

    DuckDB does not look for Ctrl-C.
    """
    with ThreadPoolExecutor(max_workers=1) as beside:
        running = beside.submit(lambda: _plain(_table(connection.execute(query))))
        try:
            return running.result()
        except KeyboardInterrupt:
            _stop(connection, running)
            raise


def _stop(connection: duckdb.DuckDBPyConnection, running: Future[pa.Table]) -> None:
    """Interrupt the query until it ends: DuckDB forgets an interruption of what has not begun."""
    while not running.done():
        connection.interrupt()
        wait([running], _AGAIN_S)


def _table(answer: duckdb.DuckDBPyConnection | None) -> pa.Table:
    """Return the rows; where nothing was asked, a table without columns."""
    return pyarrow().table({}) if answer is None else answer.to_arrow_table()


def _plain(table: pa.Table) -> pa.Table:
    """Name each column once, and turn sums of whole numbers back to int64 where all fit.

    DuckDB gives them 128 bits.
    """
    arrow = pyarrow()
    names: list[str] = []
    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        names.append(unlike(name, names, "_"))
        columns.append(_usual(arrow, column))
    return writable(arrow.Table.from_arrays(columns, names=names))


def _usual(arrow: ModuleType, column: Any) -> Any:
    if arrow.types.is_decimal(column.type) and not column.type.scale:
        with suppress(arrow.ArrowInvalid):  # a sum that is too large
            return column.cast(arrow.int64())
    return column

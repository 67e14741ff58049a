"""What a question in SQL may do where nobody vouches for it: select, and nothing else.

DuckDB is told to reach no file and no network; what is refused here is what it would do
beside that: read memory by its address (`arrow_scan`), write logs, or print profiles.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from analysis.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

_FUNCTIONS = frozenset(
    {
        "duckdb_columns",
        "duckdb_functions",
        "duckdb_keywords",
        "duckdb_settings",
        "duckdb_tables",
        "duckdb_types",
        "duckdb_views",
        "generate_series",
        "histogram",
        "histogram_values",
        "json_each",
        "json_tree",
        "pragma_table_info",
        "pragma_version",
        "range",
        "repeat",
        "repeat_row",
        "summary",
        "test_all_types",
        "unnest",
    }
)
"""The functions that may stand where a table does."""

_REFUSED = ("__internal", "write_log")
"""How the functions of values begin that may not be called."""
_HINT = "; --allow-external allows whatever DuckDB can do"


def tables_of(connection: duckdb.DuckDBPyConnection, query: str) -> frozenset[str]:
    """Check a question, and return the lower-case names of the tables that it names.

    Args:
        connection: any; nothing of it is read or changed.
        query: one statement.

    Raises:
        QueryError: it is no single SELECT, or calls what it may not.
    """
    names = set()
    for node in _nodes(_parsed(connection, query)):
        kind = node.get("type")
        if kind == "BASE_TABLE":
            names.add(str(node["table_name"]).lower())
        elif kind == "SHOW_REF":
            names.add(str(node.get("table_name", "")).strip('"').lower())
        elif kind == "TABLE_FUNCTION":
            name = str(node["function"]["function_name"]).lower()
            if name not in _FUNCTIONS:
                raise QueryError(
                    f"the query: {name}() may not be called, since it can reach what is no "
                    f"table of a trace{_HINT}"
                )
        elif str(node.get("function_name", "")).lower().startswith(_REFUSED):
            raise QueryError(f"the query: {node['function_name']}() may not be called{_HINT}")
    return frozenset(names)


def _parsed(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    """Return the syntax tree of the one SELECT."""
    statements = connection.extract_statements(query)
    if len(statements) > 1 and not statements[0].query:  # DuckDB's own, to look for the values
        raise QueryError(
            "the query: holds a PIVOT whose values are not named; name them: ON state IN ("
            f"'overlapped', 'idle_host_op', ...){_HINT}"
        )
    if len(statements) != 1:
        raise QueryError(
            f"the query: holds {len(statements)} statements, expected one SELECT{_HINT}"
            if statements
            else "the query: is empty; expected a SELECT, such as: select * from traces"
        )
    found = connection.execute("select json_serialize_sql(?::varchar)", [query]).fetchone()
    try:
        tree = json.loads(found[0]) if found else {"error": True}
    except RecursionError as error:
        raise QueryError("the query: is nested too deeply") from error
    if tree["error"]:
        kind = statements[0].type.name
        raise QueryError(
            f"the query: is no plain SELECT ({kind}); expected SELECT, WITH, FROM, VALUES, "
            f"DESCRIBE, SUMMARIZE, or PIVOT with its values named{_HINT}"
        )
    return tree["statements"]


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a syntax tree."""
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            yield node
            left.extend(node.values())
        elif isinstance(node, list):
            left.extend(node)

"""report.md, in GitHub's dialect of Markdown.

Names in a trace may hold anything, so all text is escaped: by a backslash, or as
an entity where dialects differ about backslashes (a pipe in a table).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analysis.document import Unit
from analysis.render.markup import Markup, is_numeric
from analysis.units import ABSENT, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.document import Column, Document

# An underscore between letters or digits is one; elsewhere it may begin emphasis.
_MARKUP = re.compile(r"[\\`*\[\]~<&|$]|(?<![^\W_])_|_(?![^\W_])")
_BLOCK_START = re.compile(r"[#>+-]|\d+(?=[.)])")
_NO_CODE_SPAN = re.compile(r"[`|]")
_ENTITIES = {"<": "&lt;", "&": "&amp;", "|": "&#124;", "$": "&#36;"}


def render(document: Document) -> str:
    """Return the document as Markdown, ending in a newline."""
    return _Markdown().document(document)


class _Markdown(Markup):
    def heading(self, title: str, level: int) -> str:
        return f"{'#' * level} {_inline(title)}"

    def paragraph(self, prose: str) -> str:
        return _block(prose)

    def bullets(self, items: Sequence[str]) -> str:
        return "\n".join(f"- {_block(item)}" for item in items)

    def cell(self, shown: str, unit: Unit) -> str:
        return _code(shown) if unit is Unit.CODE and shown != ABSENT else _inline(shown)

    def row(self, cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    def divider(self, columns: Sequence[Column]) -> str:
        return self.row(["---:" if is_numeric(column) else "---" for column in columns])


def _inline(prose: str) -> str:
    """Escape what would be markup inside a line."""
    line = _MARKUP.sub(_escaped, one_line(prose))
    # In a heading, closing number signs would vanish.
    return re.sub(r"#(?=#*$)", r"\#", line)


def _escaped(found: re.Match[str]) -> str:
    return _ENTITIES.get(found[0], f"\\{found[0]}")


def _block(prose: str) -> str:
    """Escape what would be markup at the begin of a line, too."""
    line = _inline(prose)
    start = _BLOCK_START.match(line)
    if start is None:
        return line
    # A list's number is marked by what follows it, anything else by itself.
    at = start.end() if start[0].isdigit() else 0
    return f"{line[:at]}\\{line[at:]}"


def _code(name: str) -> str:
    """Return a name in fixed width, exactly as it is."""
    if not name or _NO_CODE_SPAN.search(name):
        # A span in backticks would end at a backtick, and its cell at a pipe.
        return f"<code>{_inline(name)}</code>" if name else ""
    return f"`{name}`"

"""The report's formats. Nothing is computed here, and nothing is read or written.

A format of a file costs one module and one line in `RENDERERS`. The terminal is told
its width and colours, too, hence stands beside them: `analysis.render.terminal`.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from analysis.render import as_json, html, markdown

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.document import Document
    from analysis.report import Report

RENDERERS: dict[str, Callable[[Report, Document], str | bytes]] = {
    "html": lambda _, document: html.render(document),
    "md": lambda _, document: markdown.render(document),
    "json": lambda report, _: as_json.encode(report.to_json(), "report"),
}
"""The formats that are written to files, by suffix."""


def schema(name: str = "report") -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of report.json, compare.json or gate.json."""
    text = files("analysis").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    published: dict[str, Any] = json.loads(text)
    return published

"""A dependency graph as GraphML, for networkx, Gephi, yEd and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from analysis.render.xml import printable

if TYPE_CHECKING:
    from analysis.diagram import Diagram, Node

_KEYS = {
    "name": "string",
    "branch": "string",
    "operators": "long",
    "start_ns": "long",
    "end_ns": "long",
    "length_ns": "long",
    "earliest_ns": "long",
    "critical": "boolean",
}
_EDGE_KEY = "kind"


def render(diagram: Diagram) -> str:
    """Return the graph as GraphML; times count from the step's first start."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
        *(
            f'  <key id="{key}" for="node" attr.name="{key}" attr.type="{kind}"/>'
            for key, kind in _KEYS.items()
        ),
        f'  <key id="{_EDGE_KEY}" for="edge" attr.name="{_EDGE_KEY}" attr.type="string"/>',
        f'  <graph id={quoteattr(printable(diagram.title))} edgedefault="directed">',
    ]
    for number, node in enumerate(diagram.nodes):
        data = "".join(
            f'<data key="{key}">{escape(printable(value))}</data>'
            for key, value in _values(node, diagram.branches).items()
        )
        lines.append(f'    <node id="n{number}">{data}</node>')
    lines += [
        f'    <edge source="n{each.source}" target="n{each.target}">'
        f'<data key="{_EDGE_KEY}">{each.kind}</data></edge>'
        for each in diagram.arrows
    ]
    return "\n".join([*lines, "  </graph>", "</graphml>", ""])


def _values(node: Node, branches: tuple[str, ...]) -> dict[str, str]:
    values = {key: str(getattr(node, key)) for key in _KEYS}
    values["critical"] = values["critical"].lower()
    values["branch"] = branches[node.branch] if node.branch >= 0 else ""
    return values

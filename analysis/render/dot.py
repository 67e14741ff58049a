"""A dependency graph in the DOT language of Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.document import Unit
from analysis.units import one_line, shortened, text

if TYPE_CHECKING:
    from analysis.diagram import Diagram, Node

_CRITICAL = ' color="#b3261e" penwidth=2'


def render(diagram: Diagram) -> str:
    """Return the graph as DOT, the longest path in red, a box around each branch."""
    lines = [
        f"digraph {_quoted(diagram.title)} {{",
        f"  label={_quoted(_title(diagram))};",
        '  node [shape=box fontname="sans-serif"];',
    ]
    members: dict[int, list[int]] = {}
    for number, node in enumerate(diagram.nodes):
        members.setdefault(node.branch, []).append(number)
    for branch, numbers in sorted(members.items()):
        boxes = [_node(number, diagram.nodes[number]) for number in numbers]
        if branch < 0:
            lines += boxes
            continue
        lines.append(f"  subgraph cluster_{branch} {{")
        lines.append(f"    label={_quoted(diagram.branches[branch])};")
        lines += [f"  {box}" for box in boxes]
        lines.append("  }")
    for arrow in diagram.arrows:
        both = diagram.nodes[arrow.source].critical and diagram.nodes[arrow.target].critical
        style = f" [{_CRITICAL.strip()}]" if both else ""
        lines.append(f"  n{arrow.source} -> n{arrow.target}{style};")
    return "\n".join([*lines, "}", ""])


def _title(diagram: Diagram) -> str:
    work, span = (text(each, Unit.TIME) for each in (diagram.work_ns, diagram.span_ns))
    return f"{diagram.title}: work {work}, longest path {span}"


def _node(number: int, node: Node) -> str:
    more = f" and {node.operators - 1:,} more" if node.operators > 1 else ""
    name = shortened(one_line(node.name))
    label = f"{name}{more}, {text(node.length_ns, Unit.TIME)}"
    return f"  n{number} [label={_quoted(label)}{_CRITICAL if node.critical else ''}];"


def _quoted(words: str) -> str:
    # Every backslash begins an escape there, and must be one itself.
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'

"""The graph of what depends on what: its nodes, its edges, its longest path.

`build(trace, device, execution)` makes the `Graph` of one device from a loaded trace and
from the execution trace (`read(path)`) that was recorded beside it; `captured` makes the
same of the CUDA graphs whose edges the trace itself holds:

- `graph.start`, `end`, `length`, `work`, ... have one entry per node. A node is an
  operator that does work of its own: on an accelerator one that launched activities,
  on a CPU one that is not purely composite, with what it calls.
- `graph.edges.source` and `.target` (int32) are pairs of nodes; the target must wait for
  the source, and `source < target` always: the nodes are numbered step by step and in
  each step as they were launched. No edge leaves a step.
- `graph.activity_node` (int32) gives for each activity of the device its node, or -1;
  `graph.node_activity` gives for each node its first activity. On an accelerator several
  activities may be of one node; they run one after the other. On a CPU several nodes may
  be of one activity, an outermost operator; then `activity_node` holds the last.
- `graph.activity_edges()` lifts the edges to pairs of rows of the device's activities.
- `earliest(length, edges)` starts every node as soon as the edges allow.

Definitions: docs/measures.md, "The dependency graph".
"""

from __future__ import annotations

from analysis.graph.build import build
from analysis.graph.captured import captured
from analysis.graph.execution import Execution, read
from analysis.graph.graph import Graph
from analysis.graph.hazards import Dependency, Edges
from analysis.graph.paths import Earliest, earliest

__all__ = [
    "Dependency",
    "Earliest",
    "Edges",
    "Execution",
    "Graph",
    "build",
    "captured",
    "earliest",
    "read",
]

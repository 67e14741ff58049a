"""What one stretch of a trace's text says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from analysis.columns import Collectives, Events, GraphNodes, Synchronisations, Transfers


class Part(msgspec.Struct, frozen=True, eq=False):
    """Columns of some events, with tables of codes of their own.

    Attributes:
        events: the complete ones; positions count from the part's first event.
        synchronisations: rows count from the part's first complete event.
        transfers: so too.
        graph_nodes: so too.
        collectives: so too.
        number: how many events of all kinds there are.
        begins_and_ends: how many are of the phases B and E.
        whole: whether all times are whole microseconds.
    """

    events: Events
    synchronisations: Synchronisations
    transfers: Transfers
    graph_nodes: GraphNodes
    collectives: Collectives
    number: int
    begins_and_ends: int
    whole: bool


class Fault(NamedTuple):
    """A value that cannot be.

    Attributes:
        row: of the event, among the events of all kinds.
        found: which value.
        expected: what it should be.
        fatal: whether the event is lost by it.
    """

    row: int
    found: str
    expected: str
    fatal: bool = True

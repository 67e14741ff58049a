"""Which activities run in order: one chain per lane, or one per lane and branch."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.device import Device

    Rows = NDArray[np.intp]


class Layout(msgspec.Struct, frozen=True, eq=False):
    """Chains of activities; each runs in order, in the order of its lane.

    Chains that may run at once form a group. The groups of a lane follow one another.

    Attributes:
        chain: shape (n,), of each activity.
        before: per chain, the chains of the group before its own.
        group: per chain.
        members: per group, the rows of each of its chains, ascending.
    """

    chain: Rows
    before: tuple[tuple[int, ...], ...]
    group: tuple[int, ...]
    members: tuple[tuple[list[int], ...], ...]

    def up_to(self, row: int) -> tuple[int, ...]:
        """Return the last activity of each chain that comes no later on the row's lane.

        When these have ended, so has all that the lane held until the row.
        """
        own = self.members[self.group[self.chain[row]]] if self.members else ()
        if len(own) < 2:
            return (row,)
        places = [(rows, bisect_right(rows, row)) for rows in own]
        return tuple(rows[place - 1] for rows, place in places if place)


def by_lane(device: Device) -> Layout:
    """Return the layout as recorded: a chain per lane."""
    lanes = len(device.lanes)
    return Layout(device.lane.astype(np.intp), ((),) * lanes, tuple(range(lanes)), ())


def by_branch(device: Device, branch: Rows, occurrence: Rows) -> Layout:
    """Return the layout with a chain per lane and branch.

    What belongs to no branch comes after everything before it on its lane, and before
    everything after it; so does a branch that begins anew.

    Args:
        device: the activities.
        branch: number of each activity's branch, or -1.
        occurrence: which range of the branch holds its launch, or -1.
    """
    chain = np.empty(len(device), np.intp)
    before: list[tuple[int, ...]] = []
    group: list[int] = []
    members: list[tuple[list[int], ...]] = []
    opened: dict[int, tuple[int, int]] = {}  # branch -> (chain, occurrence), of the last group
    lane_now = -1
    earlier: tuple[int, ...] = ()
    rows_of: list[list[int]] = []
    for row, (lane, number, which) in enumerate(
        zip(device.lane.tolist(), branch.tolist(), occurrence.tolist(), strict=True)
    ):
        found = opened.get(number)
        same_lane = lane == lane_now
        joins = same_lane and bool(opened) and (number < 0) == (-1 in opened)
        if not joins or (found is not None and found[1] != which):
            earlier = tuple(place for place, _ in opened.values()) if same_lane else ()
            opened, found, lane_now = {}, None, lane
            members.append(())
        if found is None:
            found = opened[number] = (len(before), which)
            before.append(earlier)
            group.append(len(members) - 1)
            rows_of.append([])
            members[-1] = (*members[-1], rows_of[-1])
        chain[row] = found[0]
        rows_of[found[0]].append(row)
    return Layout(chain, tuple(before), tuple(group), tuple(members))

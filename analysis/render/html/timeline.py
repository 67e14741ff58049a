"""A device's time as the page's script draws it."""

from __future__ import annotations

import shlex
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

from analysis.document import Unit
from analysis.render.charts.palette import TONES, tone_of
from analysis.render.html.markup import bounded, data, element, words
from analysis.units import one_line, text
from analysis.wording import STATE_MEANING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.metrics.picture import Mark, Picture
    from analysis.page import TimelineBlock

_NAME = 200
"""The most characters of a name that the timeline shows."""
_THOUSAND = 1_000
_HELP = (
    "Drag to move, pinch or Ctrl+wheel to zoom, click an activity for its story. By keyboard: "
    "left and right walk along a lane, up and down between lanes, + and - zoom, 0 shows all."
)
_BUTTONS = (
    ("in", "Zoom in", "+"),
    ("out", "Zoom out", "\N{MINUS SIGN}"),
    ("left", "Move left", "\N{LEFTWARDS ARROW}"),
    ("right", "Move right", "\N{RIGHTWARDS ARROW}"),
    ("all", "Show the whole window", "all"),
)


def timeline(block: TimelineBlock, identity: str) -> str:
    """Return the timeline: its controls, its place, its data, and what is said of it."""
    buttons = "".join(
        element("button", f'type="button" data-do="{what}" title="{title}"', shown)
        for what, title, shown in _BUTTONS
    )
    told = f"Timeline of {block.picture.activities:,} activities. {_HELP}"
    return element(
        "div",
        f'class="timeline" id="{identity}"',
        element("div", 'class="tools" role="group" aria-label="Timeline controls"', buttons),
        element("output", 'class="range"', ""),
        element(
            "div",
            'class="stage"',
            f'<canvas tabindex="0" role="application" aria-label="{words(told)}" '
            f'aria-describedby="{identity}-detail"></canvas><div class="tip" hidden></div>',
        ),
        legend(_used(block.picture)),
        element(
            "div",
            f'class="detail" id="{identity}-detail" role="status"',
            f"<p>{words(_HELP)}</p>",
        ),
        _coverage(block),
        data(f"{identity}-data", _plain(block)),
    )


def legend(states: Iterable[str]) -> str:
    """Return the key to the tones of states."""
    used = {tone_of(state).key for state in states}
    items = [
        element("li", "", f'<i class="swatch t-{key}"></i>{words(tone.words)}')
        for key, tone in TONES.items()
        if key in used
    ]
    return element("ul", 'class="legend"', *items)


def _used(picture: Picture) -> list[str]:
    if picture.stretches is not None:
        places = {stretch.state for stretch in picture.stretches}
    else:
        rows = picture.states_ns or ()
        places = {place for row in rows for place, ns in enumerate(row) if ns}
    return [picture.states[place] for place in sorted(places)]


def _coverage(block: TimelineBlock) -> str:
    """Say what is drawn, and how to see the rest."""
    picture = block.picture
    said = []
    if picture.lanes_total > len(picture.lanes):
        said.append(f"The {len(picture.lanes)} busiest of {picture.lanes_total:,} lanes are drawn.")
    if not picture.whole:
        length = text(picture.window_ns // max(len(picture.edges_ns) - 1, 1), Unit.TIME)
        said.append(
            f"{len(picture.marks):,} of {picture.activities:,} activities are drawn one by one, "
            f"the longest; all of them together are the shares of each lane's time, {length} by "
            f"{length}."
        )
    if picture.stretches is None:
        said.append("States are drawn as shares of the same pieces of time.")
    if picture.whole and picture.stretches is not None:
        return element("p", 'class="quiet"', words(" ".join(said))) if said else ""
    command = element("code", 'class="command"', words(f"analyze report {_path(block)}"))
    copy = '<button type="button" class="copy-command">Copy</button>'
    how = (
        "A page with all of a stretch: zoom to it, and run what stands here, or name a range with "
        "<code>--range</code>."
    )
    return element(
        "div",
        'class="coverage quiet"',
        element("p", "", words(" ".join(said))),
        element("p", "", how),
        element("p", 'class="command-line"', command, copy),
    )


def _path(block: TimelineBlock) -> str:
    return shlex.quote(bounded(one_line(block.path), 1_000))


def _plain(block: TimelineBlock) -> dict[str, Any]:
    picture = block.picture
    edges = picture.edges_ns
    bins = [high - low for low, high in pairwise(edges)]
    return {
        "path": _path(block),
        "begins": block.begins_ns,
        "noun": block.noun,
        "window": picture.window_ns,
        "lanes": [bounded(one_line(lane), _NAME) for lane in picture.lanes],
        "names": [bounded(one_line(name[: 4 * _NAME]), _NAME) for name in picture.names],
        "lane": [mark.lane for mark in picture.marks],
        "name": [mark.name for mark in picture.marks],
        "start": [mark.start_ns for mark in picture.marks],
        "length": [mark.length_ns for mark in picture.marks],
        "before": _before(picture.marks),
        "busy": picture.busy_ns and [_shares(row, bins) for row in picture.busy_ns],
        "bins": len(bins),
        "running": _shares(picture.running_ns, bins),
        "most": list(picture.most_running),
        "states": [
            [state, tone_of(state).key, STATE_MEANING.get(state, state)] for state in picture.states
        ],
        "stretches": None
        if picture.stretches is None
        else list(chain.from_iterable((each.state, each.end_ns) for each in picture.stretches)),
        "shares": picture.states_ns
        and [_sparse(row, length) for row, length in zip(picture.states_ns, bins, strict=True)],
    }


def _before(marks: Sequence[Mark]) -> dict[str, Any] | None:
    known = [mark.before for mark in marks if mark.before is not None]
    if len(known) < len(marks) or not known:
        return None
    last = list(dict.fromkeys(each.last for each in known))
    return {
        "launch": [each.launch_ns for each in known],
        "call": [each.call_ns for each in known],
        "stages": [
            [each.launching_ns, each.same_lane_ns, each.dependency_ns, each.last_ns]
            for each in known
        ],
        "last": [last.index(each.last) for each in known],
        "lastNames": last,
    }


def _shares(times: Sequence[int], lengths: Sequence[int]) -> list[int]:
    """Return times as thousandths of the bins' lengths."""
    return [
        round(_THOUSAND * ns / length) if length else 0
        for ns, length in zip(times, lengths, strict=True)
    ]


def _sparse(row: Sequence[int], length: int) -> list[int]:
    """Return state, thousandths, state, thousandths, ... of what there is."""
    return list(
        chain.from_iterable(
            (state, round(_THOUSAND * ns / length)) for state, ns in enumerate(row) if ns and length
        )
    )

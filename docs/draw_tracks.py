"""Draws what `analyze perfetto annotate` added to a trace: `python docs/draw_tracks.py IN OUT.svg`.

Read from the annotated file itself; a stretch of it, between two shares of its window.
"""

from __future__ import annotations

import gzip
import itertools
import json
import sys
from html import escape
from pathlib import Path
from typing import Any

CATEGORY = "torch-overlap"
STRETCH = (0.44, 0.56)
WIDTH, LEFT, ROW = 960, 150, 24
COLOURS = {
    "overlapped": "#1b7f5c",
    "one_lane_alone": "#3f7fbf",
    "one_lane_python": "#d98e2b",
    "idle_python": "#c9584b",
    "idle_untraced": "#9a9a9a",
}
OTHER = "#7a6fb0"


def main(source: str, target: str) -> None:
    """Draw the tracks of the first device of an annotated trace."""
    text = Path(source).read_bytes()
    events = json.loads(gzip.decompress(text) if source.endswith(".gz") else text)["traceEvents"]
    pid = next(
        each["pid"]
        for each in events
        if each.get("name") == "process_labels" and each["args"]["labels"] == CATEGORY
    )
    ours = [each for each in events if each["pid"] == pid]
    times = [each["ts"] for each in ours if each["ph"] != "M"]
    length = max(times) - min(times)
    low, high = (min(times) + share * length for share in STRETCH)

    def x(time: float) -> float:
        inside = min(max(time, low), high)
        return LEFT + (WIDTH - LEFT - 10) * (inside - low) / (high - low)

    parts: list[str] = []
    tracks = {
        each["tid"]: each["args"]["name"] for each in ours if each.get("name") == "thread_name"
    }
    y = 10
    y = counter(parts, ours, x, y)
    for tid, name in tracks.items():
        y = track(parts, [each for each in ours if each["tid"] == tid], name, x, y)
    y = legend(parts, {each["name"] for each in ours if each["ph"] == "B"}, y)
    caption = f"{(high - low) / 1000:.2f} ms of {Path(source).name}"
    parts.append(f'<text x="{LEFT}" y="{y + 14}" class="faint">{escape(caption)}</text>')
    style = (
        "text{font:12px system-ui,sans-serif;fill:#333}.in{fill:#fff;font-size:11px}"
        ".faint{fill:#777}svg{background:#fff}"
    )
    Path(target).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 24}">'
        f"<title>The tracks that were added</title><style>{style}</style>"
        f'<rect width="{WIDTH}" height="{y + 24}" fill="#fff"/>' + "".join(parts) + "</svg>\n",
        encoding="utf-8",
    )


def counter(parts: list[str], events: list[dict[str, Any]], x: Any, y: int) -> int:
    """Draw the number of lanes that run; return where the next track begins."""
    changes = [each for each in events if each.get("name") == "lanes running"]
    most = max(each["args"]["value"] for each in changes)
    height = ROW * 1.5
    for each, following in itertools.pairwise(changes):
        value, begin, end = each["args"]["value"], x(each["ts"]), x(following["ts"])
        if value and end > begin:
            tall = height * value / most
            parts.append(
                f'<rect x="{begin:.2f}" y="{y + height - tall:.2f}" width="{end - begin:.2f}" '
                f'height="{tall:.2f}" fill="#3f7fbf" opacity=".6"/>'
            )
    parts.append(f'<text x="8" y="{y + height - 6}">lanes running, to {most}</text>')
    return y + int(height) + 10


def legend(parts: list[str], names: set[str], y: int) -> int:
    """Draw what the colours of the states mean; return where the next track begins."""
    place = LEFT
    for name, colour in COLOURS.items():
        if name in names:
            parts.append(f'<rect x="{place}" y="{y}" width="12" height="12" fill="{colour}"/>')
            parts.append(f'<text x="{place + 17}" y="{y + 11}">{name}</text>')
            place += 30 + 7 * len(name)
    return y + 22


def track(parts: list[str], events: list[dict[str, Any]], name: str, x: Any, y: int) -> int:
    """Draw the slices of one track; return where the next one begins."""
    parts.append(f'<text x="8" y="{y + 16}">{escape(name)}</text>')
    open_slice: dict[str, Any] = {}
    for each in events:
        if each["ph"] == "B":
            open_slice = each
        elif each["ph"] == "E":
            begin, end = x(open_slice["ts"]), x(each["ts"])
            if end > begin:
                parts.extend(slice_(open_slice["name"], begin, end, y))
    return y + ROW + 6


def slice_(name: str, begin: float, end: float, y: int) -> list[str]:
    """Draw a slice, with its name where there is room for it."""
    colour = COLOURS.get(name, OTHER)
    drawn = [
        (
            f'<rect x="{begin:.2f}" y="{y}" width="{max(end - begin - 0.4, 0.4):.2f}" '
            f'height="{ROW}" fill="{colour}"/>'
        )
    ]
    if end - begin > 6.5 * len(name) + 6:
        drawn.append(f'<text x="{begin + 4:.2f}" y="{y + 16}" class="in">{escape(name)}</text>')
    return drawn


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Stacked bars of letters: what each trace's time consisted of, on a terminal.

Each kind of time has a letter of its own, so that no bar needs its colour to be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from analysis.document import Unit
from analysis.render.charts.palette import TONES, tone_of
from analysis.units import encodable, one_line, shortened, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.render.charts.palette import Tone
    from analysis.report import Report

TITLE = "Where the time went; at the right, the share in which lanes ran together"

_LABEL, _NOTE, _GAP = 28, 7, 2
_LEAST, _MOST = 10, 60
"""Letters of a bar."""


class _Look(NamedTuple):
    """A tone's letter, the same for terminals without block elements, and its colour."""

    letter: str
    ascii: str
    color: str


_LOOKS = {
    "together": _Look("\N{FULL BLOCK}", "#", "green"),
    "same-lane": _Look("\N{DARK SHADE}", "=", "blue"),
    "one-host": _Look("\N{MEDIUM SHADE}", "-", "bright_blue"),
    "one-full": _Look("\N{QUADRANT UPPER LEFT AND LOWER RIGHT}", "%", "cyan"),
    "one-waits": _Look("\N{QUADRANT UPPER RIGHT AND LOWER LEFT}", "+", "bright_magenta"),
    "host": _Look("\N{LIGHT SHADE}", ".", "yellow"),
    "blocked": _Look("x", "x", "red"),
    "launch": _Look("/", "/", "bright_yellow"),
    "dependency": _Look("~", "~", "magenta"),
    "latency": _Look(":", ":", "white"),
    "unknown": _Look("?", "?", "bright_black"),
    "edge": _Look("_", "_", "bright_black"),
}
"""By the key of the tone."""


class Row(NamedTuple):
    """A bar: its label, and the time in each state."""

    label: str
    breakdown_ns: Mapping[str, float]


def rows(report: Report) -> list[Row]:
    """Return a bar for each device of each trace."""
    return [
        Row(
            trace.label if len(trace.devices) == 1 else f"{trace.label}, device {device.device}",
            device.results["breakdown"].breakdown_ns,
        )
        for trace in report.traces
        for device in trace.devices
        if "breakdown" in device.results
    ]


def draw(bars: Sequence[Row], *, width: int, encoding: str) -> list[Text]:
    """Return a line per bar, to the width, and what the letters mean.

    Args:
        bars: those without any time are left out.
        width: of the terminal, in columns.
        encoding: of the terminal; without block elements in it, letters are ASCII.
    """
    merged = [(bar.label, tones) for bar in bars if sum((tones := _by_tone(bar)).values()) > 0]
    if not merged:
        return []
    plain = not _encodes(encoding)
    labels = [shortened(encodable(one_line(label), encoding)) for label, _ in merged]
    room = min(max(map(cell_len, labels)), _LABEL, max(width - _LEAST - _NOTE - 2 * _GAP, 1))
    length = max(min(width - room - _NOTE - 2 * _GAP, _MOST), 1)
    lines = [
        _line(set_cell_size(label, room), tones, length, plain=plain)
        for label, (_, tones) in zip(labels, merged, strict=True)
    ]
    used = [key for key in TONES if any(tones.get(key) for _, tones in merged)]
    return [*lines, *_legend(used, width, plain=plain)]


def _by_tone(bar: Row) -> dict[str, float]:
    total: dict[str, float] = dict.fromkeys(TONES, 0)
    for state, ns in bar.breakdown_ns.items():
        total[tone_of(state).key] += ns
    return total


def _line(label: str, tones: Mapping[str, float], length: int, *, plain: bool) -> Text:
    """Return the label, the bar and the share in which lanes ran together."""
    line = Text(label + " " * _GAP)
    for key, letters in _letters(tones, length).items():
        look = _LOOKS[key]
        line.append((look.ascii if plain else look.letter) * letters, style=look.color)
    share = text(tones["together"] / sum(tones.values()), Unit.SHARE)
    line.append(" " * _GAP + share.rjust(_NOTE))
    return line


def _letters(tones: Mapping[str, float], length: int) -> dict[str, int]:
    """Divide the bar's letters so that none is left: the largest remainders are rounded up."""
    whole = sum(tones.values())
    exact = {key: value * length / whole for key, value in tones.items()}
    found = {key: int(share) for key, share in exact.items()}
    by_remainder = sorted(exact, key=lambda key: found[key] - exact[key])
    for key in by_remainder[: length - sum(found.values())]:
        found[key] += 1
    return found


def _legend(used: Sequence[str], width: int, *, plain: bool) -> list[Text]:
    """Say what the letters mean, as many to a line as fit."""
    lines: list[Text] = [Text()]
    for key in used:
        tone: Tone = TONES[key]
        look = _LOOKS[key]
        letter = look.ascii if plain else look.letter
        entry = Text.assemble((letter, look.color), f" {tone.words}")
        apart = _GAP if lines[-1].cell_len else 0
        if lines[-1].cell_len + apart + entry.cell_len > width and lines[-1].cell_len:
            lines.append(Text())
            apart = 0
        lines[-1].append(" " * apart).append(entry)
    return lines


def _encodes(encoding: str) -> bool:
    try:
        "".join(look.letter for look in _LOOKS.values()).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True

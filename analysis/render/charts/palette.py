"""The one colour language of every picture: what each state looks like, light and dark.

A tone is never told by its colour alone: each has a texture too, and charts write its
name beside it. Colours are CSS variables with the light theme's value to fall back on,
so that a picture looks right in a page that sets them and alone.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Texture: TypeAlias = Literal["solid", "rising", "falling", "crossed", "dotted", "lined"]


class Tone(msgspec.Struct, frozen=True):
    """How one kind of time looks.

    Attributes:
        key: its name in CSS variables (`--tone-KEY`) and classes.
        words: what a legend calls it.
        light: its colour on a light ground, `#rrggbb`.
        dark: its colour on a dark ground.
        texture: what tells it from others without colour.
    """

    key: str
    words: str
    light: str
    dark: str
    texture: Texture = "solid"

    @property
    def fill(self) -> str:
        """Return the value of a `fill` or `stroke` attribute."""
        return f"var(--tone-{self.key}, {self.light})"


TONES = {
    tone.key: tone
    for tone in (
        Tone("together", "running together", "#00795c", "#2fc79a"),
        Tone("same-lane", "one lane: the rest in turn", "#2b68b0", "#6ba6ee"),
        Tone("one-host", "one lane: the host holds back the rest", "#528fd0", "#4275ad", "rising"),
        Tone("one-full", "one lane: no room for another", "#23407a", "#a9c1f0", "lined"),
        Tone("one-waits", "one lane: another waits", "#8274c4", "#9d90e0", "dotted"),
        Tone("host", "waiting for the host", "#d97a06", "#f2a33c", "rising"),
        Tone("blocked", "the host is blocked", "#bf3b25", "#f07a62", "crossed"),
        Tone("launch", "waiting for a launch call", "#a38400", "#eccd4a", "falling"),
        Tone("dependency", "waiting for a dependency", "#a8448f", "#dd8fca", "dotted"),
        Tone("latency", "about to start", "#8b7355", "#bfa582", "lined"),
        Tone("unknown", "not known why", "#5f6973", "#98a3ae", "crossed"),
        Tone("edge", "nothing follows", "#8a929a", "#69737d"),
    )
}
"""Every tone, in the order of legends."""

NEUTRAL = Tone("neutral", "", "#5b7291", "#7d93ab")
"""The tone of what is neither a state nor one of several series."""

LESS = Tone("less", "", "#7f92a8", "#5c7087", "falling")
"""Beside `NEUTRAL`: what is lost."""

STATE_TONES = {
    "overlapped": "together",
    "one_device_full": "one-full",
    "one_unrecorded_wait": "one-waits",
    "one_room_unknown": "one-waits",
    "one_start_latency": "one-waits",
    "one_dependency": "one-waits",
    "one_graph": "one-waits",
    "one_same_lane": "same-lane",
    "one_launching": "one-host",
    "one_unknown": "unknown",
    "one_nothing_queued": "one-host",
    "one_lane_python": "one-host",
    "one_lane_alone": "same-lane",
    "idle_start_latency": "latency",
    "idle_unrecorded_wait": "unknown",
    "idle_dependency": "dependency",
    "idle_graph": "dependency",
    "idle_unknown": "unknown",
    "idle_launching": "launch",
    "idle_slow_launch": "launch",
    "idle_blocking_copy": "blocked",
    "idle_host_sync": "blocked",
    "idle_host_call": "host",
    "idle_host_op": "host",
    "idle_host_python": "host",
    "idle_host_untraced": "host",
    "idle_python": "host",
    "idle_untraced": "unknown",
    "idle_edge": "edge",
}
"""The tone of every state of a device."""

SERIES = (
    Tone("series-1", "first", "#2b68b0", "#6ba6ee"),
    Tone("series-2", "second", "#d97a06", "#f2a33c"),
    Tone("series-3", "third", "#00795c", "#2fc79a"),
    Tone("series-4", "fourth", "#a8448f", "#dd8fca"),
    Tone("series-5", "fifth", "#8b7355", "#bfa582"),
    Tone("series-6", "sixth", "#23407a", "#a9c1f0"),
    Tone("series-7", "seventh", "#bf3b25", "#f07a62"),
    Tone("series-8", "eighth", "#7b858f", "#8b96a1"),
)
"""Tones of what has no meaning of its own; each series has its own marker and dash, too."""


def tone_of(state: str) -> Tone:
    """Return the tone of a state; of one that has none, that of what is not known."""
    return TONES[STATE_TONES.get(state, "unknown")]


def css(theme: Literal["light", "dark"]) -> str:
    """Return the declarations that set every tone's colour in a theme."""
    return "".join(
        f"--tone-{tone.key}:{tone.light if theme == 'light' else tone.dark};"
        for tone in (*TONES.values(), *SERIES, NEUTRAL, LESS)
    )

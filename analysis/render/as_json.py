"""report.json and its kin; `analysis.render.schema()` is their contract."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from analysis.errors import OutputError


def encode(data: Any, place: str) -> bytes:
    """Return plain data as indented JSON, ending in a newline.

    Args:
        data: dicts, lists, texts, numbers and None.
        place: what a mistake in it is said to be in.

    Raises:
        OutputError: a figure is infinite or not a number, which JSON cannot say.
    """
    encoded = msgspec.json.encode(_sound(data, place))
    return msgspec.json.format(encoded, indent=2) + b"\n"


def _sound(value: Any, place: str) -> Any:
    """Return the data with texts that UTF-8 can hold, once every number is finite."""
    if isinstance(value, dict):
        return {_sound(key, place): _sound(each, f"{place}.{key}") for key, each in value.items()}
    if isinstance(value, list):
        return [_sound(each, f"{place}[{i}]") for i, each in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise OutputError(
            f"{place} is {value}, expected a number, or null where there is none: "
            "this is a mistake in the measuring, not in the trace; please report it"
        )
    if isinstance(value, str):
        # Names of files may hold bytes that are no UTF-8.
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value

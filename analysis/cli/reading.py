"""The options of every command that reads traces."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import click

from analysis.trace import MAX_BYTES, Reading

if TYPE_CHECKING:
    from collections.abc import Callable

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


class _Size(click.ParamType[int]):
    """A number of bytes, such as 500M or 20G."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        matched = re.fullmatch(r"(\d+)\s*([kmgt]?)b?", str(value).lower())
        if matched is None or not int(matched[1]):
            self.fail(f"{value!r} is no size; expected for example 500M or 20G", param, ctx)
        return int(matched[1]) * _UNITS[matched[2]]


SIZE = _Size()
"""The type of options that are sizes."""


def reading_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add --strict, --max-bytes and --no-cache; the command is given a `Reading`."""

    @click.option(
        "--strict", is_flag=True, help="Refuse a damaged trace instead of reading what is left."
    )
    @click.option(
        "--max-bytes",
        type=SIZE,
        default=MAX_BYTES,
        metavar="SIZE",
        help=f"Stop reading a text longer than this.  [default: {MAX_BYTES >> 30} GiB]",
    )
    @click.option("--no-cache", is_flag=True, help="Read large traces anew, and keep nothing.")
    @functools.wraps(command)
    def with_reading(
        *arguments: Any, strict: bool, max_bytes: int, no_cache: bool, **options: Any
    ) -> int:
        reading = Reading(strict=strict, max_bytes=max_bytes, cached=not no_cache)
        return command(*arguments, reading=reading, **options)

    return with_reading

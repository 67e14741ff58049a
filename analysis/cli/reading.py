"""The options of every command that reads traces."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import click

from analysis.trace import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

_Command = TypeVar("_Command", bound="Callable[..., Any]")
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


def reading_options(command: _Command) -> _Command:
    """Add --strict and --max-bytes."""
    strict = click.option(
        "--strict", is_flag=True, help="Refuse a damaged trace instead of reading what is left."
    )
    most = click.option(
        "--max-bytes",
        type=_Size(),
        default=MAX_BYTES,
        metavar="SIZE",
        help=f"Stop reading a text longer than this.  [default: {MAX_BYTES >> 30} GiB]",
    )
    return strict(most(command))

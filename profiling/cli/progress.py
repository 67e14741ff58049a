"""Progress on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

T = TypeVar("T")


def progress(label: str, items: Sequence[T], /) -> Iterable[T]:
    """A progress bar on a terminal, nothing elsewhere."""
    return _bar(label, items) if sys.stderr.isatty() else items


def _bar(label: str, items: Sequence[T]) -> Iterator[T]:
    with click.progressbar(
        items,
        label=f"{label:<13}",
        file=sys.stderr,
        item_show_func=_item_name,
    ) as bar:
        yield from bar


def _item_name(item: object) -> str | None:
    """What the bar works on: a mode, but no round's order of modes."""
    name = getattr(item, "name", item)
    return name if isinstance(name, str) else None

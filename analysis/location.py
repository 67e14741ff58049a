"""Where a trace lies: a path of this machine, or a URL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeAlias

import msgspec

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_PLAIN = "file://"


class Url(msgspec.Struct, frozen=True, order=True):
    """What fsspec opens, such as `s3://bucket/run/rank0.json.gz`."""

    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def name(self) -> str:
        """Return the last part of its path, without a query."""
        return self.text.split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1]


Location: TypeAlias = Path | Url


def located(written: str) -> Location:
    """Tell a URL from a path."""
    if _SCHEME.match(written) and not written.lower().startswith(_PLAIN):
        return Url(written)
    return Path(written[len(_PLAIN) :] if written.lower().startswith(_PLAIN) else written)

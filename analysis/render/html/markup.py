"""Texts, elements and data that are safe inside a page, whatever a trace holds."""

from __future__ import annotations

import json
import re
from html import escape
from typing import Any

_MOST = 2_000
"""No text of a page is longer: a name of megabytes helps nobody there."""
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\x7f-\x9f]")


def bounded(string: str, most: int = _MOST) -> str:
    """Return text of at most so many characters, without what no page may hold."""
    short = string if len(string) <= most else f"{string[: most - 1]}\N{HORIZONTAL ELLIPSIS}"
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", short)


def words(string: str) -> str:
    """Return text for the inside of an element, or of an attribute in double quotes."""
    return escape(bounded(string), quote=True)


def element(name: str, attributes: str = "", *children: str) -> str:
    """Return an element with markup inside."""
    return f"<{name}{' ' * bool(attributes)}{attributes}>{''.join(children)}</{name}>"


def data(identity: str, value: Any) -> str:
    """Return plain data as a block that scripts read and browsers never run.

    Args:
        identity: the block's id.
        value: dicts, lists, texts and numbers.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Inside of strings alone; as escapes they end neither the block nor begin a comment.
    text = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return element("script", f'type="application/json" id="{identity}"', text)

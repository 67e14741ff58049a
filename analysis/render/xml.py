"""What XML allows in a text."""

from __future__ import annotations

import re

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """Replace the characters that no XML document may hold, however they are written."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)

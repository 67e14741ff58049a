"""Makes JSON of a text that is nearly JSON.

Kineto writes names as they are: Windows paths with single backslashes, quotes and
control characters end up in the file unescaped, and NaN stands for numbers. Where
the locale has a decimal comma, so have arguments that are fractions (torch 2.12,
pytorch/pytorch#191032).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Decoded = TypeVar("_Decoded")
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_CONTROL = bytes(range(32))
_BLANKS = bytes.maketrans(_CONTROL, b" " * len(_CONTROL))
_STRING = rb'"(?:[^"\\]|\\.)*"'
_NOT_A_NUMBER = re.compile(
    _STRING + rb"|[-+]?\b(?P<word>NaN|nan|Infinity|infinity|Inf|inf)\b", re.DOTALL
)
_BACKSLASH = re.compile(rb'\\(?:["\\/bfnrt]|u(?!d[89a-f])[0-9a-f]{4}|(?P<alone>))', re.IGNORECASE)
# A string ends at a quote that a bracket, a colon, or a comma and a further value follow.
_END = rb'"(?=\s*(?:[:}\]]|,\s*(?:"[^"]*"\s*:|[\[{\d-]|true|false|null)))'
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.|(?!' + _END + rb')")*+)' + _END, re.DOTALL)
_QUOTE = re.compile(rb'\\.|(?P<bare>")', re.DOTALL)
# Never in times, which no locale changes: there, a key may be missing between two numbers.
_DECIMAL_COMMA = re.compile(
    rb'(?P<whole>"(?!(?:ts|dur)")(?:[^"\\]|\\.)*"\s*:\s*-?\d+),'
    rb"(?P<fraction>\d+(?:[eE][-+]?\d+)?)(?=\s*[,}])|" + _STRING,
    re.DOTALL,
)


def mend(text: bytes, decode: Callable[[bytes], _Decoded | None]) -> tuple[_Decoded, str] | None:
    """Decode a text after as little mending as will do.

    Args:
        text: JSON of an object, nearly.
        decode: returns None where it cannot.

    Returns:
        What was decoded, and what became of the text; None where nothing helps.
    """
    done: list[str] = []
    for remedy, change in _REMEDIES.items():
        changed = change(text)
        if changed == text:
            continue
        text = changed
        done.append(remedy)
        decoded = decode(text)
        if decoded is not None:
            return decoded, ", ".join(done)
    return None


def _utf_8(text: bytes) -> bytes:
    return text.decode("utf-8", "replace").encode()


def _without_control_characters(text: bytes) -> bytes:
    return text.translate(_BLANKS)


def _without_lone_backslashes(text: bytes) -> bytes:
    return _BACKSLASH.sub(lambda found: b"\\\\" if found["alone"] is not None else found[0], text)


def _with_numbers_alone(text: bytes) -> bytes:
    return _NOT_A_NUMBER.sub(lambda found: b"null" if found["word"] else found[0], text)


def _without_bare_quotes(text: bytes) -> bytes:
    def escape(found: re.Match[bytes]) -> bytes:
        inside = _QUOTE.sub(lambda quote: b'\\"' if quote["bare"] else quote[0], found[1])
        return b'"' + inside + b'"'

    return _QUOTED.sub(escape, text)


def _with_decimal_points(text: bytes) -> bytes:
    def point(found: re.Match[bytes]) -> bytes:
        whole, fraction = found["whole"], found["fraction"]
        return found[0] if whole is None else whole + b"." + fraction

    return _DECIMAL_COMMA.sub(point, text)


def _with_fields_of_their_types(text: bytes) -> bytes:
    try:
        fields = _FIELDS.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return text
    return msgspec.json.encode(dict(_typed(fields)))


def _typed(fields: dict[str, msgspec.Raw]) -> Iterator[tuple[str, msgspec.Raw | str]]:
    for key, value in fields.items():
        spelled = bytes(value)
        if key in ("name", "cat") and not spelled.startswith((b'"', b"null")):
            yield key, spelled.decode()
        elif key != "args" or spelled.startswith((b"{", b"null")):
            yield key, value


_REMEDIES: dict[str, Callable[[bytes], bytes]] = {
    "bytes that are no UTF-8 became U+FFFD": _utf_8,
    "control characters became blanks": _without_control_characters,
    "single backslashes were doubled": _without_lone_backslashes,
    "NaN and infinities became null": _with_numbers_alone,
    "quotes inside a text were escaped": _without_bare_quotes,
    "decimal commas became points": _with_decimal_points,
    "fields of a wrong type were made text or left out": _with_fields_of_their_types,
}

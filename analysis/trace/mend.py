"""Makes JSON of a text that is nearly JSON.

Kineto writes names as they are: Windows paths with single backslashes, quotes and
control characters end up in the file unescaped, and NaN stands for numbers. Where
the locale has a decimal comma, so have arguments that are fractions (torch 2.12,
pytorch/pytorch#191032).
"""

from __future__ import annotations

import re
from functools import reduce
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

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
# Kineto writes a name as it is, dictionaries of torch.compile among them (pytorch/pytorch#146900),
# and then the process and the thread.
_KINETO_NAME = re.compile(
    rb'(\{\s*"ph"\s*:\s*"X"\s*,\s*"cat"\s*:\s*"[^"]*"\s*,\s*"name"\s*:\s*")(.*?)'
    rb'(?="\s*,\s*"pid"\s*:\s*-?\d+\s*,\s*"tid"\s*:)',
    re.DOTALL,
)
# Never in times, which no locale changes: there, a key may be missing between two numbers.
_DECIMAL_COMMA = re.compile(
    rb'(?<!"ts)(?<!"dur)(?<!\\)("\s*:\s*-?\d+),(?=\d+(?:[eE][-+]?\d+)?\s*[,}])'
)


class _Remedy(NamedTuple):
    """A way to mend.

    Attributes:
        said: what it makes of a text.
        change: makes it.
        whole: whether nothing is lost of what was written.
    """

    said: str
    change: Callable[[bytes], bytes]
    whole: bool


class Mended(NamedTuple, Generic[_Decoded]):
    """A text that was mended.

    Attributes:
        decoded: what it says.
        remedies: what was done to it.
    """

    decoded: _Decoded
    remedies: tuple[_Remedy, ...]

    @property
    def remedy(self) -> str:
        """Say what became of it."""
        return ", ".join(remedy.said for remedy in self.remedies)

    @property
    def whole(self) -> bool:
        """Tell whether it still says all that was written.

        Then its recorder wrote it so: the file has no fault that another copy would not have.
        """
        return all(remedy.whole for remedy in self.remedies)


def mend(text: bytes, decode: Callable[[bytes], _Decoded | None]) -> Mended[_Decoded] | None:
    """Decode a text after as little mending as will do.

    Args:
        text: JSON of an object, nearly.
        decode: returns None where it cannot.

    Returns:
        What was decoded, and what became of the text; None where nothing helps.
    """
    done: list[_Remedy] = []
    changed = text
    for remedy in _REMEDIES:
        before, changed = changed, remedy.change(changed)
        if changed == before:
            continue
        done.append(remedy)
        decoded = decode(changed)
        if decoded is not None:
            return _with_less(text, decode, Mended(decoded, tuple(done)))
    return None


def _with_less(
    text: bytes, decode: Callable[[bytes], _Decoded | None], mended: Mended[_Decoded]
) -> Mended[_Decoded]:
    """Do without the remedies that changed something but helped nothing."""
    for remedy in mended.remedies[:-1]:
        fewer = tuple(each for each in mended.remedies if each is not remedy)
        decoded = decode(reduce(lambda changed, each: each.change(changed), fewer, text))
        if decoded is not None:
            mended = Mended(decoded, fewer)
    return mended


def _utf_8(text: bytes) -> bytes:
    return text.decode("utf-8", "replace").encode()


def _without_zero_bytes(text: bytes) -> bytes:
    return text.replace(b"\0", b" ")


def _without_control_characters(text: bytes) -> bytes:
    return text.translate(_BLANKS)


def _without_lone_backslashes(text: bytes) -> bytes:
    return _BACKSLASH.sub(lambda found: b"\\\\" if found["alone"] is not None else found[0], text)


def _with_numbers_alone(text: bytes) -> bytes:
    return _NOT_A_NUMBER.sub(lambda found: b"null" if found["word"] else found[0], text)


def _without_bare_quotes(text: bytes) -> bytes:
    named = _KINETO_NAME.match(text)
    if named is not None:
        text = named[1] + _escaped(named[2]) + text[named.end() :]
    return _QUOTED.sub(lambda found: b'"' + _escaped(found[1]) + b'"', text)


def _escaped(inside: bytes) -> bytes:
    return _QUOTE.sub(lambda quote: b'\\"' if quote["bare"] else quote[0], inside)


def _with_decimal_points(text: bytes) -> bytes:
    return _DECIMAL_COMMA.sub(rb"\1.", text)


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


# Zero bytes stand where a file was not written to the end, and no UTF-8 where a byte is wrong.
# Decimal commas come first, as they are in every kernel of a trace if in any.
_REMEDIES = (
    _Remedy("decimal commas became points", _with_decimal_points, whole=True),
    _Remedy("bytes that are no UTF-8 became U+FFFD", _utf_8, whole=False),
    _Remedy("zero bytes became blanks", _without_zero_bytes, whole=False),
    _Remedy("control characters became blanks", _without_control_characters, whole=True),
    _Remedy("single backslashes were doubled", _without_lone_backslashes, whole=True),
    _Remedy("NaN and infinities became null", _with_numbers_alone, whole=True),
    _Remedy("quotes inside a text were escaped", _without_bare_quotes, whole=True),
    _Remedy(
        "fields of a wrong type were made text or left out",
        _with_fields_of_their_types,
        whole=False,
    ),
)

"""JSON texts with what is not public replaced; numbers keep every digit as it was written."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import msgspec

from analysis.anonymize import rules, words
from analysis.anonymize.naming import name_of
from analysis.anonymize.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from analysis.anonymize.rules import Document, Rule

    Fields = dict[str, msgspec.Raw]

_T = TypeVar("_T")

_EVENTS = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
_encode = msgspec.json.encode
_LIST_OF_EVENTS = "traceEvents"
_WORDS = (b"true", b"false", b"null")
_DEEPEST = 50
_REMEMBERED = 100_000
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|\\."
)


class Rewriter:
    """Rewrites the parts of one trace; a name is replaced by the same all through it.

    Attributes:
        pseudonyms: what names were replaced by.
    """

    def __init__(self) -> None:
        self.pseudonyms = Pseudonyms()
        self._keys: dict[str, Document] = {}
        self._known: dict[tuple[Rule, bytes], bytes] = {}

    def events(self, stretch: bytes) -> bytes:
        """Rewrite events with commas between them, without brackets."""
        events = _decoded(_EVENTS, b"[" + stretch + b"]")
        return b",\n".join(map(self._event, events))

    def document(self, text: bytes) -> bytes:
        """Rewrite what stands around the events, which are left out."""
        fields = _decoded(_OBJECT, text)
        fields.pop(_LIST_OF_EVENTS, None)
        return self._object(fields, rules.DOCUMENT)

    def _event(self, fields: Fields) -> bytes:
        category = bytes(fields.get("cat", b""))
        if category[:1] == b'"':
            known = self._known_keys(_decoded(_TEXT, category))
        else:
            known = _METADATA if bytes(fields.get("ph", b"")) == b'"M"' else self._known_keys("")
        return self._object(fields, known)

    def _known_keys(self, category: str) -> Document:
        if category not in self._keys:
            self._keys[category] = _keys(partial(_named, category))
        return self._keys[category]

    def _object(self, fields: Fields, known: Document, depth: int = 0) -> bytes:
        parts = [
            self._key(key, known) + self._value(bytes(value), known.get(key), depth + 1)
            for key, value in fields.items()
        ]
        return b"{" + b",".join(parts) + b"}"

    def _key(self, key: str, known: Document) -> bytes:
        return _encode(key if key in known else self.pseudonyms.of("key", key)) + b":"

    def _value(self, value: bytes, rule: Rule | Document | None, depth: int) -> bytes:
        """Rewrite a value under a key that has a rule; without one, nothing of it stays."""
        first = value[:1]
        if depth > _DEEPEST:
            return b"null"
        if first == b'"':
            return self._text(value, rule if callable(rule) else rules.text)
        if first == b"{":
            inner = rule if isinstance(rule, dict) else {}
            return self._object(_decoded(_OBJECT, value), inner, depth)
        if first == b"[":
            if callable(rule) and not (b'"' in value or b"{" in value):
                return value
            items = (self._value(bytes(item), rule, depth + 1) for item in _decoded(_LIST, value))
            return b"[" + b",".join(items) + b"]"
        return value if callable(rule) or value in _WORDS else b"0"

    def _text(self, value: bytes, rule: Rule) -> bytes:
        found = self._known.get((rule, value))
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = _encode(rule(self.pseudonyms, _decoded(_TEXT, value)))
            self._known[rule, value] = found
        return found


def _named(category: str, pseudonyms: Pseudonyms, name: str) -> str:
    return name_of(pseudonyms, category, name)


def _of_metadata(pseudonyms: Pseudonyms, name: str) -> str:
    return name if name in words.NAMES_OF_METADATA else name_of(pseudonyms, "", name)


def _keys(naming: Rule) -> Document:
    return {**rules.EVENT, "name": naming, "args": rules.ARGS}


_METADATA = _keys(_of_metadata)


def _decoded(decoder: msgspec.json.Decoder[_T], text: bytes) -> _T:
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Halves of surrogate pairs are JSON, but no text.
        return decoder.decode(_ESCAPE.sub(_whole, text))


def _whole(found: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if found[1] else found[0]

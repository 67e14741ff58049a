"""Ways to break a file, drawn at random from a seed."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

_TELLING = b'\x00\x1f\xff{}[]",:\\-+.0e9 n\nN'
_LONGEST = 2_000


def mutated(chosen: random.Random, texts: Sequence[bytes]) -> tuple[str, bytes]:
    """Break a random one of the texts, before or after it is compressed, once or a few times.

    Returns:
        What was done, and the file's bytes.
    """
    data, other = chosen.choice(texts), chosen.choice(texts)
    done = []
    compressed = chosen.random() < 0.3
    if compressed:
        data, other = gzip.compress(data, 1, mtime=0), gzip.compress(other, 1, mtime=0)
        done.append("compressed")
    for _ in range(chosen.choice([1, 1, 1, 2, 5])):
        mutation = chosen.choice(_MUTATIONS)
        data = mutation(chosen, data, other) if data else data
        done.append(mutation.__name__)
    if not compressed and chosen.random() < 0.1:
        data = gzip.compress(data, 1, mtime=0)
        done.append("compressed")
    return ", ".join(done), data


def _stretch(chosen: random.Random, data: bytes) -> tuple[int, int]:
    begin = chosen.randrange(len(data))
    return begin, min(len(data), begin + chosen.choice([1, 3, 20, 200, _LONGEST]))


def flip(chosen: random.Random, data: bytes, _: bytes) -> bytes:
    """Change one byte to any other."""
    place = chosen.randrange(len(data))
    return data[:place] + bytes([chosen.randrange(256)]) + data[place + 1 :]


def disturb(chosen: random.Random, data: bytes, _: bytes) -> bytes:
    """Change one byte to one that means something to JSON."""
    place = chosen.randrange(len(data))
    return data[:place] + bytes([chosen.choice(_TELLING)]) + data[place + 1 :]


def insert(chosen: random.Random, data: bytes, _: bytes) -> bytes:
    """Put a telling byte in between."""
    place = chosen.randrange(len(data) + 1)
    return data[:place] + bytes([chosen.choice(_TELLING)]) + data[place:]


def truncate(chosen: random.Random, data: bytes, _: bytes) -> bytes:
    """Cut the end off."""
    return data[: chosen.randrange(len(data))]


def delete(chosen: random.Random, data: bytes, _: bytes) -> bytes:
    """Take a stretch out."""
    begin, end = _stretch(chosen, data)
    return data[:begin] + data[end:]


def duplicate(chosen: random.Random, data: bytes, _: bytes) -> bytes:
    """Say a stretch twice."""
    begin, end = _stretch(chosen, data)
    return data[:end] + data[begin:]


def move(chosen: random.Random, data: bytes, _: bytes) -> bytes:
    """Put a stretch somewhere else."""
    begin, end = _stretch(chosen, data)
    rest = data[:begin] + data[end:]
    place = chosen.randrange(len(rest) + 1)
    return rest[:place] + data[begin:end] + rest[place:]


def splice(chosen: random.Random, data: bytes, other: bytes) -> bytes:
    """Put a stretch of another file in."""
    begin, end = _stretch(chosen, other)
    place = chosen.randrange(len(data) + 1)
    return data[:place] + other[begin:end] + data[place:]


def glue(chosen: random.Random, data: bytes, other: bytes) -> bytes:
    """Begin as one file and end as another."""
    return data[: chosen.randrange(len(data))] + other[chosen.randrange(len(other)) :]


_MUTATIONS = [flip, disturb, insert, truncate, delete, duplicate, move, splice, glue]

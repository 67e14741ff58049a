"""What the schema of an operator says of its arguments: which of them it writes.

The text is that of torch's native_functions: `aten::add_.Tensor(Tensor(a!) self,
Tensor other, *, Scalar alpha=1) -> Tensor(a!)`; a `!` marks what is written.
"""

from __future__ import annotations

import re
from functools import cache

import msgspec

_WRITTEN = re.compile(r"\([^()]*!")
_OPEN, _CLOSE = "([", ")]"

# They change how a tensor sees its storage, and no byte of it.
_VIEWS_IN_PLACE = frozenset(
    f"aten::{name}_"
    for name in (
        "as_strided",
        "detach",
        "rename",
        "squeeze",
        "swapaxes",
        "swapdims",
        "t",
        "transpose",
        "unsqueeze",
    )
)
# The host waits for values of theirs, or for how many there are.
_HOST_READS = frozenset(
    f"aten::{name}"
    for name in (
        "_local_scalar_dense",
        "_unique",
        "_unique2",
        "equal",
        "masked_select",
        "nonzero",
        "unique_consecutive",
        "unique_dim",
        "unique_dim_consecutive",
    )
)
_COPY = "aten::copy_"


class Schema(msgspec.Struct, frozen=True):
    """What is known of an operator from its schema.

    Attributes:
        operator: name and overload; empty where there is no schema.
        writes: per argument, whether it is written.
        view_in_place: it gives a tensor other strides, and writes nothing.
        host_read: the host waits for what it computes.
        copies: it copies its second argument into the first.
    """

    operator: str
    writes: tuple[bool, ...]
    view_in_place: bool = False
    host_read: bool = False
    copies: bool = False


@cache
def parse(text: str) -> Schema:
    """Read a schema; an empty text, or one of another form, says nothing."""
    operator, mark, rest = text.partition("(")
    if not mark:
        return Schema("", ())
    name = operator.partition(".")[0]
    view = name in _VIEWS_IN_PLACE
    return Schema(
        operator,
        tuple(not view and bool(_WRITTEN.search(each)) for each in _arguments(rest)),
        view_in_place=view,
        host_read=name in _HOST_READS,
        copies=name == _COPY,
    )


def _arguments(text: str) -> list[str]:
    """Split the arguments at the commas between them; `*` is none."""
    parts, depth = [""], 0
    for character in text:
        if character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth -= 1
            if depth < 0:
                break
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in map(str.strip, parts) if part and part != "*"]

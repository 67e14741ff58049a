"""The names of events: which stay, and what the others become."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analysis import roles, vocabulary
from analysis.anonymize import words
from analysis.columns import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.anonymize.pseudonyms import Pseudonyms

    Naming = Callable[[Pseudonyms, str], str]

_MODULE = "nn.Module: "
_DIGITS = re.compile(r"\d+", re.ASCII)
_STEM = re.compile(r"\W|_", re.ASCII)


def name_of(pseudonyms: Pseudonyms, category: str, name: str) -> str:
    """Return what an event is to be called, given its category; the same name always so."""
    naming = _OF_CATEGORY.get(category) or _OF_ROLE[roles.of_event(category, name)]
    return naming(pseudonyms, name)


def kernel(pseudonyms: Pseudonyms, name: str) -> str:
    """Return a kernel's name: public, or of its class, with what kind of collective it is."""
    if words.NCCL_KERNEL.fullmatch(name):
        return name
    pseudonym = pseudonyms.of("kernel", name)
    lower = name.lower()
    library = next((each for each in words.COMMUNICATION if each in lower), None)
    if library is not None:
        plain = _STEM.sub("", lower)
        collective = next((each for each in words.KINDS if _STEM.sub("", each) in plain), "")
        return " ".join(filter(None, (library, collective, *_number(pseudonym))))
    for public in (words.KERNEL, words.GEMM):
        if found := public.match(name):
            return f"{found[1]} {_number(pseudonym)[0]}"
    return pseudonym


def _number(pseudonym: str) -> list[str]:
    return _DIGITS.findall(pseudonym)


def _copy(pseudonyms: Pseudonyms, name: str) -> str:
    return name if words.COPY.fullmatch(name) else pseudonyms.of("copy", name)


def _set(pseudonyms: Pseudonyms, name: str) -> str:
    return name if words.FILL.fullmatch(name) else pseudonyms.of("set", name)


def _sync(pseudonyms: Pseudonyms, name: str) -> str:
    return name if name in words.OTHER_NAMES else pseudonyms.of("sync", name)


def _call(pseudonyms: Pseudonyms, name: str) -> str:
    return name if words.RUNTIME_CALL.fullmatch(name) else pseudonyms.of("call", name)


def _operator(pseudonyms: Pseudonyms, name: str) -> str:
    if _public_operator(name):
        return name
    if name.startswith(words.AUTOGRAD):
        node = name.removeprefix(words.AUTOGRAD)
        return name if _public_operator(node) else words.AUTOGRAD + pseudonyms.of("operator", node)
    if found := words.COMPILED_CALL.fullmatch(name):
        return f"## Call CompiledFxGraph {pseudonyms.of('graph', found[1]).replace(' ', '')} ##"
    return pseudonyms.of("operator", name)


def _public_operator(name: str) -> bool:
    patterns = (words.OPERATOR, words.NODE, words.COMPILED_REGION, words.HOST_COLLECTIVE)
    return name in words.OPERATORS or any(each.fullmatch(name) for each in patterns)


def _range(pseudonyms: Pseudonyms, name: str) -> str:
    numbered = (vocabulary.PROFILER_STEP, vocabulary.BRANCH_RANGE)
    if any(name.startswith(each) and _DIGITS.fullmatch(name, len(each)) for each in numbered):
        return name
    if name == vocabulary.STEP_RANGE or name in words.ANNOTATIONS or name in words.OTHER_NAMES:
        return name
    if words.OPTIMIZER.fullmatch(name) or words.HOST_COLLECTIVE.fullmatch(name):
        return name
    if words.COMPILED_REGION.fullmatch(name) or words.COMPILED_CALL.fullmatch(name):
        return _operator(pseudonyms, name)
    return pseudonyms.of("range", name)


def _python(pseudonyms: Pseudonyms, name: str) -> str:
    if name.startswith(_MODULE):
        return _MODULE + pseudonyms.of("module", name.removeprefix(_MODULE))
    return pseudonyms.of("python", name)


def _other(pseudonyms: Pseudonyms, name: str) -> str:
    if name in words.OTHER_NAMES or words.PROFILER_ITSELF.fullmatch(name):
        return name
    return pseudonyms.of("name", name)


_OF_CATEGORY: dict[str, Naming] = {"gpu_user_annotation": _range}
_OF_ROLE: dict[Role, Naming] = {
    Role.KERNEL: kernel,
    Role.MEMCPY: _copy,
    Role.MEMSET: _set,
    Role.SYNC: _sync,
    Role.CALL: _call,
    Role.OPERATOR: _operator,
    Role.ANNOTATION: _range,
    Role.PYTHON: _python,
    Role.OTHER: _other,
}

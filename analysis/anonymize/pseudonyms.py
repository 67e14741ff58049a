"""Names in place of names: stable within a file, and meaning the same to the analysis."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from analysis import roles, vocabulary
from analysis.columns import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Question = Callable[[Sequence[str]], NDArray[np.bool_ | np.int64 | np.int8]]


def _work_class(names: Sequence[str]) -> NDArray[np.int8]:
    count = len(names)
    return vocabulary.work_class(
        np.full(count, Role.KERNEL, np.int8), names, np.arange(count, dtype=np.int32)
    )


def _role(names: Sequence[str]) -> NDArray[np.int8]:
    return np.array([roles.of_event("cpu_op", name) for name in names], np.int8)


def _role_of_category(names: Sequence[str]) -> NDArray[np.int8]:
    return np.array([roles.of_category(name) for name in names], np.int8)


def _known_category(names: Sequence[str]) -> NDArray[np.bool_]:
    return np.array([roles.is_known(name) for name in names], np.bool_)


_OF_HOST: tuple[Question, ...] = (vocabulary.accelerator_sign,)
_QUESTIONS: dict[str, tuple[Question, ...]] = {
    "category": (_role_of_category, _known_category),
    "kernel": (_work_class,),
    "copy": (vocabulary.pageable,),
    "sync": (vocabulary.makes_stream_wait,),
    "call": (
        *_OF_HOST,
        vocabulary.synchronises,
        vocabulary.copies_synchronously,
        vocabulary.blocks,
        vocabulary.launches_graph,
        vocabulary.launches,
        vocabulary.waits_on_event,
    ),
    "operator": (
        *_OF_HOST,
        vocabulary.may_be_container,
        vocabulary.scope,
        vocabulary.host_collective,
        vocabulary.c10d_operator,
        vocabulary.namespaced,
    ),
    "range": (
        *_OF_HOST,
        _role,
        vocabulary.host_collective,
        vocabulary.profiler_step,
        vocabulary.own_step,
        vocabulary.branch,
        vocabulary.branch_number,
    ),
}
"""What the analysis asks of names of each kind."""

_FORMS = {
    "category": (
        "category {}",
        "category{}_runtime",
        "category{}_kernel",
        "category{}_memcpy",
        "category{}_memset",
        "category{}_sync",
    ),
    "kernel": ("kernel {}", "nccl kernel {}"),
    "copy": ("copy {}", "copy {} (Pageable)"),
    "call": ("call {}", "call {} Launch", "cudaCall {}", "cudaCall {} Launch"),
    "operator": (
        "operator {}",
        "namespace::operator {}",
        "<operator {}>",
        "cudaOperator {}",
        "cudaNamespace::operator {}",
        "c10d::operator {}",
        "nccl:operator {}",
        "nccl:namespace::operator {}",
    ),
    "range": (
        "range {}",
        "nccl:collective {}",
        "gloo:collective {}",
        "cudaRange {}",
        "ProfilerStep# {}",
        "overlap.branch of {}",
        "Optimizer.range#{}",
    ),
}
"""What names of a kind may be replaced by; the first that means the same is taken."""


class Pseudonyms:
    """Gives each name of a kind one of its own, numbered as they come.

    Attributes:
        given: how many there are of each kind.
    """

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], str] = {}
        self.given: Counter[str] = Counter()

    def of(self, kind: str, name: str) -> str:
        """Return the pseudonym of a name, which tells nothing of it but its kind."""
        found = self._of.get((kind, name))
        if found is None:
            found = self._of[kind, name] = self._new(kind, name)
        return found

    def _new(self, kind: str, name: str) -> str:
        self.given[kind] += 1
        number = self.given[kind]
        forms = [form.format(number) for form in _FORMS.get(kind, (f"{kind} {{}}",))]
        questions = _QUESTIONS.get(kind, ())
        meant = _answers(questions, name)
        # A name that no form can stand in for would be a call that no runtime has.
        return next((form for form in forms if _answers(questions, form) == meant), forms[0])


def _answers(questions: Sequence[Question], name: str) -> list[object]:
    return [question((name,))[0].item() for question in questions]

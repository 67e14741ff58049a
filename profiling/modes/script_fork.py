"""torch.jit.fork inside TorchScript."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from profiling._torch import quiet_jit, torch
from profiling.branches import BRANCH_RANGE
from profiling.errors import UnavailableError, UnprovenError
from profiling.modes.base import Mode, Run, require_two

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from profiling.branches import Branch
    from profiling.evidence import Evidence

# The profiler's own operators: a `with record_function(...)` in a script would add
# operators called `__enter__` and `__exit__` to the trace.
_MARKED_BODY = """
    mark = torch.ops.profiler._record_function_enter_new("{name}", None)
    output = self.target_{index}({arguments})
    torch.ops.profiler._record_function_exit(mark)
    return output
"""
_PLAIN_BODY = """
    return self.target_{index}({arguments})
"""


class ScriptFork(Mode):
    """torch.jit.fork inside TorchScript: an inter-op pool of C++ threads, no GIL.

    Expect operators of two branches at once, and Python out of the way. It pays where a branch
    takes much longer than waking a thread, and where the operators leave cores to each other.
    """

    proven: ClassVar[frozenset[str]] = frozenset({"cpu"})
    # On a busy machine a branch is often done before a second thread gets a core.
    attempts: ClassVar[int] = 10

    def unavailable(self, device: str) -> str | None:  # noqa: ARG002
        """A pool of one thread runs one branch at a time."""
        threads = torch.get_num_interop_threads()
        if threads >= 2:
            return None
        return f"the inter-op pool has {threads} thread; torch.set_num_interop_threads(2) gives two"

    @contextmanager
    def prepare(self, branches: Sequence[Branch], device: str, *, ranges: bool) -> Iterator[Run]:  # noqa: ARG002
        """Script one module that forks a method per branch and waits for all."""
        require_two(branches)
        with quiet_jit():
            script = _script(branches, ranges=ranges)
        inputs = [tensor for branch in branches for tensor in branch.inputs]

        def run() -> list[Any]:
            return list(script(*inputs))

        yield run

    def prove(self, evidence: Evidence) -> str:
        """Two threads or more within a step.

        Not in every step: the first pool thread awake may finish a short branch and
        take the next one before a second thread is up.
        """
        counts = [len(threads) for threads in evidence.operator_threads()]
        parallel = sum(count >= 2 for count in counts)
        if not parallel:
            raise UnprovenError(
                f"no step of {evidence.steps} ran operators on two threads; "
                "expected the inter-op pool to share them out (one of its threads runs all "
                "branches where they take less time than waking another)"
            )
        return (
            f"operators ran on up to {max(counts)} threads of the inter-op pool, "
            f"on two or more in {parallel} of {evidence.steps} steps"
        )


def _script(branches: Sequence[Branch], *, ranges: bool) -> Any:
    # TorchScript shares one compiled type among modules of one Python class that look
    # alike; a class of its own keeps the methods of two calls apart.
    class Forks(torch.nn.Module):
        pass

    holder = Forks()
    for index, branch in enumerate(branches):
        if not isinstance(branch.target, torch.nn.Module):
            raise UnavailableError(
                f"branch {index} is a {type(branch.target).__name__}; "
                "TorchScript needs a torch.nn.Module"
            )
        setattr(holder, f"target_{index}", branch.target)
    try:
        script = torch.jit.script(holder)
        for method in _sources(branches, ranges=ranges):
            script.define(method)
    except Exception as error:  # its compiler has no base class for what it raises
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UnavailableError(f"TorchScript cannot compile a branch: {lines[0]}") from error
    return script


def _sources(branches: Sequence[Branch], *, ranges: bool) -> Iterator[str]:
    """TorchScript source of a method per branch, and of the step that forks them."""
    names = [
        [f"input_{index}_{place}" for place in range(len(branch.inputs))]
        for index, branch in enumerate(branches)
    ]
    body = _MARKED_BODY if ranges else _PLAIN_BODY
    for index, arguments in enumerate(names):
        yield f"def branch_{index}(self{_typed(arguments)}):" + body.format(
            index=index, name=BRANCH_RANGE.format(index=index), arguments=", ".join(arguments)
        )
    everything = [name for arguments in names for name in arguments]
    forks = "".join(
        f"    future_{index} = torch.jit.fork({', '.join([f'self.branch_{index}', *arguments])})\n"
        for index, arguments in enumerate(names)
    )
    waits = ", ".join(f"torch.jit.wait(future_{index})" for index in range(len(names)))
    yield f"def forward(self{_typed(everything)}):\n{forks}    return {waits}\n"


def _typed(arguments: Sequence[str]) -> str:
    return "".join(f", {argument}: Tensor" for argument in arguments)

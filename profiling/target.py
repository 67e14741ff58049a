"""The user's own branches, by the name of the function that makes them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from profiling.branches import Branch
from profiling.errors import UsageError


@dataclass(frozen=True)
class Target:
    """A function without arguments that returns a list of `Branch`.

    Every mode's process calls it anew, so that nothing needs to be sent there.

    Attributes:
        name: `package.module:function`.
    """

    name: str

    def build(self) -> list[Branch]:
        """Import the module, from the current folder too, and call the function.

        Raises:
            UsageError: there is no such module or function, it raised, or it returned
                something else.
        """
        module, separator, path = self.name.partition(":")
        if not (separator and module and path):
            raise UsageError(f"target is {self.name!r}; expected package.module:function")
        made = self._call(self._find(module, path))
        branches = list(made) if isinstance(made, (list, tuple)) else []
        if not branches or not all(isinstance(branch, Branch) for branch in branches):
            raise UsageError(
                f"{self.name} returned {_shown(made)}; expected a list of "
                "profiling.Branch, one or more"
            )
        return branches

    def _find(self, module: str, path: str) -> Any:
        here = str(Path.cwd())
        if here not in sys.path:
            sys.path.insert(0, here)
        try:
            found: Any = import_module(module)
            for name in path.split("."):
                found = getattr(found, name)
        except Exception as error:
            raise UsageError(
                f"{self.name} cannot be imported ({_told(error)}); expected "
                "package.module:function, found from the current folder or installed"
            ) from error
        return found

    def _call(self, function: Any) -> Any:
        try:
            return function()
        except Exception as error:
            raise UsageError(f"{self.name}() raised {_told(error)}") from error


def _told(error: Exception) -> str:
    lines = str(error).strip().splitlines() or ["no message"]
    return f"{type(error).__name__}: {lines[0]}"


def _shown(made: object) -> str:
    if isinstance(made, (list, tuple)):
        kinds = ", ".join(sorted({type(each).__name__ for each in made})) or "nothing"
        return f"a {type(made).__name__} of {kinds}"
    return f"a {type(made).__name__}"

"""What results can do in a notebook: show themselves, draw themselves, become data frames.

The classes of results stand below everything that draws; this is the one place where they
reach up, inside of methods, when somebody looks at them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from analysis.notebook.picture import Picture


class Shown:
    """What a notebook shows as a picture and tables."""

    __slots__ = ()

    def plot(self) -> Picture:
        """Return a picture, which a notebook shows and `save` writes.

        Raises:
            SelectionError: there is nothing to draw.
        """
        from analysis import notebook  # noqa: PLC0415 - only where it is looked at

        return notebook.plot(self)

    def _repr_html_(self) -> str:
        from analysis import notebook  # noqa: PLC0415 - only where it is looked at

        return notebook.html(self)


class Tabular(Shown):
    """A result with tables besides."""

    __slots__ = ()

    def to_frame(self, table: str | None = None) -> pd.DataFrame:
        """Return one of its tables as a DataFrame; times in ns.

        Args:
            table: its name; None: the one that says most.

        Raises:
            SelectionError: there is no such table; the message lists them.
        """
        from analysis import notebook  # noqa: PLC0415 - only where it is looked at

        return notebook.frame(self, table)

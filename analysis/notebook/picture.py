"""A picture that a notebook shows and that can be written to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from analysis.errors import SelectionError
from analysis.output import write_all
from analysis.render.charts.svg import alone

if TYPE_CHECKING:
    import os

_SUFFIX = ".svg"


class Picture(msgspec.Struct, frozen=True):
    """A chart with its title.

    Attributes:
        title: what it shows.
        chart: its SVG, as wide as its place.
    """

    title: str
    chart: str

    def _repr_svg_(self) -> str:
        return alone(self.chart, self.title)

    def _repr_html_(self) -> str:
        return f'<div style="max-width:52em">{alone(self.chart, self.title)}</div>'

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it as an SVG file of its own.

        Args:
            path: where to; it ends in .svg.

        Returns:
            The path.

        Raises:
            SelectionError: the path ends otherwise.
            OutputError: it cannot be written.
        """
        target = Path(path)
        if target.suffix != _SUFFIX:
            raise SelectionError(
                f"{target}: a picture is saved as SVG; name a file that ends in {_SUFFIX}"
            )
        (written,) = write_all(target.parent, {target.name: self._repr_svg_()})
        return written

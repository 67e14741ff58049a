"""The picture in the documentation is what its script draws of the example's annotation."""

import subprocess
import sys
from pathlib import Path

from analysis.perfetto import annotate
from tests.shared import REPOSITORY

DOCS = REPOSITORY / "docs"


def test_the_picture_is_up_to_date(tmp_path: Path) -> None:
    target = tmp_path / "cpu-post-threads.annotated.json.gz"
    annotate(REPOSITORY / "traces/examples/cpu-post-threads.pt.trace.json.gz", target)
    drawn = tmp_path / "drawn.svg"
    subprocess.run([sys.executable, DOCS / "draw_tracks.py", target, drawn], check=True)
    assert drawn.read_text() == (DOCS / "perfetto.svg").read_text()

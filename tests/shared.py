"""Where the real traces are, which no clone of the project carries."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
TRACES = Path(
    os.environ.get("TORCH_OVERLAP_TRACES", REPOSITORY.parent / "shared" / "traces")
).absolute()
ABSENT = f"needs the real traces, and {TRACES} holds none; TORCH_OVERLAP_TRACES names their folder"


def real_traces() -> list[Path]:
    """The files in order; none where the folder is absent."""
    return sorted(TRACES.glob("*.json.gz"))

"""What a recording was asked for and how far it has come: a JSON file beside the traces.

Version 1. Keys are added, never renamed, within a version. It is written before
anything runs and after each mode, so that it tells the truth whenever the recording
ends; whether a mode is recorded is told by its manifest and trace alone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final

from profiling.branches import CUSTOM, Workload, preset_name
from profiling.errors import JournalError
from profiling.files import replacing, sha256_of
from profiling.manifest import SUFFIX as MANIFEST_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from profiling.job import Request
    from profiling.manifest import Manifest
    from profiling.settings import Settings

VERSION: Final = 1
SUFFIX: Final = ".run.json"
MISSING: Final = "missing"
RECORDED: Final = "recorded"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"
_NOT_SETTINGS: Final = {"run", "folder", "load_average", "before", "resumes", "part"}


@dataclass(frozen=True)
class Entry:
    """Where one part of what was asked for stands.

    Attributes:
        state: `missing` (not yet, or never, recorded), `recorded`, `failed`, or
            `skipped` (it cannot run here, and nobody asked for it by name).
        run: of the recording that holds it; None without one.
        reason: why it is not there.
    """

    state: str = MISSING
    run: str | None = None
    reason: str | None = None


@dataclass
class Journal:
    """A recording that was begun.

    Attributes:
        path: the file.
        asked: the settings, as JSON has them.
        runs: ids of the recording and of those that resumed it.
        entries: each mode that was asked for.
        other_cores: cores that other programs kept busy while each run was timed, by run.
    """

    path: Path
    asked: dict[str, Any]
    runs: list[str] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    other_cores: dict[str, float | None] = field(default_factory=dict)

    def note(self, name: str, entry: Entry) -> None:
        """Say where a mode stands, and write that down.

        Raises:
            OutputError: the file cannot be written.
        """
        self.entries[name] = entry
        self.write()

    def write(self) -> None:
        """Replace the file.

        Raises:
            OutputError: it cannot be written.
        """
        write(
            self.path,
            {
                "schema_version": VERSION,
                "asked": self.asked,
                "runs": self.runs,
                "modes": {name: asdict(entry) for name, entry in self.entries.items()},
                "other_cores": self.other_cores,
            },
        )


def path_of(folder: Path, device: str, given: object, settings: Settings) -> Path:
    """Where the journal of a recording lies; named by the device as it was asked for."""
    preset = preset_name(given) if isinstance(given, Workload) else CUSTOM
    return folder / f"{device}-{preset}{settings.suffix}{SUFFIX}"


def settings(request: Request) -> dict[str, Any]:
    """All of a request that a resumed one must share, as JSON has it."""
    asked = {
        each.name: _plain(getattr(request, each.name))
        for each in fields(request)
        if each.name not in _NOT_SETTINGS
    }
    plain: dict[str, Any] = json.loads(json.dumps(asked))
    return plain


def load(path: Path) -> Journal | None:
    """Read a journal; None where there is none.

    Raises:
        JournalError: it is none of ours.
    """
    found = read(path)
    if found is None:
        return None
    try:
        return Journal(
            path,
            found["asked"],
            [str(run) for run in found["runs"]],
            {name: Entry(**entry) for name, entry in found["modes"].items()},
            dict(found["other_cores"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _damaged(path, error) from error


def read(path: Path) -> Any:
    """Read a file of ours; None where there is none.

    Raises:
        JournalError: it cannot be read, or is of another version.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        version = found["schema_version"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error
    if version != VERSION:
        raise _damaged(path, f"its schema_version is {version}, expected {VERSION}")
    return found


def write(path: Path, content: dict[str, Any]) -> None:
    """Write such a file, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with replacing(path) as new:
        new.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def agree(path: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Make sure that what is resumed is what was begun.

    Raises:
        JournalError: they differ; the message says in what.
    """
    differing = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
    if differing:
        words = "; ".join(
            f"{key} was {_shown(before.get(key))}, is now {_shown(now.get(key))}"
            for key in differing
        )
        raise JournalError(
            f"{path} cannot be resumed with other settings ({words}): repeat the first command "
            "with --resume, or name another folder with --out"
        )


def recorded(folder: Path, runs: Iterable[str]) -> dict[str, Manifest]:
    """The modes of some runs whose trace is there, whole, by name; of a baseline the first."""
    order = {run: place for place, run in enumerate(runs)}
    found: dict[str, Manifest] = {}
    for path in sorted(folder.glob(f"*{MANIFEST_SUFFIX}")):
        manifest = _whole(path)
        if manifest is None or manifest["run"] not in order:
            continue
        other = found.get(manifest["mode"])
        if other is None or order[manifest["run"]] < order[other["run"]]:
            found[manifest["mode"]] = manifest
    return found


def drop_lone_baselines(folder: Path, runs: Sequence[str], baseline: str) -> None:
    """Remove what a resumed run re-timed as its baseline where nothing else of it is left."""
    left: dict[str, list[tuple[Path, Manifest]]] = {}
    for path in folder.glob(f"*{MANIFEST_SUFFIX}"):
        manifest = _whole(path)
        if manifest is not None and manifest["run"] in runs[1:]:
            left.setdefault(manifest["run"], []).append((path, manifest))
    for members in left.values():
        path, manifest = members[0]
        if len(members) == 1 and manifest["mode"] == baseline:
            # The manifest goes first: none names a trace that is not there.
            path.unlink()
            for name in (manifest["trace"], manifest["graph"]["file"]):
                if name is not None:
                    (folder / name).unlink(missing_ok=True)


def _whole(path: Path) -> Manifest | None:
    """A manifest whose trace is the file that it describes; None of anything else."""
    try:
        manifest: Manifest = json.loads(path.read_text(encoding="utf-8"))
        trace = path.parent / manifest["trace"]
        complete = bool(manifest["run"] and manifest["mode"]) and (
            sha256_of(trace) == manifest["sha256"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return manifest if complete else None


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, (list, tuple)):
        return {"own_branches": len(value)}
    return value


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _damaged(path: Path, error: object) -> JournalError:
    return JournalError(
        f"{path}: is no record of a recording that this version reads ({error}); remove it, "
        "or name another folder with --out"
    )

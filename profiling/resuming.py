"""What is left to record, and beside what it is timed.

Modes compare by samples that were taken in turns, within one run. What an interrupted
run left out can therefore not be added to it: it is recorded as a run of its own, with
the baseline timed anew beside it, and each run's speed-ups are over its own baseline.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from profiling import journal as journals
from profiling.errors import JournalError
from profiling.files import replacing
from profiling.journal import FAILED, RECORDED, SKIPPED, Entry, Journal
from profiling.modes import BASELINE, MODES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from profiling.job import Request
    from profiling.manifest import Manifest
    from profiling.recorder import Recording


@dataclass(frozen=True)
class Plan:
    """One run.

    Attributes:
        request: what each mode is given.
        modes: what to record, in the order of `MODES`.
        journal: where it is noted.
        kept: what earlier runs recorded, by mode.
        replaced: earlier runs that this one takes the place of.
        earlier: what the journal's file held before; None if there was none.
    """

    request: Request
    modes: list[str]
    journal: Journal
    kept: dict[str, Manifest] = field(default_factory=dict)
    replaced: Sequence[str] = ()
    earlier: bytes | None = None

    def withdraw(self) -> None:
        """Leave the journal as it was before, since nothing was run.

        Raises:
            OutputError: it cannot be written.
        """
        if self.earlier is None:
            self.journal.path.unlink(missing_ok=True)
            return
        with replacing(self.journal.path) as draft:
            draft.write_bytes(self.earlier)

    def note(self, recording: Recording) -> None:
        """Write down how far the run has come.

        Raises:
            OutputError: the journal cannot be written.
        """
        entries = self.journal.entries
        states = {
            **{name: Entry(SKIPPED, reason=why) for name, why in recording.skipped.items()},
            **{name: Entry(FAILED, reason=str(why)) for name, why in recording.failures.items()},
            **{each["mode"]: Entry(RECORDED, each["run"]) for each in recording.manifests},
        }
        # A baseline that is timed again is no news of the first.
        entries |= {name: entry for name, entry in states.items() if name not in self.kept}
        self.journal.other_cores[self.request.run] = recording.other_cores
        self.journal.write()

    def close(self) -> None:
        """Remove what the files of this run have made pointless."""
        journals.drop_lone_baselines(self.request.folder, self.replaced, BASELINE)


def plan(request: Request, names: Collection[str] | None, *, resume: bool) -> Plan:
    """Decide what to record, and write down what was asked for.

    Args:
        request: of the run; a resumed one comes back with what it completes.
        names: modes that were asked for; None for all, or all that were missing.
        resume: go on with what an earlier run of the same request left out.

    Raises:
        JournalError: what was begun was asked for otherwise.
        OutputError: the journal cannot be written.
    """
    path = journals.path_of(request.folder, request.device, request.given, request.settings)
    before = _before(path, strict=resume)
    earlier = path.read_bytes() if path.is_file() else None
    kept: dict[str, Manifest] = {}
    if resume and before is not None:
        journals.agree(path, before.asked, journals.settings(request))
        kept = journals.recorded(request.folder, before.runs)
        if names is None:
            names = [name for name, each in before.entries.items() if each.state != SKIPPED]
        if BASELINE in {*before.entries, *names} and BASELINE not in kept:
            # Nothing could ever be said of the others: there is nothing to go on with.
            names, kept = {*before.entries, *names}, {}
    if before is None or not kept:
        journal = Journal(path, journals.settings(request))
        replaced = before.runs if before is not None else []
    else:
        journal, replaced = before, []
    wanted = [name for name in MODES if names is None or name in names]
    missing = [name for name in wanted if name not in kept]
    if kept:
        request = replace(request, resumes=journal.runs[0], part=len(journal.runs) + 1)
    again = [BASELINE] if missing and BASELINE in kept else []
    journal.entries |= {name: Entry() for name in missing}
    journal.entries |= {name: Entry(RECORDED, each["run"]) for name, each in kept.items()}
    if missing:
        journal.runs.append(request.run)
        journal.write()
    return Plan(request, again + missing, journal, kept, replaced, earlier)


def _before(path: Path, *, strict: bool) -> Journal | None:
    try:
        return journals.load(path)
    except JournalError:
        if strict:
            raise
        return None

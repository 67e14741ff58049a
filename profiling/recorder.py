"""Record a forward pass in several modes: prepare all, time them in turns, trace each."""

from __future__ import annotations

import functools
import secrets
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from profiling.branches import PRESETS, Branch, Workload
from profiling.condition import condition
from profiling.contention import other_cores, usage
from profiling.environment import load_average, may_have_gpu
from profiling.errors import ModeError, UnavailableError, UsageError
from profiling.files import ensure_writable
from profiling.job import Request, make_job
from profiling.modes import MODES
from profiling.modes.base import NEEDS
from profiling.remote import RemoteSession, pack
from profiling.resuming import plan
from profiling.session import LocalSession
from profiling.settings import Settings
from profiling.target import Target
from profiling.timing import round_orders
from profiling.tracing import Detail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from profiling.manifest import Manifest
    from profiling.resuming import Plan
    from profiling.session import Session

T = TypeVar("T")


class Track(Protocol):
    """Follows a long loop, for a progress bar."""

    def __call__(self, label: str, items: Sequence[T], /) -> Iterable[T]:
        """Yield each item when its turn comes."""


@dataclass(frozen=True)
class Recording:
    """What `record` did.

    Attributes:
        run: the id that all manifests of the recording share.
        folder: where traces and manifests are.
        manifests: one per recorded mode, in the order of `MODES`.
        failures: why a mode is no row, by mode.
        skipped: why a mode that nobody asked for by name cannot run here, by mode.
        kept: what earlier runs had recorded when this one resumed them, by mode.
        other_cores: cores that other programs kept busy while the modes were timed; None
            if unknown.
    """

    run: str
    folder: Path
    manifests: list[Manifest] = field(default_factory=list)
    failures: dict[str, ModeError] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    kept: dict[str, Manifest] = field(default_factory=dict)
    other_cores: float | None = None


def untracked(_label: str, items: Sequence[T], /) -> Iterable[T]:
    """Follow nothing."""
    return items


def record(
    branches: Workload | Target | Sequence[Branch] = PRESETS["post"],
    modes: Sequence[str] | None = None,
    out: str | Path = "traces",
    *,
    device: str = "auto",
    warmup: int = 20,
    steps: int = 20,
    rounds: int = 60,
    isolate: bool = True,
    shapes: bool = False,
    stacks: bool = False,
    grad: bool = True,
    backward: bool = False,
    threads: int | None = None,
    interop_threads: int | None = None,
    resume: bool = False,
    track: Track = untracked,
) -> Recording:
    """Run, check, time and trace a forward pass in several execution modes.

    For each mode `<out>/<device>-<preset>-<mode>.pt.trace.json.gz`, a `.graph.json.gz`
    (which operator needs the result of which) and a `.manifest.json` of the same stem are
    written, each whole or not at all. A mode
    that fails is reported and does not stop the others. `<device>-<preset>.run.json`
    says what was asked for, and which modes are recorded, missing, failed and why.

    Args:
        branches: the independent parts of the forward pass, a `Target` that makes them,
            or the sizes of GRUs to make. Own branches stay on the device where their inputs are.
        modes: keys of `MODES`; None for all that can run here.
        out: folder to write into; made if missing.
        device: `cpu`, `cuda`, or `auto`: where own branches are, else `cuda` if there
            is one.
        warmup: steps of each mode before anything is measured.
        steps: steps in a trace.
        rounds: timing samples per mode.
        isolate: run each mode in a process of its own. In one process the threads that
            a mode starts slow the others down.
        shapes: record the shapes of operators' inputs too. Slower.
        stacks: record Python stacks too. Much slower.
        grad: whether gradients are on; some modes turn them off themselves.
        backward: run a backward pass after the forward one, from all outputs at once.
        threads: threads inside an operator; None for as many as torch chooses.
        interop_threads: threads of the inter-op pool; None as well.
        resume: record what an earlier run of the same request into `out` left out. It is
            timed beside the baseline, which is recorded again, as a run of its own; what
            was recorded stays as it is. All is recorded where nothing was begun.
        track: follows the loops, for a progress bar.

    Returns:
        The manifests, and why any mode is missing.

    Raises:
        UsageError: an argument makes no sense; nothing was run.
        JournalError: what is to be resumed was asked for otherwise; nothing was run.
        OutputError: `out` cannot be written; what was written before is complete.
        MissingTorchError: torch is not installed.
    """
    check_counts(warmup=warmup, steps=steps, rounds=rounds)
    _check_branches(branches)
    settings = Settings(grad, backward, threads, interop_threads)
    names = _check_modes(modes)
    folder = Path(out)
    ensure_writable(folder)
    began = datetime.now(UTC)
    request = Request(
        run=f"{began:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        folder=folder,
        given=branches,
        device=device,
        warmup=warmup,
        steps=steps,
        detail=Detail(shapes=shapes, stacks=stacks),
        isolated=isolate,
        load_average=load_average(),
        settings=settings,
        before=condition(device),
    )
    todo = plan(request, None if modes is None else names, resume=resume)
    recording = Recording(request.run, folder, kept=todo.kept)
    if todo.modes:
        try:
            recording = _record(todo, recording, rounds, track, asked=modes is not None)
        except UsageError:
            todo.withdraw()
            raise
    todo.close()
    return recording


def _record(
    todo: Plan, recording: Recording, rounds: int, track: Track, *, asked: bool
) -> Recording:
    names = _possible(todo.modes, todo.request.device, recording, asked=asked)
    with ExitStack() as stack:
        sessions = [stack.enter_context(closing(session)) for session in _open(names, todo.request)]
        # The last pushed is called first: all begin to end before any is waited for.
        for session in sessions:
            stack.callback(session.leave)
        # All at once on as many cores as there are, and none computes meanwhile.
        for session in track("Loading torch", sessions):
            _attempt(session, session.start, recording, asked=asked)
        for session in track("Preparing", _left(sessions, recording)):
            _attempt(session, session.prepare, recording, asked=asked)
        todo.note(recording)
        workers = {session.pid for session in sessions if isinstance(session, RemoteSession)}
        before = usage(workers)
        take_turns(sessions, rounds, track, recording)
        recording = replace(recording, other_cores=other_cores(before, usage(workers)))
        todo.note(recording)
        for session in track("Tracing", _left(sessions, recording)):
            try:
                recording.manifests.append(session.write())
            except ModeError as error:
                recording.failures[session.name] = error
            todo.note(recording)
    return recording


def _possible(names: Sequence[str], device: str, recording: Recording, *, asked: bool) -> list[str]:
    """Leave out what needs a GPU where there is none, before a process loads torch for it."""
    if device == "cuda" or (device == "auto" and may_have_gpu()):
        return list(names)
    absent = {
        name: MODES[name].unavailable("cpu") or NEEDS["cuda"]
        for name in names
        if "cpu" not in MODES[name].devices
    }
    if asked:
        recording.failures.update({name: UnavailableError(why) for name, why in absent.items()})
    else:
        recording.skipped.update(absent)
    return [name for name in names if name not in absent]


def _open(names: Sequence[str], request: Request) -> list[Session]:
    if request.isolated:
        packed = pack(request)
        return [RemoteSession(name, packed) for name in names]
    job = functools.cache(functools.partial(make_job, request))
    return [LocalSession(name, job) for name in names]


def _attempt(
    session: Session, action: Callable[[], None], recording: Recording, *, asked: bool
) -> None:
    """Do something that may show that a mode cannot run here, or does not work."""
    try:
        action()
    except UnavailableError as error:
        if asked:
            recording.failures[session.name] = error
        else:
            recording.skipped[session.name] = str(error)
    except ModeError as error:
        recording.failures[session.name] = error


def take_turns(
    sessions: Sequence[Session], rounds: int, track: Track, recording: Recording
) -> None:
    """Sample every session once a round, in an order that changes from round to round.

    A session that breaks is noted in `recording.failures` and left out from then on.
    """
    by_name = {session.name: session for session in _left(sessions, recording)}
    for order in track("Timing", round_orders(list(by_name), rounds, seed=rounds)):
        for name in order:
            if name not in recording.failures:
                try:
                    by_name[name].sample()
                except ModeError as error:
                    recording.failures[name] = error


def _left(sessions: Sequence[Session], recording: Recording) -> list[Session]:
    """The sessions that nothing has stopped so far."""
    out = {*recording.failures, *recording.skipped}
    return [session for session in sessions if session.name not in out]


def check_counts(**counts: int) -> None:
    """Refuse a number of things that is too small.

    Raises:
        UsageError: one is below 1, or `warmup` below 0.
    """
    for name, count in counts.items():
        least = 0 if name == "warmup" else 1
        if count < least:
            raise UsageError(f"{name} is {count}; expected {least} or more")


def _check_branches(branches: Workload | Target | Sequence[Branch]) -> None:
    if isinstance(branches, (Workload, Target)):
        return
    if not branches or not all(isinstance(branch, Branch) for branch in branches):
        raise UsageError(f"branches are {branches!r}; expected a list of Branch, one or more")


def _check_modes(modes: Sequence[str] | None) -> list[str]:
    if modes is None:
        return list(MODES)
    if isinstance(modes, str) or not modes or not set(modes) <= set(MODES):
        raise UsageError(f"modes are {modes!r}; expected a list of some of {', '.join(MODES)}")
    return [name for name in MODES if name in modes]

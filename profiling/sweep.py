"""Record a workload at many sizes: from where on does running branches together pay?"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from profiling import journal as journals
from profiling.branches import PRESETS, Workload
from profiling.errors import JournalError, UsageError
from profiling.files import ensure_writable
from profiling.job import resolve_device
from profiling.journal import FAILED, RECORDED, SKIPPED, Entry
from profiling.modes import BASELINE, MODES
from profiling.recorder import record, untracked
from profiling.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from profiling.recorder import Recording, Track

NAME: Final = f"sweep{journals.SUFFIX}"
SIZES: Final = tuple(each.name for each in fields(Workload))
DEFAULT_AXES: Final[Mapping[str, Sequence[Any]]] = {"hidden_size": (20, 64, 256, 512)}
USUAL: Final = (
    BASELINE,
    *("threads", "script_fork", "stacked", "streams", "cuda_graph", "cuda_graph_streams"),
)
"""What a sweep runs where nobody names modes, as far as it can run here."""


@dataclass(frozen=True)
class Point:
    """One combination of sizes.

    Attributes:
        name: the sizes that are varied, `hidden_size=64,batch=32`; also that of its folder.
        workload: all sizes.
    """

    name: str
    workload: Workload


class Told(Protocol):
    """Is told of each point when it has its turn, and again when it is done."""

    def __call__(
        self, point: Point, place: int, entry: Entry, recording: Recording | None, /
    ) -> None:
        """Take note; `recording` is None where the point is only begun, or was recorded before."""


@dataclass
class Sweep:
    """A sweep that was begun; its file is version 1 of `sweep.run.json`.

    Attributes:
        folder: where it is; each point has a folder in it, of its own name.
        asked: the settings, as JSON has them.
        points: what is recorded or to be recorded.
        entries: where each point stands, by name.
        other_cores: cores that other programs kept busy while it was timed, by name.
    """

    folder: Path
    asked: dict[str, Any]
    points: list[Point]
    entries: dict[str, Entry] = field(default_factory=dict)
    other_cores: dict[str, float | None] = field(default_factory=dict)

    def write(self) -> None:
        """Replace the file.

        Raises:
            OutputError: it cannot be written.
        """
        points = {
            point.name: {
                "sizes": asdict(point.workload),
                **asdict(self.entries.get(point.name, Entry())),
                "other_cores": self.other_cores.get(point.name),
            }
            for point in self.points
        }
        content = {"schema_version": journals.VERSION, "asked": self.asked, "points": points}
        journals.write(self.folder / NAME, content)

    def of(self, state: str) -> list[Point]:
        """The points in one state."""
        return [each for each in self.points if self.entries[each.name].state == state]


def untold(_point: Point, _place: int, _entry: Entry, _recording: Recording | None) -> None:
    """Take no note."""


def sweep(
    base: Workload = PRESETS["post"],
    axes: Mapping[str, Sequence[Any]] | None = None,
    modes: Sequence[str] | None = None,
    out: str | Path = "traces/sweep",
    *,
    device: str = "auto",
    warmup: int = 5,
    steps: int = 5,
    rounds: int = 20,
    isolate: bool = True,
    grad: bool = True,
    backward: bool = False,
    threads: int | None = None,
    interop_threads: int | None = None,
    resume: bool = False,
    track: Track = untracked,
    tell: Told = untold,
) -> Sweep:
    """Record every combination of sizes, each as `record` does, in a folder of its own.

    Args:
        base: the sizes that are not varied.
        axes: values by the name of a size of `Workload`.
        modes: keys of `MODES`; None for the usual ones that can run here. The baseline is
            always among them.
        out: folder of the sweep; made if missing.
        device: `cpu`, `cuda`, or `auto`: `cuda` if there is one.
        warmup: steps of each mode before anything is measured.
        steps: steps in a trace.
        rounds: timing samples per mode and point.
        isolate: run each mode in a process of its own.
        grad: whether gradients are on; some modes turn them off themselves.
        backward: run a backward pass after the forward one, from all outputs at once.
        threads: threads inside an operator; None for as many as torch chooses.
        interop_threads: threads of the inter-op pool; None as well.
        resume: keep the points that are complete in `out`, record the others, and add
            those that are asked for anew.
        track: follows the loops within a point, for a progress bar.
        tell: is told of each point.

    Returns:
        Where each point stands.

    Raises:
        UsageError: an argument makes no sense, or `out` holds a sweep; nothing was run.
        JournalError: what is to be resumed was asked for otherwise; nothing was run.
        OutputError: `out` cannot be written; what was written before is complete.
        MissingTorchError: torch is not installed.
    """
    points = combinations(base, axes or DEFAULT_AXES)
    settings = Settings(grad, backward, threads, interop_threads)
    folder = Path(out)
    ensure_writable(folder)
    before = journals.read(folder / NAME)
    known = [] if before is None else _points(folder / NAME, before)
    if before is not None and not resume:
        raise UsageError(
            f"{folder} holds a sweep of {len(known)} points: --resume goes on with it, "
            "or name another folder with --out"
        )
    device = resolve_device(device)
    chosen = _modes(modes, device)
    asked = {
        "axes": list(axes or DEFAULT_AXES),
        "base": {
            name: value
            for name, value in asdict(base).items()
            if name not in (axes or DEFAULT_AXES)
        },
        "modes": chosen,
        "device": device,
        "warmup": warmup,
        "steps": steps,
        "rounds": rounds,
        "isolate": isolate,
        "settings": asdict(settings),
    }
    if before is not None:
        journals.agree(folder / NAME, before["asked"], asked)
        points = list({each.name: each for each in (*known, *points)}.values())
    found = _begin(folder, asked, points, settings)
    for place, point in enumerate(found.points, start=1):
        if found.entries[point.name].state == RECORDED:
            tell(point, place, found.entries[point.name], None)
            continue
        tell(point, place, Entry(), None)
        recording = record(
            point.workload,
            chosen,
            folder / point.name,
            device=device,
            warmup=warmup,
            steps=steps,
            rounds=rounds,
            isolate=isolate,
            grad=grad,
            backward=backward,
            threads=threads,
            interop_threads=interop_threads,
            track=track,
        )
        found.entries[point.name] = _entry(recording)
        found.other_cores[point.name] = recording.other_cores
        found.write()
        tell(point, place, found.entries[point.name], recording)
    return found


def combinations(base: Workload, axes: Mapping[str, Sequence[Any]]) -> list[Point]:
    """Every combination of the values, the last axis fastest; equal ones once.

    Raises:
        UsageError: there is no such size, or no value, or one that makes no sense.
    """
    for name, values in axes.items():
        if name not in SIZES or isinstance(values, str) or not values:
            raise UsageError(
                f"{name} is {values!r}; expected a list of values for one of {', '.join(SIZES)}"
            )
    points = {}
    for values in itertools.product(*axes.values()):
        sizes = dict(zip(axes, values, strict=True))
        name = ",".join(f"{size}={value}" for size, value in sizes.items())
        points[name] = Point(name, replace(base, **sizes))
    return list(points.values())


def _modes(modes: Sequence[str] | None, device: str) -> list[str]:
    if modes is None:
        usual = [name for name in USUAL if name in MODES]
        return [name for name in usual if MODES[name].unavailable(device) is None]
    wrong = sorted(set(modes) - set(MODES))
    if wrong or isinstance(modes, str):
        raise UsageError(f"modes are {modes!r}; expected a list of some of {', '.join(MODES)}")
    return [name for name in MODES if name in {BASELINE, *modes}]


def _begin(folder: Path, asked: dict[str, Any], points: list[Point], settings: Settings) -> Sweep:
    """Look how far each point has come, and write down what is to be done.

    Raises:
        OutputError: the file cannot be written.
    """
    found = Sweep(folder, asked, points)
    for point in points:
        path = journals.path_of(folder / point.name, asked["device"], point.workload, settings)
        found.entries[point.name], others = _standing(path)
        found.other_cores[point.name] = others
    found.write()
    return found


def _points(path: Path, before: Any) -> list[Point]:
    try:
        before["asked"].items()
        return [Point(name, Workload(**each["sizes"])) for name, each in before["points"].items()]
    except (KeyError, TypeError, AttributeError) as error:
        raise JournalError(
            f"{path}: is no record of a sweep ({error}); remove it, or name another folder "
            "with --out"
        ) from error


def _standing(path: Path) -> tuple[Entry, float | None]:
    """Where a point stands, by its own journal and its files, and what disturbed it."""
    try:
        own = journals.load(path)
    except JournalError:
        return Entry(), None
    if own is None or not own.runs:
        return Entry(), None
    there = journals.recorded(path.parent, own.runs)
    missing = [
        name for name, each in own.entries.items() if each.state != SKIPPED and name not in there
    ]
    if missing or not there:
        return Entry(reason=f"not recorded: {', '.join(missing)}"), None
    return Entry(RECORDED, own.runs[-1]), own.other_cores.get(own.runs[-1])


def _entry(recording: Recording) -> Entry:
    if not recording.failures:
        return Entry(RECORDED, recording.run)
    reasons = "; ".join(f"{name}: {error}" for name, error in recording.failures.items())
    return Entry(FAILED, recording.run, reasons)

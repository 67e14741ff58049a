"""Run the post's claim step by step: every variant in fresh processes, then traces."""

from __future__ import annotations

import random
import secrets
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from profiling.branches import PRESETS
from profiling.claim.manifest import SCHEMA_VERSION, SUFFIX, to_json
from profiling.claim.tasks import COLD, KINDS, Describe, Measure, Record
from profiling.claim.variants import NO_GRAD, PASSES, VARIANTS, WITH_GRAD
from profiling.contention import other_cores, usage
from profiling.environment import load_average
from profiling.errors import ModeError
from profiling.files import ensure_writable, replacing, sha256_of
from profiling.process import Process
from profiling.recorder import check_counts, untracked

if TYPE_CHECKING:
    from profiling.branches import Workload
    from profiling.claim.manifest import ClaimManifest, RunFacts, SettingFacts, TraceFacts
    from profiling.claim.tasks import Machine, Samples, Task
    from profiling.recorder import Track

TRACES: Final = "traces"
_ONE_READING: Final = "time.time"
_REPEATED: Final = "time.perf_counter_ns"


class _Process(NamedTuple):
    """A process to start: which variant (or the traces), and which of its processes."""

    name: str
    number: int


def claim(
    out: str | Path = "traces/claim",
    *,
    workload: Workload = PRESETS["post"],
    device: str = "auto",
    processes: int = 5,
    warmup: int = 20,
    rounds: int = 40,
    steps: int = 20,
    track: Track = untracked,
) -> ClaimManifest:
    """Time what the post timed, in every variant, and record a trace of each kind.

    `<out>/<device>-<preset>-claim.manifest.json` is written anew after each process, and
    lists what has been measured so far: an interrupted run leaves complete files.

    Args:
        out: folder to write into; made if missing.
        workload: what a pass runs; the post's two GRUs unless said otherwise.
        device: `cpu`, `cuda`, or `auto`: `cuda` if there is one.
        processes: fresh processes for each variant, and for the traces.
        warmup: passes of each kind that make a process warm.
        rounds: samples of each pass in a process that repeats.
        steps: steps in a warm trace.
        track: follows the processes, for a progress bar.

    Returns:
        The manifest as it was written last.

    Raises:
        UsageError: an argument makes no sense; nothing was run.
        OutputError: `out` cannot be written; nothing was run.
        MissingTorchError: torch is not installed, or does not load.
    """
    check_counts(processes=processes, warmup=warmup, rounds=rounds, steps=steps)
    folder = Path(out)
    ensure_writable(folder)
    machine: Machine = _fresh(Describe(workload, device, load_average()))
    settings: SettingFacts = {
        "processes": processes,
        "warmup": warmup,
        "rounds": rounds,
        "traced_steps": steps,
    }
    recorder = _Recorder(folder, workload, machine, settings)
    for process in track("Claim", _plan(processes)):
        recorder.add(process)
    recorder.manifest["complete"] = True
    recorder.write()
    return recorder.manifest


def _plan(processes: int) -> list[_Process]:
    """All variants once a round, in an order that changes: what drifts falls on all alike."""
    rng = random.Random(processes)
    names = [*VARIANTS, TRACES]
    return [
        _Process(name, number)
        for number in range(processes)
        for name in rng.sample(names, k=len(names))
    ]


class _Recorder:
    """Starts the processes and keeps the manifest."""

    def __init__(
        self, folder: Path, workload: Workload, machine: Machine, settings: SettingFacts
    ) -> None:
        self._folder = folder
        self._workload = workload
        self._machine = machine
        self._settings = settings
        self._stem = f"{machine.device}-{machine.preset}-claim"
        began = datetime.now(UTC)
        self.manifest: ClaimManifest = {
            "schema_version": SCHEMA_VERSION,
            "kind": "claim",
            "run": f"{began:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
            "recorded_at": began.isoformat(timespec="seconds"),
            "complete": False,
            "preset": machine.preset,
            "device": machine.device,
            "workload": machine.workload,
            "environment": machine.environment,
            "settings": settings,
            "variants": {
                name: {
                    "shows": variant.shows,
                    "order": list(variant.order) if variant.order else None,
                    "warm": variant.warm,
                    "synchronized": variant.synchronized,
                    "clock": _ONE_READING if variant.order else _REPEATED,
                    "runs": [],
                }
                for name, variant in VARIANTS.items()
            },
            "traces": [],
            "failures": [],
        }

    def add(self, process: _Process) -> None:
        """Run a process, and write down what came of it."""
        try:
            if process.name == TRACES:
                self.manifest["traces"] += self._record(process.number)
            else:
                self.manifest["variants"][process.name]["runs"].append(self._measure(process))
        except ModeError as error:
            self.manifest["failures"].append(
                {"what": process.name, "process": process.number, "reason": str(error)}
            )
        self.write()

    def write(self) -> None:
        """Put the manifest in its place."""
        with replacing(self._folder / (self._stem.removesuffix("-claim") + SUFFIX)) as new:
            new.write_text(to_json(self.manifest), encoding="utf-8")

    def _measure(self, process: _Process) -> RunFacts:
        variant = VARIANTS[process.name]
        task = Measure(
            workload=self._workload,
            device=self._machine.device,
            variant=process.name,
            warmup=self._settings["warmup"],
            rounds=self._settings["rounds"],
            seed=process.number,
        )
        before = usage(())
        samples: Samples = _fresh(task)
        return {
            "process": process.number,
            "order": list(variant.order) if variant.order else None,
            "inner_steps": samples.inner_steps,
            "with_grad_ns": samples.elapsed_ns[WITH_GRAD],
            "no_grad_ns": samples.elapsed_ns[NO_GRAD],
            # The process has ended, and its time counts as ours.
            "other_cores": other_cores(before, usage(())),
        }

    def _record(self, number: int) -> list[TraceFacts]:
        names = {
            (kind, part): f"{self._stem}-{kind}-{part}-{number}.pt.trace.json.gz"
            for kind in KINDS
            for part in PASSES
        }
        with ExitStack() as stack:
            paths = {
                key: stack.enter_context(replacing(self._folder / name))
                for key, name in names.items()
            }
            task = Record(
                workload=self._workload,
                device=self._machine.device,
                warmup=self._settings["warmup"],
                steps=self._settings["traced_steps"],
                paths=paths,
            )
            proofs: dict[tuple[str, str], str] = _fresh(task)
            return [
                {
                    "process": number,
                    "kind": "cold" if kind == COLD else "warm",
                    "part": part,
                    "trace": name,
                    "sha256": sha256_of(paths[kind, part]),
                    "steps": 1 if kind == COLD else self._settings["traced_steps"],
                    "proof": proofs[kind, part],
                }
                for (kind, part), name in names.items()
            ]


def _fresh(task: Task) -> Any:
    """Do a task in a process that has done nothing before."""
    with closing(Process("profiling.claim.tasks", "serve", of="the claim")) as process:
        process.send(task)
        return process.receive()

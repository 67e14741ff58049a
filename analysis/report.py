"""The report: plain data, in the shape of report.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from analysis.showing import Tabular

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.findings.finding import Finding
    from analysis.fleet.figures import Job
    from analysis.hta.agreement import Agreement
    from analysis.manifest import Manifest
    from analysis.metrics.by_name import Totals
    from analysis.metrics.gaps import Gaps
    from analysis.metrics.picture import Picture
    from analysis.replay import Ceilings
    from analysis.statistics import Ratio

SCHEMA_VERSION = 1
"""Of report.json; within it keys are added, never renamed."""

FORWARD = "forward"
"""A step that is a forward pass with gradients on, as it is unless a recorder says more."""

_TOGETHER = ("parallelism", "operator_lengths", "graph", "launches", "occupancy")
"""Metrics that have a key of their own in report.json."""

_Metric = TypeVar("_Metric")


class Drawn(msgspec.Struct, frozen=True):
    """What pictures of a device show, and tables too long for other formats.

    Attributes:
        picture: its time, within the budget.
        activities: what ran, by name.
        operators: what the host called, by name.
        begins_ns: when the window begins, from the trace's first event.
        narrowed: whether the window is that of a range.
    """

    picture: Picture
    activities: Totals
    operators: Totals
    begins_ns: int
    narrowed: bool


class DeviceFigures(Tabular, msgspec.Struct, frozen=True):
    """All figures of one device in one window.

    Attributes:
        device: its id; on a CPU the process id.
        kind: "accelerator" or "cpu".
        window_start_ns: the window's begin on the trace's clock.
        window_ns: its length.
        foreign_busy_ns: time in a range's window in which something ran that was
            launched outside the range; None for the whole window, and on a CPU.
        latency_bound_ns: what separates start latency from a wait; None on a CPU.
        results: what each of `METRICS` returned, by its name.
        gaps: the idle gaps.
        ceilings: predicted windows; None of a range or a step, and where the trace
            does not say enough.
        drawn: what pictures show; no part of report.json.
    """

    device: str
    kind: str
    window_start_ns: int
    window_ns: int
    foreign_busy_ns: int | None
    latency_bound_ns: int | None
    results: Mapping[str, Any]
    gaps: Gaps
    ceilings: Ceilings | None = None
    drawn: Drawn | None = None

    def of(self, kind: type[_Metric]) -> _Metric:
        """Return the result of one metric, by its class."""
        result = self.if_any(kind)
        if result is None:
            raise KeyError(kind.__name__)
        return result

    def if_any(self, kind: type[_Metric]) -> _Metric | None:
        """Return the result of one metric, by its class; None where it has none."""
        return next((each for each in self.results.values() if isinstance(each, kind)), None)

    def to_json(self) -> dict[str, Any]:
        """Return the device's entry of report.json."""
        flat: dict[str, Any] = {
            "device": self.device,
            "kind": self.kind,
            "window_start_ns": str(self.window_start_ns),
            "window_ns": self.window_ns,
            "foreign_busy_ns": self.foreign_busy_ns,
            "latency_bound_ns": self.latency_bound_ns,
        }
        for name, result in self.results.items():
            figures = plain(result)
            # The figures of one question stay together; those of use stand on their own.
            flat |= {name: figures} if name in _TOGETHER else figures
        flat["concurrency_ns"] = {str(k): ns for k, ns in enumerate(flat["concurrency_ns"])}
        flat |= plain(self.gaps)
        flat["ceilings"] = plain(self.ceilings)
        return flat


class StepFigures(msgspec.Struct, frozen=True):
    """The figures of one `ProfilerStep#N`, per device."""

    name: str
    devices: tuple[DeviceFigures, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the step's entry of report.json."""
        return {"name": self.name, "devices": [device.to_json() for device in self.devices]}


class Spread(NamedTuple):
    """The median and the extremes of one figure over the steps."""

    median: float
    low: float
    high: float


class StepSpread(msgspec.Struct, frozen=True):
    """How far the steps of one device lie apart.

    Attributes:
        device: its id.
        steps: how many, at least two.
        window_ns: their lengths.
        busy_ns: at least one lane running.
        idle_ns: no lane running.
        overlap_ns: two or more lanes running.
        achieved: achieved parallelism; None if nothing ran in any.
    """

    device: str
    steps: int
    window_ns: Spread
    busy_ns: Spread
    idle_ns: Spread
    overlap_ns: Spread
    achieved: Spread | None


class StepTotals(msgspec.Struct, frozen=True):
    """What the factors of a speed-up are made of, for one step of one device, in ns."""

    device: str
    wall_ns: int
    work_ns: int
    busy_ns: int


class Together(msgspec.Struct, frozen=True):
    """What the processes that serve each step did, taken together.

    Attributes:
        processes: how many.
        totals: of each step.
        overlap_ns: time in the steps in which two or more lanes of any process ran.
    """

    processes: int
    totals: tuple[StepTotals, ...]
    overlap_ns: int

    @property
    def wall_ns(self) -> int:
        """Return the summed wall time of the steps."""
        return sum(total.wall_ns for total in self.totals)

    @property
    def busy_ns(self) -> int:
        """Return the time in the steps in which at least one lane ran."""
        return sum(total.busy_ns for total in self.totals)

    @property
    def work_ns(self) -> int:
        """Return the summed busy time of the lanes in the steps."""
        return sum(total.work_ns for total in self.totals)

    def to_json(self) -> dict[str, Any]:
        """Return the `together` entry of report.json."""
        return {
            "processes": self.processes,
            "steps": len(self.totals),
            "wall_ns": self.wall_ns,
            "busy_ns": self.busy_ns,
            "work_ns": self.work_ns,
            "overlap_ns": self.overlap_ns,
        }


class TraceReport(Tabular, msgspec.Struct, frozen=True):
    """All figures of one trace.

    Attributes:
        path: the file.
        label: its short name: the mode, where a manifest gives one.
        rank: in a distributed job; None if there is none.
        resolution_ns: of the recorded times.
        notes: what a reader of the figures must know.
        devices: figures of each device over its whole window.
        steps: figures of each `ProfilerStep#N`.
        spread: their medians and extremes, per device.
        totals: of each step, by the tightest ranges recorded.
        together: of the processes that serve each step; None where one does.
        manifest: what the recorder wrote beside the trace.
        hta: HTA's figures beside ours; None where they were not asked for.
        losses: what of the file was not read, or not as it stands, and where.
    """

    path: str
    label: str
    rank: int | None
    resolution_ns: int
    notes: tuple[str, ...]
    devices: tuple[DeviceFigures, ...]
    steps: tuple[StepFigures, ...]
    spread: tuple[StepSpread, ...]
    totals: tuple[StepTotals, ...]
    manifest: Manifest | None = None
    hta: Agreement | None = None
    losses: tuple[str, ...] = ()
    together: Together | None = None

    def step_totals(self, device: str) -> tuple[StepTotals, ...]:
        """Return those of a device, or of all processes where several serve each step."""
        if self.together is not None:
            return self.together.totals
        return tuple(total for total in self.totals if total.device == device)

    def to_json(self) -> dict[str, Any]:
        """Return the trace's entry of report.json."""
        return {
            "path": self.path,
            "label": self.label,
            "rank": self.rank,
            "notes": [*self.losses, *self.notes],
            "resolution_ns": self.resolution_ns,
            "devices": [device.to_json() for device in self.devices],
            "steps": [step.to_json() for step in self.steps],
            "step_spread": plain(self.spread),
            "timing": self.manifest.timing.to_json() if self.manifest else None,
            "hta": plain(self.hta) if self.hta else None,
            "together": self.together.to_json() if self.together else None,
        }


class ModeFigures(msgspec.Struct, frozen=True):
    """One mode of a run, compared with the run's baseline.

    Attributes:
        mode: its name.
        rank: in a distributed job.
        path: the trace.
        wall_ns: untraced wall time per step, median.
        wall_ci95_ns: its interval.
        speed_up: untraced wall of the baseline / this one's, with its interval; the headline.
        traced_wall_ns: traced wall time per step, mean.
        traced_speed_up: exactly less_work x more_overlap x less_idle, with its interval.
        less_work: first factor.
        more_overlap: second factor.
        less_idle: third factor.
        cpu_seconds_per_wall_second: cores in use while timed.
        busy_share: of the traced window.
        overlap_share: of the traced window.
        achieved: achieved parallelism.
        available: available parallelism, of operators; None without a graph.
        available_branches: the same of branches as they are.
        efficiency: (achieved - 1) / (available - 1).
        strongest_state: the state with the largest share of the window.
        ceiling: what the mode removes of the baseline, by the name of the ceiling.
        predicted_speed_up: what the baseline's replay without that comes to.
    """

    mode: str
    rank: int | None
    path: str
    wall_ns: float
    wall_ci95_ns: tuple[float, float]
    speed_up: Ratio | None
    traced_wall_ns: float | None
    traced_speed_up: Ratio | None
    less_work: float | None
    more_overlap: float | None
    less_idle: float | None
    cpu_seconds_per_wall_second: float | None
    busy_share: float | None
    overlap_share: float | None
    achieved: float | None
    available: float | None
    available_branches: float | None
    efficiency: float | None
    strongest_state: str | None
    ceiling: str | None
    predicted_speed_up: float | None

    @property
    def label(self) -> str:
        """Return the mode's name, with its rank if it has one."""
        return self.mode if self.rank is None else f"{self.mode} (rank {self.rank})"

    @property
    def disagreeing(self) -> Ratio | None:
        """Return the traced speed-up if it and the untraced one exclude each other; else None."""
        untraced, traced = self.speed_up, self.traced_speed_up
        if untraced is None or traced is None or not untraced.excludes(traced):
            return None
        return traced


class RunComparison(msgspec.Struct, frozen=True):
    """The modes of one invocation of the recorder.

    Attributes:
        run: its id.
        device: "cpu" or "cuda".
        preset: the workload's name.
        workload: its sizes.
        environment: where it ran.
        baseline: the mode that the others are compared with; None if it was not recorded.
        modes: the baseline first, then by speed-up.
        resumes: the first of the runs that it completes; it was timed apart from them.
        step: what a step is: a forward pass, or more, or without gradients.
    """

    run: str
    device: str
    preset: str
    workload: dict[str, Any]
    environment: dict[str, Any]
    baseline: str | None
    modes: tuple[ModeFigures, ...]
    resumes: str | None = None
    step: str = FORWARD


class Comparison(msgspec.Struct, frozen=True):
    """All recorded runs among the traces."""

    runs: tuple[RunComparison, ...]


class Failure(msgspec.Struct, frozen=True):
    """A trace that could not be read, and why."""

    path: str
    reason: str


class Report(Tabular, msgspec.Struct, frozen=True):
    """Everything that one `analyze report` found.

    Attributes:
        traces: in the order of the report.
        comparison: of the modes of each recorded run; None without manifests.
        failures: traces that could not be read.
        findings: what was found, the largest gain first.
        jobs: of which several ranks are among the traces.
    """

    traces: tuple[TraceReport, ...]
    comparison: Comparison | None
    failures: tuple[Failure, ...] = ()
    findings: tuple[Finding, ...] = ()
    jobs: tuple[Job, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return report.json, as plain data."""
        return {
            "schema_version": SCHEMA_VERSION,
            "traces": [trace.to_json() for trace in self.traces],
            "comparison": plain(self.comparison) if self.comparison else None,
            "failures": [plain(failure) for failure in self.failures],
            "findings": [plain(finding) for finding in self.findings],
            "jobs": [plain(job) for job in self.jobs],
        }


def plain(value: Any) -> Any:
    """Turn structs and tuples into the dicts and lists of JSON."""
    if isinstance(value, msgspec.Struct):
        return {each: plain(getattr(value, each)) for each in value.__struct_fields__}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value

"""The modes of one recorded run, side by side."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from analysis.factors import factors, per_step
from analysis.metrics.breakdown import Breakdown
from analysis.metrics.parallelism import Parallelism, ratio
from analysis.metrics.usage import Usage
from analysis.report import Comparison, ModeFigures, RunComparison
from analysis.statistics import ratio_of_means, ratio_of_medians

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.manifest import Manifest
    from analysis.report import DeviceFigures, StepTotals, TraceReport

BASELINE = "sequential"

CEILING_OF_MODE = {
    "processes": "both",
    "streams_priority": "lane_per_branch",
    "cuda_graph": "no_host",
    "streams": "lane_per_branch",
    "threads": "lane_per_branch",
    "cuda_graph_streams": "both",
    "script_fork": "both",
}
"""What a mode removes of the baseline, as far as a replay can do without it too."""


def compare(traces: Sequence[TraceReport]) -> Comparison | None:
    """Compare the modes of each run that has manifests; None if there is none."""
    runs: dict[str, list[tuple[TraceReport, Manifest]]] = defaultdict(list)
    for trace in traces:
        if trace.manifest is not None:
            runs[trace.manifest.run].append((trace, trace.manifest))
    if not runs:
        return None
    return Comparison(tuple(_run(run, members) for run, members in sorted(runs.items())))


def strongest_state(device: DeviceFigures) -> str | None:
    """Return the state with the largest share of the window."""
    times = {state: ns for state, ns in device.of(Breakdown).breakdown_ns.items() if ns}
    return max(times, key=lambda state: times[state]) if times else None


def main_device(trace: TraceReport) -> DeviceFigures | None:
    """Return the device that did most work: the one that stands for the trace."""
    return max(trace.devices, key=lambda each: each.of(Parallelism).work_ns, default=None)


def _run(run: str, members: list[tuple[TraceReport, Manifest]]) -> RunComparison:
    manifest = members[0][1]
    baselines = {trace.rank: (trace, own) for trace, own in members if own.mode == BASELINE}
    modes = [_mode(trace, own, baselines.get(trace.rank)) for trace, own in members]
    modes.sort(key=lambda each: (each.mode != BASELINE, each.wall_ns, each.rank or 0))
    return RunComparison(
        run=run,
        device=manifest.device,
        preset=manifest.preset,
        workload=manifest.workload,
        environment=manifest.environment,
        baseline=BASELINE if baselines else None,
        modes=tuple(modes),
        resumes=manifest.resumes,
        step=_kind(manifest),
    )


def _kind(manifest: Manifest) -> str:
    return manifest.passes if manifest.grad else f"{manifest.passes} without gradients"


def _mode(
    trace: TraceReport, manifest: Manifest, baseline: tuple[TraceReport, Manifest] | None
) -> ModeFigures:
    device = main_device(trace)
    steps = _steps(trace, device)
    average = per_step(steps)
    parts = traced = speed_up = None
    if baseline is not None:
        speed_up = ratio_of_medians(baseline[1].timing.samples_ns, manifest.timing.samples_ns)
        base_steps = _steps(baseline[0], main_device(baseline[0]))
        base_average = per_step(base_steps)
        if average and base_average:
            parts = factors(base_average, average)
            traced = ratio_of_means(_walls(base_steps), _walls(steps))
    ceiling = CEILING_OF_MODE.get(manifest.mode)
    parallel = device.of(Parallelism) if device else None
    use = _use(trace, device)
    return ModeFigures(
        mode=manifest.mode,
        rank=trace.rank,
        path=trace.path,
        wall_ns=manifest.timing.median_ns,
        wall_ci95_ns=manifest.timing.ci95_ns,
        speed_up=speed_up,
        traced_wall_ns=float(average.wall) if average else None,
        traced_speed_up=traced,
        less_work=float(parts.less_work) if parts else None,
        more_overlap=float(parts.more_overlap) if parts else None,
        less_idle=float(parts.less_idle) if parts else None,
        cpu_seconds_per_wall_second=manifest.timing.cpu_seconds_per_wall_second,
        busy_share=use.busy_share,
        overlap_share=use.overlap_share,
        achieved=use.achieved,
        available=parallel.available if parallel else None,
        available_branches=parallel.available_branches if parallel else None,
        efficiency=parallel.efficiency if parallel else None,
        strongest_state=use.strongest_state,
        ceiling=ceiling,
        predicted_speed_up=_predicted(baseline[0], ceiling) if baseline and ceiling else None,
    )


class _Use(NamedTuple):
    """How much of a trace's time ran something, and ran it at once."""

    busy_share: float | None = None
    overlap_share: float | None = None
    achieved: float | None = None
    strongest_state: str | None = None


def _use(trace: TraceReport, device: DeviceFigures | None) -> _Use:
    """Take the device that stands for the trace, or all processes where several serve a step."""
    found = trace.together
    if found is not None:
        return _Use(
            ratio(found.busy_ns, found.wall_ns),
            ratio(found.overlap_ns, found.wall_ns),
            ratio(found.work_ns, found.busy_ns),
        )
    if device is None:
        return _Use()
    usage, window = device.of(Usage), device.window_ns
    return _Use(
        ratio(usage.busy_ns, window),
        ratio(usage.overlap_ns, window),
        device.of(Parallelism).achieved,
        strongest_state(device),
    )


def _predicted(baseline: TraceReport, ceiling: str) -> float | None:
    device = main_device(baseline)
    if device is None or device.ceilings is None:
        return None
    found: float | None = getattr(device.ceilings.speed_up, ceiling)
    return found


def _steps(trace: TraceReport, device: DeviceFigures | None) -> tuple[StepTotals, ...]:
    return trace.step_totals(device.device) if device else ()


def _walls(steps: Sequence[StepTotals]) -> list[float]:
    return [float(step.wall_ns) for step in steps]
